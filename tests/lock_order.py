"""The order in which every transaction on PostgreSQL takes its locks, recorded while the tests run.

    nonce < turn < generation < hub_state < origins by code < ledgers by code < all other rows

A lock that is held may be taken again. A new one that lies before the highest that is held is a violation:
two such transactions can wait for each other. The test in which it happens fails, in whichever thread.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from hub.store.database.statements import Statement


class Rank(IntEnum):
    """The kinds of lock, in the order in which they are taken."""

    NONCE = 1
    TURN = 2
    GENERATION = 3
    HUB_STATE = 4
    ORIGIN = 5
    LEDGER = 6
    ROW = 7


_OF_TABLES = {
    "nonce": Rank.NONCE,
    "hub_state": Rank.HUB_STATE,
    "origin": Rank.ORIGIN,
    "ledger": Rank.LEDGER,
}
_BY_CODE = {Rank.ORIGIN: "code", Rank.LEDGER: "recipient"}
_ALL = "every one, in order"
_UNORDERED = "several, in no order"
_STATEMENT_LENGTH = 240
_WRITES = re.compile(
    r"\b(?:INSERT INTO|(?<!FOR )(?<!KEY )(?<!DO )UPDATE|DELETE FROM)\s+(?:ONLY\s+)?\"?(\w+)", re.IGNORECASE
)
_LOCKS = re.compile(r"\bFOR (?:NO KEY UPDATE|UPDATE|KEY SHARE|SHARE)\b", re.IGNORECASE)
_READS = re.compile(r"\b(?:FROM|JOIN)\s+\"?(\w+)", re.IGNORECASE)
_ADVISORY = re.compile(r"\bpg_advisory_xact_lock(_shared)?\b", re.IGNORECASE)
_TURN = re.compile(r"\bpg_advisory_xact_lock\((?:[^,()]|\([^()]*\))+,", re.IGNORECASE)  # of two numbers
_PARAMETER = re.compile(r"%\((\w+)\)s")


class Lock(NamedTuple):
    """A lock: of which kind, and on which nation's row, where that counts."""

    rank: Rank
    code: str = ""

    def __str__(self) -> str:
        return f"{self.rank.name.lower()} {self.code}".strip()


@dataclass
class Held:
    """What a transaction holds, by the statement that took it first; a migration is none of ours."""

    locks: dict[Lock, str] = field(default_factory=dict)
    is_shared: bool = False  # the generation, with others
    is_exempt: bool = False

    def take(self, lock: Lock, statement: str, *, shared: bool = False) -> str | None:
        """Take a lock; return why it must not be taken now."""
        if lock.code == _UNORDERED:
            return f"{lock} is locked in no order, by: {statement}"
        if self._has(lock):
            if lock.rank is Rank.GENERATION and self.is_shared and not shared:
                return f"{lock} was taken to share, and is wanted alone, by: {statement}"
            return None
        first = lock._replace(code="") if lock.code == _ALL else lock
        above = [one for one in self.locks if _highest(one) > first]
        reason = None
        if above:
            one = max(above, key=_highest)
            reason = f"{lock} is taken by: {statement}\n    after {one}, taken by: {self.locks[one]}"
        self.locks[lock] = statement
        if lock.rank is Rank.GENERATION:
            self.is_shared = shared
        return reason

    def _has(self, lock: Lock) -> bool:
        return lock in self.locks or (lock.code != "" and Lock(lock.rank, _ALL) in self.locks)


def _highest(lock: Lock) -> Lock:
    """The last of the locks that are taken by this one."""
    return lock._replace(code="\uffff") if lock.code == _ALL else lock


