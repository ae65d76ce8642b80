"""REL TO (policy 6 and 2.3): narrows to the nations named, and addresses RED; containers pass it on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import text

from hub.actions.checks import check
from hub.actions.operation.initialise import initialise
from hub.stix.marking.tlp import TLP_IDS
from tests.stix_objects import TLP, Json, grouping, identity, report, sdo
from tests.world import World, build


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = build(database_url, codes=("US", "KR", "JP"), kinds=("cert", "agency"))
    world.agree(["US", "KR", "JP"], {"from": "US", "to": ["KR", "JP"], "max_tlp": "red"})
    yield world
    world.close()


def rel_to(world: World, *nations: str) -> list[str]:
    return [world.service.registry.nations[code].rel_to_id for code in nations]  # type: ignore[index]


def seen(world: World, obj: Json) -> list[str]:
    """The foreign members that see an object of the US's."""
    return [m for m in ("jp-agency", "jp-cert", "kr-agency", "kr-cert") if obj["id"] in world.ids(m)]


def campaign(n: int, **changes: Any) -> Json:
    """What is content, and no name: containers that come later move it."""
    return sdo("campaign", n, **({"tlp": "amber"} | changes))


def test_what_is_addressed_reaches_those_nations_alone(world: World) -> None:
    world.push("us-agency", campaign(1, marks=rel_to(world, "KR")), campaign(2))
    assert seen(world, campaign(1)) == ["kr-agency", "kr-cert"]
    assert seen(world, campaign(2)) == ["jp-agency", "jp-cert", "kr-agency", "kr-cert"]
    assert campaign(1)["id"] in world.ids("us-agency")


def test_red_reaches_the_certs_that_it_is_addressed_to(world: World) -> None:
    world.push("us-agency", campaign(1, tlp="red"), campaign(2, tlp="red", marks=rel_to(world, "KR")))
    assert seen(world, campaign(1)) == []
    assert seen(world, campaign(2)) == ["kr-cert"]


def test_what_a_container_is_addressed_to_holds_for_what_is_in_it(world: World) -> None:
    refs = [campaign(1)["id"], campaign(2)["id"]]
    report = sdo("report", 1, tlp="red", marks=rel_to(world, "KR"), refs=refs)
    world.push("us-agency", campaign(1, tlp=None), campaign(2, tlp="green"), report)
    assert seen(world, campaign(1)) == ["kr-cert"]  # RED and REL TO KR, from the report
    assert seen(world, campaign(2)) == ["jp-agency", "jp-cert", "kr-agency", "kr-cert"]  # its own marking
    assert seen(world, report) == ["kr-cert"]


def test_a_container_that_comes_later_can_only_narrow(world: World) -> None:
    inner = campaign(1, tlp=None)
    world.push("us-agency", inner)
    assert len(seen(world, inner)) == 4
    for n, nations in enumerate([("KR", "JP"), ("KR",), ("JP",)]):
        marks = rel_to(world, *nations)
        world.push("us-agency", sdo("report", n, tlp="amber", marks=marks, refs=[inner["id"]]))
        expected = [["jp-agency", "jp-cert", "kr-agency", "kr-cert"], ["kr-agency", "kr-cert"], []]
        assert seen(world, inner) == expected[n]
        assert check.check(world.service).faults == []
    assert inner["id"] in world.ids("us-cert")


def test_nested_containers_pass_it_on_whatever_comes_first(world: World) -> None:
    inner, middle = campaign(1, tlp=None), sdo("grouping", 1, refs=[campaign(1)["id"]])
    outer = sdo("report", 1, tlp="green", marks=rel_to(world, "JP"), refs=[middle["id"]])
    world.push("us-agency", inner, middle)
    world.push("us-agency", outer)
    assert seen(world, inner) == seen(world, middle) == ["jp-agency", "jp-cert"]
    assert check.check(world.service).faults == []


