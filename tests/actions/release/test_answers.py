"""Answers: objects about a derived object, given to its origin with the ids that it has there (policy 7)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.actions.checks import check
from hub.actions.operation import work
from hub.actions.oversight import disclosures
from hub.model import NationCode, StixId
from hub.store.database import epochs
from hub.store.ledger import derived_objects
from tests.actions.derived_objects import (
    HIDE,
    REDACT,
    SECRET,
    cert_identity,
    everything,
    later,
    only,
    served,
    sighting,
    three_nations,
    told,
)
from tests.stix_objects import Json, indicator, malware, note, report, sdo, stix_id
from tests.world import World, clause


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    yield from three_nations(database_url)


@pytest.fixture
def made(world: World) -> str:
    """The id under which KR knows an object of the US's agency; KR shares with all."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    world.agree(["US", "KR", "JP"], clause("KR", ["US", "JP"], "amber", audience="partner"))
    world.push("us-agency", malware(1, tlp="green"))
    [id] = world.ids("kr-agency")
    return id


def test_an_answer_goes_back_to_its_origin_with_the_ids_there_and_to_others_as_it_is(
    world: World, made: str
) -> None:
    """As if the object were the cert's own: else others could tell that its source is hidden (policy 7)."""
    world.push("kr-agency", sighting(1, made, tlp="green"))
    got = only(world, "us-cert", "sighting")
    assert got["sighting_of_ref"] == malware(1)["id"]
    assert got["id"] != sighting(1, made)["id"]
    assert only(world, "us-agency", "sighting") == only(world, "us-agency2", "sighting") == got
    assert only(world, "jp-cert", "sighting")["sighting_of_ref"] == made
    assert malware(1)["id"] not in everything(world, "jp-cert")
    assert made not in everything(world, "us-cert")
    assert sighting(1, made)["id"] in world.ids("kr-cert")


def test_an_answer_needs_an_agreement_in_its_direction(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    world.push("us-agency", malware(1, tlp="green"))
    [id] = world.ids("kr-agency")
    world.push("kr-agency", sighting(1, id, tlp="green"))
    assert {obj["type"] for obj in served(world, "us-cert")} == {"malware"}


def test_an_answer_to_a_redaction_goes_back_to_who_may_see_the_whole(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **REDACT), clause("KR", "US", "amber"))
    world.push("us-agency", SECRET)
    [id] = world.ids("kr-agency")
    world.push("kr-agency", sighting(1, id, tlp="green"))
    assert only(world, "us-cert", "sighting")["sighting_of_ref"] == SECRET["id"]
    assert {obj["type"] for obj in served(world, "us-agency")} == {
        "malware"
    }  # its own, RED with all its parts


def test_a_plain_object_is_answered_plainly(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber"), clause("KR", "US", "amber"))
    world.push("us-agency", malware(1, tlp="green"))
    mine = sighting(1, malware(1)["id"], tlp="green")
    world.push("kr-agency", mine)
    assert only(world, "us-agency", "sighting") == mine


def test_an_answer_about_several_objects_is_for_who_may_see_them_all(world: World) -> None:
    """What the other agency submitted is its own, down to the id."""
    terms = {"max_tlp": "amber+strict", "audience": "partner"}
    world.agree(["US", "KR"], clause("US", "KR", **terms, **HIDE), clause("KR", "US", **terms))
    world.push("us-agency", malware(1, tlp="amber+strict"), malware(3, tlp="amber+strict"))
    world.push("us-agency2", malware(2, tlp="amber+strict"))
    made_ids = sorted(world.ids("kr-cert"))
    assert len(made_ids) == 3
    world.push("kr-cert", note(1, tlp="green", refs=made_ids))
    assert set(only(world, "us-cert", "note")["object_refs"]) == {malware(n)["id"] for n in (1, 2, 3)}
    for agency in ("us-agency", "us-agency2"):
        assert {obj["type"] for obj in served(world, agency)} == {"malware"}


def test_the_answering_agency_may_be_hidden_too(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE), clause("KR", "US", "amber", **HIDE))
    world.push("us-agency", malware(1, tlp="green"))
    [id] = world.ids("kr-agency")
    world.push("kr-agency", sighting(1, id, tlp="green", created_by=stix_id("identity", 5)))
    got = only(world, "us-cert", "sighting")
    assert (got["sighting_of_ref"], got["created_by_ref"]) == (malware(1)["id"], cert_identity(world, "KR"))


def test_who_fetched_an_answer_tells_nothing_of_the_source(world: World, made: str) -> None:
    """All who may see the original may read it, as they may an answer to the cert's own."""
    mine = sighting(1, made, tlp="green")
    world.push("kr-agency", mine)
    for member in ("us-agency", "us-cert"):
        assert only(world, member, "sighting")
    (counted,) = disclosures.of_object(world.service, world.callers["kr-agency"], StixId(mine["id"]))
    assert counted["members"] == 2
    fetched = disclosures.of_object(world.service, world.callers["kr-cert"], StixId(mine["id"]))
    assert {one["member"] for one in fetched} == {"us-cert", "us-agency"}
    assert {one["clause"] for one in fetched} == {1}


def test_who_claims_the_same_id_has_no_part_in_the_answer(world: World, made: str) -> None:
    world.push("us-partner", malware(1, tlp="red"))
    world.push("kr-agency", sighting(1, made, tlp="green"))
    assert only(world, "us-agency", "sighting") == only(world, "us-agency2", "sighting")


