"""What nations are served in place of objects: redactions, anonymised objects, answers (policy 7)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from hub.actions.access.authenticate import authenticate
from hub.actions.checks import check
from hub.actions.operation import administer, work
from hub.actions.operation.administer import OtherNames
from hub.actions.oversight import disclosures, explain
from hub.actions.oversight.explain import ExplanationRequest
from hub.errors import NotFound
from hub.model import NationCode, StixId, Tlp
from hub.stix.marking.tlp import definition_of
from hub.store.database import epochs
from hub.store.ledger import derived_objects
from tests.stix_objects import (
    TLP,
    Json,
    definition,
    identity,
    indicator,
    malware,
    note,
    observable,
    relationship,
    report,
    sdo,
    stamp,
    stix_id,
    value_id,
)
from tests.world import World, build, clause


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = build(database_url, codes=("US", "KR", "JP"), kinds=("cert", "agency", "agency2", "partner"))
    yield made
    later(made)
    work.work(made.service)
    assert check.check(made.service).faults == []
    made.close()


def later(world: World, seconds: float = 1) -> None:
    world.clock.now += timedelta(seconds=seconds)


def served(world: World, member: str) -> list[Json]:
    return [json.loads(row.body) for row in world.see(member)]


def only(world: World, member: str, stix_type: str) -> Json:
    [found] = [obj for obj in served(world, member) if obj["type"] == stix_type]
    return found


def marked(obj: Json, level: str, *selectors: str) -> Json:
    marking = {"marking_ref": TLP[level], "selectors": list(selectors)}
    return obj | {"granular_markings": [*obj.get("granular_markings", ()), marking]}


def everything(world: World, member: str) -> str:
    """All that the member is ever told, as text."""
    return json.dumps(served(world, member))


REDACT = {"granular": "redact"}
HIDE = {"anonymise": "agency"}


# --- redaction ------------------------------------------------------------------------------------


SECRET = marked(
    malware(1, tlp="green", description="the source is in the ministry", labels=["x"]), "red", "description"
)


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


# --- anonymised source ----------------------------------------------------------------------------


def bundle() -> list[Json]:
    author = identity(1, tlp="green", identity_class="organization")
    by = {"created_by": author["id"], "tlp": "green"}
    found = [author, malware(1, **by), indicator(1, **by)]
    return [
        *found,
        relationship(1, refs=[indicator(1)["id"], malware(1)["id"]], **by),
        report(1, refs=[author["id"], indicator(1)["id"], relationship(1)["id"]], **by),
    ]


def cert_identity(world: World, nation: str) -> str:
    return world.callers[f"{nation.lower()}-cert"].member.identity


def test_an_agencys_objects_appear_under_its_nations_cert(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", audience="partner", **HIDE))
    world.push("us-agency", *bundle())
    got = {obj["type"]: obj for obj in served(world, "kr-partner")}
    assert got.keys() == {"malware", "indicator", "relationship", "report"}
    cert = cert_identity(world, "US")
    assert {obj["created_by_ref"] for obj in got.values()} == {cert}
    assert got["relationship"]["source_ref"] == got["indicator"]["id"]
    assert got["relationship"]["target_ref"] == got["malware"]["id"]
    assert got["report"]["object_refs"] == [cert, got["indicator"]["id"], got["relationship"]["id"]]
    text = everything(world, "kr-cert")
    assert not [obj["id"] for obj in bundle() if obj["id"] in text]
    own = world.callers["us-agency"].member
    assert own.identity not in text


def renamed(world: World, member: str, *short_names: str, domains: tuple[str, ...] = ()) -> None:
    """Give the member these names; its token tells them from then on."""
    administer.alias_member(world.service, member, OtherNames(short_names, domains))
    world.callers[member] = authenticate(world.service, None, world.tokens[member])


def test_what_gives_any_name_of_its_source_stays_at_home_and_the_status_says_where(world: World) -> None:
    renamed(world, "kr-agency", "\uc0c8\ubcbd\uc804\ub825", "DG", domains=("dawngrid.example",))
    world.agree(["KR", "US"], clause("KR", "US", "amber", **HIDE))
    telling = [
        malware(1, tlp="green", description="\uc0c8\ubcbd\uc804\ub825\uc5d0\uc11c \ubcf4\uace0"),
        malware(2, tlp="green", aliases=["DG\ub294"]),
        malware(3, tlp="green", x_seen={"www.dawngrid.example": 1}),
        malware(4, tlp="green", description="KR-AGENCY\uc758"),
    ]
    silent = malware(5, tlp="green", description="\uc804\ub825 \uae30\uad00, dg2, dawn grid, example")
    messages = [one.message or "" for one in world.push("kr-agency", *telling, silent).outcomes]
    places = ["description", "aliases.[0]", "x_seen.www.dawngrid.example", "description"]
    for message, place in zip(messages, places, strict=False):
        assert f"tells of its submitter at {place}" in message
    assert "tells of its submitter" not in messages[4]
    assert len(world.ids("us-cert")) == 1


def test_a_later_name_counts_from_the_next_submission_on(world: World) -> None:
    world.agree(["KR", "US"], clause("KR", "US", "amber", **HIDE))
    world.push("kr-agency", malware(1, tlp="green", description="by Dawngrid"))
    renamed(world, "kr-agency", "Dawngrid")
    world.push("kr-agency", malware(2, tlp="green", description="by Dawngrid"))
    assert len(world.ids("us-cert")) == 1


def test_an_identity_that_is_its_own_author_does_not_pass_for_the_certs(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    sector = identity(1, tlp="green", identity_class="class", created_by=identity(1)["id"])
    own = sector | {"id": world.callers["us-agency"].member.identity}
    world.push("us-agency", sector, own)
    got = [obj["id"] for obj in served(world, "kr-cert")]
    assert len(set(got)) == 2
    assert not {cert_identity(world, "US"), sector["id"], own["id"]} & set(got)


def test_ids_are_the_same_for_all_and_in_later_versions(world: World) -> None:
    world.agree(["US", "KR", "JP"], clause("US", ["KR", "JP"], "amber", **HIDE))
    world.push("us-agency", malware(1, tlp="green"))
    first = world.ids("kr-cert")
    world.push("us-agency", malware(1, tlp="green", version=2))
    later(world, 5)
    world.push("us-agency", note(1, tlp="green", refs=[malware(1)["id"]]))
    assert {obj["id"] for obj in served(world, "kr-cert") if obj["type"] == "malware"} == first
    assert only(world, "jp-cert", "note")["object_refs"] == list(first)
    assert len([obj for obj in served(world, "kr-cert") if obj["type"] == "malware"]) == 2


def test_the_certs_own_objects_are_its_own(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    world.push("us-cert", malware(1, tlp="green"))
    world.push("us-agency", note(1, tlp="green", refs=[malware(1)["id"]]))
    assert only(world, "kr-agency", "malware") == malware(1, tlp="green")
    assert only(world, "kr-agency", "note")["object_refs"] == [malware(1)["id"]]


def test_the_certs_object_about_an_agencys_is_withheld(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    world.push("us-agency", indicator(1, tlp="green"))
    world.push("us-cert", note(1, tlp="green", refs=[indicator(1)["id"]]))
    assert {obj["type"] for obj in served(world, "kr-cert")} == {"indicator"}


def test_agencies_refer_to_one_anothers_objects(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "green", **HIDE))
    world.push("us-agency", indicator(1, tlp="green"))
    world.push("us-agency2", note(1, tlp="green", refs=[indicator(1)["id"]]))
    remark = only(world, "kr-cert", "note")
    assert remark["object_refs"] == [only(world, "kr-cert", "indicator")["id"]]
    world.push("us-agency", indicator(1, tlp="amber", version=2))
    assert served(world, "kr-cert") == [remark]  # what a neighbour does later moves nothing (policy 2.7)


def test_what_names_its_source_stays_and_its_submitter_is_told(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    name = world.callers["us-agency"].member.name
    receipt = world.push("us-agency", malware(1, tlp="green", description=f"Found by {name.upper()}."))
    assert "description" in (receipt.outcomes[0].message or "")
    assert world.ids("kr-cert") == set()
    world.agree(["US", "JP"], clause("US", "JP", "amber"))
    world.push("us-agency", malware(2, tlp="green", description=f"Found by {name}."))
    assert world.ids("jp-cert") == {malware(2)["id"]}


def test_an_unknown_id_is_hidden_and_stays_the_same_when_it_comes(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    world.push("us-agency", note(1, tlp="green", refs=[malware(1)["id"]]))
    [unknown] = only(world, "kr-cert", "note")["object_refs"]
    assert unknown != malware(1)["id"]
    world.push("us-agency", malware(1, tlp="green"))
    assert only(world, "kr-cert", "malware")["id"] == unknown


def test_observables_tell_of_nobody_and_cross_as_they_are(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    address = {
        "type": "ipv4-addr",
        "spec_version": "2.1",
        "id": "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4",
        "value": "198.51.100.3",
        "object_marking_refs": [TLP["green"]],
    }
    seen = sdo(
        "observed-data",
        1,
        tlp="green",
        first_observed="2026-01-01T00:00:00Z",
        last_observed="2026-01-01T00:00:00Z",
        number_observed=1,
        object_refs=[address["id"]],
    )
    world.push("us-agency", address, seen)
    assert only(world, "kr-cert", "ipv4-addr") == address
    assert only(world, "kr-cert", "observed-data")["object_refs"] == [address["id"]]


def test_an_observable_that_holds_a_chosen_id_is_anonymised(world: World) -> None:
    """Its creator, its statement and what its producer adds would tell of the source."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    own = world.callers["us-agency"].member.identity
    statement = {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": stix_id("marking-definition", 1),
        "created": "2026-01-01T00:00:00.000Z",
        "definition_type": "statement",
        "definition": {"statement": "Copyright"},
    }
    address = {
        "type": "ipv4-addr",
        "spec_version": "2.1",
        "id": "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4",
        "value": "198.51.100.3",
        "created_by_ref": own,
        "x_source": own,
        "object_marking_refs": [TLP["green"], statement["id"]],
    }
    world.push("us-agency", statement, address)
    got = only(world, "kr-cert", "ipv4-addr")
    assert (got["id"], got["created_by_ref"]) == (address["id"], cert_identity(world, "US"))
    assert got["object_marking_refs"] == [TLP["green"], only(world, "kr-cert", "marking-definition")["id"]]
    text = everything(world, "kr-cert")
    assert own not in text
    assert statement["id"] not in text


