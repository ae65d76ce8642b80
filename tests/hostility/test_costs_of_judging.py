"""What a decision asks of the database does not grow with what hangs together, and nothing is read whole.

Statements are counted, not seconds: each may be as slow as the machine likes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from hub.actions.oversight import explain
from hub.actions.oversight.explain import ExplanationRequest
from hub.actions.submission import submit
from hub.store.database.connection import Store
from tests.hostility.hostile import id_of
from tests.stix_objects import Json, malware, note, report, sdo, stix_id
from tests.world import World, build, clause

BIG = ("release", "object_version", "reference", "content", "made_id", "rendition")


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Fresh worlds of two nations, of which the one's objects go to the other up to AMBER."""
    made: list[World] = []

    def another() -> World:
        world = build(f"sqlite:///{tmp_path / f'{len(made)}.db'}", codes=("KR", "US"))
        world.agree(["US", "KR"], clause("US", "KR", "amber"), clause("KR", "US", "amber"))
        made.append(world)
        return world

    yield another
    for world in made:
        world.close()


@contextmanager
def asked() -> Iterator[list[tuple[str, Any]]]:
    """Collect the questions, with their parameters, that are asked of any database meanwhile."""
    found: list[tuple[str, Any]] = []

    def note_down(*call: Any) -> None:
        statement, parameters = call[2], call[3]
        if statement.startswith(("SELECT", "WITH")):
            found.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note_down)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note_down)


def ring(count: int, tlp: str = "green") -> list[Json]:
    return [note(n, tlp=tlp, refs=[stix_id("note", (n + 1) % count)]) for n in range(count)]


def remark(world: World, count: int) -> None:
    world.push("us-agency", *ring(count))
    world.push("us-agency", note(0, version=2, tlp="red", refs=[stix_id("note", 1)]))


def ask_why(world: World, count: int) -> None:
    world.push("us-agency", *ring(count))
    with asked() as found:
        explain.explain(world.service, world.callers["us-agency"], ExplanationRequest(stix_id("note", 7)))
    assert len(found) < 40


def ask_why_of_all(world: World, count: int) -> None:
    """Of a ring that is withheld for every one of its objects: no more than 20 are named for each."""
    world.push("us-agency", *ring(count, "red"))
    questions = [ExplanationRequest(stix_id("note", n)) for n in range(count)]
    with asked() as found:
        told = explain.explain_many(world.service, world.callers["us-cert"], questions)
    assert len(found) < 40
    for one in told:
        (abroad,) = (d["reason"] for d in one["decisions"] if d["nation"] == "KR")
        assert abroad.count("refers to withheld objects") == 1
        assert len(set(re.findall(r"note--[0-9a-f-]{36}", abroad))) == 20
        assert abroad.endswith("; and more of that kind")


def alternate(world: World, count: int) -> None:
    """A chain of references that are stored and new in turn, down to what becomes RED."""
    told = [note(n, tlp="green", refs=[stix_id("note", n + 1)]) for n in range(0, count, 2)]
    later = [note(n, tlp="green", refs=[stix_id("note", n + 1)]) for n in range(1, count, 2)]
    world.push("us-agency", *told, note(count, tlp="green"))
    world.push("us-agency", *later, note(count, version=2, tlp="red"))
    assert not any(seen.id.startswith("note--") for seen in world.see("kr-cert"))


@pytest.mark.parametrize("act", [remark, ask_why, ask_why_of_all, alternate])
def test_how_far_references_go_is_not_told_in_statements(
    worlds: Callable[[], World], act: Callable[[World, int], None]
) -> None:
    counts = []
    for count in (60, 120):
        world = worlds()
        with asked() as found:
            act(world, count)
        counts.append(sum("reference" in statement for statement, _ in found))
    few, many = counts
    assert many <= few + 2


