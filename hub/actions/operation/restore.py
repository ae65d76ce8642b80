"""The operator restores a backup, and opens the hub after certs and operator have repeated the lost acts.

In the backup, agreements ended since are in force again, and deleted objects, suspended members and revoked
keys are back. So the hub is closed to all but the operator and the certs, until the operator opens it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hub.actions.service.service import Service
from hub.store.backup import restoring
from hub.store.database import epochs
from hub.store.database.moments import Clock


@dataclass(frozen=True, slots=True)
class Epoch:
    """The present epoch: one history of the database. `loss` has the known losses, while the hub is
    closed."""

    id: str
    since: datetime
    closed_at: datetime | None
    loss: Sequence[str]


def restore(database_url: str, file: Path, clock: Clock | None = None) -> Sequence[str]:
    """Replace the database by the backup, in a new epoch, and close the hub; return the known losses.

    All later dates are later than the dates of the backup and of the replaced database. Requests signed
    before are refused. A hub may serve meanwhile. Raises as `restoring.restore`.
    """
    # INVARIANT: after a crash the database is the old one or the new one, complete: `restoring` replaces it
    # in one transaction.
    return restoring.restore(database_url, file, clock)


def epoch(service: Service) -> Epoch:
    """Return the epoch, whether the hub is closed, and the known losses."""
    with service.store.read(when_closed=True) as connection:
        state = epochs.state_of(connection)
        return Epoch(state.epoch or "", state.epoch_at, state.closed_at, epochs.loss(connection))


def open_again(service: Service) -> Epoch:
    """Open the hub to all members; return the epoch as before. Repeating changes nothing."""
    # The operator decides alone: the hub cannot know whether all lost acts are repeated.
    with service.store.write(when_closed=True) as connection:
        state = epochs.state_of(connection)
        known = epochs.open_again(connection)
        return Epoch(state.epoch or "", state.epoch_at, state.closed_at, known)
