"""What refers to an ally's object is handled like it (policy 8); what refers to a colleague's, too (2.7)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.actions.alliance import Alliance, by_content, galaxy, technique
from tests.stix_objects import (
    INFORMATIVE,
    Json,
    definition,
    indicator,
    malware,
    note,
    observable,
    report,
    sdo,
    stix_id,
)
from tests.world import World, clause

ABROAD = ("au-cert", "jp-agency", "jp-partner", "us-agency", "us-partner")
HOME = ("kr-agency", "kr-agency2", "kr-cert", "kr-partner")
UNKNOWN = stix_id("marking-definition", 500)


@pytest.fixture
def world(alliance: Alliance) -> World:
    return alliance.world


def amber(n: int = 1, **more: Any) -> Json:
    return indicator(n, **({"tlp": "amber"} | more))


def about(*others: Json, n: int = 1, **more: Any) -> Json:
    return note(n, **({"tlp": "green", "refs": [one["id"] for one in others]} | more))


def translation(of: Json, **more: Any) -> Json:
    """Another nation's object in Korean."""
    text = {"contents": {"ko": {"name": "조용한 왜가리"}}, "object_ref": of["id"]}
    return sdo("language-content", 1, **({"tlp": "green"} | more)) | text


# --- an ally's object -----------------------------------------------------------------------------


def test_a_translation_of_amber_goes_no_further_than_the_source_lets_it(world: World) -> None:
    assert world.refusals("jp-agency", amber()) == [None]
    korean = translation(amber())
    assert world.refusals("kr-agency", korean) == [None]
    assert world.readers_of_any(korean, *ABROAD) == ["jp-agency", "us-agency"]  # never to AU, nor to partners
    assert world.readers_of_any(korean, *HOME) == ["kr-agency", "kr-agency2", "kr-cert"]


def test_only_agreements_that_its_own_nation_is_party_to_are_asked(world: World) -> None:
    world.agree(["JP", "AU"], clause("JP", "AU", "amber"))
    world.clock.wait()
    assert world.refusals("jp-agency", amber()) == [None]
    assert world.readers_of_any(amber(), "au-cert") == ["au-cert"]
    korean = translation(amber())
    assert world.refusals("kr-agency", korean) == [None]
    assert world.readers_of_any(korean, "au-cert") == []


def test_green_with_rel_to_binds_as_well(world: World) -> None:
    addressed = indicator(1, tlp="green", marks=world.rel_to("KR"))
    assert world.refusals("jp-agency", addressed) == [None]
    mine = about(addressed)
    assert world.refusals("kr-partner", mine) == [None]
    assert world.readers_of_any(mine, *ABROAD) == ["jp-agency", "jp-partner"]
    assert world.readers_of_any(mine, *HOME) == list(HOME)


def test_so_does_what_is_limited_itself(world: World) -> None:
    assert world.refusals("us-agency", amber()) == [None]
    first = about(amber(), n=1)
    assert world.refusals("jp-agency", first) == [None]
    second = about(first, n=2)
    assert world.refusals("kr-agency", second) == [None]
    assert world.readers_of_any(second, *ABROAD) == ["jp-agency", "us-agency"]


def test_what_is_green_binds_nothing(world: World) -> None:
    assert world.refusals("jp-agency", indicator(1, tlp="green")) == [None]
    mine = about(indicator(1))
    assert world.refusals("kr-agency", mine) == [None]
    assert world.readers_of_any(mine, *ABROAD) == list(ABROAD)


@pytest.mark.parametrize("how", ["suspended", "tightened", "deleted"])
def test_of_what_it_does_not_see_any_more_it_goes_back_alone(alliance: Alliance, how: str) -> None:
    world = alliance.world
    assert world.refusals("jp-agency", amber()) == [None]
    if how == "suspended":
        world.suspend(alliance.closer, "US")
        world.agree(
            ["KR", "JP"], clause("KR", "JP", "amber"), clause("KR", "JP", "green", audience="partner")
        )
        world.clock.wait()
    elif how == "tightened":
        assert world.refusals("jp-agency", amber(tlp="red", version=2)) == [None]
    else:
        world.delete("jp-agency", amber()["id"])
    mine = about(amber())
    assert world.refusals("kr-agency", mine) == [None]
    assert world.readers_of_any(mine, *ABROAD) == ["jp-agency"]
    assert world.readers_of_any(mine, *HOME) == ["kr-agency", "kr-agency2", "kr-cert"]


def test_a_cert_keeps_what_it_says_of_such_an_object_to_its_own_clearance(world: World) -> None:
    assert world.refusals("jp-agency", amber()) == [None]
    world.delete("jp-agency", amber()["id"])
    mine = about(amber())
    assert world.refusals("kr-cert", mine) == [None]
    assert world.readers_of_any(mine, *HOME) == ["kr-cert"]
    assert world.readers_of_any(mine, *ABROAD) == ["jp-agency"]


