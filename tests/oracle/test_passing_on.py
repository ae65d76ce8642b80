"""What a member was shown above GREEN is not passed on, under any id (policy 8)."""

from __future__ import annotations

import pytest

from tests.oracle.alliance import (
    MITRE,
    THIRD,
    OracleAlliance,
    rel_to,
    speaker,
)
from tests.stix_objects import (
    indicator,
    malware,
    note,
    observable,
    relationship,
    report,
    sdo,
    stix_id,
)

JP, KR, US = (speaker(f"{code}-agency") for code in ("jp", "kr", "us"))
COMPANY = speaker("kr-partner")


@pytest.mark.parametrize("tlp", ["clear", "green", "amber", "amber+strict"])
@pytest.mark.parametrize("is_equal", [True, False])
def test_what_was_received_above_green_is_not_passed_on(
    world: OracleAlliance, tlp: str, is_equal: bool
) -> None:
    theirs = indicator(tlp=tlp, created_by=THIRD)
    assert world.says("jp-agency", theirs) == ["accepted"]
    mine = theirs if is_equal else indicator(version=2, tlp="green", created_by=THIRD)
    expected = "accepted" if tlp in ("clear", "green") else "passing on"
    assert world.says("kr-cert", mine) == [expected]


def test_what_goes_to_some_nations_alone_is_not_passed_on(world: OracleAlliance) -> None:
    theirs = indicator(tlp="green", created_by=THIRD, marks=[rel_to("KR")])
    assert world.says("jp-agency", theirs) == ["accepted"]
    assert world.says("kr-partner", theirs) == ["passing on"]


@pytest.mark.parametrize("what", ["suspended", "tightened", "deleted", "loosened"])
def test_what_was_once_shown_is_not_passed_on_whatever_came_since(what: str) -> None:
    world = OracleAlliance()
    agreement = world.shares("JP", "KR")
    theirs = indicator(tlp="amber", created_by=THIRD)
    world.says("jp-agency", theirs)
    if what == "suspended":
        world.suspends(agreement, "JP")
    elif what == "deleted":
        world.deletes("jp-agency", theirs["id"])
    else:
        tlp = "red" if what == "tightened" else "green"
        world.says("jp-agency", indicator(version=2, tlp=tlp, created_by=THIRD))
    assert world.says("kr-agency", theirs) == ["passing on"]
    assert world.says("kr-agency", indicator(version=3, tlp="red", created_by=THIRD)) == ["passing on"]
    # It was never shown, and so it is not told.
    assert world.says("kr-partner", indicator(version=3, tlp="red", created_by=THIRD)) == ["accepted"]


def test_a_suspension_for_a_second_opens_nothing() -> None:
    world = OracleAlliance()
    agreement = world.shares("JP", "KR")
    theirs = indicator(tlp="amber", created_by=THIRD)
    world.says("jp-agency", theirs)
    world.suspends(agreement, "JP", seconds=1)
    assert world.says("kr-cert", theirs) == ["passing on"]


def test_upper_case_is_no_other_id(world: OracleAlliance) -> None:
    theirs = indicator(tlp="amber", created_by=THIRD)
    world.says("jp-agency", theirs)
    assert world.says("kr-cert", theirs | {"id": theirs["id"].upper()}) == ["id not in lower case"]
    hidden = note(tlp="green", refs=[stix_id("campaign")]) | {"x_about": {theirs["id"].upper(): 1}}
    assert world.says("kr-cert", hidden) == ["id not in lower case"]


def test_an_unmarked_public_file_is_submitted_by_every_nation(world: OracleAlliance) -> None:
    """ATT&CK: names with their creator, and what stands between them."""
    names = [sdo("intrusion-set", 1, name="Group", created_by=MITRE), malware(1, created_by=MITRE)]
    link = relationship(1, refs=[one["id"] for one in names], created_by=MITRE)
    for member in ("jp-cert", "kr-cert", "kr-partner", "au-agency"):
        assert world.says(member, *names, link) == ["accepted"] * 3
    # The name of a public source lets nobody pass on another's.
    world.says("jp-agency", indicator(tlp="amber"))
    assert world.says("kr-cert", indicator(tlp="amber", created_by=MITRE)) == ["passing on"]


