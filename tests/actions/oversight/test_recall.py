"""Recall (policy 8): each member that really fetched what is taken back is told by a note, nobody else."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from hub.actions.checks import check
from hub.actions.operation import administer, work
from hub.actions.oversight import disclosures, explain, recall
from hub.actions.oversight.explain import ExplanationRequest
from hub.actions.reading import poll
from hub.errors import NotFound
from hub.model import Caller, Disclosed, Disclosure, Kind, Member, MemberId, NationCode, Scope, StixId
from hub.stix.marking.tlp import TLP_IDS
from hub.store.agreement import agreements
from hub.store.ledger import disclosures as stored_disclosures
from hub.store.ledger import recalls, releases
from hub.store.ledger.disclosures import add as record
from hub.store.schema.recall_tables import notice
from hub.store.schema.recall_tables import recall as recall_table
from tests.patience import PATIENCE_SECONDS
from tests.stix_objects import (
    Json,
    identity,
    indicator,
    malware,
    observable,
    relationship,
    report,
    stix_id,
)
from tests.world import EVERY_VERSION, World, build, clause

MALWARE, INDICATOR = stix_id("malware"), stix_id("indicator")
EVERYBODY = [
    f"{nation}-{kind}"
    for nation in ("us", "kr", "jp", "au")
    for kind in ("cert", "agency", "agency2", "partner")
]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """US shares up to AMBER with KR and JP, there with everybody."""
    made = build(database_url, codes=("AU", "JP", "KR", "US"))
    terms = {"audience": "partner", "max_tlp": "amber"}
    made.agree(["US", "KR"], clause("US", "KR", **terms), clause("KR", "US", **terms))
    made.agree(["US", "JP"], clause("US", "JP", **terms))
    made.clock.wait()
    yield made
    assert check.check(made.service).faults == []
    made.close()


def fetch(world: World, *who: str, origin: str | None = None, **filters: Any) -> None:
    for member in who:
        world.clock.wait()
        poll.objects(world.service, world.query(member, origin, **{"selections": EVERY_VERSION, **filters}))


def worked(world: World) -> int:
    world.clock.wait()
    return work.work(world.service).told


def told(world: World, among: Collection[str] = EVERYBODY) -> dict[str, list[str]]:
    """Return who has notes, and what each is about."""
    found = {member: [ref for note in world.notes(member) for ref in note["object_refs"]] for member in among}
    return {member: refs for member, refs in found.items() if refs}


def about(*who: str, id: str = MALWARE) -> dict[str, list[str]]:
    return {member: [id] for member in who}


def level(note: Json) -> str:
    (marking,) = note["object_marking_refs"]
    return TLP_IDS[StixId(marking)].label


# --- nothing is recalled --------------------------------------------------------------------------


def test_who_has_not_fetched_it_gets_no_note(world: World) -> None:
    """In the same nation too, and though told of it by a manifest or by its versions."""
    world.push("us-agency", malware(tlp="green"), indicator(tlp="green"))
    fetch(world, "kr-agency2", types=frozenset({"indicator"}))
    query = world.query("kr-partner", selections=EVERY_VERSION)
    poll.manifest(world.service, query)
    poll.manifest(world.service, query, Disclosed.VERSIONS)
    poll.objects(world.service, query, Disclosed.MANIFEST)  # a HEAD
    fetch(world, "kr-cert")
    world.delete("us-agency", MALWARE)
    fetch(world, "jp-cert")
    assert worked(world) == 1
    assert told(world) == about("kr-cert")


def test_the_end_of_an_agreement_recalls_nothing(world: World) -> None:
    view = world.agree(["US", "AU"], clause("US", "AU", "amber"))
    world.clock.wait()
    world.push("us-agency", malware(tlp="green"), report(tlp="amber", refs=[stix_id("indicator")]))
    fetch(world, "au-cert")
    world.suspend(view, "AU")
    world.push("us-agency", indicator())  # judges again what refers to it, while nothing is in force
    assert worked(world) == 0
    world.resume(view, "AU")
    assert worked(world) == 0
    world.terminate(view, "US")
    world.push("us-agency", malware(version=2, tlp="red"))
    assert worked(world) == 0
    assert told(world) == {}


def test_what_its_readers_go_on_seeing_is_not_recalled(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-cert", "kr-partner", "us-partner")
    world.push("us-agency", malware(version=2, tlp="clear"))
    world.push("us-agency", relationship(tlp="red", refs=[MALWARE]), report(tlp="red", refs=[MALWARE]))
    assert worked(world) == 0
    assert told(world) == {}


def test_its_own_submitter_is_not_told(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "us-agency", "us-cert")
    world.delete("us-cert", MALWARE)
    assert worked(world) == 1
    assert told(world) == about("us-cert")


# --- deleted --------------------------------------------------------------------------------------


def test_each_member_that_fetched_it_is_told_whatever_way_it_took(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    ids = frozenset({MALWARE})
    fetch(world, "kr-agency")  # by `released`
    fetch(world, "kr-partner", origin="US", ids=ids)  # one object
    fetch(world, "jp-cert", versions=frozenset({"2026-01-01T00:01:00"}), selections=frozenset(), ids=ids)
    fetch(world, "us-partner")  # at home
    world.delete("us-agency", MALWARE)
    assert worked(world) == 4
    assert told(world) == about("us-partner", "kr-agency", "kr-partner", "jp-cert")
    for origin in ("US", "KR"):
        assert len(world.notes("kr-agency", origin)) == (origin == "US")


def test_the_note_says_what_its_reader_knew_and_what_to_do(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    world.delete("us-agency", MALWARE)
    worked(world)
    (note,) = world.notes("kr-agency")
    assert note["created_by_ref"] == world.service.registry.hub_identity_id
    assert (note["type"], note["spec_version"], note["object_refs"]) == ("note", "2.1", [MALWARE])
    assert note["created"] == note["modified"]
    assert "withdrew" in note["content"]
    assert malware()["modified"] in note["content"]
    for secret in ("us-agency", "US-AGENCY", "kr-", "cert"):
        assert secret not in json.dumps(note)


def test_a_deletion_is_told_after_the_agreement_has_ended(world: World) -> None:
    view = world.agree(["US", "AU"], clause("US", "AU", "amber"))
    world.clock.wait()
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "au-cert")
    world.terminate(view, "AU")
    work.work(world.service)
    world.delete("us-agency", MALWARE)
    assert worked(world) == 1
    assert told(world) == about("au-cert")


def test_of_versions_only_those_are_recalled_that_are_deleted(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    world.push("us-agency", malware(version=2, tlp="green"))
    fetch(world, "kr-agency", "kr-cert", selections=frozenset({"last"}))
    world.delete("us-agency", MALWARE, selections=frozenset({"first"}))
    assert worked(world) == 1
    (note,) = world.notes("kr-agency")
    assert malware()["modified"] in note["content"]
    assert malware(version=2)["modified"] not in note["content"]
    assert told(world) == about("kr-agency")


def test_an_observable_is_recalled_too(world: World) -> None:
    world.push("us-agency", observable(1, tlp="green"))
    id = observable(1)["id"]
    fetch(world, "kr-agency")
    world.delete("us-agency", id)
    assert worked(world) == 1
    assert told(world) == about("kr-agency", id=id)


def test_only_the_record_that_was_deleted_is_recalled(world: World) -> None:
    """The same id from two members is two records."""
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    world.push("us-agency2", malware(version=2, tlp="green"))
    fetch(world, "kr-cert", versions=frozenset({"2026-01-01T00:02:00"}), selections=frozenset())
    world.delete("us-agency2", MALWARE)
    assert worked(world) == 1
    assert told(world) == about("kr-cert")


# --- stricter -------------------------------------------------------------------------------------


def test_a_stricter_version_is_told_to_those_who_do_not_see_it(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-partner", "kr-agency", "us-partner", "us-agency2", "jp-partner")
    world.push("us-agency", malware(version=2, tlp="amber"))
    assert worked(world) == 3
    assert told(world) == about("us-partner", "kr-partner", "jp-partner")
    (note,) = world.notes("kr-partner")
    assert "more strictly" in note["content"]
    assert "amber" not in json.dumps(note).lower()
    assert level(note) == "green"


@pytest.mark.parametrize(
    "tightened",
    [
        report(tlp="red", refs=[MALWARE]),
        report(tlp="green", marks=[stix_id("marking-definition", 903)], refs=[MALWARE]),  # REL TO US
        report(tlp="green", marks=[stix_id("marking-definition", 77)], refs=[MALWARE]),  # closed
    ],
    ids=["level", "rel-to", "closure"],
)
def test_a_container_that_comes_later_recalls_what_it_tightens(world: World, tightened: Json) -> None:
    world.push("us-agency", malware())
    fetch(world, "kr-agency", "kr-cert", "us-cert")
    world.push("us-agency", tightened)
    assert worked(world) == 2
    assert told(world) == about("kr-cert", "kr-agency")
    assert {level(note) for id in ("kr-cert", "kr-agency") for note in world.notes(id)} == {"amber"}


def test_rel_to_on_a_new_version_recalls_it_from_the_others(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency", "jp-agency", "us-cert")
    rel_to = world.service.registry.nations[NationCode("KR")].rel_to_id
    world.push("us-agency", malware(version=2, tlp="green", marks=[rel_to]))
    assert worked(world) == 1
    assert told(world) == about("jp-agency")


def test_what_refers_to_it_is_recalled_with_it(world: World) -> None:
    link = relationship(tlp="green", refs=[MALWARE, stix_id("campaign", 4)])
    world.push("us-agency", malware(tlp="green"), link)
    fetch(world, "kr-agency", types=frozenset({"relationship"}))
    fetch(world, "kr-cert", types=frozenset({"malware"}))
    world.push("us-agency", malware(version=2, tlp="red"))
    assert worked(world) == 2
    assert told(world) == {"kr-agency": [link["id"]], "kr-cert": [MALWARE]}


def test_an_identity_is_not_recalled_for_what_becomes_of_its_namers(world: World) -> None:
    """Those who name it only ever loosen it (policy 2.4)."""
    author = identity()
    world.push("us-agency", author, malware(tlp="green", created_by=author["id"]))
    fetch(world, "kr-agency", types=frozenset({"identity"}))
    world.push("us-agency", malware(version=2, tlp="red", created_by=author["id"]))
    assert worked(world) == 0
    assert author["id"] in world.ids("kr-agency")


def test_what_was_fetched_again_after_a_loosening_is_recalled_once_more(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    world.push("us-agency", malware(version=2, tlp="red"))
    world.push("us-agency", malware(version=3, tlp="green"))  # before anybody is told
    fetch(world, "kr-cert")
    assert worked(world) == 1
    assert told(world) == about("kr-agency")
    world.push("us-agency", malware(version=4, tlp="red"))
    assert worked(world) == 1  # the agency was not given it again
    assert told(world) == about("kr-cert", "kr-agency")


def test_a_deletion_after_that_is_an_event_of_its_own(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-partner", "kr-cert")
    world.push("us-agency", malware(version=2, tlp="amber"))
    assert worked(world) == 1
    world.delete("us-agency", MALWARE)
    assert worked(world) == 2
    assert [("withdrew" in one["content"]) for one in world.notes("kr-partner")] == [False, True]
    assert told(world) == {"kr-partner": [MALWARE] * 2, "kr-cert": [MALWARE]}


def test_one_who_lost_sight_of_it_is_not_told_the_level_by_the_deletion(world: World) -> None:
    """It was tightened to RED by a container; the partner fetched it at GREEN, and its cert at AMBER."""
    world.push("us-agency", report(tlp="green", refs=[INDICATOR]), indicator())
    fetch(world, "kr-partner")
    world.push("us-agency", report(2, tlp="amber", refs=[INDICATOR]))
    fetch(world, "kr-agency")
    world.push("us-agency", report(3, tlp="red", refs=[INDICATOR]))
    world.delete("us-agency", INDICATOR)
    worked(world)

    def levels(member: str) -> set[str]:
        return {level(one) for one in world.notes(member) if one["object_refs"] == [INDICATOR]}

    assert levels("kr-partner") == {"green"}
    assert levels("kr-agency") == {"amber"}


def test_a_deletion_tells_nobody_of_a_level_above_what_it_was_shown(world: World) -> None:
    """The partner fetched it at GREEN; it is AMBER when it is deleted, and the agency sees it still."""
    world.push("us-agency", report(tlp="green", refs=[INDICATOR]), indicator())
    fetch(world, "kr-partner")
    world.push("us-agency", report(2, tlp="amber", refs=[INDICATOR]))
    fetch(world, "kr-agency")
    world.delete("us-agency", INDICATOR)
    worked(world)
    about_it = {
        member: {level(one) for one in world.notes(member) if INDICATOR in one["object_refs"]}
        for member in ("kr-partner", "kr-agency")
    }
    assert about_it == {"kr-partner": {"green"}, "kr-agency": {"amber"}}


# --- when -----------------------------------------------------------------------------------------


def test_the_note_comes_to_whoever_polls_on(world: World) -> None:
    followers = {member: world.follow(member) for member in ("kr-agency", "kr-cert")}
    world.push("us-agency", *(malware(n, tlp="green") for n in range(5)))
    followers["kr-agency"].poll()
    world.delete("us-agency", MALWARE)
    followers["kr-cert"].poll()
    worked(world)
    rows = followers["kr-agency"].poll()
    assert [json.loads(row.body)["object_refs"] for row in rows] == [[MALWARE]]
    assert followers["kr-cert"].poll() == []
    assert followers["kr-agency"].poll() == []


def test_work_that_is_done_twice_tells_once(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency", "kr-agency", "kr-cert")
    world.delete("us-agency", MALWARE)
    assert [worked(world) for _ in range(3)] == [2, 0, 0]
    world.clock.wait(600)
    assert [worked(world) for _ in range(2)] == [0, 0]
    assert told(world) == about("kr-cert", "kr-agency")


def in_flight(world: World, member: str) -> Disclosure:
    """Return what a page is about to record that the member is given now."""
    query = world.query(member, "US", selections=EVERY_VERSION)
    rows = poll.manifest(world.service, world.query("us-cert", "US", selections=EVERY_VERSION)).rows
    assert rows
    nation = query.reader.nation
    page = poll.manifest(world.service, query)
    with world.service.store.read() as connection:
        revision = releases.revision(connection, nation)
        generation = agreements.generation(connection).number
    positions = tuple(row.position for row in page.rows)
    return Disclosure(
        *(MemberId(member), nation, world.clock.now, Disclosed.OBJECTS, positions, revision, generation)
    )


@pytest.mark.parametrize(("seconds", "is_told"), [(1, True), (290, True), (700, False)])
@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_page_that_was_in_flight_is_told_for_five_minutes(
    world: World, seconds: int, is_told: bool, is_deleted: bool
) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    late = in_flight(world, "kr-cert")
    if is_deleted:
        world.delete("us-agency", MALWARE)
    else:
        world.push("us-agency", malware(version=2, tlp="red"))
    assert worked(world) == 1
    fetch(world, "us-cert")
    world.clock.wait(seconds)
    worked(world)
    with world.service.store.record() as connection:
        record(connection, late)
    assert worked(world) == is_told
    assert told(world) == about(*(["kr-cert"] if is_told else []), "kr-agency")
    assert worked(world) == 0


def test_what_was_looked_after_is_looked_for_in_the_latest_answers_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each pass of five minutes would read through all answers that were ever given."""
    floors: list[int] = []
    fetches = stored_disclosures.fetches

    def noting(connection: Any, recipient: Any, positions: Any, after: int = 0) -> Any:
        floors.append(after)
        return fetches(connection, recipient, positions, after)

    monkeypatch.setattr(stored_disclosures, "fetches", noting)
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    world.clock.wait(3_600)
    fetch(world, "kr-cert")
    world.delete("us-agency", MALWARE)
    assert worked(world) == 2
    assert 0 in floors
    floors.clear()
    assert worked(world) == 0
    assert floors
    assert 0 not in floors


