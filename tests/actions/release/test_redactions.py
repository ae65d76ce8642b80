"""Objects whose parts above the ceiling are left out (policy 7, `granular: redact`)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.actions.operation import work
from hub.model import Tlp
from hub.stix.marking.tlp import definition_of
from tests.actions.derived_objects import (
    REDACT,
    SECRET,
    everything,
    later,
    marked,
    only,
    served,
    three_nations,
    told,
)
from tests.stix_objects import malware, note, report
from tests.world import World, clause


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    yield from three_nations(database_url)


def test_a_part_that_is_marked_too_high_is_taken_away(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    world.push("us-agency", SECRET)
    got = only(world, "kr-agency", "malware")
    assert got["id"] != SECRET["id"]
    assert got["created_by_ref"] == world.service.registry.hub_identity_id
    assert not {"description", "granular_markings"} & got.keys()
    assert SECRET["id"] not in everything(world, "kr-cert")
    kept = {name: got[name] for name in ("created", "modified", "name", "is_family", "labels")}
    assert kept == {name: SECRET[name] for name in kept}
    assert world.ids("jp-cert") == set()
    assert world.ids("us-agency") == {SECRET["id"]}


def test_without_the_term_the_object_is_withheld(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber"))
    world.push("us-agency", SECRET)
    assert world.ids("kr-cert") == set()


def test_the_level_of_what_is_left_decides_who_sees_it(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", audience="partner", **REDACT))
    world.push("us-agency", SECRET)
    world.push("us-agency", marked(SECRET | {"id": malware(2)["id"], "labels": ["x"]}, "amber", "labels.[0]"))
    assert len(world.ids("kr-agency")) == 2
    got = only(world, "kr-partner", "malware")
    assert got["labels"] == ["x"]


def test_it_carries_the_level_of_what_is_left(world: World) -> None:
    """An unmarked object is handled by its nation's default, which nobody abroad knows."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    unmarked = marked(malware(1, description="x"), "red", "description")
    world.push("us-agency", unmarked)
    assert only(world, "kr-agency", "malware")["object_marking_refs"] == [definition_of(Tlp.AMBER)]


def test_what_is_left_above_the_ceiling_is_withheld(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "green", **REDACT))
    world.push("us-agency", marked(malware(1, tlp="amber", description="x"), "red", "description"))
    assert world.ids("kr-cert") == set()


def test_the_id_is_the_same_in_later_versions_and_only_the_newest_is_given(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    poller = world.follow("kr-agency", "US")
    world.push("us-agency", SECRET)
    [first] = poller.poll()
    world.push("us-agency", SECRET | {"modified": "2026-03-02T00:00:00.000Z", "name": "Other"})
    [second] = poller.poll()
    assert first.id == second.id
    assert [row.version for row in world.see("kr-agency")] == [second.version]


def test_a_stricter_part_later_takes_the_earlier_redaction_back(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    world.push("us-agency", SECRET)
    world.push("us-agency", marked(SECRET | {"modified": "2026-03-02T00:00:00.000Z"}, "red", "name"))
    assert "Sample" not in everything(world, "kr-cert")


def test_who_sees_the_original_is_told_what_it_derives_from(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    wide = world.agree(["US", "KR"], clause("US", "KR", "amber+strict", audience="cert"))
    world.push("us-agency", marked(malware(1, tlp="green", description="x"), "amber+strict", "description"))
    link = only(world, "kr-cert", "relationship")
    ids = {obj["id"] for obj in served(world, "kr-cert") if obj["type"] == "malware"}
    assert link["relationship_type"] == "derived-from"
    assert link["target_ref"] == malware(1)["id"]
    assert ids == {link["source_ref"], link["target_ref"]}
    assert {obj["type"] for obj in served(world, "kr-agency")} == {"malware"}
    assert malware(1)["id"] not in everything(world, "kr-agency")
    [decision] = told(world, "kr-cert", link["id"])["decisions"]
    assert decision["agreement"] == wide["id"]


def test_nothing_refers_to_a_redaction(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    world.push("us-agency", SECRET, note(1, tlp="green", refs=[SECRET["id"]]))
    assert {obj["type"] for obj in served(world, "kr-cert")} == {"malware"}


def test_what_is_left_stands_only_with_what_it_refers_to(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    refs = [malware(1)["id"], malware(2)["id"]]
    some = marked(report(1, tlp="green", refs=refs), "red", "object_refs.[0]")
    world.push("us-agency", malware(1, tlp="red"), malware(2, tlp="green"), some)
    assert only(world, "kr-agency", "report")["object_refs"] == [malware(2)["id"]]
    world.delete("us-agency", malware(2)["id"])
    world.push("us-agency", malware(2, version=2, tlp="red"))
    assert served(world, "kr-agency") == []


def test_a_deletion_erases_what_was_made(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    world.push("us-agency", SECRET)
    assert world.ids("kr-cert")
    world.delete("us-agency", SECRET["id"])
    assert world.ids("kr-cert") == set()


def test_history_and_endings_work_on_it(world: World) -> None:
    world.push("us-agency", SECRET)
    later(world)
    made = world.agree(["US", "KR"], clause("US", "KR", "amber", history=True, **REDACT))
    later(world)
    work.work(world.service)
    first = world.ids("kr-cert")
    assert len(first) == 1
    world.terminate(made, "KR")
    assert world.ids("kr-cert") == set()
    world.agree(["US", "KR"], clause("US", "KR", "amber", history=True, **REDACT))
    later(world)
    work.work(world.service)
    assert world.ids("kr-cert") == first


def test_the_original_id_is_nowhere_in_it(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    world.push("us-agency", SECRET | {"x_self": SECRET["id"]})
    got = only(world, "kr-cert", "malware")
    assert got["x_self"] == got["id"]
    assert SECRET["id"] not in everything(world, "kr-cert")


@pytest.mark.parametrize("level", ["green", "red"])
def test_to_pass_it_on_does_not_tell_what_was_taken_away(world: World, level: str) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "clear", **REDACT))
    world.push("us-agency", marked(malware(1, tlp="clear", description="x"), level, "description"))
    got = only(world, "kr-agency", "malware")
    (outcome,) = world.push("kr-agency", got).outcomes
    assert (outcome.succeeded, outcome.message) == (
        False,
        "this id belongs to the hub, which serves its own copy; leave the object out.",
    )


def test_a_redaction_is_not_marked_more_laxly_than_it_may_come_to_be_handled(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    world.push(
        "us-agency",
        malware(2, tlp="clear"),
        report(1, tlp="green", refs=[malware(2)["id"], malware(1)["id"]]),
    )
    world.push("us-agency", marked(malware(1, description="x"), "red", "description"))
    world.push("us-agency", report(2, tlp="amber", refs=[malware(1)["id"]]))
    hub = world.service.registry.hub_identity_id
    [got] = [obj for obj in served(world, "kr-agency") if obj.get("created_by_ref") == hub]
    assert got["object_marking_refs"] == [definition_of(Tlp.AMBER)]