def test_an_answer_counts_what_came_before_it_though_dates_run_ahead_of_the_clock(world: World) -> None:
    """As in the first minute of an epoch."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE), clause("KR", "US", "amber"))
    with world.service.store.write() as connection:
        epochs.begin(connection, world.clock(), world.clock())
    later(world)
    world.push("us-agency", malware(1, tlp="green"))
    [id] = world.ids("kr-agency")
    later(world)
    world.push("kr-agency", sighting(1, id, tlp="green"))
    assert only(world, "us-agency", "sighting") == only(world, "us-cert", "sighting")
    later(world)
    world.push("us-partner", malware(1, tlp="red"))  # comes later, and has no part in it
    assert only(world, "us-agency", "sighting") == only(world, "us-cert", "sighting")
    assert check.check(world.service).faults == []


def test_what_is_about_several_nations_objects_goes_as_it_is(world: World) -> None:
    """No id is put back: who had one of the objects may not see the others."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE), clause("KR", "US", "amber"))
    world.agree(["US", "JP"], clause("JP", "US", "amber", **HIDE))
    world.push("us-agency", malware(1, tlp="green"))
    world.push("jp-agency", malware(2, tlp="green"))
    [made], [theirs] = world.ids("kr-agency"), world.ids("us-cert") - {malware(1)["id"]}
    world.push("kr-agency", report(1, refs=[made, theirs], tlp="green"))
    assert only(world, "us-cert", "report")["object_refs"] == [made, theirs]
    assert report(1)["id"] in world.ids("kr-cert")


def test_no_answer_stops_the_background_work(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    extension = sdo(
        "extension-definition",
        1,
        created_by=stix_id("identity", 5),
        tlp="green",
        name="x",
        schema="https://example.com/schema",
        extension_types=["property-extension"],
    ) | {"version": "1.0.0"}
    world.push("us-agency", extension)
    [id] = world.ids("kr-agency")
    content = {"extension_type": "property-extension"}
    both = malware(1, tlp="green") | {"extensions": {id: content, extension["id"]: content}, "x_ref": id}
    assert world.push("kr-agency", both).outcomes[0].succeeded
    world.agree(["US", "KR"], clause("KR", "US", "amber", history=True))
    later(world)
    assert work.work(world.service).histories == 1


def test_an_answer_may_be_about_very_many(world: World) -> None:
    ids = [StixId(stix_id("malware", n)) for n in range(2_000)]
    with world.service.store.read() as connection:
        assert derived_objects.first_positions(connection, NationCode("KR"), NationCode("US"), ids) == {}
        assert derived_objects.home_justifications(connection, NationCode("US"), ids) == {}


def test_an_answer_about_what_was_only_referred_to_keeps_the_made_id_abroad(world: World) -> None:
    """The id came in a note; what stands behind it did not."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    world.agree(["US", "KR", "JP"], clause("KR", ["US", "JP"], "amber", audience="partner"))
    world.push("us-agency", note(1, tlp="green", refs=[malware(1)["id"]]))
    [unseen] = only(world, "kr-agency", "note")["object_refs"]
    world.push("kr-agency", sighting(1, unseen, tlp="green"))
    assert only(world, "jp-cert", "sighting")["sighting_of_ref"] == unseen
    assert only(world, "us-cert", "sighting")["sighting_of_ref"] == malware(1)["id"]


def test_an_answer_is_not_handed_to_whoever_claims_the_id_later(world: World) -> None:
    """It is judged again after the claim, which by then stands behind the made id as well."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE), clause("KR", "US", "amber"))
    world.push("us-agency", note(1, tlp="green", refs=[malware(1)["id"]]))
    [unseen] = only(world, "kr-agency", "note")["object_refs"]
    later(world)
    own = indicator(7, tlp="green")
    world.push("kr-agency", own, note(2, tlp="green", refs=[unseen, own["id"]]))
    assert only(world, "us-cert", "indicator")

    def answered(member: str) -> list[Json]:
        return [obj for obj in served(world, member) if malware(1)["id"] in obj.get("object_refs", ())]

    members = ("us-agency", "us-agency2", "us-partner")
    before = {member: len(answered(member)) for member in members}
    assert len(answered("us-cert")) == 2
    later(world)
    world.push("us-agency2", malware(1, tlp="green"))
    assert unseen in world.ids("kr-agency")
    later(world)
    world.push("kr-agency", indicator(7, tlp="amber", version=2))
    assert len(answered("us-cert")) == 2
    assert {member: len(answered(member)) for member in members} == before
    assert before["us-agency2"] == before["us-partner"] == 1  # what its colleague submitted alone


@pytest.mark.parametrize("member", ["kr-cert", "kr-agency"])
def test_what_refers_to_an_answer_is_told_to_stay_for_that(world: World, member: str) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE), clause("KR", "US", "amber"))
    world.push("us-agency", malware(1, tlp="green"))
    [id] = world.ids("kr-agency")
    answer = sighting(1, id, tlp="green")
    world.push(member, answer, note(1, tlp="green", refs=[answer["id"]]))
    assert {obj["type"] for obj in served(world, "us-cert")} == {"malware", "sighting"}
    found = told(world, "kr-cert", note(1)["id"])
    assert found["abroad"] == {"decision": "stays at home", "because": ["reference"]}
    [decision] = [one for one in found["decisions"] if one["nation"] == "US"]
    why = "its nation is given it with the ids that it has there"
    assert decision["reason"] == f"refers to a withheld object {answer['id']}: {why}"
