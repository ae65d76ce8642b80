"""Lists of submissions: whose one sees first, then their order, their pages, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite

from hub.actions.submission import submissions
from hub.actions.submission.submissions import SubmissionsRequest
from hub.errors import BadCursor, Forbidden, NotFound
from hub.model import Caller, Kind, Member, MemberId, NationCode, Scope, StixId
from hub.store.records import submissions as stored
from hub.store.records.submissions import Window
from tests.stix_objects import malware
from tests.world import World, build

MEMBERS = ("us-agency", "us-agency2", "us-cert", "kr-agency", "kr-cert")
ROUNDS = 3


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Three rounds of a submission by each of five members, all of a round in the same second."""
    made = build(database_url)
    for n in range(ROUNDS):
        for k, member in enumerate(MEMBERS):
            made.push(member, malware(10 * n + k, tlp="green"), {"type": "malware", "id": "no id"})
        made.clock.wait()
    yield made
    made.close()


def stranger(kind: Kind) -> Caller:
    return Caller(Member(MemberId("x"), None, kind, "of no nation", StixId("identity--x")), frozenset(Scope))


def walk(world: World, who: str | Caller, limit: int = 100, **wish: Any) -> list[dict[str, Any]]:
    caller = who if isinstance(who, Caller) else world.callers[who]
    found: list[dict[str, Any]] = []
    page = submissions.listing(world.service, caller, SubmissionsRequest(limit, **wish))
    while True:
        assert len(page["submissions"]) <= limit
        assert ("next" in page) is page["more"]
        found += page["submissions"]
        if not page["more"]:
            return found
        page = submissions.listing(world.service, caller, SubmissionsRequest(limit, next=page["next"]))


def test_operators_list_nothing_and_auditors_are_shown_no_outcomes(world: World) -> None:
    with pytest.raises(Forbidden):
        submissions.listing(world.service, stranger(Kind.OPERATOR), SubmissionsRequest())
    (own, *_) = walk(world, "us-agency")
    for kind in (Kind.OPERATOR, Kind.AUDITOR):
        for id in (own["id"], "none"):
            with pytest.raises(Forbidden):
                submissions.show(world.service, stranger(kind), id)


@pytest.mark.parametrize(
    ("who", "whose"),
    [
        ("us-agency", {"us-agency"}),
        ("us-partner", set()),
        ("us-cert", {"us-agency", "us-agency2", "us-cert"}),
        ("kr-cert", {"kr-agency", "kr-cert"}),
        ("auditor", set(MEMBERS)),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_one_lists_ones_own_a_cert_its_nations_an_auditor_all(
    world: World, who: str, whose: set[str], limit: int
) -> None:
    caller = stranger(Kind.AUDITOR) if who == "auditor" else world.callers[who]
    found = walk(world, caller, limit)
    assert {one["member"] for one in found} == whose
    assert len({one["id"] for one in found}) == len(found) == ROUNDS * len(whose)
    assert [one["at"] for one in found] == sorted((one["at"] for one in found), reverse=True)
    assert {(one["succeeded"], one["failed"]) for one in found} <= {(1, 1)}


def test_a_certs_token_that_does_not_read_sees_its_own_alone(world: World) -> None:
    cert = Caller(world.callers["us-cert"].member, frozenset({Scope.SUBMIT}))
    assert {one["member"] for one in walk(world, cert)} == {"us-cert"}
    (foreign, *_) = walk(world, "us-agency")
    with pytest.raises(NotFound):
        submissions.show(world.service, cert, foreign["id"])


def test_a_list_goes_back_to_a_moment(world: World) -> None:
    since = world.clock.now - timedelta(seconds=2)
    assert len(walk(world, "us-cert", 2, since=since)) == 2 * 3
    assert walk(world, "us-cert", since=world.clock.now) == []


def test_what_comes_meanwhile_moves_no_page(world: World) -> None:
    before = walk(world, "us-cert")
    first = submissions.listing(world.service, world.callers["us-cert"], SubmissionsRequest(4))
    world.push("us-agency", malware(99, tlp="green"))
    rest = submissions.listing(
        world.service, world.callers["us-cert"], SubmissionsRequest(100, next=first["next"])
    )
    assert first["submissions"] + rest["submissions"] == before


def test_a_cursor_is_good_for_its_reader_and_its_window_alone(world: World) -> None:
    since = world.clock.now - timedelta(seconds=2)
    us = world.callers["us-cert"]
    given = submissions.listing(world.service, us, SubmissionsRequest(1, since))["next"]
    assert submissions.listing(world.service, us, SubmissionsRequest(1, since, given))["submissions"]
    for caller, wish in (
        (world.callers["us-agency"], SubmissionsRequest(next=given)),
        (us, SubmissionsRequest(since=since - timedelta(seconds=1), next=given)),
        (us, SubmissionsRequest(next="made up")),
    ):
        with pytest.raises(BadCursor):
            submissions.listing(world.service, caller, wish)


def test_the_submitter_and_its_cert_are_told_what_became_of_each_object(world: World) -> None:
    (own, *_) = walk(world, "us-agency")
    told = submissions.show(world.service, world.callers["us-agency"], own["id"])
    assert {name: told[name] for name in own} == own
    good, bad = told["outcomes"]
    assert (good["succeeded"], bad["succeeded"], bool(bad["message"])) == (True, False, True)
    assert submissions.show(world.service, world.callers["us-cert"], own["id"]) == told
    for other in ("us-agency2", "kr-cert"):
        with pytest.raises(NotFound) as refused:
            submissions.show(world.service, world.callers[other], own["id"])
        with pytest.raises(NotFound, match=str(refused.value)):
            submissions.show(world.service, world.callers[other], "none")


@pytest.mark.parametrize("limit", [1, 100])
@pytest.mark.parametrize("whose", [("US", None), ("US", "us-agency"), (None, None)])
def test_a_page_goes_along_an_index_and_reads_the_table_whole_for_nobody(
    world: World, whose: tuple[str | None, str | None], limit: int
) -> None:
    origin, member = whose
    window = Window(
        None if origin is None else NationCode(origin),
        None if member is None else MemberId(member),
        world.clock.now - timedelta(days=1),
        (world.clock.now, "x"),
    )
    with world.service.store.read() as connection:
        is_postgresql = connection.dialect.name == "postgresql"
        dialect = postgresql.dialect() if is_postgresql else sqlite.dialect()
        query = stored._newest(window, limit).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
        if is_postgresql:  # of so few rows it would read them all
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        explained = "EXPLAIN " if is_postgresql else "EXPLAIN QUERY PLAN "
        plan = " ".join(str(row) for row in connection.execute(text(f"{explained}{query}")))
    assert "ix_submission_" in plan
    assert "SCAN submission" not in plan or "USING INDEX" in plan
    assert "Seq Scan" not in plan
