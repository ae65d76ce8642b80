"""Policy 8: which objects a member may submit, and as which version. Refusals first."""

from __future__ import annotations

import pytest

from hub.model import Markings, NationCode, StixId, StixObject
from hub.rules.acceptance import Accept, Known, Refuse, Reserved, Unchanged, Verdict, accept

KR = NationCode("KR")
HUB_IDENTITY = StixId("identity--00000000-0000-4000-8000-000000000001")
REL_TO_KR = StixId("marking-definition--00000000-0000-4000-8000-000000000002")
INDICATOR = StixId("indicator--00000000-0000-4000-8000-000000000003")
RESERVED = Reserved(frozenset({HUB_IDENTITY}), {REL_TO_KR: KR})
V1, V2 = ("2026-01-01T00:00:01.000Z", "2026-01-01T00:00:01"), ("2026-01-01T00:00:02Z", "2026-01-01T00:00:02")
NOW = ("2026-03-01T00:00:00.000000Z", "2026-03-01T00:00:00")
NOTHING = Known({}, {}, None)
ONE = Known({V1[1]: b"one"}, {V1[1]: V1[0]}, V1[1])
TWO = Known({V1[1]: b"one", V2[1]: b"two"}, dict([V1[::-1], V2[::-1]]), V2[1])


def obj(
    version: tuple[str, str] | None = V1,
    digest: bytes = b"one",
    id: StixId = INDICATOR,
    marks: tuple[StixId, ...] = (),
) -> StixObject:
    text, key = version or (None, None)
    return StixObject(
        id, id.partition("--")[0], text, key, True, False, b"{}", digest, Markings(others=frozenset(marks))
    )


def judged(item: StixObject, known: Known = NOTHING, received_from: NationCode | None = None) -> Verdict:
    return accept(item, known, received_from=received_from, reserved=RESERVED, accepted_as=NOW)


@pytest.mark.parametrize(
    ("item", "known", "received_from", "words"),
    [
        (obj(id=HUB_IDENTITY), NOTHING, None, "belongs to the hub"),
        (obj(id=REL_TO_KR), NOTHING, None, "belongs to the hub"),
        (obj(digest=b"other"), ONE, None, "different content"),
        (obj(digest=b"other"), TWO, None, "different content"),  # an older version too
        (obj(), NOTHING, KR, "received from KR; only KR may share it"),
        (obj(V2), NOTHING, KR, "received from KR"),
    ],
)
def test_what_is_refused_says_why(
    item: StixObject, known: Known, received_from: NationCode | None, words: str
) -> None:
    verdict = judged(item, known, received_from)
    assert isinstance(verdict, Refuse)
    assert words in verdict.message


@pytest.mark.parametrize(
    ("item", "known", "received_from", "expected"),
    [
        (obj(), NOTHING, None, Accept(*V1)),
        (obj(V2, b"two"), ONE, None, Accept(*V2)),
        (obj(V1, b"one"), Known({V2[1]: b"two"}, {V2[1]: V2[0]}, V2[1]), None, Accept(*V1)),  # an older one
        (obj(), ONE, None, Unchanged(V1[0])),
        (obj(), TWO, None, Unchanged(V1[0])),
        (obj(V2, b"two"), ONE, KR, Accept(*V2)),  # its own stays its own
        (obj(), ONE, KR, Unchanged(V1[0])),
        # neither `modified` nor `created`: the version is the time of acceptance
        (obj(None), NOTHING, None, Accept(*NOW)),
        (obj(None), ONE, None, Unchanged(V1[0])),
        (obj(None, b"new"), ONE, None, Accept(*NOW)),
        (obj(None, b"one"), TWO, None, Accept(*NOW)),  # other than the latest, though held once
    ],
)
def test_what_is_taken(
    item: StixObject, known: Known, received_from: NationCode | None, expected: Verdict
) -> None:
    assert judged(item, known, received_from) == expected
