"""Objects of agencies that appear under their nation's cert (policy 7, `anonymise: agency`)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.actions.access.authenticate import authenticate
from hub.actions.operation import administer, work
from hub.actions.operation.administer import OtherNames
from tests.actions.derived_objects import (
    HIDE,
    REDACT,
    bundle,
    cert_identity,
    everything,
    later,
    marked,
    only,
    served,
    three_nations,
)
from tests.stix_objects import (
    TLP,
    definition,
    identity,
    indicator,
    malware,
    note,
    observable,
    sdo,
    stix_id,
    value_id,
)
from tests.world import World, clause


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    yield from three_nations(database_url)


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


def test_nobody_hides_the_certs_id_by_claiming_it(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    world.push("us-cert", malware(1, tlp="green"))
    world.push("us-partner", malware(1, tlp="red", name="Claimed"))
    world.push("us-agency", note(1, tlp="green", refs=[malware(1)["id"]]))
    assert only(world, "kr-cert", "note")["object_refs"] == [malware(1)["id"]]
    world.push("us-partner", malware(1, tlp="green", version=2, name="Claimed"))
    assert len({obj["id"] for obj in served(world, "kr-cert") if obj["type"] == "malware"}) == 2
