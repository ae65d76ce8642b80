"""Policy 2.2 and 2.3: as which version of its record an object is accepted. Refusals first."""

from __future__ import annotations

import pytest

from hub.model import StixObject
from hub.rules.submission.acceptance import Accept, ItemDecision, Known, Unchanged
from tests.rules.around import DAY, JP_NATION, KR_AGENCY_ID, NOW, STRANGER, item, version
from tests.rules.submission.deciding import (
    ACCEPTED_AS,
    AMBERS,
    MARKED,
    NAME,
    ONE,
    SCO,
    V1,
    V2,
    V3,
    held,
    judged,
    why,
)

# --- versions of one record -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("obj", "known", "words"),
    [
        (item(ONE, b"other"), held(V1), "different content"),
        (item(ONE, b"other"), held(V1, V2), "different content"),  # an older version too
        (item(ONE, key=V2), held(V1, at=V2, revoked=True), "revoked it, and that is final"),
        (item(ONE, key=V2), held(V1, at=V2, revoked=True, deleted_at=NOW), "that is final"),
        (item(ONE, key=V1, revoked=True), held(V2, at=V1), "earlier than a version that the hub holds"),
        (item(ONE, key=V2, created=f"{DAY}.0001"), held(V1, at=V2), f"created must stay {DAY}Z"),
        (item(ONE, key=V1, created=f"{DAY}.0001"), held(V2, at=V1), "created must stay"),
        (item(ONE, key=V2, creator=STRANGER), held(V1, at=V2), "created_by_ref is absent in another"),
        (item(ONE, key=V2), held(V1, at=V2, creator=STRANGER), f"created_by_ref is {STRANGER}"),
        (item(ONE, key=V2), held(V1, at=V2, creator=KR_AGENCY_ID), "created_by_ref is"),
        (item(ONE, key=V1, creator=KR_AGENCY_ID), held(V2, at=V1), "created_by_ref is"),
        # Of names too, where both versions are marked.
        (
            item(NAME, key=V2, created=V1, markings=MARKED),
            held(V1, at=V2, markings=MARKED),
            "created must stay",
        ),
        (
            item(NAME, key=V2, creator=STRANGER, markings=MARKED),
            held(V1, at=V2, markings=MARKED),
            "created_by_ref is absent in another",
        ),
    ],
)
def test_what_stix_forbids_of_versions_is_refused(obj: StixObject, known: Known, words: str) -> None:
    assert words in why(judged(obj, known=known))


@pytest.mark.parametrize(
    ("obj", "known"),
    [
        (item(ONE, key=V2), held(V1, at=V2)),
        (item(ONE, key=V1), held(V2, at=V1)),  # an older one
        (item(ONE, key=V3, revoked=True), held(V1, at=V3)),
        (item(ONE, key=V1), held(V2, at=V1, revoked=True)),  # what a revoking version came before
        (item(ONE, key=V2, creator=KR_AGENCY_ID), held(V1, at=V2)),  # its creator is named now
        (item(ONE, key=V1), held(V2, at=V1, creator=KR_AGENCY_ID)),
        (item(NAME, key=V2, created=V1, creator=STRANGER), held(V1, at=V2)),  # unmarked names aside
        (item(NAME, key=V2, created=V1, markings=MARKED), held(V1, at=V2)),
        (item(NAME, key=V2, created=V1), held(V1, at=V2, markings=MARKED)),
    ],
)
def test_what_is_a_new_version(obj: StixObject, known: Known) -> None:
    assert judged(obj, known=known) == Accept(f"{obj.version_key}Z", obj.version_key or "")


@pytest.mark.parametrize("known", [held(V1), held(V1, V2), held(V1, revoked=True)])
def test_the_same_again_succeeds_and_changes_nothing(known: Known) -> None:
    assert judged(item(ONE, V1.encode()), AMBERS, known=known) == Unchanged(f"{V1}Z")


# --- names said again, and what brings no version -------------------------------------------------


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (item(NAME, b"x", key=V2, created=V2, same=b"same"), Unchanged(f"{V1}Z", is_repeated=True)),
        (item(NAME, b"x", key=V2, same=b"same", creator=STRANGER), Unchanged(f"{V1}Z", is_repeated=True)),
        (item(NAME, b"x", key=V2, same=b"other"), Accept(f"{V2}Z", V2)),
        (item(NAME, b"x", key=V2, same=b"same", markings=MARKED), Accept(f"{V2}Z", V2)),
    ],
)
def test_a_name_said_again_stores_no_version(obj: StixObject, expected: ItemDecision) -> None:
    newest = version(NAME, same=b"same")
    known = Known(before=newest, newest=newest, last_key=V1)
    assert judged(obj, known=known) == expected


def test_a_deleted_name_said_again_is_compared_with_none() -> None:
    gone = version(NAME, same=b"same", deleted_at=NOW)
    again = item(NAME, b"x", key=V2, same=b"same")
    assert judged(again, known=Known(before=gone, last_key=V1)) == Accept(f"{V2}Z", V2)


def test_a_name_said_again_in_anothers_name_is_refused() -> None:
    known = Known(newest=version(NAME, same=b"same"), last_key=V1)
    again = item(NAME, b"x", key=V2, same=b"same", creator=JP_NATION)
    assert "identity of JP" in why(judged(again, known=known))


@pytest.mark.parametrize(
    ("digest", "known", "expected"),
    [
        (b"one", Known(), Accept(*ACCEPTED_AS)),
        (b"new", Known(newest=version(SCO), last_key=V1), Accept(*ACCEPTED_AS)),
        (b"one", Known(last_key=V1), Accept(*ACCEPTED_AS)),  # the deleted comes again
        (b"one", Known(newest=version(SCO), last_key=V1), Unchanged(f"{V1}Z", is_repeated=True)),
    ],
)
def test_what_brings_no_version_has_the_time_of_acceptance(
    digest: bytes, known: Known, expected: ItemDecision
) -> None:
    assert judged(item(SCO, digest, key=None), known=known) == expected


def test_after_the_last_instant_there_is_no_version() -> None:
    verdict = judged(item(SCO, b"new", key=None), accepted_as=None)
    assert "no time is left" in why(verdict)
