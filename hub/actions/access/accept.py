"""Accepts a signed request once: safe failures are tried again, a commit in doubt is settled first.

The transaction uses the nonce of the signature. So the hub may try a failed transaction again, and may ask
the database whether a transaction with an unanswered COMMIT is committed.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from hub.actions.service.service import Service
from hub.errors import BadSignature, Closed, InDoubt, Interrupted, Unavailable
from hub.model import Evidence
from hub.proofs import requests
from hub.store.database import epochs
from hub.store.database.connection import Connection
from hub.store.database.memory import LastCommit
from hub.store.members import members
from hub.store.members.members import UsedNonce

T = TypeVar("T")

_TRIES: Final = 3
_SECONDS: Final = 5.0  # after which nothing is tried again: a request ends within ten
_TICK: Final = timedelta(seconds=1)  # signatures say when they were made in whole seconds
_REPLAYED: Final = "this signed request was received before; sign again with a new nonce"
_BEFORE_THIS_EPOCH: Final = (
    "The hub may have lost what it had received last, and takes nothing that was signed before: sign again."
)
_UNDONE: Final = "The hub's database fails again and again, and nothing was done; try again."


def new_receipt() -> str:
    """Return a new receipt: the name of a request's result, such as the id of a status."""
    return str(uuid.uuid4())


def once(
    service: Service,
    evidence: Evidence | None,
    act: Callable[[Connection], T],
    *,
    receipt: str,
    sentence: str,
    when_closed: bool = False,
) -> T:
    """Run `act` in one transaction under the nonce of the request; return its result once committed.

    `receipt` names the result. `sentence` describes the act for the operator, if the database loses the
    commit. Without evidence (development) nothing is tried again.

    Raises BadSignature for a repeated request, and Unavailable without any effect. If nobody can say whether
    the transaction is committed, raises InDoubt.
    """
    if evidence is None:
        with service.store.write(when_closed=when_closed) as connection:
            return act(connection)
    used = UsedNonce(evidence.thumbprint, evidence.nonce, evidence.expires + requests.SKEW, receipt)
    done = LastCommit(used.thumbprint, used.nonce, used.expires_at, sentence)
    began = time.monotonic()
    for tries_left in reversed(range(_TRIES)):
        try:
            with service.store.write(when_closed=when_closed) as connection:
                # INVARIANT: the nonce is the first lock of the order (hub/README); `act` takes all others.
                # Of parallel replays the database lets one insert the nonce; the others wait and fail.
                _use(service, connection, evidence, used)
                given = act(connection)
                moment = _moment(service, connection)
            # After COMMIT only: a process remembers the last acknowledged act, to name its loss later.
            service.store.memory.note_commit(done, *moment)
        except InDoubt as doubt:
            # Settling waits as long as a COMMIT may; after a long wait the request would not end in time.
            if time.monotonic() - began > _SECONDS:
                raise
            if _is_committed(service, used, done, doubt, when_closed=when_closed):
                return given
        except Interrupted:
            # Rolled back for a passing cause (deadlock, lost connection): the nonce is unused, so try again.
            if not tries_left or time.monotonic() - began > _SECONDS:
                raise
        else:
            return given
    raise Interrupted(_UNDONE)


def _moment(service: Service, connection: Connection) -> tuple[datetime, str | None]:
    """Return the beginning and the epoch of a transaction."""
    return service.store.began_at(connection), epochs.state_of(connection).epoch


# (hub/README: fork-refusal)
def _use(service: Service, connection: Connection, evidence: Evidence, used: UsedNonce) -> None:
    """Use the nonce; refuse a request signed before the present epoch.

    Raises BadSignature for a nonce used before, Unavailable for a signature made before the epoch.
    """
    # The nonces of a lost history are lost too, so a replay could not be recognised.
    begins = epochs.state_of(connection).epoch_at + requests.SKEW + _TICK
    if evidence.created <= begins:
        wait = max(begins - service.store.now(connection), _TICK)
        raise Unavailable(_BEFORE_THIS_EPOCH, retry_after_seconds=int(wait.total_seconds()) + 1)
    if members.use_nonce(connection, used) != used.receipt:
        raise BadSignature(_REPLAYED)


class _RolledBack(Exception):
    """The transaction in doubt is not committed."""


def _settled(connection: Connection, used: UsedNonce) -> str:
    found = members.settle_nonce(connection, used)
    if found is None:
        # INVARIANT: the exception rolls back. `settle_nonce` wrote a nonce that nobody has used.
        raise _RolledBack
    return found


def _is_committed(
    service: Service, used: UsedNonce, done: LastCommit, doubt: InDoubt, *, when_closed: bool
) -> bool:
    """Settle a COMMIT in doubt: return whether the transaction is committed, also on a standby.

    Raises InDoubt while the database cannot say so, and Closed.
    """
    try:
        # This COMMIT writes the nonce's row again: once it is on a standby, all commits before it are too.
        with service.store.write(when_closed=when_closed, settles=True) as connection:
            found = _settled(connection, used)
            moment = _moment(service, connection)
    except _RolledBack:
        return False
    except (Closed, InDoubt):
        raise
    except Unavailable as error:
        raise doubt from error
    # Another receipt: a parallel replay of the request was committed instead.
    if found != used.receipt:
        raise BadSignature(_REPLAYED)
    service.store.memory.note_commit(done, *moment)
    return True