def test_a_page_that_came_after_it_is_not_taken_for_one_before(world: World) -> None:
    """What refers to the object comes back when the object is loosened, before anybody is told."""
    link = relationship(tlp="green", refs=[MALWARE, stix_id("campaign", 4)])
    links = frozenset({"relationship"})
    world.push("us-agency", malware(tlp="green"), link)
    fetch(world, "kr-cert", types=links)
    world.push("us-agency", malware(version=2, tlp="red"))
    world.push("us-agency", malware(version=3, tlp="green"))
    fetch(world, "kr-agency", types=links)
    assert worked(world) == 1
    assert told(world) == about("kr-cert", id=link["id"])


def test_a_crash_in_between_loses_and_repeats_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "_PER_STEP", 2)
    world.push("us-agency", *(malware(n, tlp="green") for n in range(5)))
    fetch(world, "kr-agency")
    for n in range(5):
        world.delete("us-agency", stix_id("malware", n))
    steps: list[int] = []
    write = recalls.note_search

    def crash(*arguments: Any, **names: Any) -> None:
        steps.append(1)
        if len(steps) == 3:  # two a step: in the second
            raise RuntimeError("killed")
        write(*arguments, **names)

    with monkeypatch.context() as patch:
        patch.setattr(recalls, "note_search", crash)
        with pytest.raises(RuntimeError, match="killed"):
            recall.notify(world.service, time.monotonic() + PATIENCE_SECONDS)
    assert len(world.notes("kr-agency")) == 2
    assert worked(world) == 3
    assert [one["object_refs"] for one in world.notes("kr-agency")] == [
        [stix_id("malware", n)] for n in range(5)
    ]