def test_a_container_that_comes_later_addresses_no_red(world: World) -> None:
    """RED by itself, by another container or by who names it: containers only tighten."""
    in_red, labelled, named = campaign(1, tlp=None), campaign(2, tlp=None, labels=["tlp:red"]), identity(1)
    outer = report(1, tlp="red", refs=[in_red["id"]])
    world.push("us-agency", in_red, labelled, named, outer, campaign(3, tlp="red", created_by=named["id"]))
    inner = [in_red, labelled, named]
    assert [seen(world, obj) for obj in inner] == [[], [], []]
    refs = [obj["id"] for obj in inner]
    world.push("us-agency", report(2, tlp="green", marks=rel_to(world, "KR"), refs=refs))
    assert [seen(world, obj) for obj in inner] == [[], [], []]
    assert check.check(world.service).faults == []
    world.push("us-agency", campaign(1, version=2, tlp="red", marks=rel_to(world, "KR")))
    assert seen(world, in_red) == ["kr-cert"]  # a new version of the object itself can loosen


def test_what_is_marked_itself_may_lie_in_red(world: World) -> None:
    """An unmarked one takes over that RED is addressed to nobody, whatever REL TO it has (policy 6)."""
    unmarked = campaign(1, tlp=None, marks=rel_to(world, "KR"))
    addressed = campaign(2, tlp="red", marks=rel_to(world, "KR"))
    refs = [unmarked["id"], addressed["id"]]
    world.push("us-agency", unmarked, addressed, report(1, tlp="red", refs=refs))
    assert seen(world, unmarked) == []
    assert seen(world, addressed) == ["kr-cert"]


def test_a_red_part_leaves_others_rel_to_alone(world: World) -> None:
    """What a container is addressed to holds for what may be left of it (policy 7)."""
    part = {"granular_markings": [{"selectors": ["name"], "marking_ref": TLP["red"]}]}
    inner = campaign(1, tlp=None) | part
    world.push("us-agency", inner)
    world.push("us-agency", report(1, tlp="green", refs=[inner["id"]]))
    with world.service.store.read() as connection:
        query = text("SELECT base_rel_to FROM object_version WHERE stix_id = :id")
        assert connection.execute(query, {"id": inner["id"]}).scalar() is None


def test_what_comes_first_of_two_containers_is_all_the_same(world: World) -> None:
    """RED that is addressed to nobody is carried down as that."""
    inner = campaign(1, tlp=None)
    green = report(2, tlp="green", marks=rel_to(world, "KR"), refs=[inner["id"]])
    world.push("us-agency", inner, green)
    assert seen(world, inner) == ["kr-agency", "kr-cert"]
    world.push("us-agency", report(1, tlp="red", refs=[inner["id"]]))
    assert seen(world, inner) == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("marks", [(), ("KR",)])
def test_red_that_is_addressed_to_nobody_leaves_in_no_order(
    world: World, order: tuple[int, ...], marks: tuple[str, ...]
) -> None:
    """A stored container counts as one that comes along; what is in between may be addressed itself."""
    inner = campaign(1, tlp=None, marks=rel_to(world, *marks))
    middle = grouping(1, marks=rel_to(world, "KR"), refs=[inner["id"]])
    outer = report(1, tlp="red", refs=[middle["id"]])
    three = [inner, middle, outer]
    for n in order:
        world.push("us-agency", three[n])
    assert [seen(world, obj) for obj in three] == [[], [], []]
    assert check.check(world.service).faults == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_beside_a_container_that_is_addressed_it_leaves_in_no_order(
    world: World, order: tuple[int, ...]
) -> None:
    inner = campaign(1, tlp=None)
    addressed = report(1, tlp="green", marks=rel_to(world, "KR"), refs=[inner["id"]])
    unaddressed = report(2, tlp="red", refs=[inner["id"]])
    three = [inner, addressed, unaddressed]
    for n in order:
        world.push("us-agency", three[n])
    assert seen(world, inner) == []
    assert check.check(world.service).faults == []


