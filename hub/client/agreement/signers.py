"""The agreement keys that a hub names, and how the reader knows each: own key, pin or endorsement.

The hub's word on a key is not believed: the thumbprint is computed from the key itself (RFC 7638).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from hub.client.agreement.pins import Pins
from hub.client.errors import ClientError
from hub.errors import HubError
from hub.model import JsonObject, MemberId, Purpose, RegisteredKey
from hub.proofs import documents, keys

_CODE: Final = re.compile(r"[A-Z]{2}")  # ISO 3166-1 alpha-2
_MAX_KEYS: Final = 200  # of one cert; more are ignored, so a lying hub cannot cost CPU time
_UNDATED: Final = datetime.min.replace(tzinfo=UTC)


class Trust(Enum):
    """How the reader knows that a key belongs to its nation."""

    OWN = "your key"
    PINNED = "pinned"
    ENDORSED = "endorsed by the pinned key"
    UNPINNED = "not pinned"
    OTHER = "another than the pinned key"  # stops every signature


@dataclass(frozen=True, slots=True)
class NationKey:
    """An agreement key of a nation's cert as the hub gives it; the thumbprint is verified."""

    nation: str
    member: str
    public: keys.PublicKey
    revoked_at: str | None
    endorsement: str | None

    @property
    def thumbprint(self) -> str:
        return self.public.thumbprint

    def registered(self) -> RegisteredKey:
        """Return the key in the form of `hub.proofs`, without the revocation."""
        # Without the revocation: signatures before a revocation stay valid.
        public = self.public
        return RegisteredKey(
            self.thumbprint, MemberId(self.member), Purpose.AGREEMENT, public.alg, public.jwk, _UNDATED
        )