def test_of_several_it_goes_where_all_allow_which_may_be_nowhere(world: World) -> None:
    ours = amber(1, marks=world.rel_to("KR"))
    theirs = amber(2, marks=world.rel_to("KR"))
    assert world.refusals("jp-agency", ours) == [None]
    assert world.refusals("us-agency", theirs) == [None]
    both = about(ours, theirs)
    assert world.refusals("kr-agency", both) == [None]
    assert world.readers_of_any(both, *ABROAD) == []
    assert world.readers_of_any(both, *HOME) == ["kr-agency", "kr-agency2", "kr-cert"]


def test_what_was_never_shown_is_not_looked_up(world: World) -> None:
    assert world.refusals("jp-agency", amber(tlp="red")) == [None]
    mine = about(amber())
    assert world.refusals("kr-agency", mine) == [None]
    assert world.readers_of_any(mine, *ABROAD) == list(ABROAD)


def test_it_is_decided_when_it_comes_and_not_again(alliance: Alliance) -> None:
    world = alliance.world
    assert world.refusals("jp-agency", amber()) == [None]
    mine = about(amber())
    assert world.refusals("kr-agency", mine) == [None]
    world.delete("jp-agency", amber()["id"])
    assert world.readers_of_any(mine, *ABROAD) == ["jp-agency", "us-agency"]


@pytest.mark.parametrize("common", ["observable", "unmarked name", "public source"])
def test_common_ids_are_aside(world: World, common: str) -> None:
    level = {"object_marking_refs": amber()["object_marking_refs"]}
    theirs = {
        "observable": observable(1, tlp="amber"),
        "unmarked name": galaxy(1),
        "public source": technique() | level,
    }[common]
    assert world.refusals("jp-agency", theirs) == [None]
    mine = about(theirs)
    assert world.refusals("kr-agency", mine) == [None]
    assert world.readers_of_any(mine, *ABROAD) == list(ABROAD)


def test_a_name_that_carries_amber_and_what_translates_a_name_are_not(world: World) -> None:
    assert world.refusals("jp-agency", malware(1, tlp="amber"), galaxy(1)) == [None, None]
    marked, korean = about(malware(1)), translation(galaxy(1))
    assert world.refusals("kr-agency", marked, korean) == [None, None]
    for mine in (marked, korean):
        assert world.readers_of_any(mine, *ABROAD) == ["jp-agency", "us-agency"]


def test_containers_do_not_hand_it_down(world: World) -> None:
    assert world.refusals("jp-agency", amber()) == [None]
    inner = indicator(2)
    box = report(1, tlp="green", refs=[amber()["id"], inner["id"]])
    assert world.refusals("kr-agency", inner, box) == [None, None]
    assert world.readers_of_any(box, "au-cert", "us-partner") == []
    assert world.readers_of_any(inner, "au-cert", "us-partner") == ["au-cert", "us-partner"]


def test_a_revoking_version_keeps_its_limits(world: World) -> None:
    assert world.refusals("jp-agency", amber()) == [None]
    mine = about(amber())
    assert world.refusals("kr-agency", mine) == [None]
    revoking = {key: value for key, value in mine.items() if key != "object_marking_refs"}
    revoking |= {"revoked": True, "modified": "2026-02-02T00:00:00.000Z", "object_refs": [stix_id("note", 5)]}
    assert world.refusals("kr-agency", revoking) == [None]
    assert world.readers_of_any(mine, *ABROAD) == ["jp-agency", "us-agency"]


def test_the_status_says_so_and_names_nations_to_the_cert_alone(world: World) -> None:
    assert world.refusals("jp-agency", amber()) == [None]
    [agencys] = world.remarks("kr-agency", about(amber(), n=1))
    [certs] = world.remarks("kr-cert", about(amber(), n=2, created_by=world.nation_identity("KR")))
    assert "handled like what it refers to" in agencys
    assert not {"JP", "US"} & set(agencys.replace(",", " ").split())
    assert certs == "handled like what it refers to, which goes to JP, US"


# --- a colleague's object -------------------------------------------------------------------------


def test_a_colleague_takes_over_level_rel_to_closure_and_limits(world: World) -> None:
    assert world.refusals("jp-agency", amber(5)) == [None]
    red = amber(1, tlp="green", marks=world.rel_to("JP"))
    closed = amber(2, tlp="green", marks=[UNKNOWN])
    limited = about(amber(5), n=5)
    assert world.refusals("kr-agency", red, closed, limited) == [None] * 3
    mine = [about(one, n=10 + n) for n, one in enumerate((red, closed, limited))]
    assert world.refusals("kr-agency2", *mine) == [None] * 3
    assert [world.readers_of_any(one, *ABROAD) for one in mine] == [
        ["jp-agency", "jp-partner"],
        [],
        ["jp-agency", "us-agency"],
    ]


