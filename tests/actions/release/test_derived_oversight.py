"""Derived objects are explained, listed among the disclosures, and recalled (policy 7 and 8)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hub.actions.operation import work
from hub.actions.oversight import disclosures
from hub.errors import NotFound
from hub.model import StixId, Tlp
from hub.stix.marking.tlp import definition_of
from tests.actions.derived_objects import HIDE, REDACT, SECRET, later, marked, only, three_nations, told
from tests.stix_objects import Json, indicator, malware, note, report, stamp
from tests.world import World, clause


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    yield from three_nations(database_url)


def test_the_origin_is_told_in_which_form_it_is_served(world: World) -> None:
    agreed = world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    world.push("us-agency", malware(1, tlp="green"))
    [id] = world.ids("kr-agency")
    decision = next(
        one for one in told(world, "us-cert", malware(1)["id"])["decisions"] if one["nation"] == "KR"
    )
    assert (decision["decision"], decision["clearance"], decision["agreement"]) == (
        "release",
        "agency",
        agreed["id"],
    )
    assert decision["renditions"] == [
        {
            "rendition": "anonymised",
            "object": id,
            "clearance": "agency",
            "agreement": agreed["id"],
            "clause": 1,
        }
    ]


def test_a_recipient_asks_by_the_id_that_it_knows(world: World) -> None:
    agreed = world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    world.push("us-agency", SECRET)
    [id] = world.ids("kr-agency")
    answer = told(world, "kr-cert", id)
    assert (answer["object"], answer["origin"], answer["effective_tlp"]) == (id, "US", "green")
    assert [(one["nation"], one["agreement"]) for one in answer["decisions"]] == [("KR", agreed["id"])]
    assert "member" not in answer
    assert SECRET["id"] not in json.dumps(answer)
    for member, unknown in (("kr-cert", SECRET["id"]), ("us-cert", id), ("jp-cert", id)):
        with pytest.raises(NotFound):
            told(world, member, unknown)


def test_the_origin_is_told_who_fetched_what_was_made(world: World) -> None:
    agreed = world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    world.push("us-agency", SECRET)
    [id] = world.ids("kr-agency")
    fetched = disclosures.of_object(world.service, world.callers["us-cert"], StixId(SECRET["id"]))
    assert {(one["member"], one["agreement"], one["rendition"]) for one in fetched} == {
        ("kr-agency", agreed["id"], "redacted:amber")
    }
    own = disclosures.of_object(world.service, world.callers["kr-cert"], StixId(id))
    assert {one["member"] for one in own} == {"kr-agency"}


def notes(world: World, member: str) -> list[Json]:
    """The recalls that the member finds after the hub's background work."""
    later(world)
    work.work(world.service)
    return world.notes(member)


def test_a_recall_names_what_was_served(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    world.push("us-agency", SECRET)
    [id] = world.ids("kr-agency")
    world.delete("us-agency", SECRET["id"])
    [recalled] = notes(world, "kr-agency")
    assert recalled["object_refs"] == [id]
    assert recalled["object_marking_refs"] == [definition_of(Tlp.AMBER)]
    assert notes(world, "kr-cert") == []


def test_a_later_redaction_of_no_less_recalls_nothing(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    world.push("us-agency", SECRET)
    [id] = world.ids("kr-agency")
    world.push("us-agency", SECRET | {"modified": "2026-02-01T00:00:00.000Z", "name": "Other"})
    assert notes(world, "kr-agency") == []
    world.push("us-agency", marked(SECRET | {"modified": "2026-02-02T00:00:00.000Z"}, "red", "labels"))
    [recalled] = notes(world, "kr-agency")
    assert recalled["object_refs"] == [id]


def test_who_fetched_an_earlier_redaction_is_told_when_the_later_one_shows_less(world: World) -> None:
    """It has never seen the redaction in between, which took the place of its own."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    world.push("us-agency", SECRET)
    [id] = world.ids("kr-agency")
    world.push("us-agency", SECRET | {"modified": "2026-02-01T00:00:00.000Z", "name": "Other"})
    world.push("us-agency", marked(SECRET | {"modified": "2026-02-02T00:00:00.000Z"}, "red", "labels"))
    [recalled] = notes(world, "kr-agency")
    assert recalled["object_refs"] == [id]


def test_hiding_a_source_by_agreement_recalls_nothing(world: World) -> None:
    made = world.agree(["US", "KR"], clause("US", "KR", "amber"))
    world.push("us-agency", malware(1, tlp="green"))
    assert world.ids("kr-agency")
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE), supersedes=made["id"])
    assert notes(world, "kr-agency") == []


def test_who_keeps_a_part_is_told_of_the_whole(world: World) -> None:
    """The whole report falls with what it refers to; what is left of it refers to something else."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT))
    world.agree(["US", "KR"], clause("US", "KR", "amber+strict", audience="cert"))
    whole = report(1, tlp="green", refs=[malware(1)["id"], malware(2)["id"]])
    world.push(
        "us-agency",
        *(malware(n, tlp="green") for n in (1, 2)),
        marked(whole, "amber+strict", "object_refs.[0]"),
    )
    assert whole["id"] in world.ids("kr-cert")
    world.push("us-agency", malware(1, version=2, tlp="red"))
    assert only(world, "kr-cert", "report")["object_refs"] == [malware(2)["id"]]
    assert whole["id"] in {id for one in notes(world, "kr-cert") for id in one["object_refs"]}


@pytest.mark.parametrize("member", ["us-agency", "us-cert"])
def test_what_was_announced_by_an_anonymised_object_is_no_licence_either(world: World, member: str) -> None:
    """Whoever has a record under an id that US named first passes on nothing that comes under it (8)."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    secret = indicator(1, tlp="amber")
    world.push(member, note(2, tlp="green", refs=[secret["id"]]))
    [id] = only(world, "kr-agency", "note")["object_refs"]
    later(world)
    own = indicator(1, tlp="green", created_by=world.callers["kr-agency"].member.identity) | {"id": id}
    assert [o.succeeded for o in world.push("kr-agency", own).outcomes] == [True]
    later(world)
    world.push(member, secret)
    later(world)
    [outcome] = world.push("kr-agency", own | {"modified": stamp(3)}).outcomes
    assert (outcome.succeeded, outcome.message) == (False, "received from US; only US may share it.")