def test_a_revoking_version_is_addressed_as_the_one_before(world: World) -> None:
    world.push("us-agency", campaign(1, tlp="red"), campaign(2, marks=rel_to(world, "KR")))
    refs = [campaign(1)["id"]]
    world.push("us-agency", report(1, tlp="green", marks=rel_to(world, "KR"), refs=refs))
    world.push("us-agency", *(campaign(n, version=2, tlp=None, revoked=True) for n in (1, 2)))
    assert seen(world, campaign(1)) == []
    assert seen(world, campaign(2)) == ["kr-agency", "kr-cert"]
    world.push("us-agency", campaign(3, marks=rel_to(world, "KR")))
    world.push("us-agency", campaign(3, version=2, tlp=None, revoked=True, marks=rel_to(world, "JP")))
    assert seen(world, campaign(3)) == []
    world.push("us-agency", campaign(4, tlp="red"))
    world.push("us-agency", campaign(4, version=2, tlp=None, revoked=True, marks=rel_to(world, "KR")))
    assert seen(world, campaign(4)) == []  # it keeps that it is addressed to nobody


def test_a_revocation_that_came_first_hands_down_what_its_predecessor_brings(world: World) -> None:
    inner = campaign(1, tlp=None)
    world.push("us-agency", inner, report(1, version=2, revoked=True, refs=[inner["id"]]))
    assert len(seen(world, inner)) == 4
    world.push("us-agency", report(1, tlp="red", refs=[campaign(2)["id"]]))
    assert seen(world, inner) == []
    assert check.check(world.service).faults == []


def test_a_container_is_deleted_as_it_stood(world: World) -> None:
    """What comes later does not reach through it."""
    inner, outer = campaign(1, tlp=None), grouping(1, refs=[campaign(1)["id"]])
    world.push("us-agency", inner, outer)
    world.delete("us-agency", outer["id"])
    world.push("us-agency", report(1, tlp="green", marks=rel_to(world, "KR"), refs=[outer["id"]]))
    world.push("us-agency", report(2, tlp="green", refs=[inner["id"]]))
    assert seen(world, inner) == ["jp-agency", "jp-cert", "kr-agency", "kr-cert"]


def test_a_later_version_may_be_addressed_otherwise(world: World) -> None:
    world.push("us-agency", campaign(1, marks=rel_to(world, "KR")))
    world.push("us-agency", campaign(1, version=2, marks=rel_to(world, "JP")))
    # KR loses the first version, for it may not see the newest.
    assert seen(world, campaign(1)) == ["jp-agency", "jp-cert"]


def test_rel_to_on_a_part_closes_the_whole(world: World) -> None:
    part = {"granular_markings": [{"selectors": ["name"], "marking_ref": rel_to(world, "KR")[0]}]}
    receipt = world.push("us-agency", campaign(1) | part)
    assert receipt.outcomes[0].succeeded
    assert "mark the whole" in str(receipt.outcomes[0].message)
    assert seen(world, campaign(1)) == []
    assert check.check(world.service).faults == []


def test_the_definitions_are_in_reach_of_every_reader(world: World) -> None:
    ids = {row.id for row in world.drain(world.query("jp-agency"))}
    assert set(rel_to(world, "US", "KR", "JP")) | set(TLP_IDS) <= ids


def test_a_hub_that_was_begun_without_one_gets_it(world: World) -> None:
    missing = rel_to(world, "JP")[0]
    with world.service.store.write() as connection:
        # As if it had been begun before this nation was configured; positions are then not gapless.
        for change in (
            "UPDATE release SET stix_id = 'x', withdrawn_at = 1 WHERE stix_id = :id",
            "UPDATE object_version SET stix_id = 'x' WHERE stix_id = :id",
        ):
            connection.execute(text(change), {"id": missing})
    poller = world.follow("kr-agency")
    poller.poll()
    initialise(world.service)
    assert [row.id for row in poller.poll()] == [missing]
    initialise(world.service)
    assert poller.poll() == []
