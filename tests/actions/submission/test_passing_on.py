"""What was received is shared by its source alone (policy 8, "Passing on"). Refusals first."""

from __future__ import annotations

from typing import Any

import pytest

from hub.store.records import others
from tests.actions.alliance import Alliance, by_content, galaxy, technique
from tests.stix_objects import Json, indicator, malware, note, observable, report
from tests.world import World, clause

RECEIVED = "received from JP; only JP may share it."
BY = "jp-agency"


@pytest.fixture
def world(alliance: Alliance) -> World:
    return alliance.world


def amber(n: int = 1, **more: Any) -> Json:
    return indicator(n, **({"tlp": "amber"} | more))


# --- what is not asked ----------------------------------------------------------------------------


def test_of_what_binds_nobody_it_is_not_asked_who_named_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the question costs would tell how much names it that the submitter may not see (policy 9)."""
    asked: list[set[str]] = []
    naming = others.mentions

    def noting(connection: Any, nation: Any, member: Any, ids: Any) -> Any:
        asked.append({*ids})
        return naming(connection, nation, member, ids)

    assert world.refusals(BY, indicator(1, tlp="clear"), amber(2)) == [None, None]
    monkeypatch.setattr(others, "mentions", noting)
    assert world.refusals("kr-agency", indicator(1, tlp="clear"), amber(2)) == [None, RECEIVED]
    assert set().union(*asked) == {amber(2)["id"]}


# --- what was shown -------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["kr-agency", "kr-cert"])
@pytest.mark.parametrize("change", [{}, {"confidence": 5}, {"version": 9}, {"tlp": "clear"}])
def test_what_is_seen_above_green_is_not_repeated_equal_or_not(
    world: World, by: str, change: dict[str, Any]
) -> None:
    assert world.refusals(BY, amber()) == [None]
    assert world.refusals(by, amber(**change)) == [RECEIVED]


def test_nor_is_what_carries_rel_to(world: World) -> None:
    addressed = indicator(1, tlp="green", marks=world.rel_to("KR"))
    assert world.refusals(BY, addressed) == [None]
    assert world.refusals("kr-partner", addressed) == [RECEIVED]
    assert world.refusals("us-agency", addressed) == [None]  # it was never shown that


def test_nor_what_an_allys_object_limits(world: World) -> None:
    assert world.refusals("us-agency", amber(1)) == [None]
    limited = note(1, tlp="green", refs=[amber(1)["id"]])
    assert world.refusals(BY, limited) == [None]
    assert world.readers_of_any(limited, "kr-agency", "au-agency") == ["kr-agency"]
    assert world.refusals("kr-agency", limited) == [RECEIVED]


def test_what_was_never_shown_is_not_compared(world: World) -> None:
    assert world.refusals(BY, amber(1), amber(2, tlp="red"), amber(3, tlp="amber+strict")) == [None] * 3
    assert world.refusals("kr-partner", amber(1)) == [None]
    assert world.refusals("kr-agency", amber(2), amber(3)) == [None, None]
    assert world.refusals("au-cert", amber(1)) == [None]


def test_a_suspension_of_a_second_opens_nothing(alliance: Alliance) -> None:
    world = alliance.world
    assert world.refusals(BY, amber()) == [None]
    world.suspend(alliance.closer, "KR")
    assert world.refusals("kr-agency", amber()) == [RECEIVED]
    world.clock.wait()
    world.resume(alliance.closer, "KR")
    assert world.refusals("kr-agency", amber(version=2)) == [RECEIVED]


def test_an_ended_agreement_opens_nothing(alliance: Alliance) -> None:
    world = alliance.world
    assert world.refusals(BY, amber()) == [None]
    world.terminate(alliance.closer, "JP")
    assert world.refusals("kr-agency", amber(version=2)) == [RECEIVED]
    assert world.refusals("kr-partner", amber(version=2)) == [None]  # it was never shown that


def test_what_was_tightened_and_recalled_stays_what_it_was(world: World) -> None:
    assert world.refusals(BY, amber()) == [None]
    assert world.refusals(BY, amber(tlp="red", version=2)) == [None]
    assert world.readers_of_any(amber(), "kr-agency") == []
    assert world.refusals("kr-agency", amber(version=3)) == [RECEIVED]
    world.delete(BY, amber()["id"])
    assert world.refusals("kr-agency", amber(version=4)) == [RECEIVED]


def test_the_level_at_which_it_was_shown_last_counts(alliance: Alliance) -> None:
    """A container that comes later narrows the same row from GREEN to AMBER."""
    world = alliance.world
    inner = indicator(5)
    assert world.refusals("jp-agency", inner, report(5, tlp="green", refs=[inner["id"]])) == [None, None]
    assert inner["id"] in world.ids("kr-agency")
    assert world.refusals("jp-agency", report(6, tlp="amber", refs=[inner["id"]])) == [None]
    assert inner["id"] in world.ids("kr-agency")
    world.suspend(alliance.closer, "US")
    world.clock.wait()
    assert inner["id"] not in world.ids("kr-agency")
    (said,) = world.refusals("kr-agency", inner)
    assert said == RECEIVED


def test_a_copy_that_was_made_while_green_is_no_licence_for_amber(world: World) -> None:
    was_green = indicator(1, tlp="green")
    assert world.refusals(BY, was_green) == [None]
    assert world.refusals("kr-agency", was_green) == [None]  # an equal copy
    now_amber = amber(version=2, name="who it is")
    assert world.refusals(BY, now_amber) == [None]
    green_again = now_amber | {"object_marking_refs": was_green["object_marking_refs"]}
    assert world.refusals("kr-agency", now_amber, green_again) == [RECEIVED] * 2
    assert world.refusals("kr-agency", was_green) == [None]  # said again, nothing changes


def test_upper_case_is_no_other_id(world: World) -> None:
    assert world.refusals(BY, amber()) == [None]
    kind, _, uuid = amber()["id"].partition("--")
    shouted = amber() | {"id": f"{kind}--{uuid.upper()}"}
    [answer] = world.refusals("kr-agency", shouted)
    assert answer is not None
    assert "lower" in answer
    [answer] = world.refusals("kr-agency", report(1, tlp="green", refs=[f"{kind}--{uuid.upper()}"]))
    assert answer is not None


# --- announced ids --------------------------------------------------------------------------------


def test_an_id_that_the_own_nation_named_first_is_its_own(world: World) -> None:
    """Exporters push the report before what it names; somebody else's object may come in between."""
    assert world.refusals("kr-agency", report(1, tlp="green", refs=[amber()["id"]])) == [None]
    assert world.refusals(BY, amber()) == [None]
    mine = amber(version=2, created_by=world.identity_of("kr-agency"))
    assert world.refusals("kr-agency", mine) == [None]


