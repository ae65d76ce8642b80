"""What members say about and under each other's ids, each as the smallest story (policy 1, 2.7, 8)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from tests.oracle.alliance import MEMBERS, MITRE, THIRD, Alliance, oracle, rel_to, speaker
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
from tests.world import START

JP, KR, US = (speaker(f"{code}-agency") for code in ("jp", "kr", "us"))
COMPANY = speaker("kr-partner")


def of(nation: str) -> set[str]:
    return {member for member in MEMBERS if member.startswith(f"{nation.lower()}-")}


def derived(stix_type: str, n: int = 0) -> str:
    """An id by UUIDv5, as OpenCTI and MISP make them from patterns and names."""
    return f"{stix_type}--{uuid.uuid5(uuid.UUID(int=7), f'{stix_type}/{n}')}"


def translation(of: Json, n: int = 0, **options: Any) -> Json:
    said = {"object_modified": of["modified"]} if "modified" in of else {}
    contents = {"ko": {"name": "이름"}}
    return sdo("language-content", n, object_ref=of["id"], contents=contents, **said, **options)


@pytest.fixture
def world() -> Alliance:
    """Japan, Korea and Australia share with each other, each two in an agreement of their own; JP's with
    AU up to GREEN alone."""
    made = Alliance()
    for origin, to in [("JP", "KR"), ("KR", "JP"), ("KR", "AU"), ("AU", "KR"), ("AU", "JP")]:
        made.shares(origin, to)
    made.shares("JP", "AU", "green")
    return made


# --- nobody speaks for another, nobody overwrites another -----------------------------------------


def test_an_agency_cannot_revoke_an_allys_indicator(world: Alliance) -> None:
    theirs = indicator(tlp="green", created_by=KR)
    assert world.says("kr-agency", theirs) == ["accepted"]
    revoked = indicator(version=2, tlp="green", revoked=True)
    assert world.says("jp-agency", revoked | {"created_by_ref": KR}) == ["speaks for another"]
    assert world.says("jp-agency", revoked | {"created_by_ref": JP}) == ["overwrites another"]
    assert world.says("jp-agency", revoked) == ["overwrites another"]
    assert world.says("jp-agency", revoked | {"created_by_ref": MITRE}) == ["overwrites another"]


def test_an_allys_identity_is_rewritten_by_nobody(world: Alliance) -> None:
    nation = stix_id("identity", 900)
    world.oracle.register("kr-cert", nation)
    said = sdo("identity", 900, tlp="green", name="Republic of Korea")
    assert world.says("kr-cert", said) == ["accepted"]
    assert world.says("jp-cert", said | {"name": "Somebody else"}) == ["speaks for another"]
    assert world.says("jp-cert", said) == ["accepted"]  # an equal copy of what it may see
    assert world.says("au-cert", said | {"modified": "2026-02-01T00:00:00.000Z"}) == ["speaks for another"]
    assert world.says("kr-agency", said | {"name": "Us"}) == ["speaks for another"]


def test_the_hubs_notes_are_forged_by_nobody(world: Alliance) -> None:
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
def test_who_writes_in_whose_name(world: Alliance, member: str, creator: str, expected: str) -> None:
    assert world.says(member, indicator(tlp="green", created_by=creator)) == [expected]


@pytest.mark.parametrize("kind", ["partner", "agency2", "cert"])
def test_a_nations_identity_is_submitted_by_all_that_share_it(world: Alliance, kind: str) -> None:
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
    world: Alliance, theirs: str | None, member: str, mine: str | None, expected: str
) -> None:
    assert world.says("jp-agency", indicator(tlp="green", created_by=theirs)) == ["accepted"]
    assert world.says(member, indicator(version=2, tlp="green", created_by=mine)) == [expected]


@pytest.mark.parametrize("mine", [None, KR])
def test_what_both_name_their_own_may_have_one_derived_id(world: Alliance, mine: str | None) -> None:
    theirs = indicator(tlp="green", created_by=JP) | {"id": derived("indicator")}
    other = indicator(version=2, tlp="green", created_by=mine) | {"id": derived("indicator")}
    assert world.says("jp-agency", theirs) == ["accepted"]
    assert world.says("kr-agency", other) == ["accepted" if mine else "overwrites another"]


def test_a_company_revokes_no_agencys_own_malware(world: Alliance) -> None:
    """Not even with a record of its own from before: its versions are not named, and the agency's is."""
    bare = malware(tlp="green")
    assert world.says("kr-partner", bare) == ["accepted"]
    assert world.says("kr-agency", malware(version=2, tlp="green", created_by=KR)) == ["accepted"]
    revoking = malware(version=3, tlp="green", revoked=True)
    assert world.says("kr-partner", revoking) == ["overwrites another"]
    as_another = malware(version=3, revoked=True, created_by=MITRE)  # unmarked: its creator may be another
    assert world.says("kr-partner", as_another) == ["overwrites another"]
    assert world.says("kr-cert", revoking | {"created_by_ref": KR}) == ["accepted"]


