"""Recall (policy 8): each member that really fetched what is taken back is told by a note, nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hub.actions.operation import work
from hub.model import Disclosed, NationCode
from tests.actions.recalling import INDICATOR, MALWARE, about, fetch, level, sharing_nations, told, worked
from tests.stix_objects import Json, identity, indicator, malware, observable, relationship, report, stix_id
from tests.world import EVERY_VERSION, World, clause, paged


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    yield from sharing_nations(database_url)


# --- nothing is recalled --------------------------------------------------------------------------


def test_who_has_not_fetched_it_gets_no_note(world: World) -> None:
    """In the same nation too, and though told of it by a manifest or by its versions."""
    world.push("us-agency", malware(tlp="green"), indicator(tlp="green"))
    fetch(world, "kr-agency2", types=frozenset({"indicator"}))
    query = world.query("kr-partner", selections=EVERY_VERSION)
    paged.manifest(world.service, query)
    paged.manifest(world.service, query, Disclosed.VERSIONS)
    paged.objects(world.service, query, Disclosed.MANIFEST)  # a HEAD
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