@pytest.mark.parametrize("member", ["us-cert", "us-agency"])
def test_what_others_have_is_asked_for_at_once(worlds: Callable[[], World], member: str) -> None:
    counts = []
    for count in (600, 6_000):
        world = worlds()
        with asked() as found:
            world.push(member, report(tlp="green", refs=[id_of("malware", n) for n in range(count)]))
        counts.append(sum("FROM release" in statement for statement, _ in found))
    assert counts[0] == counts[1]


# --- under the locks ------------------------------------------------------------------------------


def push_while(world: World, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], Any]) -> list[bool]:
    """Submit, with something happening between decision and writing; tell of each look if it was locked."""
    looks: list[bool] = []
    is_writing: list[bool] = []
    look, write, decide = submit.load_others, Store.write, submit.decide
    waiting = [meanwhile]

    def looking(*args: Any) -> Any:
        looks.append(bool(is_writing))
        return look(*args)

    @contextmanager
    def writing(store: Store, **options: bool) -> Iterator[Any]:
        with write(store, **options) as connection:
            is_writing.append(True)
            try:
                yield connection
            finally:
                is_writing.pop()

    def then_something_else(*args: Any) -> Any:
        decision = decide(*args)
        if waiting:
            waiting.pop()()
            looks.clear()
        return decision

    world.push("kr-agency", malware(tlp="green"))
    with monkeypatch.context() as patch:
        patch.setattr(submit, "load_others", looking)
        patch.setattr(Store, "write", writing)
        patch.setattr(submit, "decide", then_something_else)
        patch.setattr(submit, "_FEW", 0)
        world.push("us-agency", note(tlp="green", refs=[stix_id("malware")]))
    return looks


def test_others_objects_are_not_looked_at_again_when_nothing_moved(
    worlds: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert push_while(worlds(), monkeypatch, lambda: None) == []


@pytest.mark.parametrize(
    "change", [malware(version=2, tlp="amber"), malware(version=2, tlp="red"), malware(1, tlp="green")]
)
def test_what_moved_meanwhile_is_looked_at_before_the_locks_are_taken(
    worlds: Callable[[], World], monkeypatch: pytest.MonkeyPatch, change: Json
) -> None:
    world = worlds()
    looks = push_while(world, monkeypatch, lambda: world.push("kr-agency", change))
    assert looks[-1:] == [False]


# --- nothing is read whole --------------------------------------------------------------------------


def reads_whole(step: str) -> bool:
    """Tell whether a step of SQLite's plan reads all of a big table, or all of one nation's ledger."""
    kind, _, rest = step.partition(" ")
    is_scan = kind == "SCAN" or step.endswith(("(recipient=?)", "(origin=?)", "(member=?)"))
    return is_scan and rest.split(" ")[0].rstrip("_0123456789") in BIG


def test_no_question_of_a_submission_reads_a_table_from_its_beginning(worlds: Callable[[], World]) -> None:
    world = worlds()
    many = [malware(n, tlp="green") for n in range(300)]
    world.push("kr-agency", *many)
    with asked() as found:
        world.push("us-agency", *many, note(tlp="green", refs=[stix_id("malware", n) for n in range(300)]))
        world.push("us-agency", sdo("malware", 400, tlp="red"), note(version=2, tlp="red"))
    whole: set[str] = set()
    with world.service.store.read() as connection:
        for statement, parameters in found:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            whole |= {f"{row.detail}: {statement}" for row in plan if reads_whole(row.detail)}
        assert connection.execute(text("SELECT count(*) FROM release")).scalar_one() > 300
    assert not whole


def test_what_hides_its_source_costs_no_statements_for_each_object(worlds: Callable[[], World]) -> None:
    counts = []
    for count in (20, 60):
        world = worlds()
        world.agree(["US", "KR"], clause("US", "KR", "amber", anonymise="agency"))
        with asked() as found:
            world.push("us-agency", *(note(n, tlp="green", refs=[stix_id("tool", n)]) for n in range(count)))
        assert len(world.ids("kr-cert")) == 2 * count  # as itself, by the other agreement, and as the cert's
        counts.append(len(found))
    assert counts[0] == counts[1]
