"""A model of the turn: every order of steps of a few acts, with the locks in the order of hub/README.

An act is a list of steps. A lock is given in the order of asking, shared or alone, as an advisory lock of
PostgreSQL and `FairLock` are; SQLite's write lock (`any`) in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

Step = tuple[str, ...]  # ("take", lock), ("share", lock), ("any", lock), ("free", lock), or a single word


def submission(process: int, number: int, nation: str = "US") -> list[Step]:
    """A submission on PostgreSQL; submissions of one `number` are replays of one request."""
    return [
        *(("take", f"queue {process} {nation}"), ("take", f"nonce {number}"), ("take", f"turn {nation}")),
        ("decide", nation),
        *(
            ("share", "generation"),
            ("take", f"origin {nation}"),
            ("take", "ledger KR"),
            ("take", "ledger US"),
        ),
        *(("write", nation), ("commit",)),
    ]


def history(process: int, nation: str = "US") -> list[Step]:
    return [one for one in submission(process, 0, nation) if one != ("take", "nonce 0")]


def ending(number: int) -> list[Step]:
    return [
        *(("take", f"nonce {number}"), ("take", "generation")),
        ("take", "hub_state"),
        ("end",),
        ("commit",),
    ]


def on_sqlite(process: int, nation: str = "US") -> list[Step]:
    return [
        *(("take", f"queue {process} {nation}"), ("any", f"next {nation}"), ("any", f"turn {nation}")),
        *(("free", f"next {nation}"), ("decide", nation)),
        *(("any", "file"), ("write", nation), ("commit",)),
    ]


def ending_on_sqlite() -> list[Step]:
    return [("any", "file"), ("end",), ("commit",)]


@dataclass(frozen=True)
class ModelState:
    """`at` is the step of each act; `holders` and `queues` have (lock, act, is_shared), in order."""

    at: tuple[int, ...]
    holders: frozenset[tuple[str, int, bool]] = frozenset()
    queues: tuple[tuple[str, int, bool], ...] = ()
    generation: int = 0
    bases: tuple[int, ...] = ()  # the generation at each decision
    written: tuple[int, ...] = ()  # how many acts wrote while each act waited for the generation or the file
    found: str = ""


def steps(acts: list[list[Step]], state: ModelState) -> Iterator[ModelState]:
    for n, act in enumerate(acts):
        if state.at[n] < len(act):
            yield from _moved(acts, state, n, act[state.at[n]])


def _moved(acts: list[list[Step]], state: ModelState, n: int, step: Step) -> Iterator[ModelState]:
    then = replace(state, at=_changed(state.at, n, state.at[n] + 1))
    match step:
        case ("take" | "share" | "any" as kind, lock):
            wish = (lock, n, kind == "share")
            is_free = all(wish[2] and is_shared for held, _, is_shared in state.holders if held == lock)
            before = [one for one in state.queues if one[0] == lock]
            if kind != "any" and before:
                is_free = is_free and before[0] == wish
            if is_free:
                queues = tuple(one for one in state.queues if one != wish)
                yield replace(then, holders=state.holders | {wish}, queues=queues)
            elif wish not in state.queues:
                yield replace(state, queues=(*state.queues, wish), written=_changed(state.written, n, 0))
        case ("free", lock):
            yield replace(then, holders=frozenset(h for h in state.holders if h[:2] != (lock, n)))
        case ("decide", nation):
            deciding = [m for m, act in enumerate(acts) if m != n and _is_between(act, state.at[m], nation)]
            found = "two are decided at once" if deciding else ""
            yield replace(then, bases=_changed(state.bases, n, state.generation), found=found)
        case ("write", _):
            waiting = {m for _, m, _ in state.queues}
            written = tuple(w + (m in waiting) for m, w in enumerate(state.written))
            yield replace(then, written=written)
        case ("end",):
            found = "an ending waited for several" if state.written[n] > 1 else ""
            yield replace(then, generation=state.generation + 1, found=found)
        case _:
            yield replace(then, holders=frozenset(h for h in state.holders if h[1] != n))


def _is_between(act: list[Step], at: int, nation: str) -> bool:
    """Whether an act of this nation has decided, and not committed."""
    return ("decide", nation) in act[:at] and ("commit",) in act[at:]


def _changed(values: tuple[int, ...], n: int, value: int) -> tuple[int, ...]:
    return (*values[:n], value, *values[n + 1 :])


def faults(acts: list[list[Step]]) -> set[str]:
    """Go through every order of steps; return what went wrong in one."""
    none = tuple(0 for _ in acts)
    waiting = [ModelState(none, bases=none, written=none)]
    known, found = set(waiting), set[str]()
    while waiting:
        state = waiting.pop()
        if state.found:
            found.add(state.found)
            continue
        following = list(steps(acts, state))
        if not following and any(at < len(act) for at, act in zip(state.at, acts, strict=True)):
            found.add("deadlock")
        for one in following:
            if one not in known:
                known.add(one)
                waiting.append(one)
    return found


@pytest.mark.parametrize(
    "acts",
    [
        [submission(1, 1), submission(1, 2), submission(2, 3)],
        [submission(1, 1), submission(2, 1), submission(2, 2)],  # a replay at another process
        [submission(1, 1), submission(2, 2), ending(3)],
        [submission(1, 1), history(2), ending(3)],
        [submission(1, 1), submission(2, 2, "KR"), history(1)],
    ],
)
def test_acts_on_postgresql_end_and_are_decided_one_at_a_time(acts: list[list[Step]]) -> None:
    assert faults(acts) == set()


@pytest.mark.parametrize(
    "acts",
    [
        [on_sqlite(1), on_sqlite(1), on_sqlite(2)],
        [on_sqlite(1), on_sqlite(2), on_sqlite(3)],
        [on_sqlite(1), on_sqlite(2, "KR"), ending_on_sqlite()],
    ],
)
def test_acts_on_sqlite_end_and_are_decided_one_at_a_time(acts: list[list[Step]]) -> None:
    # The write lock has no order: an ending may wait for several writes, never for a decision.
    assert faults(acts) <= {"an ending waited for several"}


def test_the_model_finds_what_another_order_would_do() -> None:
    """Else it would find nothing in the right one either."""
    act = submission(1, 1)
    swapped = [*act[:4], *act[6:8], *act[4:6], *act[8:]]  # ledgers, then generation and origin
    changing = [("take", "generation"), ("take", "ledger KR"), ("end",), ("commit",)]
    assert "deadlock" in faults([swapped, changing])
    without_turn = [one for one in act if one[-1] != "turn US"]
    other = [one for one in submission(2, 2) if one[-1] != "turn US"]
    assert faults([without_turn, other]) == {"two are decided at once"}


def test_the_turn_before_the_nonce_would_wait_for_a_replay_crosswise() -> None:
    act = submission(1, 1)
    turn_first = [act[0], act[2], act[1], *act[3:]]
    assert "deadlock" in faults([turn_first, submission(2, 1)])
