"""What the statements of an act cost: their plans, and counts of the work of the database, never seconds.

On SQLite the steps of its virtual machine count, on PostgreSQL the rows and buffers that EXPLAIN names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg
import pytest
from sqlalchemy import Connection, event

from hub.store.database import statements
from hub.store.database.connection import Store
from hub.store.database.statements import Statement

BIG = frozenset(("release", "object_version", "reference", "content", "disclosure"))
_READS = re.compile(r"^\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_ALIAS = re.compile(rf"\b({'|'.join(sorted(BIG))}) (?:AS )?(\w+)\b")


class Executed(NamedTuple):
    """A statement as the driver was given it."""

    text: str
    parameters: Any
    is_raw: bool = False  # a text of `store.database.statements`


class Access(NamedTuple):
    """One access to a large table: the table and how it is read."""

    table: str
    detail: str


@dataclass
class ActStatements:
    """The questions of an act, in order, each once."""

    statements: list[Executed] = field(default_factory=list)

    def add(self, statement: Executed) -> None:
        is_known = any(statement.text == one.text for one in self.statements)
        if _READS.match(statement.text) and not is_known:
            self.statements.append(statement)


@contextmanager
def heard(store: Store, note: Callable[[Executed], Any]) -> Iterator[None]:
    """Note each statement that is given to a driver meanwhile."""
    original = statements.run

    def run(driver: Any, statement: Statement, given: Mapping[str, Any]) -> list[Any]:
        note(Executed(statement.text, statement.values(given), is_raw=True))
        return original(driver, statement, given)

    def execute(*call: Any) -> None:
        note(Executed(call[2], call[3]))

    engines = {store._engine, store._recording}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", execute)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(statements, "run", run)
            yield
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", execute)


@contextmanager
def recorded(store: Store) -> Iterator[ActStatements]:
    """Record each question that is asked of the store meanwhile."""
    found = ActStatements()
    with heard(store, found.add):
        yield found


# --- plans ----------------------------------------------------------------------------------------


def accesses(store: Store, statement: Executed) -> list[Access]:
    """Return how the statement reads the large tables, by the plan of the database."""
    names = {alias: table for table, alias in _ALIAS.findall(statement.text) if table in BIG}
    names |= {table: table for table in BIG}
    with _undone(store) as connection:
        if store.is_sqlite:
            return [*_sqlite(connection, statement, names)]
        return [*_postgresql(_explained(connection, statement), names)]


@contextmanager
def _undone(store: Store) -> Iterator[Connection]:
    """Give a transaction of which nothing is left: the statement of a page also records the page."""
    with store._engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


def _sqlite(connection: Connection, statement: Executed, names: Mapping[str, str]) -> Iterator[Access]:
    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.text}", tuple(statement.parameters))
    for *_, detail in plan:
        how, _, name = detail.partition(" ")
        table = names.get(name.split(" ")[0])
        if how in ("SCAN", "SEARCH") and table is not None:
            yield Access(table, detail)


def _explained(connection: Connection, statement: Executed) -> dict[str, Any]:
    options = "ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON"
    text = f"EXPLAIN ({options}) {statement.text}"
    if statement.is_raw:
        driver: Any = connection.connection.driver_connection
        ((found,),) = psycopg.RawCursor(driver).execute(text.encode(), statement.parameters)
    else:
        found = connection.exec_driver_sql(text, statement.parameters).scalar()
    plan = json.loads(found) if isinstance(found, str) else found
    return dict(plan[0]["Plan"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _postgresql(plan: dict[str, Any], names: Mapping[str, str]) -> Iterator[Access]:
    for node in _nodes(plan):
        table = node.get("Relation Name")
        if table in names:
            index = node.get("Index Name", "")
            condition = node.get("Index Cond", node.get("Recheck Cond", ""))
            removed = node.get("Rows Removed by Filter", 0) * node["Actual Loops"]
            yield Access(table, f"{node['Node Type']} {index} {condition}, {removed} rows removed")


def filters(store: Store, statement: Statement) -> list[str]:
    """Return what PostgreSQL asks of each row that it reads for the statement."""
    with _undone(store) as connection:
        plan = _explained(connection, statement)
    return [node["Filter"] for node in _nodes(plan) if "Filter" in node]


# --- counts -----------------------------------------------------------------------------------------


class Counts(NamedTuple):
    """The work of the database for an act. On SQLite steps of its virtual machine, else rows and buffers."""

    steps: int = 0
    rows_removed: int = 0
    buffers: int = 0


def counted(store: Store, act: Callable[[], Any]) -> Counts:
    """Return the work for `act`, which is done once before: what the process remembers is not counted."""
    act()
    return _steps(store, act) if store.is_sqlite else _buffers(store, act)


def _steps(store: Store, act: Callable[[], Any]) -> Counts:
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connections: list[Any] = []

    def begin(raw: Any, *_: Any) -> None:
        raw.set_progress_handler(step, 1)
        connections.append(raw)

    event.listen(store._engine, "checkout", begin)
    try:
        act()
    finally:
        event.remove(store._engine, "checkout", begin)
        for raw in connections:
            raw.set_progress_handler(None, 1)
    return Counts(steps=steps)


def _buffers(store: Store, act: Callable[[], Any]) -> Counts:
    found: list[Executed] = []

    def note(statement: Executed) -> None:
        if _READS.match(statement.text):
            found.append(statement)

    with heard(store, note):
        act()
    removed = buffers = 0
    with _undone(store) as connection:
        for statement in found:
            plan = _explained(connection, statement)
            buffers += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            for node in _nodes(plan):
                removed += node.get("Rows Removed by Filter", 0) * node["Actual Loops"]
    return Counts(rows_removed=removed, buffers=buffers)
