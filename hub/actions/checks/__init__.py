"""The parts of `hub check`: each part yields its faults, and changes nothing."""

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
    """One fault: its place, and a sentence with the error and the remedy."""

    place: str
    what: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """The common data of all parts: one snapshot of the database, the configuration, and the agreements.

    `periods` are all periods, ended ones too; `recipients` the configured nations with a ledger;
    `catching_up` the nations with an unfinished history: some releases of their objects are still to be
    written (policy 5).
    """

    # INVARIANT: all parts read by this one connection, so that a hub that serves meanwhile causes no fault.
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
    """Return the text for a version in a fault."""
    return f"{version.id} of {version.member}, version {version.version}"