def test_an_own_copy_that_comes_along_is_no_record_of_ones_own(world: World) -> None:
    assert world.refusals("kr-agency", amber()) == [None]
    _, said = world.remarks("kr-agency2", amber(), about(amber()))
    assert "handled as AMBER: it takes over how what it refers to of your nation is handled" in said


def test_what_is_taken_over_is_said_and_the_cert_takes_over_nothing(world: World) -> None:
    theirs = amber(1)
    assert world.refusals("kr-agency", theirs) == [None]
    [told] = world.remarks("kr-agency2", about(theirs, n=1))
    assert "handled as AMBER: it takes over how what it refers to of your nation is handled" in told
    [told] = world.remarks("kr-cert", about(theirs, n=2))
    assert "takes over" not in told
    assert world.readers_of_any(about(theirs, n=1), "au-cert", "kr-partner") == []
    assert world.readers_of_any(about(theirs, n=2), "au-cert", "kr-partner") == ["au-cert", "kr-partner"]


def test_what_was_taken_over_stays_when_it_is_judged_again(world: World) -> None:
    statement = definition(600)
    assert world.refusals("kr-agency", amber()) == [None]
    mine = about(amber(), tlp="green", marks=[statement["id"]])
    world.refusals("kr-agency2", mine)
    assert world.readers_of_any(mine, *ABROAD) == []
    assert world.refusals("kr-agency2", statement) == [None]  # it opens what carries it
    assert world.readers_of_any(mine, *ABROAD) == ["jp-agency", "us-agency"]


def test_nobody_makes_a_neighbours_object_disappear(world: World) -> None:
    """What comes, changes or goes later moves nothing."""
    mine = about(amber(1))
    assert world.refusals("kr-agency", mine) == [None]
    assert world.refusals("kr-agency2", amber(1, tlp="red"), amber(2, tlp="green")) == [None, None]
    assert world.refusals("kr-agency", about(amber(2), n=2)) == [None]
    assert world.refusals("kr-agency2", amber(2, tlp="red", version=2)) == [None]
    for one in (mine, about(amber(2), n=2)):
        assert world.readers_of_any(one, *ABROAD) == list(ABROAD)


def test_the_submitters_own_record_is_judged_again_and_alone(world: World) -> None:
    mine = about(amber(1, tlp="green"))
    assert world.refusals("kr-agency", amber(1, tlp="green"), mine) == [None, None]
    assert world.refusals("kr-agency", amber(1, tlp="red", version=2)) == [None]
    assert world.readers_of_any(mine, *ABROAD) == []
    assert world.refusals("kr-agency", amber(1, tlp="green", version=3)) == [None]
    assert world.readers_of_any(mine, *ABROAD) == list(ABROAD)


def test_an_own_copy_withholds_nothing_from_who_sees_what_it_is_a_copy_of(world: World) -> None:
    original = indicator(1, tlp="green")
    assert world.refusals("jp-agency", original) == [None]
    assert world.refusals("kr-agency", original) == [None]
    mine = about(original)
    assert world.refusals("kr-agency", mine) == [None]
    world.delete("kr-agency", original["id"])
    assert world.readers_of_any(mine, *ABROAD) == list(ABROAD)
    assert INFORMATIVE not in str(mine)


def test_a_report_without_level_is_withheld_for_a_name_that_it_holds(world: World) -> None:
    name = malware(tlp=None)
    assert world.refusals("jp-agency", name, report(1, tlp="red", refs=[name["id"]])) == [None, None]
    marked, unmarked = (report(n, tlp=tlp, refs=[name["id"]]) for n, tlp in ((2, "amber"), (3, None)))
    assert world.refusals("jp-agency", marked, unmarked) == [None, None]
    assert world.readers_of_any(marked, "kr-agency", "jp-agency2") == ["kr-agency", "jp-agency2"]
    assert world.readers_of_any(unmarked, "kr-agency", "jp-agency2") == []


def test_a_marked_report_is_not_withheld_for_an_unmarked_name_in_it(world: World) -> None:
    box = report(1, tlp="green", refs=[galaxy(1)["id"], indicator(1)["id"]])
    assert world.refusals("kr-agency", galaxy(1)) == [None]  # at its default
    assert world.refusals("kr-agency", box, indicator(1)) == [None, None]
    assert world.readers_of_any(galaxy(1), "au-cert", "us-partner") == []
    assert world.readers_of_any(box, "au-cert", "us-partner") == ["au-cert", "us-partner"]
    link = sdo("relationship", 1, tlp="green", refs=[galaxy(1)["id"], indicator(1)["id"]])
    assert world.refusals("kr-agency", link) == [None]
    assert world.readers_of_any(link, "au-cert") == []  # any other object is


def test_ids_that_follow_from_content_are_no_exception(world: World) -> None:
    theirs = by_content("indicator", "p", tlp="amber")
    assert world.refusals("jp-agency", theirs) == [None]
    assert world.refusals("kr-agency", about(theirs)) == [None]
    assert world.readers_of_any(about(theirs), *ABROAD) == ["jp-agency", "us-agency"]
