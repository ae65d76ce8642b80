"""Sixteen writers of one nation, while agreements begin and end (I3 to I7)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.actions.checks import check
from hub.actions.operation import work
from hub.actions.submission import submit
from hub.store.schema.tables import ledger, object_version, release
from tests.patience import PATIENCE_SECONDS
from tests.stix_objects import Json, indicator, relationship
from tests.world import World, build, clause
from tests.world.polls import Poller

WRITERS = 16
PUSHES = 6  # of each writer
_OBJECTS = 3


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = build(database_url, codes=("KR", "US"), require_signature=True)
    world.push("us-agency", indicator(0, tlp="green"))
    yield world
    world.close()


def objects(writer: int, push: int) -> list[Json]:
    first = (writer * PUSHES + push + 1) * 10
    ids = [indicator(first + n, tlp="green") for n in range(_OBJECTS)]
    return [*ids, relationship(first, tlp="green", refs=[one["id"] for one in ids[:2]])]


def at_once(world: World, poller: Poller) -> list[str]:
    """Push by all writers, while agreements begin and end; return the ids that were accepted."""
    submissions = [
        [world.submission("us-agency" if n % 2 else "us-cert", *objects(n, m)) for m in range(PUSHES)]
        for n in range(WRITERS)
    ]
    pushed = {one["id"] for n in range(WRITERS) for m in range(PUSHES) for one in objects(n, m)}
    is_done = threading.Event()

    def write(n: int) -> list[str]:
        accepted: list[str] = []
        for submission in submissions[n]:
            outcomes = submit.submit(world.service, submission).outcomes
            assert all(one.succeeded for one in outcomes)
            accepted += [one.id for one in outcomes]
        return accepted

    def govern() -> int:
        changes = 0
        while not is_done.is_set() or changes < 2:
            view = world.agree(["US", "KR"], clause("US", "KR", "amber"))
            poller.poll()
            world.terminate(view, "KR")
            # I3: from the commit of the ending on, whatever is written at this moment.
            assert not world.ids("kr-cert") & pushed
            changes += 1
        return changes

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        governing = pool.submit(govern)
        found = [pool.submit(write, n) for n in range(WRITERS)]
        try:
            accepted = [id for one in found for id in one.result(PATIENCE_SECONDS)]
        finally:
            is_done.set()
        assert governing.result(PATIENCE_SECONDS) >= 2
    return accepted


def test_nothing_is_lost_and_nothing_leaves_after_an_ending(world: World) -> None:
    poller = world.follow("us-cert", limit=100)
    accepted = at_once(world, poller)
    assert len(accepted) == len(set(accepted)) == WRITERS * PUSHES * (_OBJECTS + 1)
    poller.poll()
    # I4 and I5: a poller that comes back, and a poll from the start, have all of it, once.
    received = [row.id for row in poller.received]
    assert len(received) == len(set(received))
    assert set(received) >= set(accepted)
    assert world.ids("us-cert") >= set(accepted)
    # I3: every agreement has ended.
    assert not world.ids("kr-cert") & set(accepted)
    with world.service.store.read() as connection:
        c = release.c
        for nation in ("KR", "US"):
            rows = connection.execute(
                select(c.position, c.date_added).where(c.recipient == nation).order_by(c.position)
            ).all()
            # I4: positions without a gap, dates strictly increasing.
            assert [row.position for row in rows] == list(range(1, len(rows) + 1))
            dates = [row.date_added for row in rows]
            assert dates == sorted(set(dates))
            last = connection.execute(select(ledger.c.position).where(ledger.c.recipient == nation))
            assert last.scalar_one() == len(rows)
        count = select(func.count()).where(object_version.c.stix_id.in_(accepted))
        assert connection.execute(count).scalar_one() == len(accepted)
    # I7: each object as submitted.
    pushed = {one["id"]: one for n in range(WRITERS) for m in range(PUSHES) for one in objects(n, m)}
    assert {row["id"]: row for row in map(json.loads, (r.body for r in world.rows("us-cert")))}.items() >= (
        pushed.items()
    )
    work.work(world.service)
    assert check.check(world.service).faults == []


def test_without_changes_of_agreements_each_submission_is_decided_once(world: World) -> None:
    """However many writers of one nation there are: the later one decides on what the former has written."""
    decisions: list[Any] = []
    decide = submit.decide
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submit, "decide", lambda *given: decisions.append(1) or decide(*given))
        submissions = [world.submission("us-agency", *objects(n, 0)) for n in range(WRITERS)]
        with ThreadPoolExecutor(WRITERS) as pool:
            for receipt in pool.map(lambda one: submit.submit(world.service, one), submissions):
                assert all(outcome.succeeded for outcome in receipt.outcomes)
    assert len(decisions) == WRITERS


def test_other_nations_do_not_wait_for_the_turn(world: World) -> None:
    """A nation whose submission stands still in its decision holds up nobody else."""
    with world.service.store.turns.of("US"):
        world.accepted("kr-agency", indicator(7, tlp="green"))
        view = world.agree(["US", "KR"], clause("US", "KR", "amber"))
        world.terminate(view, "US")


def test_an_ending_does_not_wait_for_a_decision(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only for the writing: while one decides in its turn, agreements end, and it decides again."""
    view = world.agree(["US", "KR"], clause("US", "KR", "amber"))
    submission = world.submission("us-agency", indicator(7, tlp="green"))
    decide = submit.decide
    ended = []

    def slowly(*arguments: Any) -> Any:
        decision = decide(*arguments)
        if not ended:
            ended.append(True)
            world.terminate(view, "KR")  # in this thread: it would wait for ever for what it holds
        return decision

    monkeypatch.setattr(submit, "decide", slowly)
    submit.submit(world.service, submission)
    assert not world.ids("kr-cert") & {indicator(7)["id"]}
    assert indicator(7)["id"] in world.ids("us-cert")
