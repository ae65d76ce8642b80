"""Deletes unneeded rows: nonces of expired signatures, and tokens invalid for a long time.

No evidence is deleted. Statuses are answered for a month, and the outcomes stay as evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hub.actions.service.service import Service
from hub.store.members import members

_TOKEN_DAYS: Final = 90  # an invalid token stays listed so long: the cause of its end can be looked up


@dataclass(frozen=True, slots=True)
class Pruned:
    """The numbers of deleted rows."""

    nonces: int = 0
    tokens: int = 0


def prune(service: Service) -> Pruned:
    """Delete the old nonces and tokens in one transaction. Repeating changes nothing."""
    with service.store.write() as connection:
        now = service.store.now(connection)
        # INVARIANT: a nonce stays until its signature has expired, skew included: till then a replay is
        # recognised by it alone.
        nonces = members.prune_nonces(connection, now)
        tokens = members.prune_tokens(connection, now - timedelta(days=_TOKEN_DAYS))
    return Pruned(nonces, tokens)
