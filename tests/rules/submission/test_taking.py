"""Policy 2.7 and 8: what a version takes over from others' objects that it refers to. Strictness first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.model import Clearance, EffectiveMarking, Member, NationCode, OthersVersion, StixId, Taken, Tlp
from hub.rules.submission.others import by_id
from hub.rules.submission.taking import names_colleagues, taken_over
from tests.rules.around import (
    AU,
    JP,
    JP_CERT,
    JP_NATION,
    KR,
    KR_AGENCY,
    KR_CERT,
    KR_FIRM,
    KR_FIRM_ID,
    MITRE,
    REGISTERED,
    others_version,
    sid,
    version,
)

PARTNER, AGENCY, CERT = Clearance
CLEAR, GREEN, AMBER, STRICT, RED = Tlp
ONE, TWO, NAME, SCO = sid("indicator"), sid("indicator", 2), sid("malware"), sid("ipv4-addr")
NOTHING = Taken()
NOBODY: frozenset[NationCode] = frozenset()


def taken(*others: OthersVersion, by: Member = KR_AGENCY, own: tuple[StixId, ...] = (), **more: Any) -> Taken:
    """What a note of `by` takes over that refers to all that these others submitted."""
    refers = frozenset(one.id for one in others)
    mine = version(sid(more.pop("type", "note"), 9), refers=refers, **more)
    return taken_over(mine, by, by_id(others), own, REGISTERED)


def colleague(tlp: Tlp = AMBER, id: StixId = ONE, **more: Any) -> OthersVersion:
    rel_to, is_closed = more.pop("rel_to", None), more.pop("is_closed", False)
    return others_version(id, KR_FIRM, tlp=tlp, effective=EffectiveMarking(tlp, rel_to, is_closed), **more)


def ally(tlp: Tlp = AMBER, id: StixId = ONE, **more: Any) -> OthersVersion:
    return others_version(id, tlp=tlp, **more)


# --- of the own nation ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([colleague(AMBER)], EffectiveMarking(AMBER)),
        ([colleague(CLEAR)], EffectiveMarking(CLEAR)),
        ([colleague(GREEN, rel_to=frozenset({JP}))], EffectiveMarking(GREEN, frozenset({JP}))),
        ([colleague(GREEN, is_closed=True)], EffectiveMarking(GREEN, None, is_closed=True)),
        ([colleague(RED)], EffectiveMarking(RED, NOBODY)),  # addressed to nobody, and handed down
        ([colleague(RED, rel_to=frozenset({JP}))], EffectiveMarking(RED, frozenset({JP}))),
        # of several all
        (
            [colleague(GREEN, is_closed=True), colleague(AMBER, TWO)],
            EffectiveMarking(AMBER, None, is_closed=True),
        ),
        (
            [colleague(AMBER, rel_to=frozenset({JP, AU})), colleague(GREEN, TWO, rel_to=frozenset({AU}))],
            EffectiveMarking(AMBER, frozenset({AU})),
        ),
    ],
)
def test_a_version_takes_over_level_rel_to_and_closure_of_colleagues(
    others: list[OthersVersion], expected: EffectiveMarking
) -> None:
    assert taken(*others) == Taken(expected)
    assert taken(*others, by=KR_CERT) == NOTHING  # the cert decides for its nation


def test_it_takes_over_their_limits() -> None:
    limits = frozenset({(JP, AGENCY)})
    assert taken(colleague(GREEN, limits=limits)) == Taken(EffectiveMarking(GREEN), limits)
    wider = colleague(GREEN, TWO, limits=frozenset({(JP, CERT), (AU, AGENCY)}))
    assert taken(colleague(GREEN, limits=limits), wider).limits == frozenset({(JP, CERT)})


def test_what_is_not_seen_any_more_counts_at_the_level_at_which_it_was_shown_last() -> None:
    tightened = replace(colleague(AMBER), is_seen=False, effective=EffectiveMarking(RED))
    assert taken(tightened) == Taken(EffectiveMarking(AMBER))


def test_of_several_records_those_of_the_strongest_claim_count() -> None:
    named = colleague(GREEN, creator=KR_FIRM_ID)
    squatting = replace(others_version(ONE, KR_CERT, b"other", tlp=RED), effective=EffectiveMarking(RED))
    assert taken(named, squatting) == Taken(EffectiveMarking(GREEN))
    equals = replace(squatting, creator=None)
    assert taken(colleague(GREEN), equals) == Taken(EffectiveMarking(RED, NOBODY))


def test_of_equal_objects_the_one_submitted_first_counts() -> None:
    first = colleague(GREEN, digest=b"same")
    copy = others_version(ONE, KR_CERT, b"same", tlp=RED, effective=EffectiveMarking(RED), position=2)
    later = replace(copy, submitted_at=first.submitted_at.replace(hour=1))
    assert taken(first, later) == Taken(EffectiveMarking(GREEN))


# --- of another nation ----------------------------------------------------------------------------


@pytest.mark.parametrize("by", [KR_AGENCY, KR_CERT, KR_FIRM])
def test_what_refers_to_an_allys_object_goes_where_that_may_go(by: Member) -> None:
    reach = frozenset({(JP, AGENCY), (KR, AGENCY)})
    assert taken(ally(AMBER, reach=reach), by=by) == Taken(None, reach)


@pytest.mark.parametrize("bound", [ally(AMBER), ally(GREEN, is_bound=True), ally(CLEAR, is_bound=True)])
def test_above_green_rel_to_and_limits_bind(bound: OthersVersion) -> None:
    assert taken(bound).limits is not None


@pytest.mark.parametrize("free", [ally(GREEN), ally(CLEAR)])
def test_what_is_green_and_goes_everywhere_binds_nothing(free: OthersVersion) -> None:
    assert taken(free) == NOTHING


@pytest.mark.parametrize(
    ("level", "by", "there", "home"),
    [
        (AMBER, KR_AGENCY, AGENCY, AGENCY),
        (AMBER, KR_CERT, AGENCY, CERT),  # the submitter's own, which is narrower
        (STRICT, KR_CERT, CERT, CERT),
        (RED, KR_CERT, CERT, CERT),
        (GREEN, KR_FIRM, PARTNER, PARTNER),
        (GREEN, KR_AGENCY, PARTNER, AGENCY),
    ],
)
def test_of_what_is_not_seen_any_more_it_goes_back_alone(
    level: Tlp, by: Member, there: Clearance, home: Clearance
) -> None:
    gone = ally(level, is_bound=True, is_seen=False, reach=frozenset({(AU, AGENCY)}))
    assert taken(gone, by=by) == Taken(None, frozenset({(JP, there), (KR, home)}))


def test_of_several_it_goes_where_all_allow_which_may_be_nowhere() -> None:
    one = ally(AMBER, reach=frozenset({(JP, AGENCY), (AU, AGENCY)}))
    two = ally(AMBER, TWO, reach=frozenset({(JP, CERT), (KR, AGENCY)}))
    assert taken(one, two).limits == frozenset({(JP, CERT)})
    assert taken(one, replace(two, reach=frozenset({(KR, AGENCY)}))).limits == frozenset()


# --- what is aside --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        ally(RED, SCO, carried=RED),
        ally(RED, NAME, carried=None),
        ally(AMBER, NAME, carried=GREEN),
        ally(AMBER, creator=MITRE),
        colleague(RED, SCO),
        colleague(RED, NAME, carried=None),
        colleague(RED, sid("extension-definition"), carried=None),
    ],
)
def test_common_ids_bind_nothing(other: OthersVersion) -> None:
    assert taken(other) == NOTHING


@pytest.mark.parametrize(
    "other",
    [
        ally(AMBER, NAME, carried=AMBER),  # a name that itself carries a level above GREEN
        ally(GREEN, NAME, carried=None, carries_rel_to=True, is_bound=True),
        others_version(NAME, JP_CERT, tlp=AMBER, carried=None, creator=JP_NATION),  # named by its submitter
        colleague(AMBER, NAME, carried=AMBER),
        others_version(JP_NATION, JP_CERT, tlp=AMBER, carried=None),  # a registered identity
    ],
)
def test_marked_and_named_names_bind(other: OthersVersion) -> None:
    assert taken(other) != NOTHING


@pytest.mark.parametrize(
    ("other", "is_bound"),
    [
        (ally(AMBER, SCO), True),
        (ally(AMBER, NAME, carried=None), True),
        (ally(AMBER, creator=MITRE), False),  # a public source's object stays aside
        (ally(AMBER, NAME, creator=MITRE, carried=None), False),
        (ally(AMBER, NAME, creator=MITRE, carried=AMBER), True),  # unless it is such a name
    ],
)
def test_a_translation_binds_to_whatever_it_translates(other: OthersVersion, *, is_bound: bool) -> None:
    assert (taken(other, type="language-content") != NOTHING) is is_bound


def test_an_id_of_which_the_submitter_has_its_own_record_is_aside() -> None:
    assert taken(ally(AMBER), own=(ONE,)) == NOTHING
    assert taken(colleague(RED), own=(ONE,)) == NOTHING


# --- what a cert tells of its colleagues ----------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (colleague(GREEN), True),
        (ally(AMBER), False),
        (colleague(GREEN, SCO), False),
        (colleague(GREEN, NAME), False),
        (others_version(NAME, KR_FIRM, creator=KR_FIRM_ID), True),
    ],
)
def test_a_cert_names_colleagues_by_their_own_ids_alone(other: OthersVersion, *, expected: bool) -> None:
    mine = version(sid("note"), refers=frozenset({other.id}))
    assert names_colleagues(mine, KR_CERT, by_id([other]), (), REGISTERED) is expected
    assert not names_colleagues(mine, KR_CERT, by_id([other]), (other.id,), REGISTERED)
