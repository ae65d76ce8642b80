"""The steps of an agreement: signatures, and the state that follows from the valid steps alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.client.agreement.signers import Trust
from hub.model import JsonObject


@dataclass(frozen=True, slots=True)
class Signature:
    """A step as the hub gives it, signed. `fault` says why the step is not valid; None means valid.

    `at` is the hub's word alone. `digest` is SHA-256 of the JWS: the next step must name it (policy 5).
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
class AppliedSteps:
    """The result of the valid steps. `faults` are sentences on steps in an impossible order."""

    is_complete: bool
    signed: set[str]
    suspended: set[str]
    terminated: str | None
    faults: list[str]
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def states(self, at: datetime) -> set[str]:
        """Return the possible states of the agreement at an instant, without superseded and lapsed."""
        # An end prevails over a suspension. Before its start an agreement is proposed, suspended or not.
        if self.terminated is not None or (self.valid_until is not None and at >= self.valid_until):
            return {"ended"}
        if not self.is_complete or (self.valid_from is not None and at < self.valid_from):
            return {"proposed"}
        return {"suspended" if self.suspended else "in force"}


def apply(signatures: Sequence[Signature], needed: frozenset[str]) -> AppliedSteps:
    """Return the result of the valid signatures, in the hub's order."""
    # A step in an impossible order is applied, too: its fault becomes a finding, which stops signing.
    applied = AppliedSteps(is_complete=False, signed=set(), suspended=set(), terminated=None, faults=[])
    has_begun = False  # a suspension, resumption or termination was applied
    for one in (signature for signature in signatures if signature.fault is None):
        said = f"{one.nation}'s {one.typ!r}"
        is_double = one.nation in (applied.signed if one.typ == "sign" else applied.suspended)
        if applied.terminated is not None:
            applied.faults.append(f"{said} comes after the termination.")
        elif one.nation not in needed:
            applied.faults.append(f"{said} is by a nation that has not to sign.")
        elif one.typ == "sign" and (is_double or has_begun):
            applied.faults.append(f"{said} comes twice or too late.")
        elif one.typ == "suspend" and (is_double or not needed <= applied.signed):
            applied.faults.append(f"{said} comes twice or too early.")  # policy 5
        elif one.typ == "resume" and not is_double:
            applied.faults.append(f"{said} has no suspension before it.")
        has_begun |= one.typ != "sign"
        match one.typ:
            case "sign":
                applied.signed.add(one.nation)
            case "suspend":
                applied.suspended.add(one.nation)
            case "resume":
                applied.suspended.discard(one.nation)
            case _:
                applied.terminated = one.nation
    applied.is_complete = needed <= applied.signed
    return applied


def instant(value: object) -> datetime | None:
    """Return the instant of a text with an offset. None for any other value."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
