"""Nobody speaks for another, nobody overwrites another, and versions follow each other (policy 8)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.oracle.alliance import (
    MITRE,
    THIRD,
    OracleAlliance,
    derived,
    speaker,
)
from tests.stix_objects import (
    indicator,
    malware,
    note,
    sdo,
    stix_id,
)
from tests.world import START

JP, KR, US = (speaker(f"{code}-agency") for code in ("jp", "kr", "us"))
COMPANY = speaker("kr-partner")


# --- nobody speaks for another, nobody overwrites another -----------------------------------------


def test_an_agency_cannot_revoke_an_allys_indicator(world: OracleAlliance) -> None:
    theirs = indicator(tlp="green", created_by=KR)
    assert world.says("kr-agency", theirs) == ["accepted"]
    revoked = indicator(version=2, tlp="green", revoked=True)
    assert world.says("jp-agency", revoked | {"created_by_ref": KR}) == ["speaks for another"]
    assert world.says("jp-agency", revoked | {"created_by_ref": JP}) == ["overwrites another"]
    assert world.says("jp-agency", revoked) == ["overwrites another"]
    assert world.says("jp-agency", revoked | {"created_by_ref": MITRE}) == ["overwrites another"]


def test_an_allys_identity_is_rewritten_by_nobody(world: OracleAlliance) -> None:
    nation = stix_id("identity", 900)
    world.oracle.register("kr-cert", nation)
    said = sdo("identity", 900, tlp="green", name="Republic of Korea")
    assert world.says("kr-cert", said) == ["accepted"]
    assert world.says("jp-cert", said | {"name": "Somebody else"}) == ["speaks for another"]
    assert world.says("jp-cert", said) == ["accepted"]  # an equal copy of what it may see
    assert world.says("au-cert", said | {"modified": "2026-02-01T00:00:00.000Z"}) == ["speaks for another"]
    assert world.says("kr-agency", said | {"name": "Us"}) == ["speaks for another"]


def test_the_hubs_notes_are_forged_by_nobody(world: OracleAlliance) -> None:
    hub = world.oracle.hub_identity
    assert world.says("kr-partner", note(tlp="green", created_by=hub)) == ["the hub's"]


@pytest.mark.parametrize(
    ("member", "creator", "expected"),
    [
        ("kr-partner", speaker("kr-cert"), "speaks for another"),
        ("kr-agency", speaker("kr-cert"), "speaks for another"),
        ("kr-cert", COMPANY, "accepted"),  # the cert speaks for its members
        ("jp-cert", COMPANY, "speaks for another"),
        ("jp-cert", THIRD, "accepted"),
        ("kr-partner", MITRE, "accepted"),
    ],
)
def test_who_writes_in_whose_name(world: OracleAlliance, member: str, creator: str, expected: str) -> None:
    assert world.says(member, indicator(tlp="green", created_by=creator)) == [expected]


@pytest.mark.parametrize("kind", ["partner", "agency2", "cert"])
def test_a_nations_identity_is_submitted_by_all_that_share_it(world: OracleAlliance, kind: str) -> None:
    ministry = stix_id("identity", 901)
    world.oracle.register("kr-agency", ministry)
    world.oracle.register("kr-agency2", ministry)
    first = sdo("identity", 901, tlp="green", name="Ministry")
    second = first | {"name": "The Ministry", "modified": "2026-01-05T00:00:00.000Z"}
    assert world.says("kr-agency", first) == ["accepted"]
    expected = "speaks for another" if kind == "partner" else "accepted"
    assert world.says(f"kr-{kind}", second) == [expected]


# other's claim, own claim (by whom), expected
@pytest.mark.parametrize(
    ("theirs", "member", "mine", "expected"),
    [
        (JP, "kr-agency", KR, "overwrites another"),
        (JP, "kr-agency", None, "overwrites another"),
        (JP, "kr-cert", None, "overwrites another"),
        (None, "kr-agency", KR, "accepted"),  # named is stronger than bare
        (None, "kr-agency", None, "overwrites another"),
        (None, "kr-cert", None, "accepted"),  # a cert, where the other is not named
        (None, "kr-agency", THIRD, "overwrites another"),
        (THIRD, "kr-agency", None, "accepted"),
        (THIRD, "kr-agency", THIRD, "accepted"),  # relayed from the same creator
        (THIRD, "kr-agency", stix_id("identity", 702), "overwrites another"),
        (MITRE, "kr-agency", MITRE, "accepted"),
        (JP, "kr-agency", MITRE, "overwrites another"),
    ],
)
def test_what_a_record_claims_is_not_overwritten(
    world: OracleAlliance, theirs: str | None, member: str, mine: str | None, expected: str
) -> None:
    assert world.says("jp-agency", indicator(tlp="green", created_by=theirs)) == ["accepted"]
    assert world.says(member, indicator(version=2, tlp="green", created_by=mine)) == [expected]


@pytest.mark.parametrize("mine", [None, KR])
def test_what_both_name_their_own_may_have_one_derived_id(world: OracleAlliance, mine: str | None) -> None:
    theirs = indicator(tlp="green", created_by=JP) | {"id": derived("indicator")}
    other = indicator(version=2, tlp="green", created_by=mine) | {"id": derived("indicator")}
    assert world.says("jp-agency", theirs) == ["accepted"]
    assert world.says("kr-agency", other) == ["accepted" if mine else "overwrites another"]


def test_a_company_revokes_no_agencys_own_malware(world: OracleAlliance) -> None:
    """Not even with a record of its own from before: its versions are not named, and the agency's is."""
    bare = malware(tlp="green")
    assert world.says("kr-partner", bare) == ["accepted"]
    assert world.says("kr-agency", malware(version=2, tlp="green", created_by=KR)) == ["accepted"]
    revoking = malware(version=3, tlp="green", revoked=True)
    assert world.says("kr-partner", revoking) == ["overwrites another"]
    as_another = malware(version=3, revoked=True, created_by=MITRE)  # unmarked: its creator may be another
    assert world.says("kr-partner", as_another) == ["overwrites another"]
    assert world.says("kr-cert", revoking | {"created_by_ref": KR}) == ["accepted"]


