"""Policy 2.2 and 8: which objects a member may submit beside what others submitted. Refusals first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.model import Kind, Member, OthersVersion, StixId, StixObject, Tlp
from hub.rules.submission.acceptance import Accept, Known, Refuse
from hub.rules.submission.others import Naming
from tests.rules.around import (
    DAY,
    HUB_IDENTITY,
    JP_CERT,
    JP_NATION,
    KR_AGENCY,
    KR_AGENCY_ID,
    KR_CERT,
    KR_FIRM,
    KR_FIRM_ID,
    KR_NATION,
    MITRE,
    NOW,
    REL_TO_KR,
    STRANGER,
    VENDOR,
    item,
    others_version,
    version,
)
from tests.rules.submission.deciding import (
    AMBERS,
    LAST,
    NAME,
    ONE,
    SCO,
    V1,
    V2,
    V3,
    V5,
    V5_NAME,
    held,
    judged,
    why,
)

# --- the hub's own, and the clock -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (item(HUB_IDENTITY), "belongs to the hub"),
        (item(REL_TO_KR), "belongs to the hub"),
        (item(ONE, creator=HUB_IDENTITY), "only the hub submits in its name"),
        (item(ONE, key="2026-03-02T00:00:00.001"), "modified lies more than a day in the future"),
        (item(ONE, created="2026-03-02T00:00:00.001"), "created lies more than a day in the future"),
    ],
)
@pytest.mark.parametrize("by", [KR_AGENCY, KR_CERT])
def test_nobody_forges_what_is_the_hubs_or_comes_from_the_far_future(
    obj: StixObject, words: str, by: Member
) -> None:
    assert words in why(judged(obj, by=by))


def test_not_even_an_equal_copy_of_the_hubs_own_is_taken() -> None:
    obj = item(ONE, creator=HUB_IDENTITY)
    assert "only the hub" in why(judged(obj, others_version(ONE, digest=obj.digest, creator=HUB_IDENTITY)))


@pytest.mark.parametrize("key", [LAST, "2026-03-01T23:59:59"])
def test_a_clock_may_be_a_day_ahead(key: str) -> None:
    assert judged(item(ONE, key=key, created=key)) == Accept(f"{key}Z", key)


def test_the_deleted_is_told_apart_and_never_comes_again() -> None:
    gone = held(V1, deleted_at=NOW)
    verdict = judged(item(ONE, V1.encode()), known=gone)
    assert isinstance(verdict, Refuse)
    assert verdict.is_deleted
    assert verdict.message == (
        "deleted on 2026-03-01T00:00:00.000000Z; submit a new version, with a later modified."
    )


# --- nobody speaks for another --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("obj", "by", "words"),
    [
        (item(ONE, creator=JP_NATION), KR_AGENCY, "names an identity of JP; only it submits in its name"),
        (item(ONE, creator=JP_NATION), KR_CERT, "names an identity of JP"),
        (item(ONE, creator=KR_NATION), KR_AGENCY, "names an identity of KR"),  # its cert's: not its own
        (item(ONE, creator=KR_AGENCY_ID), KR_FIRM, "names an identity of KR"),
        (item(JP_NATION), KR_CERT, "this is an identity of JP; only it submits it"),
        (item(KR_NATION), KR_FIRM, "this is an identity of KR"),
        (item(V5, creator=JP_NATION), KR_AGENCY, "names an identity of JP"),  # a derived id changes nothing
        (item(NAME, creator=JP_NATION), KR_AGENCY, "names an identity of JP"),  # nor does a name
    ],
)
def test_a_registered_identity_is_refused_from_others(obj: StixObject, by: Member, words: str) -> None:
    assert words in why(judged(obj, by=by))


@pytest.mark.parametrize("is_seen", [False, True])
def test_an_equal_copy_of_what_is_seen_now_may_name_another(is_seen: bool) -> None:
    theirs = others_version(ONE, JP_CERT, b"one", creator=JP_NATION, is_seen=is_seen)
    verdict = judged(item(ONE, creator=JP_NATION), theirs)
    assert isinstance(verdict, Accept) is is_seen


def test_a_sentence_names_the_nation_and_never_the_member() -> None:
    for theirs in (others_version(ONE), others_version(ONE, KR_FIRM), replace(AMBERS, member=JP_CERT.id)):
        assert theirs.member not in why(judged(item(ONE), theirs))


@pytest.mark.parametrize(
    ("obj", "by"),
    [
        (item(ONE, creator=KR_AGENCY_ID), KR_AGENCY),
        (item(ONE, creator=KR_AGENCY_ID), KR_CERT),  # its nation's cert may
        (item(KR_AGENCY_ID), KR_AGENCY),
        (item(KR_AGENCY_ID), KR_CERT),
        (item(ONE, creator=STRANGER), KR_FIRM),
        (item(ONE, creator=MITRE), KR_FIRM),
    ],
)
def test_who_may_use_an_identity_speaks_as_it(obj: StixObject, by: Member) -> None:
    assert judged(obj, by=by) == Accept(f"{V1}Z", V1)


def test_a_shared_identity_is_taken_from_each_of_those_it_is_registered_to() -> None:
    theirs = others_version(KR_AGENCY_ID, KR_AGENCY, version_key=V3)
    assert isinstance(judged(item(KR_AGENCY_ID), theirs, by=KR_CERT), Accept)


# --- nobody overwrites another --------------------------------------------------------------------

NAMED = {"creator": KR_FIRM_ID}  # a colleague's own
RELAYED = {"creator": VENDOR}


@pytest.mark.parametrize(
    ("obj", "theirs"),
    [
        # weaker or equal claims (named > bare > relayed)
        (item(ONE), others_version(ONE)),
        (item(ONE), others_version(ONE, creator=JP_NATION, of=JP_CERT)),
        (item(ONE, **RELAYED), others_version(ONE)),
        (item(ONE, **RELAYED), others_version(ONE, creator=STRANGER)),
        (item(ONE, creator=KR_AGENCY_ID), others_version(ONE, JP_CERT, creator=JP_NATION)),
        # bare under a derived id, and what was once shown
        (item(V5), others_version(V5)),
        (item(ONE), others_version(ONE, is_seen=False)),
        (item(ONE), others_version(ONE, KR_FIRM)),
        (item(ONE, creator=KR_AGENCY_ID), others_version(ONE, KR_FIRM, **NAMED)),
        # a name that its submitter names its own is not common
        (item(NAME), others_version(NAME, JP_CERT, creator=JP_NATION)),
        (item(NAME, **RELAYED), others_version(NAME, KR_FIRM, **NAMED)),
        # a public source's id is common only where both say so
        (item(ONE, **RELAYED), others_version(ONE, creator=MITRE)),
    ],
)
def test_a_first_version_under_anothers_id_is_refused(obj: StixObject, theirs: OthersVersion) -> None:
    words = why(judged(obj, theirs))
    assert f"{theirs.origin}'s object; say it with an object of your own (opinion, note, relation" in words


@pytest.mark.parametrize(
    ("obj", "theirs", "by"),
    [
        (item(ONE, creator=KR_AGENCY_ID), others_version(ONE), KR_AGENCY),  # named over bare
        (item(ONE, creator=KR_AGENCY_ID), others_version(ONE, **RELAYED), KR_AGENCY),
        (item(ONE), others_version(ONE, **RELAYED), KR_AGENCY),  # bare over relayed
        (item(ONE, **RELAYED), others_version(ONE, **RELAYED), KR_AGENCY),  # the same creator relayed
        (item(ONE, creator=MITRE), others_version(ONE, creator=MITRE), KR_AGENCY),  # a public source's
        (item(V5, creator=KR_AGENCY_ID), others_version(V5, JP_CERT, creator=JP_NATION), KR_AGENCY),
        (item(ONE), others_version(ONE), KR_CERT),  # a cert, where the other is not named
        (item(ONE, **RELAYED), others_version(ONE), KR_CERT),
        (
            item(ONE, key=V2),
            others_version(ONE, KR_FIRM, **NAMED),
            KR_CERT,
        ),  # a cert over its nation's
        (item(NAME), others_version(NAME), KR_AGENCY),  # a name is common
        (item(V5_NAME), others_version(V5_NAME, JP_CERT, creator=JP_NATION), KR_AGENCY),
        (item(SCO, key=None), others_version(SCO), KR_AGENCY),  # so is an observable
    ],
)
def test_what_is_taken_all_the_same_and_is_no_copy(
    obj: StixObject, theirs: OthersVersion, by: Member
) -> None:
    verdict = judged(obj, theirs, by=by)
    assert isinstance(verdict, Accept)
    assert not verdict.is_copy


@pytest.mark.parametrize("key", [V1, f"{DAY}.05"])
def test_a_cert_overwrites_a_colleague_by_a_later_version_alone(key: str) -> None:
    assert "KR's object" in why(judged(item(ONE, key=key), others_version(ONE, KR_FIRM, **NAMED), by=KR_CERT))


def test_a_cert_does_not_overwrite_what_an_ally_names_its_own() -> None:
    theirs = others_version(ONE, JP_CERT, creator=JP_NATION)
    assert "JP's object" in why(judged(item(ONE, key=V3), theirs, by=KR_CERT))


def test_an_equal_copy_is_taken_as_one_and_takes_equal_copies_alone() -> None:
    theirs = others_version(ONE, digest=b"one")
    assert judged(item(ONE), theirs) == Accept(f"{V1}Z", V1, is_copy=True)
    copy = Known(before=version(ONE, is_copy=True), newest=version(ONE, is_copy=True), last_key=V1)
    assert "JP's object" in why(judged(item(ONE, b"new", key=V2), theirs, known=copy))
    again = others_version(ONE, digest=b"new", version_key=V2)
    assert judged(item(ONE, b"new", key=V2), theirs, again, known=copy) == Accept(f"{V2}Z", V2, is_copy=True)


def test_a_record_that_began_as_a_copy_stays_one_though_it_takes_what_is_relayed() -> None:
    theirs = others_version(ONE, digest=b"one", creator=VENDOR)
    began = version(ONE, is_copy=True, creator=VENDOR)
    copy = Known(before=began, newest=began, last_key=V1)
    later = item(ONE, b"new", key=V2, creator=VENDOR)
    assert judged(later, theirs, known=copy) == Accept(f"{V2}Z", V2, is_copy=True)


@pytest.mark.parametrize(
    ("obj", "theirs", "by", "is_taken"),
    [
        (item(ONE, key=V2), others_version(ONE), KR_AGENCY, True),  # nothing that is not named stops a record
        (item(ONE, key=V2), others_version(ONE, JP_CERT, creator=JP_NATION), KR_AGENCY, False),
        (item(ONE, key=V2), others_version(ONE, JP_CERT, creator=JP_NATION, is_seen=False), KR_AGENCY, False),
        (item(ONE, key=V2), others_version(ONE, JP_CERT, creator=JP_NATION), KR_CERT, False),
        (item(ONE, b"theirs", key=V2), others_version(ONE, JP_CERT, creator=JP_NATION), KR_AGENCY, True),
        (item(ONE, key=V2), others_version(ONE, KR_FIRM, **NAMED), KR_CERT, True),  # against its own members
    ],
)
def test_who_has_a_record_is_stopped_by_what_is_named_alone(
    obj: StixObject, theirs: OthersVersion, by: Member, *, is_taken: bool
) -> None:
    verdict = judged(obj, theirs, by=by, known=held(V1, at=V2))
    assert isinstance(verdict, Accept) is is_taken
    assert not (isinstance(verdict, Accept) and verdict.is_copy)


# --- passing on -----------------------------------------------------------------------------------

BEFORE, AFTER = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("obj", "theirs"),
    [
        (item(ONE), AMBERS),
        (item(ONE, b"theirs"), AMBERS),  # equal or not
        (item(ONE), others_version(ONE, is_bound=True)),  # REL TO, or limits
        (item(ONE), replace(AMBERS, is_seen=False)),  # once shown
        (item(V5), others_version(V5, tlp=Tlp.AMBER)),
        (item(V5, creator=KR_AGENCY_ID), others_version(V5, tlp=Tlp.AMBER)),  # both must name their own
        (item(NAME), others_version(NAME, tlp=Tlp.AMBER)),  # a name that itself carries AMBER
        (item(NAME), others_version(NAME, is_bound=True, carries_rel_to=True)),
    ],
)
@pytest.mark.parametrize("by", [KR_AGENCY, KR_CERT])
def test_what_was_received_is_not_passed_on(obj: StixObject, theirs: OthersVersion, by: Member) -> None:
    assert why(judged(obj, theirs, by=by)) == "received from JP; only JP may share it."


@pytest.mark.parametrize(
    ("naming", "is_taken"),
    [
        (Naming(), False),
        (Naming(own=AFTER), False),
        (Naming(own=NOW), False),  # not before
        (Naming(own=BEFORE, others=BEFORE), False),  # named by others as early
        (Naming(own=BEFORE, others=BEFORE - timedelta(seconds=1)), False),
        (Naming(others=BEFORE), False),
        (Naming(own=BEFORE), True),
        (Naming(own=BEFORE, others=AFTER), True),
    ],
)
def test_an_id_that_the_own_nation_named_first_is_its_own(naming: Naming, *, is_taken: bool) -> None:
    # A cert, which what is bare does not stop: the announcement is what decides.
    assert isinstance(judged(item(ONE), AMBERS, by=KR_CERT, naming=naming), Accept) is is_taken


@pytest.mark.parametrize(
    ("obj", "theirs"),
    [
        (item(V5, creator=KR_AGENCY_ID), others_version(V5, JP_CERT, creator=JP_NATION, tlp=Tlp.AMBER)),
        (item(ONE, creator=MITRE), others_version(ONE, creator=MITRE, tlp=Tlp.AMBER)),
        (item(NAME), others_version(NAME, tlp=Tlp.AMBER, carried=None)),  # unmarked: its text may go
        (item(SCO, key=None), others_version(SCO, tlp=Tlp.AMBER)),
    ],
)
def test_what_many_use_for_one_thing_is_aside(obj: StixObject, theirs: OthersVersion) -> None:
    assert isinstance(judged(obj, theirs), Accept)


def test_of_equal_objects_the_one_submitted_first_counts() -> None:
    ours = others_version(ONE, KR_CERT, b"theirs", submitted_at=BEFORE)
    assert isinstance(judged(item(ONE, b"theirs"), ours, AMBERS, by=KR_CERT), Accept)


def test_a_living_record_is_the_submitters_own_and_a_copy_is_none() -> None:
    known = held(V1, at=V2)
    assert isinstance(judged(item(ONE, key=V2), AMBERS, known=known), Accept)
    copied = replace(known, newest=version(ONE, is_copy=True))
    assert "received from JP" in why(judged(item(ONE, key=V2), AMBERS, known=copied))
    deleted = replace(known, newest=None)
    assert "received from JP" in why(judged(item(ONE, key=V2), AMBERS, known=deleted))


def test_every_kind_of_member_is_held_to_the_same() -> None:
    for by in (KR_CERT, KR_AGENCY, KR_FIRM):
        assert isinstance(judged(item(StixId(ONE)), AMBERS, by=by), Refuse)
    assert {one.kind for one in (KR_CERT, KR_AGENCY, KR_FIRM)} == {Kind.CERT, Kind.AGENCY, Kind.PARTNER}
