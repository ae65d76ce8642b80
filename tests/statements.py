"""The statements that are sent to any database meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from hub.store.database import statements
from hub.store.database.statements import Statement


@contextmanager
def sent() -> Iterator[list[str]]:
    """Collect the text of every statement; a statement over many rows is sent once."""
    found: list[str] = []

    original = statements.run

    def add(text: str) -> None:
        found.append(" ".join(text.split()))

    def note(*call: Any) -> None:
        add(call[2])

    def run(driver: Any, statement: Statement, given: Any) -> list[Any]:
        add(statement.text)  # given to the driver: no engine hears of it
        return original(driver, statement, given)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(statements, "run", run)
            yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)