@dataclass(frozen=True, slots=True)
class Signers:
    """The agreement keys of a hub's certs by thumbprint, the reader's own thumbprint, and the pins.

    `faults` are pairs of a nation and a sentence on an impossible statement of the hub.
    """

    keys: Mapping[str, NationKey]
    pins: Pins
    own: str | None = None
    faults: Sequence[tuple[str, str]] = ()
    _trusted: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, members: Sequence[JsonObject], pins: Pins, own: str | None) -> Signers:
        """Return the keys in the hub's list of members. Each impossible entry becomes a fault."""
        found: dict[str, NationKey] = {}
        faults: list[tuple[str, str]] = []
        for member in members:
            nation = member.get("nation")
            if member.get("kind") != "cert" or not isinstance(nation, str) or not _CODE.fullmatch(nation):
                continue  # only a nation's code may enter a command for the user to type
            for given in _listed(member.get("agreement_keys")):
                key = _key(member, given)
                if isinstance(key, str):
                    faults.append((nation, key))
                elif key.thumbprint in found:  # perhaps for two nations: both get the fault
                    faults.append((key.nation, f"The hub gives the key {key.thumbprint} twice."))
                    faults.append((found[key.thumbprint].nation, faults[-1][1]))
                else:
                    found[key.thumbprint] = key
        signers = cls(found, pins, own, tuple(faults))
        return replace(signers, _trusted={n: signers._endorsed(n) for n in signers.nations()})

    def nations(self) -> list[str]:
        """Return the nations that have a key or a pin."""
        return sorted({key.nation for key in self.keys.values()} | self.pins.keys())

    @property
    def own_nation(self) -> str | None:
        """The nation of the reader's own key, as the hub says; None without a known key."""
        own = self.keys.get(self.own or "")
        return None if own is None else own.nation

    def of(self, nation: str) -> list[NationKey]:
        """Return a nation's keys in the hub's order."""
        return [key for key in self.keys.values() if key.nation == nation]

    def current(self, nation: str) -> NationKey | None:
        """Return the nation's present key, None unless the hub gives exactly one."""
        found = [key for key in self.of(nation) if key.revoked_at is None]
        return found[0] if len(found) == 1 else None

    def trust(self, key: NationKey) -> Trust:
        """Return how the reader knows that the key belongs to its nation."""
        if key.thumbprint == self.own:
            return Trust.OWN
        if key.thumbprint in self.pins.get(key.nation, ()):
            return Trust.PINNED
        if not self._anchors(key.nation):
            return Trust.UNPINNED
        return Trust.ENDORSED if key.thumbprint in self._trusted.get(key.nation, ()) else Trust.OTHER

    def objections(self, nations: Sequence[str]) -> Iterator[str]:
        """Yield a sentence for each reason not to sign with these nations, by their present keys."""
        if self.own is not None:
            yield from self._own_objections()
        # A pinned key under another nation concerns every signature, whoever the parties are.
        yield from self._misassigned()
        for nation in sorted(nations):
            yield from (sentence for of, sentence in self.faults if of == nation)
            current = [key for key in self.of(nation) if key.revoked_at is None]
            if len(current) > 1:
                yield f"The hub gives {len(current)} agreement keys for {nation}: a cert has one at a time."
            for key in current:
                if self.trust(key) is Trust.OTHER:
                    yield self.sentence(key)

    def _misassigned(self) -> Iterator[str]:
        """Yield a sentence for each key that is pinned for one nation and given for another."""
        for key in self.keys.values():
            others = sorted(n for n, pinned in self.pins.items() if key.thumbprint in pinned)
            if others and key.nation not in others:
                yield f"The hub gives {key.thumbprint} for {key.nation}; it is pinned for {others[0]}."

    def _own_objections(self) -> Iterator[str]:
        own = self.keys.get(self.own or "")
        if own is None:
            yield (
                f"The hub does not have your key {self.own} as a cert's agreement key: give the nation's "
                "agreement key (--key); if this is it, the hub gives another in its place: ask its operator."
            )
        elif own.revoked_at is not None:
            yield f"The hub has your key {self.own} as revoked on {own.revoked_at}: sign with the newer key."

    def sentence(self, key: NationKey) -> str:
        """Return the sentence on a key that differs from the pinned key, with the remedy."""
        nation, known = key.nation, ", ".join(sorted(self._anchors(key.nation)))
        if self.own_nation == nation and nation not in self.pins:
            return (
                f"The hub gives {key.thumbprint} as a key of your own nation, {nation}, and yours is "
                f"{known}. If it is an earlier key of yours: `hub keys pin {nation} {key.thumbprint}`."
            )
        return (
            f"The hub gives the key {key.thumbprint} for {nation}, and {known} is pinned. Ask the people "
            f"of {nation} by another way than this hub. If it is theirs: `hub keys pin {nation} "
            f"{key.thumbprint}`, with --add if the pinned one was theirs, too."
        )

    def _anchors(self, nation: str) -> frozenset[str]:
        own = frozenset([self.own] if self.own is not None and self.own_nation == nation else [])
        return self.pins.get(nation, frozenset()) | own

    def _endorsed(self, nation: str) -> frozenset[str]:  # (hub/README: key-by-pin)
        """Return the keys that the reader knows, by own key, pin or a chain of endorsements."""
        # INVARIANT: trust goes forward alone, from a known key to the key that it endorses. Anybody can make
        # a key that endorses another nation's key.
        trusted = set(self._anchors(nation))
        waiting = [key for key in self.of(nation) if key.thumbprint not in trusted]
        while new := [key for key in waiting if self._is_endorsed(key, trusted)]:
            trusted |= {key.thumbprint for key in new}
            waiting = [key for key in waiting if key.thumbprint not in trusted]
        return frozenset(trusted)

    def _is_endorsed(self, key: NationKey, trusted: set[str]) -> bool:
        if key.endorsement is None:
            return False
        for known in (self.keys[thumbprint] for thumbprint in trusted if thumbprint in self.keys):
            try:
                documents.verify_endorsement(key.endorsement, key.public, known.registered())
            except HubError:
                continue
            return True
        return False


def _listed(value: object) -> list[Any]:
    return value[:_MAX_KEYS] if isinstance(value, list) else []


def _key(member: JsonObject, given: Any) -> NationKey | str:
    """Return the key, or a sentence on its fault."""
    nation, jwk = member["nation"], given.get("jwk") if isinstance(given, dict) else None
    try:
        public = keys.public_from_jwk(jwk) if isinstance(jwk, dict) else None
    except HubError as error:
        return f"The hub gives a key for {nation} that cannot be used: {error}"
    if public is None:
        return f"The hub gives a key for {nation} that cannot be read."
    # INVARIANT: the thumbprint is computed here. A pin compares with the key itself, not with the hub's
    # label.
    if given.get("thumbprint") != public.thumbprint:
        return (
            f"The hub gives the key {public.thumbprint} for {nation} under another thumbprint than its own."
        )
    revoked, endorsement = given.get("revoked_at"), given.get("endorsement")
    return NationKey(
        nation,
        str(member.get("id")),
        public,
        None if revoked is None else str(revoked),
        endorsement if isinstance(endorsement, str) else None,
    )


def check(sentences: Iterator[str]) -> None:
    """Raise ClientError with all the sentences, if there are any. Nothing is signed then."""
    if found := list(dict.fromkeys(sentences)):
        raise ClientError(f"{' '.join(found)} Nothing was signed.")
