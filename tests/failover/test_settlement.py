"""Whatever becomes of each COMMIT, "done" implies that a standby has it: every case, not some."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.actions.access import accept
from hub.errors import BadSignature, InDoubt, Interrupted, Unavailable
from hub.store.members.members import UsedNonce

# What becomes of a COMMIT: whether it is committed, whether a standby has it, and what the hub is told.
_COMMITS: dict[str, tuple[bool, bool, type[Unavailable] | None]] = {
    "confirmed": (True, True, None),
    "given up": (True, False, InDoubt),
    "no answer, committed": (True, False, InDoubt),
    "no answer, confirmed": (True, True, InDoubt),
    "no answer, rolled back": (False, False, InDoubt),
    "rolled back": (False, False, Interrupted),
}
_UNREACHABLE = "unreachable"
_OUTCOMES = [*_COMMITS, _UNREACHABLE]
_NOW = datetime(2026, 3, 1, tzinfo=UTC)


class _Undecided(Exception):
    """The script is at its end: each way in which it may go on is tried."""


@dataclass
class _Database:
    """The nonces on the primary, in the order of their commits, of which a standby has the first ones."""

    script: list[str]
    log: list[tuple[str, str]] = field(default_factory=list)
    replicated: int = 0
    step: int = 0
    acts: int = 0

    @contextmanager
    def write(self, *, when_closed: bool = False, settles: bool = False) -> Iterator[list[tuple[str, str]]]:
        if self.step == len(self.script):
            raise _Undecided
        outcome, self.step = self.script[self.step], self.step + 1
        if outcome == _UNREACHABLE:
            raise Interrupted("unreachable")
        written: list[tuple[str, str]] = []
        yield written
        is_committed, is_confirmed, raised = _COMMITS[outcome]
        if is_committed:
            self.log += written
        if is_confirmed:
            self.replicated = len(self.log)
        if raised is not None:
            raise raised("scripted")

    def receipt(self, nonce: str) -> str | None:
        return next((receipt for used, receipt in self.log if used == nonce), None)

    def use(self, written: list[tuple[str, str]], used: UsedNonce) -> str:
        if (found := self.receipt(used.nonce)) is None:
            written.append((used.nonce, used.receipt))
        return found or used.receipt

    def settle(self, written: list[tuple[str, str]], used: UsedNonce) -> str | None:
        return self.receipt(used.nonce)

    def now(self, _connection: object) -> datetime:
        return _NOW

    began_at = now

    @property
    def memory(self) -> _Database:
        return self

    def note_commit(self, *_: object) -> None:
        """What a process remembers plays no part."""


@dataclass
class _Service:
    store: _Database


class _State:
    epoch = "one"
    epoch_at = _NOW - timedelta(days=1)


class _Evidence:
    thumbprint, nonce, created, expires = "key", "nonce", _NOW, _NOW


def _send(database: _Database, receipt: str = "first") -> str | Exception:
    def act(_connection: object) -> str:
        database.acts += 1
        return receipt

    service: Any = _Service(database)
    evidence: Any = _Evidence()
    try:
        return accept.once(service, evidence, act, receipt=receipt, sentence="")  # type: ignore[arg-type]
    except (Unavailable, BadSignature) as refusal:
        return refusal


def _scripts(script: list[str]) -> Iterator[tuple[_Database, str | Exception]]:
    database = _Database(script)
    try:
        yield database, _send(database)
    except _Undecided:
        for outcome in _OUTCOMES:
            yield from _scripts([*script, outcome])


@pytest.fixture(autouse=True)
def _modelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of nonces are those of the database that is asked."""
    current: list[_Database] = []
    write = _Database.write

    @contextmanager
    def remembered(self: _Database, **options: bool) -> Iterator[list[tuple[str, str]]]:
        current[:] = [self]
        with write(self, **options) as written:
            yield written

    monkeypatch.setattr(_Database, "write", remembered)

    def use(written: list[tuple[str, str]], used: UsedNonce) -> str:
        return current[0].use(written, used)

    def settle(written: list[tuple[str, str]], used: UsedNonce) -> str | None:
        return current[0].settle(written, used)

    monkeypatch.setattr(accept.members, "use_nonce", use)
    monkeypatch.setattr(accept.members, "settle_nonce", settle)
    monkeypatch.setattr(accept.epochs, "state_of", lambda _connection: _State)


def test_done_implies_on_a_standby_and_every_refusal_says_the_truth() -> None:
    seen: set[str] = set()
    for database, answer in _scripts([]):
        seen.add(answer if isinstance(answer, str) else type(answer).__name__)
        assert len(database.log) <= 1, f"{database.script}: done more than once"
        if isinstance(answer, str):
            assert database.log == [("nonce", answer)], database.script
            assert database.replicated == 1, f"{database.script}: acknowledged, and on no standby"
        elif isinstance(answer, Interrupted):
            assert database.log == [], f"{database.script}: 'nothing was done'"
        else:
            assert isinstance(answer, InDoubt), database.script
    assert seen == {"first", "Interrupted", "InDoubt"}


def test_a_replay_is_refused_wherever_the_request_may_have_been_done() -> None:
    for database, _ in _scripts([]):
        is_done = bool(database.log)
        database.script = [*database.script, "confirmed"]
        again = _send(database, "again")
        assert isinstance(again, BadSignature) == is_done, database.script
        assert len(database.log) == 1
