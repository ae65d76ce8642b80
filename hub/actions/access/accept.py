"""A signed request is accepted once: its transaction is tried again where that is safe, and never in doubt.

The nonce of its signature is used inside the transaction. So a transaction that failed for a reason that
passes may be tried again, and of one whose COMMIT had no answer it can be asked whether it is committed.
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
    """Return a name for what comes of a request, as the id of a status is one."""
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
    """Do `act` in one transaction, under the nonce of the request; return what it gives once that is certain.

    `receipt` names what comes of it, `sentence` says what it is to whoever has to know what a loss took. The
    nonce comes first in the order of locks, so `act` takes all others. Without evidence (development) nothing
    is tried again.

    Raises BadSignature for a request that was received before, and Unavailable where nothing was done; as
    InDoubt, where that cannot be told.
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
                _use(service, connection, evidence, used)
                given = act(connection)
                moment = _moment(service, connection)
            service.store.memory.note_commit(done, *moment)
        except InDoubt as doubt:
            # Who has waited for others before cannot wait as long again.
            if time.monotonic() - began > _SECONDS:
                raise
            if _is_committed(service, used, done, doubt, when_closed=when_closed):
                return given
        except Interrupted:
            if not tries_left or time.monotonic() - began > _SECONDS:
                raise
        else:
            return given
    raise Interrupted(_UNDONE)


def _moment(service: Service, connection: Connection) -> tuple[datetime, str | None]:
    """Return when a transaction began, and in which epoch."""
    return service.store.began_at(connection), epochs.state_of(connection).epoch


# (hub/README: fork-refusal)
def _use(service: Service, connection: Connection, evidence: Evidence, used: UsedNonce) -> None:
    """Use the nonce. What was signed before history may have forked, or may have been, is refused."""
    begins = epochs.state_of(connection).epoch_at + requests.SKEW + _TICK
    if evidence.created <= begins:
        wait = max(begins - service.store.now(connection), _TICK)
        raise Unavailable(_BEFORE_THIS_EPOCH, retry_after_seconds=int(wait.total_seconds()) + 1)
    if members.use_nonce(connection, used) != used.receipt:
        raise BadSignature(_REPLAYED)


class _RolledBack(Exception):
    """What was in doubt is not committed."""


def _settled(connection: Connection, used: UsedNonce) -> str:
    found = members.settle_nonce(connection, used)
    if found is None:
        raise _RolledBack
    return found


def _is_committed(
    service: Service, used: UsedNonce, done: LastCommit, doubt: InDoubt, *, when_closed: bool
) -> bool:
    """Settle a COMMIT in doubt: return whether what it was to commit is there, and on a standby.

    Raises InDoubt where that cannot be told, and Closed.
    """
    try:
        with service.store.write(when_closed=when_closed, settles=True) as connection:
            found = _settled(connection, used)
            moment = _moment(service, connection)
    except _RolledBack:
        return False
    except (Closed, InDoubt):
        raise
    except Unavailable as error:
        raise doubt from error
    if found != used.receipt:
        raise BadSignature(_REPLAYED)
    service.store.memory.note_commit(done, *moment)
    return True