def test_a_colleagues_announcement_counts_where_it_was_shown(world: World) -> None:
    assert world.refusals("kr-agency2", report(1, tlp="amber", refs=[amber(1)["id"]])) == [None]
    assert world.refusals("kr-agency2", report(2, tlp="red", refs=[amber(2)["id"]])) == [None]
    assert world.refusals(BY, amber(1), amber(2)) == [None, None]
    mine = {"created_by": world.identity_of("kr-agency")}
    assert world.refusals("kr-agency", amber(1, **mine), amber(2, **mine)) == [None, RECEIVED]


def test_an_id_that_an_ally_announced_first_is_not(world: World) -> None:
    assert world.refusals(BY, report(1, tlp="green", refs=[amber()["id"]])) == [None]
    assert world.refusals("kr-agency", report(2, tlp="green", refs=[amber()["id"]])) == [None]
    assert world.refusals(BY, amber()) == [None]
    assert world.refusals("kr-agency", amber(created_by=world.identity_of("kr-agency"))) == [RECEIVED]


def test_red_junk_under_an_announced_id_is_no_licence(world: World) -> None:
    """What the hub was sent under the id, unseen by anybody, makes what is received later no one's own."""
    announced = report(1, tlp="green", refs=[amber()["id"]])
    assert world.refusals(BY, announced) == [None]
    assert world.refusals("kr-agency", amber(tlp="red", x_junk=1)) == [None]
    world.delete("kr-agency", amber()["id"])
    assert world.refusals(BY, amber()) == [None]
    assert world.refusals("kr-agency", amber(version=5)) == [RECEIVED]


