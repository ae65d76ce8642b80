"""Explanations: what may not be known first, then what is told, and that polls agree with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from hub.actions.operation import work
from hub.actions.oversight import explain
from hub.actions.oversight.explain import ExplanationRequest
from hub.errors import Forbidden, NotFound, Unprocessable
from hub.model import Caller, Kind, Member, MemberId, NationCode, Scope, StixId, version_key
from hub.stix.marking.tlp import TLP_IDS
from tests.stix_objects import Json, indicator, malware, note, relationship, stix_id
from tests.world import World, build, clause, registry

MALWARE, INDICATOR = stix_id("malware"), stix_id("indicator")
ABSENT = stix_id("malware", 77)
REL_TO_IN = registry().nations[NationCode("IN")].rel_to_id
UNKNOWN_MARK = stix_id("marking-definition", 9)
DAY = timedelta(days=1)


def stranger(kind: Kind) -> Caller:
    return Caller(
        Member(MemberId(f"an-{kind}"), None, kind, "of no nation", StixId("identity--x")), frozenset(Scope)
    )


AUDITOR = stranger(Kind.AUDITOR)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = build(database_url)
    yield made
    made.close()


@pytest.fixture
def agreed(world: World) -> Json:
    """US shares with KR up to AMBER, with its agencies."""
    view = world.agree(["US", "KR"], clause("US", "KR", "amber"))
    world.clock.wait()
    return view


def ask(
    world: World, who: str | Caller, id: str, version: str | None = None, to: str | None = None
) -> dict[str, Any]:
    caller = who if isinstance(who, Caller) else world.callers[who]
    key = None if version is None else version_key(version)
    recipient = None if to is None else NationCode(to)
    return explain.explain(world.service, caller, ExplanationRequest(StixId(id), key, recipient))


def decision(world: World, who: str | Caller, id: str, to: str, version: str | None = None) -> dict[str, Any]:
    (found,) = ask(world, who, id, version, to)["decisions"]
    assert found["nation"] == to
    return dict(found)


def reason(world: World, id: str, to: str = "KR", version: str | None = None) -> str:
    """Why the US's cert is told that the nation does not see the version."""
    found = decision(world, "us-cert", id, to, version)
    assert (found["decision"], found["clearance"], found["agreement"]) == ("withhold", None, None)
    return str(found["reason"])


def refusal(world: World, who: str, id: str, version: str | None = None) -> str:
    with pytest.raises(NotFound) as refused:
        ask(world, who, id, version)
    return str(refused.value)


# --- who may not ask ------------------------------------------------------------------------------


def test_operators_and_tokens_that_do_not_read_are_refused(world: World, agreed: Json) -> None:
    world.push("us-agency", malware(tlp="green"))
    cert = world.callers["us-cert"]
    for caller in (stranger(Kind.OPERATOR), Caller(cert.member, frozenset({Scope.GOVERN}))):
        for id in (MALWARE, ABSENT):
            with pytest.raises(Forbidden):
                ask(world, caller, id)


@pytest.mark.parametrize(
    ("who", "level"),
    [
        ("kr-cert", "amber+strict"),  # above the ceiling
        ("kr-partner", "amber"),
        ("jp-cert", "clear"),  # no agreement
        ("us-partner", "amber"),
        ("us-agency2", "red"),
    ],
)
def test_what_one_does_not_see_is_answered_as_what_is_not_there(
    world: World, agreed: Json, who: str, level: str
) -> None:
    first = malware(tlp=level)
    world.push("us-agency", first)
    assert refusal(world, who, MALWARE) == refusal(world, who, ABSENT)
    assert refusal(world, who, MALWARE, first["modified"]) == refusal(world, who, ABSENT, first["modified"])


def test_a_version_that_one_does_not_see_is_none(world: World, agreed: Json) -> None:
    red, green = malware(tlp="green"), malware(version=2, tlp="green", refs=[])
    world.push("us-agency", red, malware(version=2, tlp="red"))
    refusal(world, "kr-cert", MALWARE, red["modified"])
    refusal(world, "us-agency2", MALWARE, red["modified"])
    refusal(world, "us-cert", MALWARE, "2020-01-01T00:00:00Z")
    assert ask(world, "us-agency", MALWARE)["version"] == green["modified"]


