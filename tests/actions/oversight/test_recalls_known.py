"""Who is told that others were told of a recall: the origin and auditors, and nobody else (policy 8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hub.actions.oversight import disclosures, explain
from hub.actions.oversight.explain import ExplanationRequest
from hub.errors import NotFound
from hub.model import Caller, Kind, Member, MemberId, Scope, StixId
from tests.actions.recalling import EVERYBODY, MALWARE, fetch, sharing_nations, worked
from tests.stix_objects import indicator, malware
from tests.world import EVERY_VERSION, World, paged


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    yield from sharing_nations(database_url)


def asked(world: World, who: str) -> list[tuple[str, bool, bool]]:
    found = disclosures.of_object(world.service, world.callers[who], StixId(MALWARE))
    return [(one["member"], bool(one["notified"]), bool(one["note_fetched"])) for one in found]


def test_the_origin_is_told_who_fetched_it_and_who_has_fetched_the_note(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency", "kr-cert", "us-agency")
    world.delete("us-agency", MALWARE)
    before = [("kr-agency", False, False), ("kr-cert", False, False), ("us-agency", False, False)]
    assert asked(world, "us-cert") == before
    worked(world)
    fetch(world, "kr-agency")
    after = [("kr-agency", True, True), ("kr-cert", True, False), ("us-agency", False, False)]
    assert asked(world, "us-cert") == after
    (told,) = disclosures.of_object(world.service, world.callers["us-agency"], StixId(MALWARE))
    assert (told["members"], told["notified"], told["note_fetched"]) == (2, 2, 1)  # how many, and not who


def test_a_recipients_cert_is_not_told_what_others_were_told(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency", "kr-cert")
    world.push("us-agency", malware(version=2, tlp="red"))
    worked(world)
    found = disclosures.of_object(world.service, world.callers["kr-cert"], StixId(MALWARE))
    assert [one["member"] for one in found] == ["kr-agency", "kr-cert"]
    assert not any("notified" in one or "note_fetched" in one for one in found)


def test_a_note_is_explained_to_whom_it_tells_and_to_nobody_else(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    world.delete("us-agency", MALWARE)
    worked(world)
    (note,) = world.notes("kr-agency")
    question = ExplanationRequest(StixId(note["id"]))
    answer = explain.explain(world.service, world.callers["kr-agency"], question)
    assert (answer["object"], answer["origin"]) == (note["id"], "hub")
    assert [(one["nation"], one["decision"], one["clearance"]) for one in answer["decisions"]] == [
        ("KR", "release", "agency")
    ]
    for other in sorted(set(EVERYBODY) - {"kr-agency"}):
        with pytest.raises(NotFound):
            explain.explain(world.service, world.callers[other], question)
    auditor = Caller(
        Member(MemberId("an-auditor"), None, Kind.AUDITOR, "-", StixId("identity--x")), frozenset(Scope)
    )
    decisions = explain.explain(world.service, auditor, question)["decisions"]
    assert [one["nation"] for one in decisions if one["decision"] == "release"] == ["KR"]
    fetch(world, "kr-agency")
    known = disclosures.of_object(world.service, auditor, StixId(note["id"]))
    assert {(one["member"], one["agreement"]) for one in known} == {("kr-agency", None)}


def test_what_others_were_told_changes_no_answer_of_who_fetched_nothing(world: World) -> None:
    world.push("us-agency", malware(tlp="green"), indicator(tlp="green"))
    world.push("us-agency", malware(1, tlp="green"))
    fetch(world, "kr-cert", "jp-cert")
    world.delete("us-agency", MALWARE)
    bystanders = ["kr-partner", "kr-agency", "us-cert", "us-agency2", "jp-agency", "au-cert"]

    def answers() -> list[Any]:
        found: list[Any] = []
        for member in bystanders:
            page = paged.objects(world.service, world.query(member, selections=EVERY_VERSION))
            found.append([(row.id, row.version, row.body) for row in page.rows])
        return found

    before = answers()
    assert worked(world) == 2
    assert answers() == before