def test_a_cert_puts_right_what_its_members_say_with_a_later_version_alone(world: Alliance) -> None:
    assert world.says("kr-agency", indicator(version=2, tlp="green", created_by=KR)) == ["accepted"]
    assert world.says("kr-cert", indicator(version=1, tlp="green")) == ["overwrites another"]
    assert world.says("kr-cert", indicator(version=3, tlp="green")) == ["accepted"]


def test_an_equal_copy_takes_equal_copies_alone(world: Alliance) -> None:
    first, second = indicator(tlp="green", created_by=None), indicator(version=2, tlp="green")
    assert world.says("jp-agency", first) == ["accepted"]
    assert world.says("kr-agency", first) == ["accepted"]
    assert world.says("kr-agency", second) == ["overwrites another"]
    assert world.says("jp-agency", second) == ["accepted"]
    assert world.says("kr-agency", second) == ["accepted"]
    third = indicator(version=3, tlp="green", name="Other")
    assert world.says("kr-agency", third) == ["overwrites another"]


@pytest.mark.parametrize("level", ["clear", "green"])
def test_one_id_and_version_is_never_two_contents(world: Alliance, level: str) -> None:
    one = indicator(tlp=level)
    other = one | {"name": "Something else"}
    assert world.says("jp-agency", one) == ["accepted"]
    for member in ("jp-agency2", "jp-partner", "kr-agency", "kr-partner", "au-partner"):
        assert world.says(member, other) == ["overwrites another"], member
    assert world.says("jp-agency", other) == ["different under the same version"]


def test_a_bare_copy_at_the_default_takes_no_green_id_away(world: Alliance) -> None:
    """Korea's unmarked copy of Australia's object is AMBER to Japan, and Australia's own came first."""
    theirs = indicator(created_by=THIRD)
    world.oracle.defaults = {**world.oracle.defaults, "AU": "green"}
    assert world.says("au-agency", theirs) == ["accepted"]
    assert world.says("kr-agency", theirs) == ["accepted"]
    assert world.version("kr-agency", theirs).level == "amber"
    assert world.says("jp-agency", theirs) == ["accepted"]
    assert world.says("au-agency", indicator(version=2, created_by=THIRD)) == ["accepted"]


def test_two_that_cross_in_time_stand_side_by_side(world: Alliance) -> None:
    assert world.says("jp-agency", indicator(tlp="red")) == ["accepted"]
    assert world.says("kr-agency", indicator(tlp="green")) == ["accepted"]
    # It knows that another has the id, and adds to its own all the same.
    assert world.says("jp-agency", indicator(version=2, tlp="red")) == ["accepted"]


# --- passing on -----------------------------------------------------------------------------------


@pytest.mark.parametrize("tlp", ["clear", "green", "amber", "amber+strict"])
@pytest.mark.parametrize("is_equal", [True, False])
def test_what_was_received_above_green_is_not_passed_on(world: Alliance, tlp: str, is_equal: bool) -> None:
    theirs = indicator(tlp=tlp, created_by=THIRD)
    assert world.says("jp-agency", theirs) == ["accepted"]
    mine = theirs if is_equal else indicator(version=2, tlp="green", created_by=THIRD)
    expected = "accepted" if tlp in ("clear", "green") else "passing on"
    assert world.says("kr-cert", mine) == [expected]