def test_what_was_deleted_is_for_its_submitter_its_cert_and_auditors(world: World, agreed: Json) -> None:
    world.push("us-agency", malware(tlp="green"))
    world.delete("us-agency", MALWARE)
    for who in ("us-agency2", "us-partner", "kr-cert"):
        assert refusal(world, who, MALWARE) == refusal(world, who, ABSENT)
    for caller in ("us-agency", "us-cert", AUDITOR):
        found = ask(world, caller, MALWARE)["decisions"]
        assert {one["decision"] for one in found} == {"withhold"}
        assert all(one["reason"].startswith("deleted on ") for one in found)


def test_a_recipient_is_told_of_its_own_nation_alone(world: World, agreed: Json) -> None:
    world.agree(["US", "JP"], clause("US", "JP", "green"))
    world.clock.wait()
    world.push("us-agency", malware(tlp="green"))
    assert [one["nation"] for one in ask(world, "kr-cert", MALWARE)["decisions"]] == ["KR"]
    assert ask(world, "kr-cert", MALWARE, to="JP")["decisions"] == []


@pytest.mark.parametrize("who", ["us-cert", "kr-cert", AUDITOR])
def test_agreements_are_named_to_certs_and_auditors(world: World, agreed: Json, who: str | Caller) -> None:
    world.push("us-agency", malware(tlp="green"))
    found = decision(world, who, MALWARE, "KR")
    assert (found["decision"], found["clearance"], found["reason"]) == ("release", "agency", None)
    assert (found["agreement"], found["clause"]) == (agreed["id"], 1)


@pytest.mark.parametrize("who", ["us-agency", "us-partner", "kr-agency", "kr-cert", "us-cert"])
def test_agreements_are_named_to_nobody_else(world: World, agreed: Json, who: str) -> None:
    """Not to agencies and partners, nor to a cert whose token does not govern."""
    world.push("us-agency", malware(tlp="green"))
    reading = Caller(world.callers[who].member, frozenset({Scope.READ}))
    (told,) = ask(world, reading, MALWARE)["decisions"]
    assert (told["nation"], told["decision"]) == (who[:2].upper(), "release")
    assert (told["agreement"], told["clause"]) == (None, None)


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


# --- who sees no agreement (policy 5) -------------------------------------------------------------


def read_only(world: World, cert: str) -> Caller:
    return Caller(world.callers[cert].member, frozenset({Scope.READ, Scope.SUBMIT}))


@pytest.mark.parametrize("who", ["us-agency", "us-agency2", "us-partner", "kr-agency", "a cert that reads"])
def test_all_others_are_told_of_their_own_nation_alone(world: World, agreed: Json, who: str) -> None:
    wide = world.agree(["US", "KR"], clause("US", "KR", "green", audience="partner"))
    world.clock.wait()
    world.push("us-agency", malware(tlp="green"))
    world.push("us-cert", note(tlp="green", refs=[MALWARE]))
    caller = read_only(world, "us-cert") if who == "a cert that reads" else world.callers[who]
    for id in (MALWARE, stix_id("note")):
        told = ask(world, caller, id)
        (found,) = told["decisions"]
        assert (found["nation"], found["decision"]) == (caller.member.nation, "release")
        assert found["agreement"] is found["clause"] is found["reason"] is None
        assert ask(world, caller, id, to="JP")["decisions"] == []
        own = {"us-agency": MALWARE, "a cert that reads": stix_id("note")}.get(who)
        assert ("abroad" in told) == (id == own)
        text = json.dumps(told)
        others = ("KR", "JP", "AU", "IN") if caller.member.nation == "US" else ("JP", "AU", "IN")
        assert not [word for word in (*others, agreed["id"], wide["id"]) if f'"{word}"' in text]


def abroad(world: World, id: str = MALWARE, who: str = "us-agency") -> tuple[str, list[str]]:
    """What the submitter is told of its object beyond its own nation."""
    told = ask(world, who, id)["abroad"]
    assert told.keys() == {"decision", "because"}
    return told["decision"], told["because"]