def test_a_copy_from_when_it_was_green_is_no_licence_for_what_follows(world: OracleAlliance) -> None:
    first = indicator(tlp="green", created_by=THIRD)
    second = indicator(version=2, tlp="amber", created_by=THIRD)
    world.says("jp-agency", first)
    assert world.says("kr-cert", first) == ["accepted"]
    world.says("jp-agency", second)
    assert world.says("kr-cert", second) == ["passing on"]
    assert world.says("kr-cert", indicator(version=2, tlp="green", created_by=THIRD)) == ["passing on"]


@pytest.mark.parametrize("tlp", [None, "green", "amber"])
def test_a_name_is_passed_on_unless_it_is_marked(world: OracleAlliance, tlp: str | None) -> None:
    assert world.says("jp-agency", malware(tlp=tlp)) == ["accepted"]
    expected = "passing on" if tlp == "amber" else "accepted"
    assert world.says("kr-agency", malware(version=2, tlp="green")) == [expected]


def test_an_address_is_everybodys(world: OracleAlliance) -> None:
    world.says("jp-agency", observable(tlp="amber"))
    assert world.says("kr-agency", observable(tlp="green")) == ["accepted"]


def test_junk_under_an_announced_id_is_no_blockade(world: OracleAlliance) -> None:
    """Japan named its indicator in a report, Korea puts AMBER junk under it: Japan's own comes through."""
    announced = report(1, tlp="green", created_by=JP, refs=[indicator()["id"]])
    world.says("jp-agency", announced)
    assert world.says("kr-agency", indicator(tlp="amber", name="Junk")) == ["accepted"]
    # Bare, it would overwrite what is bare.
    assert world.says("jp-agency", indicator(version=2, tlp="green")) == ["overwrites another"]
    assert world.says("jp-agency", indicator(version=2, tlp="green", created_by=JP)) == ["accepted"]


def test_junk_under_an_announced_id_is_no_licence(world: OracleAlliance) -> None:
    world.says("jp-agency", report(1, tlp="green", created_by=JP, refs=[indicator()["id"]]))
    # Neither one's own, if the ally's is named ...
    assert world.says("kr-agency", indicator(tlp="red", name="Junk")) == ["accepted"]
    theirs = indicator(version=2, tlp="amber", created_by=JP)
    assert world.says("jp-agency", theirs) == ["accepted"]
    assert world.says("kr-agency", indicator(version=3, tlp="green")) == ["overwrites another"]
    # ... nor that the announcement was repeated, which came after it.
    world.says("kr-agency2", report(2, tlp="green", refs=[indicator()["id"]]))
    assert world.says("kr-agency2", theirs | {"created_by_ref": speaker("kr-agency2")}) == [
        "overwrites another"
    ]


def test_what_the_own_nation_named_first_is_not_anothers_to_give(world: OracleAlliance) -> None:
    about = report(2, tlp="green", refs=[indicator()["id"]])
    world.says("kr-agency2", about)
    world.says("jp-agency", indicator(tlp="amber", created_by=THIRD))
    mine = indicator(version=2, tlp="green", created_by=THIRD)
    assert world.says("kr-agency", mine) == ["accepted"]


def test_who_is_suspended_is_shown_nothing(world: OracleAlliance) -> None:
    world.oracle.suspended.add("kr-agency")
    world.says("jp-agency", indicator(tlp="amber", created_by=THIRD))
    world.says("jp-agency", indicator(version=2, tlp="red", created_by=THIRD))
    world.oracle.suspended.clear()
    assert world.says("kr-agency", indicator(tlp="green", created_by=THIRD)) == ["accepted"]
    assert world.says("kr-cert", indicator(tlp="green", created_by=THIRD)) == ["passing on"]


def test_claims_are_by_what_is_registered_when_it_is_asked(world: OracleAlliance) -> None:
    misp = stix_id("identity", 710)
    world.says("kr-agency", indicator(tlp="green", created_by=misp))
    # A third party's until it is registered: a bare claim is stronger, and then no more.
    assert world.says("au-agency", indicator(1, tlp="green", created_by=misp)) == ["accepted"]
    world.oracle.register("kr-agency", misp)
    assert world.says("jp-cert", indicator(version=2, tlp="green")) == ["overwrites another"]
    assert world.says("au-agency", indicator(2, tlp="green", created_by=misp)) == ["speaks for another"]
    assert world.says("au-agency", indicator(1, tlp="green", created_by=misp)) == ["equal"]
    assert world.deletes("au-cert", indicator(1)["id"])
