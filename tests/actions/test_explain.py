"""Explanations: what may not be known first, then what is told, and that polls agree with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from hub.actions import explain, work
from hub.actions.explain import Question
from hub.errors import Forbidden, NotFound
from hub.model import Caller, Kind, Member, MemberId, NationCode, Scope, StixId
from hub.stix.tlp import TLP_IDS
from hub.stix.versions import version_key
from tests.stix_objects import Json, indicator, malware, note, relationship, stix_id
from tests.world import World, build, clause

MALWARE, INDICATOR = stix_id("malware"), stix_id("indicator")
ABSENT = stix_id("malware", 77)
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
    return explain.explain(world.house, caller, Question(StixId(id), key, recipient))


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


@pytest.mark.parametrize(
    ("who", "is_told"),
    [
        ("us-cert", True),
        ("kr-cert", True),
        (AUDITOR, True),
        ("us-agency", False),
        ("us-agency2", False),
        ("kr-agency", False),
    ],
)
def test_agreements_are_named_to_certs_and_auditors_alone(
    world: World, agreed: Json, who: str | Caller, is_told: bool
) -> None:
    world.push("us-agency", malware(tlp="green"))
    found = decision(world, who, MALWARE, "KR")
    assert (found["decision"], found["clearance"], found["reason"]) == ("release", "agency", None)
    named = (agreed["id"], 0) if is_told else (None, None)
    assert (found["agreement"], found["clause"]) == named


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
            {"nation": "KR", **release, "agreement": agreed["id"], "clause": 0},
            {"nation": "US", **release, "agreement": None, "clause": None},
        ],
    }


def test_every_reason_is_given_not_the_first_alone(world: World) -> None:
    world.push("us-agency", malware(tlp="amber+strict", marks=[UNKNOWN_MARK]), malware(2, tlp="red"))
    world.clock.wait()
    world.agree(["US", "KR"], clause("US", "KR", "green", types=["report"]))
    given = reason(world, MALWARE)
    assert given.split("; ") == [
        "it carries, or is contained in what carries, a marking the hub cannot keep",
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


def test_what_was_deleted_is_not_named_to_who_may_not_know_of_it(world: World, agreed: Json) -> None:
    link = relationship(tlp="green", refs=[MALWARE])
    world.push("us-agency", malware(tlp="green", marks=[UNKNOWN_MARK]), link)
    world.delete("us-agency", MALWARE)
    assert f"refers to a withheld object {MALWARE}: it carries" in reason(world, link["id"])
    told = decision(world, "us-agency2", link["id"], "KR")
    assert told["reason"] == "refers to a withheld object"


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
    assert (found["clearance"], found["agreement"], found["clause"]) == ("agency", both["id"], 1)


def test_a_release_is_as_narrow_as_what_it_refers_to(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", audience="partner"))
    world.clock.wait()
    world.push("us-agency", malware(tlp="amber"), relationship(tlp="green", refs=[MALWARE]))
    link = stix_id("relationship")
    assert decision(world, "us-agency", link, "KR")["clearance"] == "agency"
    assert decision(world, "us-agency", link, "US")["clearance"] == "agency"
    refusal(world, "kr-partner", link)


def test_what_ended_is_told_from_the_next_request(world: World, agreed: Json) -> None:
    world.push("us-agency", malware(tlp="green"))
    world.suspend(agreed, "KR")
    assert reason(world, MALWARE) == "US→KR: no agreement in force"
    refusal(world, "kr-cert", MALWARE)
    world.resume(agreed, "KR")
    work.work(world.house)
    assert decision(world, "kr-cert", MALWARE, "KR")["agreement"] == agreed["id"]


def test_what_is_not_served_yet_is_not_called_released(world: World) -> None:
    """The agreement covers it; until the hub has gone through the past, no poll returns it."""
    world.push("us-agency", malware(tlp="green"))
    world.clock.wait()
    world.agree(["US", "KR"], clause("US", "KR", "green", history=True))
    assert reason(world, MALWARE).startswith("released, and not served yet")
    refusal(world, "kr-cert", MALWARE)
    work.work(world.house)
    assert decision(world, "us-cert", MALWARE, "KR")["decision"] == "release"
    assert MALWARE in world.ids("kr-cert")


def test_the_hubs_own_objects_are_everybodys(world: World) -> None:
    for id in (*TLP_IDS, world.house.registry.hub_identity_id):
        found = ask(world, "jp-partner", id)
        assert found["origin"] == "hub"
        assert [(one["nation"], one["clearance"]) for one in found["decisions"]] == [("JP", "partner")]
    assert len(ask(world, AUDITOR, world.house.registry.hub_identity_id)["decisions"]) == 5


def test_records_of_several_nations_are_told_each_as_far_as_it_may_be(world: World, agreed: Json) -> None:
    world.push("kr-agency", malware(tlp="amber"))
    world.push("us-agency", malware(tlp="green"))
    records = ask(world, "kr-cert", MALWARE)["records"]
    assert [(r["origin"], len(r["decisions"])) for r in records] == [("KR", 5), ("US", 1)]
    assert ask(world, "us-agency", MALWARE)["origin"] == "US"