def test_two_that_are_at_work_at_once_tell_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    world.delete("us-agency", MALWARE)
    look = recall.fetched_of
    nested: list[int] = []

    def overtaken(*arguments: Any) -> Any:
        found = look(*arguments)
        if not nested:
            nested.append(1)
            assert recall.notify(world.service, time.monotonic() + PATIENCE_SECONDS) == 1
        return found

    monkeypatch.setattr(recall, "fetched_of", overtaken)
    assert recall.notify(world.service, time.monotonic() + PATIENCE_SECONDS) == 0
    assert len(world.notes("kr-agency")) == 1


def test_a_suspended_member_is_told_when_it_comes_back(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    administer.suspend_member(world.service, "kr-agency")
    world.delete("us-agency", MALWARE)
    assert worked(world) == 1
    administer.resume_member(world.service, "kr-agency")
    assert told(world) == about("kr-agency")


def test_what_is_submitted_again_later_is_kept_apart_from_what_was_recalled(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    world.delete("us-agency", MALWARE)
    world.push("us-agency", malware(version=2, tlp="green"))
    fetch(world, "kr-cert")
    assert worked(world) == 1
    assert told(world) == about("kr-agency")


def test_members_who_fetched_the_same_share_a_note_that_names_nobody_else(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency", "kr-cert")
    world.delete("us-agency", MALWARE)
    worked(world)
    assert world.notes("kr-agency") == world.notes("kr-cert")
    with world.service.store.read() as connection:
        assert len(set(connection.execute(select(notice.c.version_id)).scalars())) == 1
        assert len(list(connection.execute(select(recall_table.c.id)))) == 1


# --- who may know ---------------------------------------------------------------------------------


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
            page = poll.objects(world.service, world.query(member, selections=EVERY_VERSION))
            found.append([(row.id, row.version, row.body) for row in page.rows])
        return found

    before = answers()
    assert worked(world) == 2
    assert answers() == before
