"""What an agreement that hides its source must not let through by another way (policy 7 and 8)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hub.actions.checks import check
from tests.stix_objects import TLP, Json, identity, indicator, malware, note
from tests.world import World, build, clause

HIDE = {"anonymise": "agency"}


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = build(database_url, codes=("US", "KR", "JP"), kinds=("cert", "agency", "agency2", "partner"))
    yield made
    assert check.check(made.service).faults == []
    made.close()


def served(world: World, member: str, stix_type: str) -> list[Json]:
    found = [json.loads(row.body) for row in world.see(member)]
    return [obj for obj in found if obj["type"] == stix_type]


def own(world: World, member: str) -> str:
    return world.callers[member].member.identity


def push(world: World, member: str, *objects: Json) -> None:
    world.clock.wait()
    assert all(one.succeeded for one in world.push(member, *objects).outcomes)
    world.clock.wait()


def test_where_an_agency_names_itself_its_cert_stands(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    itself = identity(1, tlp="green") | {"id": own(world, "us-agency")}
    push(world, "us-agency", itself, note(1, tlp="green", refs=[itself["id"]]))
    (seen,) = served(world, "kr-cert", "note")
    assert seen["object_refs"] == [own(world, "us-cert")]
    assert served(world, "kr-cert", "identity") == []


def test_nobody_abroad_finds_an_id_by_claiming_it(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE), clause("KR", "US", "green"))
    push(world, "us-agency", indicator(1, tlp="green"))
    (made,) = served(world, "kr-cert", "indicator")
    push(world, "kr-agency", indicator(1, tlp="green"))
    push(world, "us-agency", note(1, tlp="green", refs=[indicator(1)["id"]]))
    (seen,) = served(world, "kr-cert", "note")
    assert seen["object_refs"] == [made["id"]]


def test_an_answer_about_what_is_partly_gone_is_for_the_cert(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE), clause("KR", "US", "green"))
    push(world, "us-agency", indicator(1, tlp="green"), malware(1, tlp="green"))
    ids = [obj["id"] for kind in ("indicator", "malware") for obj in served(world, "kr-cert", kind)]
    world.delete("us-agency", indicator(1)["id"])
    push(world, "kr-cert", note(1, tlp="green", refs=ids))
    assert len(served(world, "us-cert", "note")) == 1
    assert served(world, "us-agency2", "note") == []


def test_an_object_whose_keys_are_ids_stays(world: World) -> None:
    """Two keys might become one."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    push(world, "us-agency", malware(1, tlp="green", x_scores={indicator(1)["id"]: 7}))
    assert served(world, "kr-cert", "malware") == []


def test_what_names_its_source_is_not_told_by_what_refers_to_it(world: World) -> None:
    """A plain clause gives the cert both as they are; in hidden form the one would tell of the other."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", audience="partner", **HIDE))
    world.agree(["US", "KR"], clause("US", "KR", "amber", audience="cert"))
    name = world.callers["us-agency"].member.name
    push(
        world,
        "us-agency",
        malware(1, tlp="green", description=f"by {name}"),
        note(1, tlp="green", refs=[malware(1)["id"]]),
    )
    assert [obj["id"] for obj in served(world, "kr-cert", "note")] == [note(1)["id"]]
    assert served(world, "kr-partner", "note") == []


def test_what_refers_to_it_is_judged_again_when_only_its_hidden_form_changes(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    push(world, "us-agency", malware(1, tlp="green"), note(1, tlp="green", refs=[malware(1)["id"]]))
    assert len(served(world, "kr-cert", "note")) == 1
    name = world.callers["us-agency"].member.name
    push(world, "us-agency", malware(1, tlp="green", version=2, description=f"by {name}"))
    assert served(world, "kr-cert", "malware") == served(world, "kr-cert", "note") == []


def test_who_sees_a_redaction_alone_is_told_nothing_of_the_whole(world: World) -> None:
    """What refers to the whole goes where the whole goes (policy 8)."""
    redacting = clause("US", "JP", "green", audience="partner", granular="redact")
    world.agree(["US", "KR", "JP"], clause("US", "KR", "amber"), redacting, clause("KR", "JP", "amber"))
    secret = {"granular_markings": [{"marking_ref": TLP["amber"], "selectors": ["description"]}]}
    push(world, "us-agency", malware(1, tlp="green", description="in part", **secret))
    assert len(served(world, "jp-cert", "malware")) == 1
    push(world, "kr-agency", note(1, tlp="green", refs=[malware(1)["id"]]))
    assert len(served(world, "kr-agency", "note")) == 1
    assert served(world, "jp-cert", "note") == []


@pytest.mark.parametrize("unseen", [1, 2])
def test_what_an_anonymised_object_refers_to_decides_nothing_about_others_objects(
    world: World, unseen: int
) -> None:
    """Two worlds differ in which id stands behind the made one, and KR is answered the same (policy 8, 9)."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", **HIDE))
    world.agree(["JP", "KR"], clause("JP", "KR", "amber"))
    push(world, "us-agency", note(1, tlp="green", refs=[indicator(unseen)["id"]]))
    assert indicator(unseen)["id"] not in served(world, "kr-agency", "note")[0]["object_refs"]
    push(world, "kr-agency", note(2, tlp="green", refs=[indicator(1)["id"]]))
    push(world, "jp-agency", indicator(1, tlp="amber"))
    # Its nation has named the id first, as far as anybody in KR can know.
    push(world, "kr-agency", indicator(1, tlp="green", version=2, created_by=own(world, "kr-agency")))


@pytest.mark.parametrize("unseen", [1, 2])
def test_what_was_taken_from_a_redaction_decides_nothing_about_others_objects(
    world: World, unseen: int
) -> None:
    """So it is with what is marked above what KR is shown: the redaction does not name it."""
    world.agree(["US", "KR"], clause("US", "KR", "green", audience="partner", granular="redact"))
    world.agree(["JP", "KR"], clause("JP", "KR", "amber"))
    cut = {"granular_markings": [{"marking_ref": TLP["amber"], "selectors": ["object_refs.[0]"]}]}
    push(world, "us-agency", note(1, tlp="green", refs=[indicator(unseen)["id"], indicator(3)["id"]]) | cut)
    assert served(world, "kr-agency", "note")[0]["object_refs"] == [indicator(3)["id"]]
    push(world, "kr-agency", note(2, tlp="green", refs=[indicator(1)["id"], indicator(3)["id"]]))
    push(world, "jp-agency", indicator(1, tlp="amber"), indicator(3, tlp="amber"))
    push(world, "kr-agency", indicator(1, tlp="green", version=2, created_by=own(world, "kr-agency")))
    [outcome] = world.push("kr-agency", indicator(3, tlp="green", version=2)).outcomes
    assert outcome.message == "received from JP; only JP may share it."  # what is left was seen to name it
