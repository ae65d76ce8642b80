"""The operator lets a backup become the database again, and opens the hub when its loss is made good.

What the lost part had ended, deleted, suspended or revoked stands again in the backup. So the hub is closed
to all but the operator and the certs, until the operator opens it.
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
    """The unbroken history in which the hub is. `loss` is what is known to be lost, while it is closed."""

    id: str
    since: datetime
    closed_at: datetime | None
    loss: Sequence[str]


def restore(database_url: str, file: Path, clock: Clock | None = None) -> Sequence[str]:
    """Put the backup in the place of the database, in a new epoch; return what is known to be lost by that.

    Every date that is given from now on is later than any that the backup or the present database has given,
    no request that was signed before is taken any more, and the hub is closed. A hub may serve meanwhile. The
    database is the old one or the new one, whole, whatever happens. Raises as `restoring.restore` does.
    """
    return restoring.restore(database_url, file, clock)


def epoch(service: Service) -> Epoch:
    """Return the epoch, whether the hub is closed, and what is known to be lost."""
    with service.store.read(when_closed=True) as connection:
        state = epochs.state_of(connection)
        return Epoch(state.epoch or "", state.epoch_at, state.closed_at, epochs.loss(connection))


def open_again(service: Service) -> Epoch:
    """Open the hub to everybody; return the epoch as it was until then. Repeating is harmless."""
    with service.store.write(when_closed=True) as connection:
        state = epochs.state_of(connection)
        known = epochs.open_again(connection)
        return Epoch(state.epoch or "", state.epoch_at, state.closed_at, known)