def test_what_goes_to_some_nations_alone_is_not_passed_on(world: Alliance) -> None:
    theirs = indicator(tlp="green", created_by=THIRD, marks=[rel_to("KR")])
    assert world.says("jp-agency", theirs) == ["accepted"]
    assert world.says("kr-partner", theirs) == ["passing on"]


@pytest.mark.parametrize("what", ["suspended", "tightened", "deleted", "loosened"])
def test_what_was_once_shown_is_not_passed_on_whatever_came_since(what: str) -> None:
    world = Alliance()
    treaty = world.shares("JP", "KR")
    theirs = indicator(tlp="amber", created_by=THIRD)
    world.says("jp-agency", theirs)
    if what == "suspended":
        world.suspends(treaty, "JP")
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
    world = Alliance()
    treaty = world.shares("JP", "KR")
    theirs = indicator(tlp="amber", created_by=THIRD)
    world.says("jp-agency", theirs)
    world.suspends(treaty, "JP", seconds=1)
    assert world.says("kr-cert", theirs) == ["passing on"]


def test_upper_case_is_no_other_id(world: Alliance) -> None:
    theirs = indicator(tlp="amber", created_by=THIRD)
    world.says("jp-agency", theirs)
    assert world.says("kr-cert", theirs | {"id": theirs["id"].upper()}) == ["id not in lower case"]
    hidden = note(tlp="green", refs=[stix_id("campaign")]) | {"x_about": {theirs["id"].upper(): 1}}
    assert world.says("kr-cert", hidden) == ["id not in lower case"]


def test_an_unmarked_public_file_is_submitted_by_every_nation(world: Alliance) -> None:
    """ATT&CK: names with their creator, and what stands between them."""
    names = [sdo("intrusion-set", 1, name="Group", created_by=MITRE), malware(1, created_by=MITRE)]
    link = relationship(1, refs=[one["id"] for one in names], created_by=MITRE)
    for member in ("jp-cert", "kr-cert", "kr-partner", "au-agency"):
        assert world.says(member, *names, link) == ["accepted"] * 3
    # The name of a public source lets nobody pass on another's.
    world.says("jp-agency", indicator(tlp="amber"))
    assert world.says("kr-cert", indicator(tlp="amber", created_by=MITRE)) == ["passing on"]


def test_a_copy_from_when_it_was_green_is_no_licence_for_what_follows(world: Alliance) -> None:
    first = indicator(tlp="green", created_by=THIRD)
    second = indicator(version=2, tlp="amber", created_by=THIRD)
    world.says("jp-agency", first)
    assert world.says("kr-cert", first) == ["accepted"]
    world.says("jp-agency", second)
    assert world.says("kr-cert", second) == ["passing on"]
    assert world.says("kr-cert", indicator(version=2, tlp="green", created_by=THIRD)) == ["passing on"]


@pytest.mark.parametrize("tlp", [None, "green", "amber"])
def test_a_name_is_passed_on_unless_it_is_marked(world: Alliance, tlp: str | None) -> None:
    assert world.says("jp-agency", malware(tlp=tlp)) == ["accepted"]
    expected = "passing on" if tlp == "amber" else "accepted"
    assert world.says("kr-agency", malware(version=2, tlp="green")) == [expected]


def test_an_address_is_everybodys(world: Alliance) -> None:
    world.says("jp-agency", observable(tlp="amber"))
    assert world.says("kr-agency", observable(tlp="green")) == ["accepted"]


