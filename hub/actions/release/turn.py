"""A decision in the nation's turn: made once, before the locks that others wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from hub.actions.service.service import Service
from hub.model import NationCode
from hub.store.database.connection import Connection

T = TypeVar("T")


@contextmanager
def in_turn(
    service: Service,
    origin: NationCode,
    decide: Callable[[Connection], T],
    renew: Callable[[Connection, T], T] | None = None,
    *,
    when_closed: bool = False,
) -> Iterator[Callable[[Connection], T]]:
    """Give the function that returns the decision within a transaction, made in the turn of `origin`.

    The caller calls the function after the nonce, takes the locks, and compares the decision with its basis
    under the locks. A repeated transaction gets the same decision again. With `renew`, for a decision that
    takes long, the decision is renewed once before the locks: so a decision again under the locks is rare.
    Raises Unavailable if the turn does not come in time.
    """
    store, made = service.store, list[T]()
    with store.turns.of(origin):
        if store.is_sqlite:
            # On a snapshot, because SQLite's one write lock would keep every other writer waiting.
            with store.read(when_closed=when_closed) as connection:
                made.append(decide(connection))
            if renew is not None:
                with store.read(when_closed=when_closed) as connection:
                    made[0] = renew(connection, made[0])

        def decided(connection: Connection) -> T:
            store.turns.take(connection, origin)
            if not made:
                # INVARIANT: `decide` reads its basis first. Each statement here has a snapshot of its own, so
                # a later change of what it reads is found when the basis is compared (storage.md, Ordering).
                decision = decide(connection)
                made.append(decision if renew is None else renew(connection, decision))
            return made[0]

        yield decided
