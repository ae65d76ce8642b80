"""After a deletion (policy 8): which versions are left, what they become, and what may be submitted again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hub.actions.checks import check
from hub.model import VersionFilter
from hub.store.schema.tables import content
from tests.actions.deleting import OBJECT, keys, signing_nations, table, versions
from tests.stix_objects import (
    definition,
    identity,
    indicator,
    malware,
    observable,
    relationship,
    report,
    stamp,
    stix_id,
)
from tests.world import EVERY_VERSION, NEWEST, World, clause

FIRST = frozenset({VersionFilter.FIRST})


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    yield from signing_nations(database_url)


# --- which versions, and what the others become ---------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({}, []),
        ({"selections": EVERY_VERSION}, []),
        ({"selections": NEWEST}, [1, 2]),
        ({"selections": FIRST}, [2, 3]),
        ({"selections": FIRST | NEWEST}, [2]),
        (keys(2), [1, 3]),
        (keys(1, 3), [2]),
        ({"selections": NEWEST, "versions": keys(1)["versions"]}, [2]),
    ],
)
def test_the_filters_say_which_versions(world: World, filters: dict[str, Any], left: list[int]) -> None:
    for n in (1, 2, 3):
        world.push("us-agency", indicator(tlp="green", version=n))
    world.delete("us-agency", OBJECT, **filters)
    assert sorted(versions(world, "kr-cert")) == [stamp(n) for n in left]
    newest = [row.version for row in world.released("kr-cert", NEWEST)]
    assert newest == [stamp(n) for n in left[-1:]]


def test_a_version_that_becomes_the_newest_is_news_to_who_comes_back(world: World) -> None:
    world.push("us-agency", indicator(tlp="green", version=1))
    world.push("us-agency", indicator(tlp="green", version=2))
    pollers = {reader: world.follow(reader) for reader in ("kr-cert", "us-partner")}
    for poller in pollers.values():
        poller.poll()
    world.clock.wait()
    world.delete("us-agency", OBJECT, **keys(2))
    for poller in pollers.values():
        last = poller.last
        (row,) = poller.poll()
        assert (row.id, row.version) == (OBJECT, stamp(1))
        assert last is not None
        assert row.date_added > last


def test_a_deleted_version_goes_on_restricting_earlier_ones(world: World) -> None:
    world.push("us-agency", indicator(tlp="green", version=1))
    world.push("us-agency", indicator(tlp="red", version=2))
    world.delete("us-agency", OBJECT, **keys(2))
    assert versions(world, "us-agency") == [stamp(1)]
    assert versions(world, "us-cert") == [stamp(1)]
    assert not versions(world, "kr-cert")
    assert not versions(world, "us-partner")


def test_a_relationship_is_judged_by_the_deleted_object_as_it_stood(world: World) -> None:
    world.push("us-agency", malware(1, tlp="green"), malware(2, tlp="red"))
    world.push(
        "us-agency",
        relationship(1, tlp="green", refs=[stix_id("malware", 1)]),
        relationship(2, tlp="green", refs=[stix_id("malware", 2)]),
    )
    for n in (1, 2):
        world.delete("us-agency", stix_id("malware", n))
    assert world.ids("kr-cert") == {stix_id("relationship", 1)}
    world.push("us-agency", relationship(3, tlp="green", refs=[stix_id("malware", 1)]))
    world.push("us-agency", relationship(4, tlp="green", refs=[stix_id("malware", 2)]))
    assert world.ids("kr-cert") == {stix_id("relationship", 1), stix_id("relationship", 3)}


def test_a_deleted_report_goes_on_tightening_what_it_names(world: World) -> None:
    world.push("us-agency", report(tlp="red", refs=[OBJECT]))
    world.delete("us-agency", stix_id("report"))
    world.push("us-agency", indicator())
    assert not world.ids("kr-cert")


def test_an_identity_is_not_tightened_when_one_that_names_it_goes(world: World) -> None:
    author = stix_id("identity", 1)
    world.push("us-agency", identity(1))
    world.push("us-agency", indicator(tlp="green", created_by=author), malware(tlp="red", created_by=author))
    assert author in world.ids("kr-cert")
    world.delete("us-agency", OBJECT)
    assert author in world.ids("kr-cert")


def test_an_identity_is_no_laxer_when_nobody_is_left_who_names_it(world: World) -> None:
    author = stix_id("identity", 1)
    world.push("us-agency", identity(1), indicator(tlp="red", created_by=author))
    world.delete("us-agency", OBJECT)
    assert not world.ids("kr-cert")
    assert author not in world.ids("us-agency2")
    world.push("us-agency", malware(tlp="green", created_by=author))
    assert author in world.ids("kr-cert")


def test_a_deleted_identity_stood_as_its_namers_let_it_then(world: World) -> None:
    author, relation = stix_id("identity", 1), stix_id("relationship")
    world.push("us-agency", identity(1), indicator(tlp="red", created_by=author))
    world.push("us-agency", relationship(tlp="green", refs=[author]))
    world.delete("us-agency", author)
    assert relation not in world.ids("kr-cert")
    world.push("us-agency", malware(tlp="green", created_by=author))
    assert relation not in world.ids("kr-cert")


def test_a_deleted_closed_object_stays_closed(world: World) -> None:
    mark, relation = stix_id("marking-definition", 3), stix_id("relationship")
    world.push("us-agency", malware(tlp="green", marks=[mark]))
    world.push("us-agency", relationship(tlp="green", refs=[stix_id("malware")]))
    world.delete("us-agency", stix_id("malware"))
    world.push("us-agency", definition(3))
    assert relation not in world.ids("kr-cert")


def test_what_contains_a_deleted_object_later_tightens_it_no_more(world: World) -> None:
    world.push("us-agency", malware())
    world.push("us-agency", relationship(tlp="green", refs=[stix_id("malware")]))
    world.delete("us-agency", stix_id("malware"))
    world.push("us-agency", report(tlp="red", refs=[stix_id("malware")]))
    assert stix_id("relationship") in world.ids("kr-cert")
    assert not check.check(world.service).faults


def test_revoking_after_a_deletion_keeps_the_deleted_versions_level(world: World) -> None:
    world.push("us-agency", indicator(tlp="red", version=1))
    world.delete("us-agency", OBJECT)
    world.push("us-agency", indicator(version=2, revoked=True))
    assert versions(world, "us-cert") == [stamp(2)]
    assert not versions(world, "kr-cert")


# --- what may come after --------------------------------------------------------------------------


def test_a_deleted_version_is_never_accepted_again(world: World) -> None:
    world.push("us-agency", indicator(tlp="green", version=2))
    world.delete("us-agency", OBJECT)
    for again in (indicator(tlp="green", version=2), indicator(tlp="amber", version=2)):
        (outcome,) = world.push("us-agency", again).outcomes
        assert not outcome.succeeded
        assert outcome.message is not None
        assert outcome.message.startswith("deleted on 2026-03-01T12:00:")
    assert not versions(world, "us-agency")


@pytest.mark.parametrize("version", [1, 3])
def test_another_version_is_accepted_and_seen(world: World, version: int) -> None:
    world.push("us-agency", indicator(tlp="green", version=2))
    world.delete("us-agency", OBJECT)
    (outcome,) = world.push("us-agency", indicator(tlp="green", version=version)).outcomes
    assert outcome.succeeded
    assert versions(world, "kr-cert") == [stamp(version)]


def test_an_observable_may_be_submitted_again_as_new_content(world: World) -> None:
    world.push("us-agency", observable(tlp="green"))
    world.delete("us-agency", stix_id("domain-name"))
    assert not world.ids("kr-cert")
    world.clock.wait()
    (outcome,) = world.push("us-agency", observable(tlp="green")).outcomes
    assert outcome.succeeded
    (seen,) = [seen for seen in world.see("kr-cert") if seen.id == stix_id("domain-name")]
    assert '"value":"host0.example"' in seen.body.replace(" ", "")


def test_another_member_holding_the_same_content_keeps_it(world: World) -> None:
    world.push("us-agency", indicator(tlp="green"))
    world.push("us-agency2", indicator(tlp="green"))
    world.delete("us-agency", OBJECT)
    (seen,) = [seen for seen in world.see("kr-cert") if seen.id == OBJECT]
    assert "bad.example" in seen.body
    world.delete("us-agency2", OBJECT)
    assert {bytes(body) for body, at in table(world, content.c.body, content.c.erased_at) if at} == {b""}


def test_erased_content_that_comes_again_is_there_again(world: World) -> None:
    world.push("us-agency", indicator(tlp="green"))
    world.delete("us-agency", OBJECT)
    world.push("us-agency2", indicator(tlp="green"))
    (seen,) = [seen for seen in world.see("kr-cert") if seen.id == OBJECT]
    assert "bad.example" in seen.body


@pytest.mark.parametrize("deleted", [{}, keys(2)])
def test_a_copy_of_a_deleted_object_is_not_passed_on(world: World, deleted: dict[str, Any]) -> None:
    world.agree(["KR", "JP"], clause("KR", "JP", "amber"))
    world.clock.wait()
    world.push("us-agency", indicator(tlp="green", version=1), indicator(tlp="amber", version=2))
    world.delete("us-agency", OBJECT, **deleted)
    (outcome,) = world.push("kr-agency", indicator(tlp="amber", version=3)).outcomes
    assert outcome.message == "received from US; only US may share it."
    world.push("us-agency", indicator(tlp="green", version=4))
    (outcome,) = world.push("kr-agency", indicator(tlp="amber", version=3)).outcomes
    assert not outcome.succeeded  # it was once shown above GREEN