def test_junk_under_an_announced_id_is_no_blockade(world: Alliance) -> None:
    """Japan named its indicator in a report, Korea puts AMBER junk under it: Japan's own comes through."""
    announced = report(1, tlp="green", created_by=JP, refs=[indicator()["id"]])
    world.says("jp-agency", announced)
    assert world.says("kr-agency", indicator(tlp="amber", name="Junk")) == ["accepted"]
    # Bare, it would overwrite what is bare.
    assert world.says("jp-agency", indicator(version=2, tlp="green")) == ["overwrites another"]
    assert world.says("jp-agency", indicator(version=2, tlp="green", created_by=JP)) == ["accepted"]


def test_junk_under_an_announced_id_is_no_licence(world: Alliance) -> None:
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


def test_what_the_own_nation_named_first_is_not_anothers_to_give(world: Alliance) -> None:
    about = report(2, tlp="green", refs=[indicator()["id"]])
    world.says("kr-agency2", about)
    world.says("jp-agency", indicator(tlp="amber", created_by=THIRD))
    mine = indicator(version=2, tlp="green", created_by=THIRD)
    assert world.says("kr-agency", mine) == ["accepted"]


def test_who_is_suspended_is_shown_nothing(world: Alliance) -> None:
    world.oracle.suspended.add("kr-agency")
    world.says("jp-agency", indicator(tlp="amber", created_by=THIRD))
    world.says("jp-agency", indicator(version=2, tlp="red", created_by=THIRD))
    world.oracle.suspended.clear()
    assert world.says("kr-agency", indicator(tlp="green", created_by=THIRD)) == ["accepted"]
    assert world.says("kr-cert", indicator(tlp="green", created_by=THIRD)) == ["passing on"]


def test_claims_are_by_what_is_registered_when_it_is_asked(world: Alliance) -> None:
    misp = stix_id("identity", 710)
    world.says("kr-agency", indicator(tlp="green", created_by=misp))
    # A third party's until it is registered: a bare claim is stronger, and then no more.
    assert world.says("au-agency", indicator(1, tlp="green", created_by=misp)) == ["accepted"]
    world.oracle.register("kr-agency", misp)
    assert world.says("jp-cert", indicator(version=2, tlp="green")) == ["overwrites another"]
    assert world.says("au-agency", indicator(2, tlp="green", created_by=misp)) == ["speaks for another"]
    assert world.says("au-agency", indicator(1, tlp="green", created_by=misp)) == ["equal"]
    assert world.deletes("au-cert", indicator(1)["id"])


# --- versions -------------------------------------------------------------------------------------


def test_created_and_its_creator_stay(world: Alliance) -> None:
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
    world: Alliance, held: str | None, now: str | None, said: str
) -> None:
    world.says("jp-agency", malware(version=2, tlp=held))
    assert world.says("jp-agency", malware(version=3, tlp=now, created_by=THIRD)) == [said]


