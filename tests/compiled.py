"""Statements are compiled once in a process, and not again for every database that a test opens."""

from __future__ import annotations

from sqlalchemy import Engine

from hub.store.database import engines

_first: dict[str, Engine] = {}
_make = engines.engine_at


def use() -> None:
    """Let all engines of a kind that this process makes share their compiled statements."""
    engines.engine_at = _engine


def _engine(database_url: str, size: int) -> Engine:
    engine = _make(database_url, size)
    first = _first.get(engine.dialect.name)
    if first is None or first.dialect.server_version_info is None:  # it has never been connected
        _first[engine.dialect.name] = engine
    else:
        # What is compiled is kept by statement and dialect, compared by identity.
        engine.dialect = engine.pool._dialect = first.dialect
        engine._compiled_cache = first._compiled_cache
    return engine