def test_nobody_appears_under_the_certs_own_id(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    own, cert = world.callers["us-agency"].member.identity, cert_identity(world, "US")
    sector = {"tlp": "green", "identity_class": "class"}
    by_itself = identity(1, created_by=identity(1)["id"], **sector)
    receipt = world.push("us-agency", by_itself, *(identity(1, **sector) | {"id": id} for id in (own, cert)))
    assert [outcome.succeeded for outcome in receipt.outcomes] == [True, True, False]  # only its cert may
    found = [obj for obj in served(world, "kr-cert") if obj["type"] == "identity"]
    assert len({obj["id"] for obj in found} - {by_itself["id"], own, cert}) == 2


def test_an_observable_that_carries_its_agencys_marking_tells_of_it(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    own = definition(1, tlp="green")
    author = identity(7)["id"]
    one, two = (
        observable(n, tlp="green") | {"id": value_id(n)} | more
        for n, more in ((1, {"object_marking_refs": [TLP["green"], own["id"]]}), (2, {"x_author": author}))
    )
    world.push("us-agency", own, one, two)
    text = everything(world, "kr-cert")
    assert one["id"] in text
    assert two["id"] in text
    assert own["id"] not in text
    assert author not in text


def test_a_text_that_holds_another_objects_id_stays(world: World) -> None:
    """It would tell which id is behind the one that the hub made."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    world.push("us-agency", malware(1, tlp="green"))
    for n, form in enumerate((malware(1)["id"], malware(1)["id"].upper(), f"see-{malware(9)['id']}!"), 2):
        receipt = world.push("us-agency", malware(n, tlp="green", description=f"Like {form}."))
        assert "description" in (receipt.outcomes[0].message or "")
    assert len(world.ids("kr-cert")) == 1
    value = value_id(1)
    world.push("us-agency", malware(5, tlp="green", description=f"Uses {value}."))
    assert len(world.ids("kr-cert")) == 2


def test_a_plain_clause_beside_it_serves_the_original_to_whom_it_covers(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", audience="partner", **HIDE))
    world.agree(["US", "KR"], clause("US", "KR", "amber", audience="cert"))
    world.push("us-agency", malware(1, tlp="green"))
    assert malware(1)["id"] in world.ids("kr-cert")
    assert len(world.ids("kr-agency")) == 1
    assert malware(1)["id"] not in world.ids("kr-agency")


def test_redacted_and_anonymised_at_once(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE, **REDACT))
    world.push("us-agency", *bundle())
    world.push(
        "us-agency", marked(note(1, tlp="green", refs=[malware(1)["id"]], abstract="x"), "red", "abstract")
    )
    got = only(world, "kr-cert", "note")
    assert got["object_refs"] == [only(world, "kr-cert", "malware")["id"]]
    assert got["created_by_ref"] == world.service.registry.hub_identity_id
    assert "abstract" not in got


def test_an_amendment_that_hides_the_source_takes_the_originals_back(world: World) -> None:
    made = world.agree(["US", "KR"], clause("US", "KR", "amber"))
    world.push("us-agency", malware(1, tlp="green"))
    assert world.ids("kr-cert") == {malware(1)["id"]}
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE), supersedes=made["id"])
    assert world.ids("kr-cert") == set()
    later(world)
    work.work(world.service)
    [id] = world.ids("kr-cert")
    assert id != malware(1)["id"]


# --- answers --------------------------------------------------------------------------------------


def sighting(n: int, of: str, **options: str) -> Json:
    return sdo("sighting", n, refs=[of], **options)


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


def test_nobody_hides_the_certs_id_by_claiming_it(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    world.push("us-cert", malware(1, tlp="green"))
    world.push("us-partner", malware(1, tlp="red", name="Claimed"))
    world.push("us-agency", note(1, tlp="green", refs=[malware(1)["id"]]))
    assert only(world, "kr-cert", "note")["object_refs"] == [malware(1)["id"]]
    world.push("us-partner", malware(1, tlp="green", version=2, name="Claimed"))
    assert len({obj["id"] for obj in served(world, "kr-cert") if obj["type"] == "malware"}) == 2


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


# --- explained ------------------------------------------------------------------------------------


def told(world: World, member: str, id: str) -> Json:
    return explain.explain(world.service, world.callers[member], ExplanationRequest(StixId(id)))


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


# --- recalled -------------------------------------------------------------------------------------


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
