"""The hub forgets what it needs no more: nonces whose signatures have expired, and tokens long dead.

Nothing that proves or explains anything is among it. Statuses are answered for a month; what became of
each object stays, as evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hub.actions.service.service import Service
from hub.store.members import members

_TOKEN_DAYS: Final = 90  # how long a dead token is listed, so that its member can see what became of it


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many were forgotten."""

    nonces: int = 0
    tokens: int = 0


def prune(service: Service) -> Pruned:
    """Forget, in one transaction, what is too old. Repeating it is harmless."""
    with service.store.write() as connection:
        now = service.store.now(connection)
        nonces = members.prune_nonces(connection, now)
        tokens = members.prune_tokens(connection, now - timedelta(days=_TOKEN_DAYS))
    return Pruned(nonces, tokens)
