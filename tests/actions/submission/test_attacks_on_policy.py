"""Hostile members against policy 2.7, 8 and 9: each story is one that once got something by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.actions.checks.check import check
from hub.actions.oversight.explain import ExplanationRequest, explain
from hub.model import StixId
from tests.actions.alliance import CODES
from tests.stix_objects import TLP, Json, definition, grouping, indicator, note
from tests.world import World, build, clause


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Four nations without any agreement; whatever is done, the hub stays sound."""
    world = build(database_url, codes=CODES)
    yield world
    faults = check(world.service).faults
    world.close()
    assert not faults


def _copied_by_korea(world: World) -> None:
    """JP shares GREEN with KR and AU; KR shares with AU what is said of it, and no copy."""
    world.agree(["JP", "KR"], clause("JP", "KR", "green", audience="partner"))
    world.agree(["JP", "AU"], clause("JP", "AU", "green", audience="partner"))
    world.agree(["KR", "AU"], clause("KR", "AU", "green", audience="partner", types=["note"]))


# --- own copies -----------------------------------------------------------------------------------

ORIGINAL, ABOUT_IT = indicator(1, tlp="green"), note(1, tlp="green", refs=[indicator(1)["id"]])


@pytest.mark.parametrize("act", ["deletes", "tightens"])
def test_what_an_ally_does_with_what_was_copied_is_no_damage(world: World, act: str) -> None:
    """No ally makes the operator's `hub check` tell it to stop serving, nor a neighbour's note disappear."""
    _copied_by_korea(world)
    assert world.refusals("jp-agency", ORIGINAL) == [None]
    assert world.refusals("kr-agency", ORIGINAL) == [None]
    assert world.refusals("kr-agency", ABOUT_IT) == [None]
    world.clock.wait()
    if act == "deletes":
        world.delete("jp-agency", ORIGINAL["id"])
    else:
        assert world.refusals("jp-agency", indicator(1, tlp="red", version=2)) == [None]
    assert not check(world.service).faults
    assert world.readers_of_any(ORIGINAL, "au-agency") == []
    assert world.readers_of_any(ABOUT_IT, "au-agency") == ["au-agency"]


def test_nor_is_an_agreement_by_which_more_see_it_later(world: World) -> None:
    world.agree(["JP", "KR"], clause("JP", "KR", "green", audience="partner"))
    world.agree(["KR", "AU"], clause("KR", "AU", "green", audience="partner", types=["note"]))
    assert world.refusals("jp-agency", ORIGINAL) == [None]
    assert world.refusals("kr-agency", ORIGINAL) == [None]
    assert world.refusals("kr-agency", ABOUT_IT) == [None]
    world.agree(["JP", "AU"], clause("JP", "AU", "green", audience="partner", history=True))
    assert not check(world.service).faults


@pytest.mark.parametrize("is_there", [False, True])
def test_an_equal_object_that_nobody_here_may_see_decides_nothing(world: World, is_there: bool) -> None:
    """Two worlds that differ in what the US keeps to itself answer AU and KR alike (I6)."""
    _copied_by_korea(world)
    item = indicator(1)
    if is_there:
        assert world.refusals("us-agency", grouping(7, tlp="red", refs=[item["id"]]), item) == [None, None]
    assert world.refusals("jp-agency", grouping(5, tlp="green", refs=[item["id"]]), item) == [None, None]
    assert world.refusals("kr-agency", grouping(8, tlp="green", refs=[item["id"]]), item) == [None, None]
    assert world.refusals("kr-agency", ABOUT_IT) == [None]
    assert world.readers_of_any(item, "au-agency") == ["au-agency"]
    assert world.readers_of_any(ABOUT_IT, "au-agency") == ["au-agency"]


def _all_share_green(world: World) -> None:
    every = [clause(a, [b for b in CODES if b != a], "green", audience="partner") for a in CODES]
    world.agree(CODES, *every)


