"""What a version takes over from an object of another member, and where it goes then (policy 2.7, 8)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.alliance import (
    MITRE,
    THIRD,
    OracleAlliance,
    of,
    oracle,
    rel_to,
    speaker,
    translation,
)
from tests.stix_objects import (
    Json,
    identity,
    indicator,
    malware,
    note,
    observable,
    relationship,
    report,
    sdo,
    stix_id,
    value_id,
)

JP, KR, US = (speaker(f"{code}-agency") for code in ("jp", "kr", "us"))
COMPANY = speaker("kr-partner")


def test_a_companys_copies_of_public_objects_take_nothing_from_its_cert(world: OracleAlliance) -> None:
    """Forty unmarked names and links of a public source: AMBER, and seen by no partner abroad."""
    names = [malware(n, created_by=MITRE) for n in range(40)]
    links = [sdo("attack-pattern", n, name="Way", created_by=MITRE) for n in range(40)]
    assert set(world.says("kr-partner", *names, *links)) == {"accepted"}
    link = relationship(tlp="green", refs=[names[0]["id"], links[7]["id"]])
    world.says("kr-cert", link)
    assert world.readers(link) >= of("JP") | of("AU") | of("KR")


@pytest.mark.parametrize("member", ["kr-cert", "kr-agency", "kr-partner", "au-agency"])
def test_red_under_a_public_id_holds_nobody_elses_back(world: OracleAlliance, member: str) -> None:
    name = malware(tlp="red")
    before = relationship(1, tlp="green", refs=[name["id"], stix_id("campaign", 5)])
    after = relationship(2, tlp="green", refs=[name["id"], stix_id("campaign", 5)])
    world.says(member, before)
    world.says("kr-agency2", name, observable(tlp="red"))
    world.says(member, after)
    for link in (before, after):
        assert world.nations(link) >= {"JP", "KR", "AU"}


def test_what_refers_to_a_colleagues_object_takes_its_level_once(world: OracleAlliance) -> None:
    theirs = indicator(tlp="amber")
    world.says("kr-agency2", theirs)
    early, late = sighting(1, theirs), sighting(2, theirs)
    world.says("kr-agency", early)
    assert world.version("kr-agency", early).level == "amber"
    # What a colleague does later moves nothing; what the member cannot see is not looked up ...
    world.says("kr-agency2", indicator(version=2, tlp="red"))
    assert world.version("kr-agency", early).level == "amber"
    # ... but what it saw once counts as it was shown last.
    world.says("kr-agency", late)
    assert world.version("kr-agency", late).level == "amber"
    assert world.says("kr-partner", sighting(3, theirs)) == ["accepted"]
    assert world.version("kr-partner", sighting(3, theirs)).level == "green"
    # The cert decides for its nation.
    world.says("kr-cert", sighting(4, theirs))
    assert world.version("kr-cert", sighting(4, theirs)).level == "green"


def sighting(n: int, seen: Json, **options: Any) -> Json:
    return sdo("sighting", n, refs=[seen["id"]], **({"tlp": "green"} | options))


def test_a_translation_of_an_allys_object_goes_no_further_than_that(world: OracleAlliance) -> None:
    theirs = indicator(tlp="amber", created_by=JP)
    world.says("jp-agency", theirs)
    korean = translation(theirs, tlp="green", created_by=KR)
    assert world.says("kr-agency", korean) == ["accepted"]
    # At home and in Japan from the agencies up, as the original; not to Australia.
    assert world.readers(korean) == (of("KR") | of("JP")) - {"kr-partner", "jp-partner"}
    # A colleague takes it over.
    world.says("kr-agency2", note(tlp="green", refs=[korean["id"]]))
    assert world.nations(note()) == {"KR", "JP"}


def test_a_translation_goes_where_the_own_nation_knows_that_the_original_goes() -> None:
    world = OracleAlliance()
    world.shares("JP", ["KR", "AU"], "amber", audience="agency")
    world.shares("KR", ["JP", "AU", "IN"])
    world.shares("JP", "IN")  # Korea is no party
    theirs = indicator(tlp="amber")
    world.says("jp-agency", theirs)
    korean = translation(theirs, tlp="green")
    world.says("kr-cert", korean)
    assert world.nations(theirs) == {"JP", "KR", "AU", "IN"}
    assert world.nations(korean) == {"JP", "KR", "AU"}


def test_a_translation_after_a_suspension_goes_back_alone() -> None:
    world = OracleAlliance()
    agreement = world.shares("JP", ["KR", "AU"])
    world.shares("KR", ["JP", "AU"])
    theirs = indicator(tlp="amber")
    world.says("jp-agency", theirs)
    world.suspends(agreement, "JP")
    korean = translation(theirs, tlp="green")
    world.says("kr-agency", korean)
    assert world.nations(korean) == {"KR", "JP"}
    assert "kr-partner" not in world.readers(korean)


def test_a_translation_of_a_name_is_limited_though_the_name_is_common(world: OracleAlliance) -> None:
    name = malware()  # unmarked: AMBER by the default
    world.says("jp-agency", name)
    link = relationship(1, tlp="green", refs=[name["id"], stix_id("campaign", 5)])
    korean = translation(name, tlp="green")
    world.says("kr-agency", link, korean)
    assert world.nations(link) == {"KR", "JP", "AU"}
    assert world.nations(korean) == {"KR", "JP"}


def test_a_translation_of_a_public_object_goes_anywhere(world: OracleAlliance) -> None:
    name = malware(created_by=MITRE)
    world.says("jp-agency", name)
    world.says("kr-agency", translation(name, tlp="green"))
    assert world.nations(translation(name)) == {"KR", "JP", "AU"}


def test_green_with_rel_to_limits_what_is_written_about_it(world: OracleAlliance) -> None:
    theirs = indicator(tlp="green", marks=[rel_to("KR")])
    world.says("jp-agency", theirs)
    world.says("kr-partner", translation(theirs, tlp="clear"))
    assert world.readers(translation(theirs)) == of("KR") | of("JP")


def test_what_is_limited_limits_in_turn(world: OracleAlliance) -> None:
    """Japan's note about Australia's AMBER object: Japan knows of no agreement that lets that go to Korea."""
    theirs = indicator(tlp="amber")
    world.says("au-agency", theirs)
    about = note(tlp="green", refs=[theirs["id"]])
    world.says("jp-agency", about)
    assert world.nations(theirs) == {"AU", "JP", "KR"}
    assert world.nations(about) == {"JP", "AU"}
    # And so does the Australian sighting of that note.
    world.says("au-agency", sighting(9, about))
    assert world.nations(sighting(9, about)) == {"AU", "JP"}


def test_limits_are_not_handed_down_by_containers(world: OracleAlliance) -> None:
    theirs = indicator(tlp="amber")
    world.says("jp-agency", theirs)
    held = indicator(1)
    world.says("kr-agency", held, report(tlp="green", refs=[theirs["id"], held["id"]]))
    assert world.nations(report()) == {"KR", "JP"}
    assert world.nations(held) == {"KR", "JP", "AU"}


def test_a_copy_withholds_nothing_from_who_sees_what_it_is_a_copy_of() -> None:
    world = OracleAlliance(oracle({"KR": "amber+strict", "AU": "green"}))
    for origin, to in [("AU", "KR"), ("AU", "JP"), ("KR", "JP")]:
        world.shares(origin, to)
    copied = indicator(created_by=THIRD)
    world.says("au-agency", copied)
    about = note(tlp="green", refs=[copied["id"]])
    assert world.says("kr-cert", copied, about) == ["accepted"] * 2
    # The copy is AMBER+STRICT by the default; a Japanese partner sees Australia's.
    assert world.readers(about) == of("KR") | of("JP")
    assert world.readers(copied, "kr-cert") == {"kr-cert", "jp-cert"}


def test_an_observable_by_value_is_everybodys_own(world: OracleAlliance) -> None:
    address = observable(tlp="red") | {"id": value_id()}
    world.says("jp-agency", address)
    about = note(tlp="green", refs=[address["id"]])
    world.says("jp-agency2", about)
    assert world.nations(about) == {"JP", "KR", "AU"}


def test_what_an_identity_says_of_a_third_party_is_nobodys(world: OracleAlliance) -> None:
    assert world.says("jp-agency", identity(701, tlp="green")) == ["accepted"]
    assert world.says("kr-agency", identity(701, version=2, tlp="green")) == ["accepted"]
