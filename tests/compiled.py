"""Statements are compiled once in a process, and not again for every database that a test opens."""

from __future__ import annotations

from sqlalchemy import Engine

from hub.store import connection

_first: dict[str, Engine] = {}
_make = connection.engine_at


def use() -> None:
    """Let all engines of a kind that this process makes share their compiled statements."""
    connection.engine_at = _engine


def _engine(database_url: str, size: int) -> Engine:
    engine = _make(database_url, size)
    first = _first.setdefault(engine.dialect.name, engine)
    if engine is not first:
        # What is compiled is kept by statement and dialect, compared by identity.
        engine.dialect = engine.pool._dialect = first.dialect
        engine._compiled_cache = first._compiled_cache
    return engine