def test_a_revoking_version_is_the_last(world: Alliance) -> None:
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
def test_dates_lie_at_most_a_day_ahead(world: Alliance, name: str, hours: int, expected: str) -> None:
    ahead = (START + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert world.says("jp-agency", indicator() | {"modified": ahead} | {name: ahead}) == [expected]


# --- referring to a neighbour's -------------------------------------------------------------------


def test_a_companys_copies_of_public_objects_take_nothing_from_its_cert(world: Alliance) -> None:
    """Forty unmarked names and links of a public source: AMBER, and seen by no partner abroad."""
    names = [malware(n, created_by=MITRE) for n in range(40)]
    links = [sdo("attack-pattern", n, name="Way", created_by=MITRE) for n in range(40)]
    assert set(world.says("kr-partner", *names, *links)) == {"accepted"}
    link = relationship(tlp="green", refs=[names[0]["id"], links[7]["id"]])
    world.says("kr-cert", link)
    assert world.readers(link) >= of("JP") | of("AU") | of("KR")


@pytest.mark.parametrize("member", ["kr-cert", "kr-agency", "kr-partner", "au-agency"])
def test_red_under_a_public_id_holds_nobody_elses_back(world: Alliance, member: str) -> None:
    name = malware(tlp="red")
    before = relationship(1, tlp="green", refs=[name["id"], stix_id("campaign", 5)])
    after = relationship(2, tlp="green", refs=[name["id"], stix_id("campaign", 5)])
    world.says(member, before)
    world.says("kr-agency2", name, observable(tlp="red"))
    world.says(member, after)
    for link in (before, after):
        assert world.nations(link) >= {"JP", "KR", "AU"}


def test_what_refers_to_a_colleagues_object_takes_its_level_once(world: Alliance) -> None:
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


def test_a_translation_of_an_allys_object_goes_no_further_than_that(world: Alliance) -> None:
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
    world = Alliance()
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
    world = Alliance()
    treaty = world.shares("JP", ["KR", "AU"])
    world.shares("KR", ["JP", "AU"])
    theirs = indicator(tlp="amber")
    world.says("jp-agency", theirs)
    world.suspends(treaty, "JP")
    korean = translation(theirs, tlp="green")
    world.says("kr-agency", korean)
    assert world.nations(korean) == {"KR", "JP"}
    assert "kr-partner" not in world.readers(korean)


def test_a_translation_of_a_name_is_limited_though_the_name_is_common(world: Alliance) -> None:
    name = malware()  # unmarked: AMBER by the default
    world.says("jp-agency", name)
    link = relationship(1, tlp="green", refs=[name["id"], stix_id("campaign", 5)])
    korean = translation(name, tlp="green")
    world.says("kr-agency", link, korean)
    assert world.nations(link) == {"KR", "JP", "AU"}
    assert world.nations(korean) == {"KR", "JP"}


def test_a_translation_of_a_public_object_goes_anywhere(world: Alliance) -> None:
    name = malware(created_by=MITRE)
    world.says("jp-agency", name)
    world.says("kr-agency", translation(name, tlp="green"))
    assert world.nations(translation(name)) == {"KR", "JP", "AU"}


def test_green_with_rel_to_limits_what_is_written_about_it(world: Alliance) -> None:
    theirs = indicator(tlp="green", marks=[rel_to("KR")])
    world.says("jp-agency", theirs)
    world.says("kr-partner", translation(theirs, tlp="clear"))
    assert world.readers(translation(theirs)) == of("KR") | of("JP")


def test_what_is_limited_limits_in_turn(world: Alliance) -> None:
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


def test_limits_are_not_handed_down_by_containers(world: Alliance) -> None:
    theirs = indicator(tlp="amber")
    world.says("jp-agency", theirs)
    held = indicator(1)
    world.says("kr-agency", held, report(tlp="green", refs=[theirs["id"], held["id"]]))
    assert world.nations(report()) == {"KR", "JP"}
    assert world.nations(held) == {"KR", "JP", "AU"}


def test_a_copy_withholds_nothing_from_who_sees_what_it_is_a_copy_of() -> None:
    world = Alliance(oracle({"KR": "amber+strict", "AU": "green"}))
    for origin, to in [("AU", "KR"), ("AU", "JP"), ("KR", "JP")]:
        world.shares(origin, to)
    copied = indicator(created_by=THIRD)
    world.says("au-agency", copied)
    about = note(tlp="green", refs=[copied["id"]])
    assert world.says("kr-cert", copied, about) == ["accepted"] * 2
    # The copy is AMBER+STRICT by the default; a Japanese partner sees Australia's.
    assert world.readers(about) == of("KR") | of("JP")
    assert world.readers(copied, "kr-cert") == {"kr-cert", "jp-cert"}


def test_an_observable_by_value_is_everybodys_own(world: Alliance) -> None:
    address = observable(tlp="red") | {"id": value_id()}
    world.says("jp-agency", address)
    about = note(tlp="green", refs=[address["id"]])
    world.says("jp-agency2", about)
    assert world.nations(about) == {"JP", "KR", "AU"}


def test_what_an_identity_says_of_a_third_party_is_nobodys(world: Alliance) -> None:
    assert world.says("jp-agency", identity(701, tlp="green")) == ["accepted"]
    assert world.says("kr-agency", identity(701, version=2, tlp="green")) == ["accepted"]
