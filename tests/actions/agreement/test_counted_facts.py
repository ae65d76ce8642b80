"""Simulations count versions by known facts, and read the others one by one: the answers are the same."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from hub.actions.agreement import simulate
from hub.actions.checks.check import check
from hub.actions.release import fact_sets
from hub.model import format_instant
from hub.store.records import populations
from tests.stix_objects import Json, indicator, malware, relationship, report, stix_id
from tests.world import World, build, clause

PAIR = [stix_id("indicator", 1), stix_id("malware", 1)]


def asked(world: World, by: str, terms: Any, supersedes: str | None = None) -> Json:
    document = {
        "title": "Sharing",
        "parties": [terms["from"], *terms["to"]],
        "valid_from": format_instant(world.clock.now - timedelta(seconds=1)),
        "valid_until": format_instant(world.clock.now + timedelta(days=300)),
        "clauses": [terms],
        **({} if supersedes is None else {"supersedes": supersedes}),
    }
    return simulate.simulate(world.service, world.callers[by], json.dumps(document).encode())


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = build(database_url, codes=("US", "KR", "JP"), kinds=("cert", "agency"))
    yield made
    made.close()


def determine(world: World) -> int:
    return fact_sets.determine(world.service, time.monotonic() + 60)


def counts(told: Json) -> Json:
    return {
        "released": told["released"],
        "withdrawn": told["withdrawn"],
        "recent": told["recent"]["released"],
    }


def push(world: World, *objects: Json) -> None:
    world.accepted("us-agency", *objects)
    world.clock.wait(1)


def test_a_simulation_counts_versions_and_reads_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    push(world, indicator(1, tlp="green"), malware(1, tlp="amber"), relationship(1, tlp="green", refs=PAIR))
    terms = clause("US", "KR", "green", history=True)
    before = counts(asked(world, "us-cert", terms))
    assert determine(world) > 0
    monkeypatch.setattr(populations, "group_alone", None)
    monkeypatch.setattr(populations, "group_linked", None)
    after = counts(asked(world, "us-cert", terms))
    assert after == before
    # The relationship stays with its AMBER malware.
    assert [(line["type"], line["count"]) for line in after["released"]] == [("indicator", 1)]


def test_what_is_linked_across_a_start_is_counted_as_it_is_judged(world: World) -> None:
    push(world, malware(1, tlp="green"))
    world.clock.wait(3_600)
    made = world.agree(["US", "KR"], clause("US", "KR", "green"))
    world.clock.wait(1)
    push(world, indicator(1, tlp="green"), relationship(1, tlp="green", refs=PAIR))
    push(world, indicator(2, tlp="green"), report(2, tlp="green", refs=[stix_id("indicator", 2)]))
    world.rows("kr-agency")
    less = clause("US", "KR", "clear")
    questions = [("us-cert", less, made["id"]), ("kr-cert", less, made["id"])]
    questions += [("us-cert", clause("US", ["KR", "JP"], "green", history=True), None)]
    before = [counts(asked(world, *question)) for question in questions]
    determine(world)
    assert [counts(asked(world, *question)) for question in questions] == before
    # The relationship refers to what came before the start: it never crossed.
    assert {line["type"] for line in before[0]["withdrawn"]} == {"indicator", "report"}


def test_a_change_is_counted_at_once_and_what_refers_to_it_too(world: World) -> None:
    push(world, indicator(1, tlp="green"), malware(1, tlp="green"), relationship(1, tlp="green", refs=PAIR))
    determine(world)
    terms = clause("US", "KR", "green", history=True)
    assert sum(line["count"] for line in asked(world, "us-cert", terms)["released"]) == 3
    push(world, malware(1, tlp="red", version=2))
    told = asked(world, "us-cert", terms)
    assert [(line["type"], line["count"]) for line in told["released"]] == [("indicator", 1)]
    determine(world)
    assert asked(world, "us-cert", terms) == told


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE version_fact_set SET submitted_at = submitted_at + 1",
        "UPDATE version_fact_set SET oldest_at = oldest_at - 1",
        "UPDATE version_fact_set SET is_deleted = TRUE",
        "UPDATE version_fact_set SET fact_set_id = (SELECT min(fact_set_id) FROM version_fact_set)",
        "DELETE FROM version_fact_set WHERE version_id = (SELECT min(version_id) FROM version_fact_set)",
    ],
)
def test_the_check_finds_facts_that_do_not_follow_from_the_versions(world: World, damage: str) -> None:
    push(world, indicator(1, tlp="green"), malware(1, tlp="amber"))
    determine(world)
    assert check(world.service).faults == []
    with world.service.store.write() as connection:
        connection.exec_driver_sql(damage)
    assert any("simulation" in fault.what for fault in check(world.service).faults)