@pytest.mark.parametrize("copier", ["kr-agency", "kr-cert", "jp-agency2"])
def test_a_copy_does_not_keep_an_author_from_its_own_id(world: World, copier: str) -> None:
    """Whoever copies everything would else silence whoever deletes a version and sends a better one."""
    _all_share_green(world)
    assert world.refusals("jp-agency", ORIGINAL) == [None]
    assert world.refusals(copier, ORIGINAL) == [None]
    world.delete("jp-agency", ORIGINAL["id"])
    better = indicator(1, tlp="green", version=2, name="Better")
    assert world.refusals("us-agency", better) != [None]
    assert world.refusals("jp-agency", better) == [None]


def test_nor_does_a_copy_that_is_handled_more_strictly_bind_what_it_says(world: World) -> None:
    three = ("JP", "KR", "US")
    closer = [clause(a, [b for b in three if b != a], "amber") for a in three]
    world.agree(three, *closer)
    item, box = indicator(1), grouping(5, tlp="green", refs=[indicator(1)["id"]])
    assert world.refusals("jp-agency", box, item) == [None, None]
    assert world.refusals("kr-agency", item) == [None]  # AMBER by default
    world.delete("jp-agency", item["id"])
    assert "handled like" not in world.remarks("jp-agency", ABOUT_IT)[0]
    assert world.refusals("jp-agency", indicator(1, version=2, tlp="green")) == [None]


# --- what was tightened out of sight --------------------------------------------------------------

HIDDEN = ["amber+strict", "red", "addressed", "closed", "deleted"]


def _hide(world: World, by: str, item: Json, how: str) -> None:
    """Delete the unmarked object, or take it out of sight of agencies by a container that they never see."""
    world.clock.wait()
    if how == "deleted":
        world.delete(by, item["id"])
        return
    marks = {"addressed": world.rel_to("JP"), "closed": [definition(9, statement=False)["id"]]}
    level = how if how in TLP else "red"
    assert world.refusals(by, grouping(7, tlp=level, refs=[item["id"]], marks=marks.get(how, []))) == [None]
    assert world.readers_of_any(item, "kr-agency") == []


@pytest.mark.parametrize("how", HIDDEN)
@pytest.mark.parametrize("by", ["kr-agency2", "kr-cert", "jp-agency", "jp-cert"])
def test_what_refers_to_what_was_hidden_tells_not_how(world: World, by: str, how: str) -> None:
    """Worlds that differ in what hid an object alone answer alike whoever was shown it once (I6)."""
    pair = ("JP", "KR")
    world.agree(pair, *[clause(a, [b for b in pair if b != a], "red", audience="partner") for a in pair])
    item, about = indicator(1), note(1, refs=[indicator(1)["id"]])
    assert world.refusals(by, item) == [None]  # AMBER by default
    assert world.readers_of_any(item, "kr-agency") == ["kr-agency"]
    _hide(world, by, item, how)
    [told] = world.remarks("kr-agency", about)
    assert ("handled as AMBER:" if by.startswith("kr") else "handled like what it refers to;") in told
    assert "withheld" not in told
    view = explain(world.service, world.callers["kr-agency"], ExplanationRequest(StixId(about["id"])))
    assert view["abroad"]["decision"] == "leaves"
    reading = ["kr-agency", "kr-agency2", "kr-cert", "jp-agency", "jp-cert"]
    assert world.readers_of_any(about, *reading, "kr-partner", "jp-partner") == reading


@pytest.mark.parametrize("how", [None, *HIDDEN])
def test_nor_is_a_copy_of_what_was_green_refused_for_what_hid_it(world: World, how: str | None) -> None:
    """ "Received from JP" would tell a Korean agency that what it saw at GREEN is above that now."""
    _all_share_green(world)
    item = indicator(1)
    assert world.refusals("jp-cert", grouping(6, tlp="green", refs=[item["id"]]), item) == [None, None]
    if how is not None:
        _hide(world, "jp-cert", item, how)
    assert world.refusals("kr-agency", item) == [None]
