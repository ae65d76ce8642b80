"""What the signed steps of an agreement come to, by those alone that hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.client.agreement.signers import Trust
from hub.model import JsonObject


@dataclass(frozen=True, slots=True)
class Signature:
    """A step that the hub gives as signed. `fault` says why it does not hold; None: it does.

    `at` is the hub's word alone; `digest` is SHA-256 of the JWS, which the step after it must name.
    """

    typ: str
    nation: str
    at: str
    thumbprint: str
    digest: str
    trust: Trust | None = None
    revoked_at: str | None = None
    fault: str | None = None

    def to_json(self) -> JsonObject:
        return {
            "typ": self.typ,
            "nation": self.nation,
            "at": self.at,
            "thumbprint": self.thumbprint,
            "trust": None if self.trust is None else self.trust.value,
            "holds": self.fault is None,
            "fault": self.fault,
        }


@dataclass(slots=True)
class FoldedSteps:
    """What the verified steps come to. `faults` are steps that could not be taken where they stand."""

    is_complete: bool
    signed: set[str]
    suspended: set[str]
    terminated: str | None
    faults: list[str]
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def states(self, at: datetime) -> set[str]:
        """Return in which states the agreement may be at an instant, superseded and lapsed aside."""
        if self.terminated is not None or (self.valid_until is not None and at >= self.valid_until):
            return {"ended"}
        if not self.is_complete or (self.valid_from is not None and at < self.valid_from):
            return {"proposed"}
        return {"suspended" if self.suspended else "in force"}


def fold(signatures: Sequence[Signature], needed: frozenset[str]) -> FoldedSteps:
    """Return what the signatures that hold come to, in the order in which the hub gives them."""
    folded = FoldedSteps(is_complete=False, signed=set(), suspended=set(), terminated=None, faults=[])
    has_begun = False  # a step other than a signature was taken
    for one in (signature for signature in signatures if signature.fault is None):
        said = f"{one.nation}'s {one.typ!r}"
        is_double = one.nation in (folded.signed if one.typ == "sign" else folded.suspended)
        if folded.terminated is not None:
            folded.faults.append(f"{said} comes after the termination.")
        elif one.nation not in needed:
            folded.faults.append(f"{said} is by a nation that has not to sign.")
        elif one.typ == "sign" and (is_double or has_begun):
            folded.faults.append(f"{said} comes twice or too late.")
        elif one.typ == "suspend" and (is_double or not needed <= folded.signed):
            folded.faults.append(f"{said} comes twice or too early.")
        elif one.typ == "resume" and not is_double:
            folded.faults.append(f"{said} has no suspension before it.")
        has_begun |= one.typ != "sign"
        match one.typ:
            case "sign":
                folded.signed.add(one.nation)
            case "suspend":
                folded.suspended.add(one.nation)
            case "resume":
                folded.suspended.discard(one.nation)
            case _:
                folded.terminated = one.nation
    folded.is_complete = needed <= folded.signed
    return folded


def instant(value: object) -> datetime | None:
    """Return the instant that a text spells with its offset, else None."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
