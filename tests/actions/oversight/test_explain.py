"""Explanations: what is told of an object, of many at once, and that polls agree with it (policy 5)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hub.actions.operation import work
from hub.actions.oversight import explain
from hub.actions.oversight.explain import ExplanationRequest
from hub.errors import Forbidden, Unprocessable
from hub.model import Caller, Kind, StixId, version_key
from hub.stix.marking.tlp import TLP_IDS
from tests.actions.explaining import (
    ABSENT,
    AUDITOR,
    INDICATOR,
    MALWARE,
    UNKNOWN_MARK,
    agreed_in,
    ask,
    decision,
    five_nations,
    reason,
    refusal,
    stranger,
)
from tests.stix_objects import Json, indicator, malware, note, relationship, stix_id
from tests.world import World, clause


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    yield from five_nations(database_url)


@pytest.fixture
def agreed(world: World) -> Json:
    """US shares with KR up to AMBER, with its agencies."""
    return agreed_in(world)


# --- many at once ---------------------------------------------------------------------------------


def test_many_are_answered_in_their_order_and_hidden_ones_like_absent_ones(
    world: World, agreed: Json
) -> None:
    red, green = malware(1, tlp="red"), malware(2, tlp="green")
    world.push("us-agency", red, green)
    asked = [ExplanationRequest(StixId(id)) for id in (red["id"], ABSENT, green["id"], ABSENT, green["id"])]
    told = explain.explain_many(world.service, world.callers["kr-agency"], asked)
    assert [one["object"] for one in told] == [question.id for question in asked]
    assert [one.get("effective_tlp") for one in told] == [None, None, "green", None, "green"]
    hidden, absent = (json.dumps(one).replace(one["object"], "") for one in told[:2])
    assert hidden == absent
    assert told[2] == ask(world, "kr-agency", green["id"])
    assert explain.explain_many(world.service, world.callers["kr-agency"], []) == []


def test_who_may_ask_nothing_may_not_ask_many(world: World) -> None:
    for caller in (stranger(Kind.OPERATOR), Caller(world.callers["us-cert"].member, frozenset())):
        with pytest.raises(Forbidden):
            explain.explain_many(world.service, caller, [ExplanationRequest(StixId(ABSENT))])


def test_a_thousand_are_asked_about_at_once_and_no_more() -> None:
    body = {"objects": [ABSENT] * 1_000}
    assert len(explain.questions(json.dumps(body).encode())) == 1_000
    body["objects"].append(ABSENT)
    with pytest.raises(Unprocessable, match="objects: 1001 are asked about; send at most 1000 at once"):
        explain.questions(json.dumps(body).encode())


# --- what is told ---------------------------------------------------------------------------------


def test_it_has_the_shape_that_scripts_rely_on(world: World, agreed: Json) -> None:
    first = malware(tlp="amber")
    world.push("us-agency", first)
    found = ask(world, "us-cert", MALWARE)
    release = {"decision": "release", "clearance": "agency", "reason": None}
    withheld = {"decision": "withhold", "clearance": None, "agreement": None, "clause": None}
    assert found == {
        "object": MALWARE,
        "version": first["modified"],
        "origin": "US",
        "effective_tlp": "amber",
        "decisions": [
            *(
                {"nation": nation, **withheld, "reason": f"US→{nation}: no agreement in force"}
                for nation in ("AU", "IN", "JP")
            ),
            {"nation": "KR", **release, "agreement": agreed["id"], "clause": 1},
            {"nation": "US", **release, "agreement": None, "clause": None},
        ],
        "abroad": {"decision": "leaves", "because": []},
    }


def test_every_reason_is_given_not_the_first_alone(world: World) -> None:
    world.push("us-agency", malware(tlp="amber+strict", marks=[UNKNOWN_MARK]), malware(2, tlp="red"))
    world.clock.wait()
    world.agree(["US", "KR"], clause("US", "KR", "green", types=["report"]))
    given = reason(world, MALWARE)
    assert given.split("; ") == [
        (
            "it carries, or is contained in what carries, a marking the hub cannot keep, "
            "or what holds it stays at home"
        ),
        "above the agreement's ceiling GREEN",
        "type malware not covered",
        "submitted before the agreement came into force",
    ]
    assert reason(world, stix_id("malware", 2)).startswith("RED is released only to the nations")
    assert reason(world, MALWARE, "JP").endswith("; US→JP: no agreement in force")


def test_what_a_version_refers_to_is_named_with_its_own_reasons(world: World, agreed: Json) -> None:
    link = relationship(tlp="green", refs=[MALWARE, INDICATOR])
    world.push("us-agency", malware(tlp="amber+strict"), indicator(tlp="green"), link)
    world.push("us-agency", note(tlp="green", refs=[link["id"]]))
    why = f"refers to a withheld object {MALWARE}: above the agreement's ceiling AMBER"
    assert reason(world, link["id"]) == why
    assert reason(world, stix_id("note")) == why  # however far
    refusal(world, "us-agency2", link["id"])  # it sees neither


def test_what_is_withheld_for_the_same_reasons_is_named_together(world: World, agreed: Json) -> None:
    link = relationship(tlp="green", refs=[MALWARE, INDICATOR])
    world.push("us-agency", malware(tlp="amber+strict"), indicator(tlp="amber+strict"), link)
    why = reason(world, link["id"])
    assert why.startswith("refers to withheld objects ")
    assert why.endswith(": above the agreement's ceiling AMBER")
    assert sorted(why.split(": ")[0].removeprefix("refers to withheld objects ").split(", ")) == sorted(
        [MALWARE, INDICATOR]
    )


def test_a_recipient_is_not_told_what_an_object_refers_to_and_it_does_not_see(world: World) -> None:
    """It stands by what others showed when it came; by what they show now it would be withheld (2.7)."""
    world.agree(["JP", "KR"], clause("JP", "KR", "green"))
    world.agree(["JP", "US"], clause("JP", "US", "green"))
    world.agree(["KR", "US"], clause("KR", "US", "green", types=["note"]))
    world.clock.wait()
    world.push("jp-agency", indicator(tlp="green"))
    world.clock.wait()
    world.push("kr-agency", indicator(tlp="green"))  # an own copy, which the clause does not cover
    world.clock.wait()
    world.push("kr-agency", note(tlp="green", refs=[INDICATOR]))
    world.clock.wait()
    assert decision(world, "us-cert", stix_id("note"), "US")["decision"] == "release"
    world.delete("jp-agency", INDICATOR)
    assert stix_id("note") in world.ids("us-cert")
    assert INDICATOR in str(ask(world, "kr-cert", stix_id("note")))
    for who in ("us-cert", "us-agency"):
        refusal(world, who, stix_id("note"))


def test_what_was_deleted_is_named_to_its_cert_alone(world: World, agreed: Json) -> None:
    link = relationship(tlp="green", refs=[MALWARE])
    world.push("us-agency", malware(tlp="green", marks=[UNKNOWN_MARK]), link)
    world.delete("us-agency", MALWARE)
    assert f"refers to a withheld object {MALWARE}: it carries" in reason(world, link["id"])
    (told,) = ask(world, "us-agency2", link["id"])["decisions"]
    assert (told["nation"], told["reason"]) == ("US", None)


def test_an_earlier_version_is_held_back_by_a_later_one(world: World, agreed: Json) -> None:
    first = malware(tlp="green")
    world.push("us-agency", first, malware(version=2, tlp="amber+strict"))
    why = "a later version is withheld: above the agreement's ceiling AMBER"
    assert reason(world, MALWARE, version=first["modified"]) == why
    world.delete("us-agency", MALWARE, selections=frozenset(), versions=frozenset({second_key()}))
    assert reason(world, MALWARE) == why  # deleted, it goes on restricting


def second_key() -> str:
    key = version_key(malware(version=2)["modified"])
    assert key is not None
    return key


def test_the_widest_clause_is_named_and_among_equals_the_one_longest_in_force(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", audience="cert"))
    world.clock.wait()
    both = world.agree(["US", "KR"], clause("KR", "US", "amber"), clause("US", "KR", "amber"))
    world.clock.wait()
    world.agree(["US", "KR"], clause("US", "KR", "red"))
    world.clock.wait()
    world.push("us-agency", malware(tlp="green"))
    found = decision(world, "kr-cert", MALWARE, "KR")
    assert (found["clearance"], found["agreement"], found["clause"]) == ("agency", both["id"], 2)


def test_a_release_is_as_narrow_as_what_it_refers_to(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", audience="partner"))
    world.clock.wait()
    world.push("us-agency", malware(tlp="amber"), relationship(tlp="green", refs=[MALWARE]))
    link = stix_id("relationship")
    assert decision(world, "us-cert", link, "KR")["clearance"] == "agency"
    assert decision(world, "us-agency", link, "US")["clearance"] == "agency"
    refusal(world, "kr-partner", link)


def test_what_ended_is_told_from_the_next_request(world: World, agreed: Json) -> None:
    world.push("us-agency", malware(tlp="green"))
    world.suspend(agreed, "KR")
    assert reason(world, MALWARE) == "US→KR: no agreement in force"
    refusal(world, "kr-cert", MALWARE)
    world.resume(agreed, "KR")
    work.work(world.service)
    assert decision(world, "kr-cert", MALWARE, "KR")["agreement"] == agreed["id"]


def test_what_is_not_served_yet_is_not_called_released(world: World) -> None:
    """The agreement covers it; until the hub has gone through the past, no poll returns it."""
    world.push("us-agency", malware(tlp="green"))
    world.clock.wait()
    world.agree(["US", "KR"], clause("US", "KR", "green", history=True))
    assert reason(world, MALWARE).startswith("released, and not served yet")
    refusal(world, "kr-cert", MALWARE)
    work.work(world.service)
    assert decision(world, "us-cert", MALWARE, "KR")["decision"] == "release"
    assert MALWARE in world.ids("kr-cert")


def test_the_hubs_own_objects_are_everybodys(world: World) -> None:
    for id in (*TLP_IDS, world.service.registry.hub_identity_id):
        found = ask(world, "jp-partner", id)
        assert found["origin"] == "hub"
        assert [(one["nation"], one["clearance"]) for one in found["decisions"]] == [("JP", "partner")]
    assert len(ask(world, AUDITOR, world.service.registry.hub_identity_id)["decisions"]) == 5


def test_records_of_several_nations_are_told_each_as_far_as_it_may_be(world: World, agreed: Json) -> None:
    world.push("kr-agency", malware(tlp="amber"))
    world.push("us-agency", malware(tlp="green"))
    records = ask(world, "kr-cert", MALWARE)["records"]
    assert [(r["origin"], len(r["decisions"])) for r in records] == [("KR", 5), ("US", 1)]
    assert ask(world, "us-agency", MALWARE)["origin"] == "US"
