"""Explanations: who may not ask, and what those are told who see no agreement (policy 5)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hub.actions.operation import work
from hub.errors import Forbidden
from hub.model import Caller, Kind, Scope
from tests.actions.explaining import (
    ABSENT,
    AUDITOR,
    INDICATOR,
    MALWARE,
    REL_TO_IN,
    UNKNOWN_MARK,
    agreed_in,
    ask,
    decision,
    five_nations,
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