@pytest.mark.parametrize(
    ("item", "clauses", "because"),
    [
        (malware(tlp="green"), [clause("US", "KR", "amber")], None),
        (malware(tlp="green"), [clause("US", "JP", "clear"), clause("US", "KR", "green")], None),
        (malware(tlp="amber"), [clause("US", "KR", "green")], ["ceiling"]),
        (malware(tlp="amber"), [], ["ceiling"]),  # as if agreements went nowhere
        (malware(tlp="amber"), [clause("KR", "US", "red")], ["ceiling"]),
        (malware(tlp="green"), [clause("US", "KR", "red", types=["report"])], ["type"]),
        (malware(tlp="amber"), [clause("US", "KR", "green", types=["report"])], ["ceiling", "type"]),
        (
            malware(tlp="amber"),
            [clause("US", "KR", "red", types=["report"]), clause("US", "JP", "green")],
            ["ceiling", "type"],
        ),
        (malware(tlp="green", marks=[UNKNOWN_MARK]), [clause("US", "KR", "red")], ["marking"]),
        (malware(tlp="red"), [clause("US", "KR", "red")], ["marking"]),
        (malware(tlp="red"), [clause("US", "KR", "amber")], ["marking", "ceiling"]),
        (malware(tlp="green", marks=[REL_TO_IN]), [clause("US", "KR", "red")], ["marking"]),
        (malware(tlp="green", marks=[UNKNOWN_MARK]), [], ["marking", "ceiling"]),
    ],
)
def test_its_submitter_is_told_whether_it_leaves_and_by_what_it_does_not(
    world: World, item: Json, clauses: list[Json], because: list[str] | None
) -> None:
    for one in clauses:
        world.agree([one["from"], *one["to"]], one)
    world.clock.wait()
    world.push("us-agency", item)
    assert abroad(world) == (("leaves", []) if because is None else ("stays at home", because))


def test_what_it_refers_to_is_another_matter_than_what_it_is_marked(world: World, agreed: Json) -> None:
    first = malware(tlp="green")
    link = relationship(tlp="green", refs=[INDICATOR, MALWARE])
    world.push("us-agency", first, indicator(tlp="amber+strict"), link)
    assert abroad(world, link["id"]) == ("stays at home", ["reference"])
    assert abroad(world) == ("leaves", [])
    world.push("us-agency", malware(version=2, tlp="red"))
    told = ask(world, "us-agency", MALWARE, first["modified"])["abroad"]
    assert told == {"decision": "stays at home", "because": ["marking", "ceiling"]}  # by its later version
    world.delete("us-agency", INDICATOR)
    told = ask(world, "us-agency", INDICATOR)
    assert told["abroad"] == {"decision": "stays at home", "because": ["ceiling"]}
    assert "deleted on" in told["decisions"][0]["reason"]


def test_what_was_submitted_before_is_beyond_what_agreements_reach(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    world.clock.wait()
    world.agree(["US", "KR"], clause("US", "KR", "green"))
    assert abroad(world) == ("stays at home", ["ceiling"])
    world.agree(["US", "JP"], clause("US", "JP", "green", history=True))
    assert abroad(world) == ("leaves", [])  # it is about to
    work.work(world.service)
    assert abroad(world) == ("leaves", [])


def test_what_leaves_in_another_form_leaves(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", anonymise="agency"))
    world.clock.wait()
    world.push("us-agency", malware(tlp="green"))
    told = ask(world, "us-agency", MALWARE)
    assert told["abroad"] == {"decision": "leaves", "because": []}
    assert "renditions" not in json.dumps(told)


def test_who_submitted_is_told_to_its_cert_itself_and_auditors(world: World, agreed: Json) -> None:
    world.push("us-agency", malware(tlp="green"))
    world.push("us-agency2", malware(tlp="amber"))

    def told(who: str | Caller) -> list[tuple[str, str | None]]:
        return [(r["effective_tlp"], r.get("member")) for r in ask(world, who, MALWARE)["records"]]

    assert told("us-cert") == told(AUDITOR) == [("green", "us-agency"), ("amber", "us-agency2")]
    assert told("us-agency2") == [("green", None), ("amber", "us-agency2")]
    assert told("kr-cert") == [("green", None), ("amber", None)]
    assert ask(world, "us-partner", MALWARE)["effective_tlp"] == "green"  # it sees one alone


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