class Recorder:
    """Listens to every engine's statements. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[int, Held] = {}
        self._violations: list[str] = []
        self._watching: list[set[Rank]] = []
        self._is_off = threading.local()

    def listen(self) -> None:
        """Hear all statements from now on."""
        event.listen(Engine, "begin", self._begin)
        event.listen(Engine, "commit", self._end)
        event.listen(Engine, "rollback", self._end)
        event.listen(Engine, "before_cursor_execute", self._execute)
        original = Statement.rows  # given to the driver: no engine hears of it

        def rows(statement: Statement, connection: Connection, given: Mapping[str, Any]) -> list[Any]:
            self._execute(connection, None, statement.text, given, None, executemany=False)
            return original(statement, connection, given)

        Statement.rows = rows  # type: ignore[method-assign]

    @contextmanager
    def off(self) -> Iterator[None]:
        """Do not judge what this thread does: of preparations that the hub never makes."""
        self._is_off.value = True
        try:
            yield
        finally:
            self._is_off.value = False

    @contextmanager
    def watch(self) -> Iterator[set[Rank]]:
        """Give the kinds of lock that are taken by anybody meanwhile."""
        taken: set[Rank] = set()
        with self._lock:
            self._watching.append(taken)
        try:
            yield taken
        finally:
            with self._lock:
                self._watching = [one for one in self._watching if one is not taken]

    def violations(self) -> list[str]:
        """Return what was violated since this was asked last."""
        with self._lock:
            found, self._violations = self._violations, []
        return found

    def _begin(self, connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            self._held[id(connection)] = Held(is_exempt=getattr(self._is_off, "value", False))

    def _end(self, connection: Connection) -> None:
        self._held.pop(id(connection), None)

    def _execute(
        self,
        connection: Connection,
        cursor: object,
        statement: str,
        parameters: object,
        context: object,
        executemany: bool,
    ) -> None:
        held = self._held.get(id(connection))
        if held is None or held.is_exempt:
            return
        found = classified(statement)
        if not found:
            return
        if found is _MIGRATION:
            held.is_exempt = True
            return
        for kind in found:
            for lock in kind.locks(statement, _values(parameters)):
                with self._lock:
                    for taken in self._watching:
                        taken.add(lock.rank)
                reason = held.take(lock, _short(statement), shared=kind.is_shared)
                if reason is not None:
                    with self._lock:
                        self._violations.append(reason)


class LockKind(NamedTuple):
    """What a statement locks."""

    rank: Rank
    is_shared: bool = False

    def locks(self, statement: str, values: Sequence[Mapping[str, Any]]) -> Iterator[Lock]:
        """Give the locks that it takes with these parameters."""
        column = _BY_CODE.get(self.rank)
        if column is None:
            yield Lock(self.rank)
            return
        names = _names(statement, column)
        given = [row[name] for row in values for name in names if name in row]
        # One parameter with several codes: the statement states their order.
        listed = sorted(str(code) for value in given if isinstance(value, list) for code in value)
        codes = dict.fromkeys([*listed, *(str(value) for value in given if not isinstance(value, list))])
        is_ordered = re.search(rf"ORDER BY (?:\w+\.)?{column}\b", statement) is not None
        if not is_ordered and (listed or not codes):
            yield Lock(self.rank, _UNORDERED)
        elif not codes:
            yield Lock(self.rank, _ALL)
        for code in codes:
            yield Lock(self.rank, code)


_MIGRATION = (LockKind(Rank.ROW), LockKind(Rank.ROW))


@lru_cache(maxsize=4_096)
def classified(statement: str) -> tuple[LockKind, ...]:
    """Return the kinds of lock that a statement takes, in order."""
    if "alembic_version" in statement:
        return _MIGRATION
    tables = set(_WRITES.findall(statement))
    if _LOCKS.search(statement):
        tables |= set(_READS.findall(statement))
    kinds = {LockKind(_OF_TABLES.get(table, Rank.ROW)) for table in tables}
    advisory = _ADVISORY.search(statement)
    if _TURN.search(statement):
        kinds.add(LockKind(Rank.TURN))
    elif advisory:
        kinds.add(LockKind(Rank.GENERATION, is_shared=advisory[1] is not None))
    return tuple(sorted(kinds))


@lru_cache(maxsize=4_096)
def _names(statement: str, column: str) -> tuple[str, ...]:
    """Return the parameters of a statement that a column is compared with, or written from."""
    return tuple(name for name in _PARAMETER.findall(statement) if re.match(rf"{column}(s|(_+\d+)*)$", name))


def _values(parameters: object) -> list[Mapping[str, Any]]:
    if isinstance(parameters, Mapping):
        return [parameters]
    return [one for one in parameters if isinstance(one, Mapping)] if isinstance(parameters, Iterable) else []


def _short(statement: str) -> str:
    text = " ".join(statement.split())
    return text if len(text) <= _STATEMENT_LENGTH else f"{text[:_STATEMENT_LENGTH]}…"


RECORDER = Recorder()


def held_to(done: Callable[[], list[str]] = RECORDER.violations) -> None:
    """Fail where the order was violated."""
    found = done()
    assert not found, "locks out of order:\n  " + "\n  ".join(dict.fromkeys(found))
