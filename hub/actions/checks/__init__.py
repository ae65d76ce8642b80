"""What `hub check` looks at, part by part: each gives the faults that it finds, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from hub.model import Member, MemberId, NationCode, ObjectVersion, Period, RegisteredKey, Registry
from hub.store.database.connection import Connection

__all__ = ["RESTORE", "Fault", "Inspection", "named"]

RESTORE: Final = "restore a backup"


class Fault(NamedTuple):
    """One thing that is wrong: where, and in one sentence what, with the remedy."""

    place: str
    what: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """What every part goes by: one snapshot of the database, the configuration, and what binds at `now`.

    `periods` are all that ever were; `recipients` the configured nations that have a ledger; `catching_up`
    those of whose objects some are still to be released under an agreement in force (policy 5).
    """

    connection: Connection
    registry: Registry
    require_signature: bool
    members: Mapping[MemberId, Member]
    keys: Mapping[str, RegisteredKey]
    periods: Sequence[Period]
    recipients: Sequence[NationCode]
    catching_up: frozenset[NationCode]
    now: datetime


def named(version: ObjectVersion) -> str:
    """Return how a fault calls a version of a record."""
    return f"{version.id} of {version.member}, version {version.version}"
