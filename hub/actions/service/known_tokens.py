"""The tokens that this process has found valid, for requests whose own statement checks them again."""

from __future__ import annotations

from typing import Final

from hub.model import Caller
from hub.proofs import tokens

_MOST: Final = 4_096


class KnownTokens:
    """The callers of valid tokens, by public id, with the digest of each token. Safe for threads."""

    # INVARIANT: a known token proves nothing about the present: it may be revoked, its member suspended. Only
    # a request whose one statement checks that (`store.ledger.page_statements`) may begin with it.

    def __init__(self) -> None:
        self._known: dict[str, tuple[bytes, Caller]] = {}

    def note(self, digest: bytes, caller: Caller) -> None:
        """Keep a caller whose token was valid."""
        if len(self._known) >= _MOST:
            self._known = {}
        self._known[caller.token] = digest, caller

    def find(self, public_id: str, presented: bytes) -> Caller | None:
        """Return the caller whose token has the digest `presented`; None: not known."""
        found = self._known.get(public_id)
        return found[1] if found is not None and tokens.matches(presented, found[0]) else None

    def forget(self, public_id: str) -> None:
        """Forget a token that is valid no more."""
        self._known.pop(public_id, None)
