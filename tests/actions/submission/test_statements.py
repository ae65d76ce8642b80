"""How many statements a submission sends: counted, whatever the machine's speed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.actions.submission import submit
from tests.statements import sent
from tests.stix_objects import Json, indicator, malware, relationship, report
from tests.world import World, build, clause

# Verification, decision and commit, with BEGIN on SQLite. Raise a number only with the reason in the commit.
ONE = {"sqlite": 29, "postgresql": 30}
MORE_FOR_A_THOUSAND = 10


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = build(database_url, require_signature=True)
    world.agree(["US", "KR"], clause("US", "KR", "amber"))
    world.agree(["US", "JP"], clause("US", "JP", "green"))
    world.push("us-agency", indicator(0, tlp="green"), indicator(1, tlp="amber"))
    yield world
    world.close()


def statements(world: World, *objects: Json) -> list[str]:
    submission = world.submission("us-agency", *objects)
    with sent() as found:
        submit.submit(world.service, submission)
    return found


def test_a_new_object_needs_few_statements(world: World) -> None:
    database = "sqlite" if world.service.store.is_sqlite else "postgresql"
    found = statements(world, indicator(2, tlp="green"))
    assert len(found) <= ONE[database], "\n".join(found)
    assert world.ids("kr-cert") > {indicator(2)["id"]}


def test_no_question_is_asked_twice_in_one_decision(world: World) -> None:
    """Before and after the locks the counters and the members are read; nothing else is read again."""
    found = statements(world, indicator(2, tlp="green"))
    reads = [text for text in found if text.startswith(("SELECT", "WITH")) and "FOR UPDATE" not in text]
    twice = {text for text in reads if reads.count(text) > 1}
    assert {text.split(" FROM ")[1].split()[0] for text in twice} <= {
        *("hub_state", "member", "(SELECT", "key", '"key"')
    }


def test_a_thousand_objects_need_hardly_more_statements_than_a_hundred(world: World) -> None:
    hundred = statements(world, *(indicator(n, tlp="green") for n in range(1_000, 1_100)))
    thousand = statements(world, *(indicator(n, tlp="green") for n in range(2_000, 3_000)))
    assert len(thousand) <= len(hundred) + MORE_FOR_A_THOUSAND
    assert len(hundred) <= len(statements(world, indicator(2, tlp="green"))) + MORE_FOR_A_THOUSAND


def test_what_hangs_together_needs_no_statements_for_each_object(world: World) -> None:
    """Containers, references and new versions: the handling of all that moves is written at once."""

    def objects(count: int, version: int) -> list[Json]:
        ids = range(count * 10, count * 11)
        moved = [malware(n, tlp=None, version=version) for n in ids]
        edges = [relationship(n, tlp="green", refs=[malware(n)["id"]], version=version) for n in ids]
        inside = report(count, tlp="amber", refs=[one["id"] for one in moved], version=version)
        return [*moved, *edges, inside]

    counts = {}
    for count in (20, 200):
        world.clock.wait()
        statements(world, *objects(count, version=1))
        world.clock.wait()
        counts[count] = statements(world, *objects(count, version=2))
    assert len(counts[200]) <= len(counts[20]) + MORE_FOR_A_THOUSAND
