"""The decision over one submitted object, beside its record and what others submitted (policy 2 and 8)."""

from __future__ import annotations

from typing import Any

from hub.model import Markings, Member, OthersVersion, StixObject, Tlp
from hub.rules.submission.acceptance import Case, ItemDecision, Known, Refuse, Reserved, accept
from hub.rules.submission.others import Naming
from tests.rules.around import (
    DAY,
    HUB_IDENTITY,
    KR,
    KR_AGENCY,
    NOW,
    REGISTERED,
    REL_TO_KR,
    others_version,
    sid,
    version,
)

ONE, V5, NAME = sid("indicator"), sid("indicator", 1, 5), sid("malware")
V5_NAME, SCO = sid("malware", 1, 5), sid("ipv4-addr")
RESERVED = Reserved(frozenset({HUB_IDENTITY}), {REL_TO_KR: KR}, HUB_IDENTITY)
LAST = "2026-03-02T00:00:00"
ACCEPTED_AS = ("2026-03-01T00:00:00.000000Z", "2026-03-01T00:00:00")
MARKED = Markings(tlp=Tlp.GREEN)
V1, V2, V3 = (f"{DAY}.{n}" for n in (1, 2, 3))


def judged(obj: StixObject, *others: OthersVersion, by: Member = KR_AGENCY, **more: Any) -> ItemDecision:
    """The verdict over what `by` submits beside what these others did."""
    known, naming = more.pop("known", Known()), more.pop("naming", Naming())
    accepted_as = more.pop("accepted_as", ACCEPTED_AS)
    case = Case(by, known, others, naming, REGISTERED, RESERVED, NOW, LAST, accepted_as)
    return accept(obj, case)


def why(verdict: ItemDecision) -> str:
    assert isinstance(verdict, Refuse), verdict
    return verdict.message


def held(*versions: str, at: str = V1, **more: Any) -> Known:
    """A record with versions of these keys and the same creation, seen from the version `at`."""
    stored = {key: version(ONE, key=key, digest=key.encode(), **more) for key in versions}
    before = [one for key, one in stored.items() if key < at]
    after = [one for key, one in stored.items() if key > at]
    living = [one for one in stored.values() if one.deleted_at is None]
    return Known(
        same=stored.get(at),
        before=before[-1] if before else None,
        after=after[0] if after else None,
        newest=living[-1] if living else None,
        last_key=max(versions),
        revoked_key=next((key for key, one in stored.items() if one.revoked), None),
    )


AMBERS = others_version(ONE, tlp=Tlp.AMBER)