def test_a_cert_puts_right_what_its_members_say_with_a_later_version_alone(world: OracleAlliance) -> None:
    assert world.says("kr-agency", indicator(version=2, tlp="green", created_by=KR)) == ["accepted"]
    assert world.says("kr-cert", indicator(version=1, tlp="green")) == ["overwrites another"]
    assert world.says("kr-cert", indicator(version=3, tlp="green")) == ["accepted"]


def test_an_equal_copy_takes_equal_copies_alone(world: OracleAlliance) -> None:
    first, second = indicator(tlp="green", created_by=None), indicator(version=2, tlp="green")
    assert world.says("jp-agency", first) == ["accepted"]
    assert world.says("kr-agency", first) == ["accepted"]
    assert world.says("kr-agency", second) == ["overwrites another"]
    assert world.says("jp-agency", second) == ["accepted"]
    assert world.says("kr-agency", second) == ["accepted"]
    third = indicator(version=3, tlp="green", name="Other")
    assert world.says("kr-agency", third) == ["overwrites another"]


@pytest.mark.parametrize("level", ["clear", "green"])
def test_one_id_and_version_is_never_two_contents(world: OracleAlliance, level: str) -> None:
    one = indicator(tlp=level)
    other = one | {"name": "Something else"}
    assert world.says("jp-agency", one) == ["accepted"]
    for member in ("jp-agency2", "jp-partner", "kr-agency", "kr-partner", "au-partner"):
        assert world.says(member, other) == ["overwrites another"], member
    assert world.says("jp-agency", other) == ["different under the same version"]


def test_a_bare_copy_at_the_default_takes_no_green_id_away(world: OracleAlliance) -> None:
    """Korea's unmarked copy of Australia's object is AMBER to Japan, and Australia's own came first."""
    theirs = indicator(created_by=THIRD)
    world.oracle.defaults = {**world.oracle.defaults, "AU": "green"}
    assert world.says("au-agency", theirs) == ["accepted"]
    assert world.says("kr-agency", theirs) == ["accepted"]
    assert world.version("kr-agency", theirs).level == "amber"
    assert world.says("jp-agency", theirs) == ["accepted"]
    assert world.says("au-agency", indicator(version=2, created_by=THIRD)) == ["accepted"]


def test_two_that_cross_in_time_stand_side_by_side(world: OracleAlliance) -> None:
    assert world.says("jp-agency", indicator(tlp="red")) == ["accepted"]
    assert world.says("kr-agency", indicator(tlp="green")) == ["accepted"]
    # It knows that another has the id, and adds to its own all the same.
    assert world.says("jp-agency", indicator(version=2, tlp="red")) == ["accepted"]


# --- versions -------------------------------------------------------------------------------------


def test_created_and_its_creator_stay(world: OracleAlliance) -> None:
    world.says("jp-agency", indicator(version=2, tlp="green"))
    moved = indicator(version=3, tlp="green") | {"created": "2026-01-01T00:00:01.000Z"}
    assert world.says("jp-agency", moved) == ["created or created_by_ref changed"]
    assert world.says("jp-agency", indicator(version=3, tlp="green", created_by=THIRD)) == [
        "created or created_by_ref changed"
    ]
    assert world.says("jp-agency", indicator(version=3, tlp="green", created_by=JP)) == ["accepted"]
    assert world.says("jp-agency", indicator(version=4, tlp="green")) == ["created or created_by_ref changed"]
    assert world.says("jp-agency", indicator(version=1, tlp="green")) == ["accepted"]


@pytest.mark.parametrize(
    ("held", "now", "said"),
    [
        ("green", "green", "created or created_by_ref changed"),
        (None, "green", "accepted"),
        ("red", None, "accepted"),
    ],
)
def test_a_name_that_is_marked_twice_keeps_its_creation(
    world: OracleAlliance, held: str | None, now: str | None, said: str
) -> None:
    world.says("jp-agency", malware(version=2, tlp=held))
    assert world.says("jp-agency", malware(version=3, tlp=now, created_by=THIRD)) == [said]


def test_a_revoking_version_is_the_last(world: OracleAlliance) -> None:
    last = indicator(version=3, tlp="green", revoked=True)
    assert world.says("jp-agency", indicator(version=2, tlp="green"), last) == ["accepted"] * 2
    assert world.says("jp-agency", last) == ["equal"]
    assert world.says("jp-agency", indicator(version=4, tlp="green")) == ["revoked"]
    assert world.says("jp-agency", indicator(version=1, tlp="green")) == ["accepted"]
    earlier = indicator(version=2, tlp="green", revoked=True) | {"modified": "2026-01-01T00:02:30.000Z"}
    assert world.says("jp-agency", earlier) == ["revokes what is older than a version"]
    world.deletes("jp-agency", last["id"])
    assert world.says("jp-agency", indicator(version=4, tlp="green")) == ["revoked"]
    assert world.says("jp-agency", last) == ["deleted"]


@pytest.mark.parametrize("name", ["created", "modified"])
@pytest.mark.parametrize(("hours", "expected"), [(23, "accepted"), (25, "far ahead")])
def test_dates_lie_at_most_a_day_ahead(world: OracleAlliance, name: str, hours: int, expected: str) -> None:
    ahead = (START + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert world.says("jp-agency", indicator() | {"modified": ahead} | {name: ahead}) == [expected]