def test_an_allys_junk_under_an_announced_id_blocks_nobody(world: World) -> None:
    announced = report(1, tlp="green", refs=[amber()["id"]])
    assert world.refusals("kr-agency", announced) == [None]
    assert world.refusals(BY, amber(x_junk=1)) == [None]
    assert world.refusals("kr-agency", amber(created_by=world.identity_of("kr-agency"))) == [None]


# --- what is aside --------------------------------------------------------------------------------


def test_a_name_that_itself_carries_a_level_or_rel_to_is_guarded(world: World) -> None:
    addressed = malware(2, tlp="green", marks=world.rel_to("KR"))
    labelled = malware(3, tlp="green", labels=["tlp:amber"])
    for theirs in (galaxy(1, tlp="amber"), addressed, labelled):
        assert world.refusals(BY, theirs) == [None]
        bare = {**theirs, "modified": "2026-02-20T00:00:00.000Z", "x_n": 1}
        assert world.refusals("kr-agency", bare) == [RECEIVED]


def test_an_unmarked_name_is_anybodys_and_its_submitter_is_told(world: World) -> None:
    [told] = world.remarks(BY, galaxy(1))
    assert "stands as AMBER; mark it, or its text may be passed on" in told
    for event, by in enumerate(("kr-agency", "us-cert", "kr-cert", "au-agency"), 2):
        assert world.refusals(by, galaxy(event, tlp="green")) == [None]


def test_what_a_public_source_made_is_anybodys(world: World) -> None:
    theirs = technique() | {"object_marking_refs": amber()["object_marking_refs"]}
    assert world.refusals(BY, theirs) == [None]
    assert world.refusals("kr-agency", technique()) == [None]


def test_observables_are_anybodys(world: World) -> None:
    assert world.refusals(BY, observable(1, tlp="amber")) == [None]
    assert world.refusals("kr-agency", observable(1, tlp="green")) == [None]


def test_two_name_their_own_under_an_id_that_follows_from_content(world: World) -> None:
    mine = by_content("indicator", "same pattern", tlp="amber", created_by=world.identity_of(BY))
    assert world.refusals(BY, mine) == [None]
    assert world.refusals("kr-agency", mine | {"created_by_ref": world.identity_of("kr-agency")}) == [None]
    bare = {key: value for key, value in mine.items() if key != "created_by_ref"}
    assert world.refusals("kr-agency2", bare) == [RECEIVED]


def test_of_equal_objects_the_one_submitted_first_counts(world: World) -> None:
    """JP's copy of what KR shares does not make it JP's."""
    theirs = indicator(1, tlp="green")
    assert world.refusals("kr-agency", theirs) == [None]
    assert world.refusals(BY, theirs) == [None]
    assert world.refusals("kr-agency", theirs | {"modified": "2026-02-02T00:00:00.000Z"}) == [None]


def test_a_living_record_is_its_submitters_own_whatever_comes(world: World) -> None:
    world.agree(["JP", "KR"], clause("JP", "KR", "amber"))
    assert world.refusals("kr-agency", amber(tlp="red")) == [None]
    assert world.refusals(BY, amber(x_by=1)) == [None]
    assert world.refusals("kr-agency", amber(version=3)) == [None]
    world.delete("kr-agency", amber()["id"])
    assert world.refusals("kr-agency", amber(version=4)) == [RECEIVED]


def test_junk_under_an_id_that_an_ally_announced_is_no_licence(world: World) -> None:
    """Kept alive, and RED, so that the ally never learns of it (policy 8)."""
    announced = indicator(1, tlp="amber", description="Of the ally alone")
    assert world.refusals(BY, report(1, tlp="green", refs=[announced["id"]])) == [None]
    assert world.refusals("kr-agency", indicator(1, tlp="red", description="Junk")) == [None]
    assert world.refusals(BY, announced) == [None]
    said_again = announced | {"modified": "2026-01-02T00:00:00.000Z"}
    assert world.refusals("kr-agency", said_again) == [RECEIVED]


def test_what_was_submitted_before_anybody_named_it_stays_its_submitters(world: World) -> None:
    mine = indicator(1, tlp="red", description="Mine")
    assert world.refusals("kr-agency", mine) == [None]
    assert (
        world.refusals(BY, report(1, tlp="green", refs=[mine["id"]]), indicator(1, tlp="amber")) == [None] * 2
    )
    assert world.refusals("kr-agency", mine | {"modified": "2026-01-02T00:00:00.000Z"}) == [None]
