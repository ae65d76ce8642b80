"""The statements that are sent to any database meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine


@contextmanager
def sent() -> Iterator[list[str]]:
    """Collect the text of every statement; a statement over many rows is sent once."""
    found: list[str] = []

    def note(*call: Any) -> None:
        found.append(" ".join(call[2].split()))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)
