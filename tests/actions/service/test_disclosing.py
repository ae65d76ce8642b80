"""What leaves is on record first, exactly, whatever was asked; what leaves nothing behind is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.actions.reading import poll
from hub.actions.service import disclosing
from hub.actions.service.disclosing import Disclosures
from hub.actions.service.present import present
from hub.errors import Closed, Unavailable
from hub.model import Disclosed, Disclosure, MemberId, NationCode, StixId, to_microseconds
from hub.store.agreement import agreements
from hub.store.database import epochs
from hub.store.database.connection import Connection, Store
from hub.store.database.moments import Clock
from hub.store.database.statements import Ask
from hub.store.ledger import disclosures, pages
from hub.store.ledger.pages import PageEntries, PageRequest
from hub.store.schema.tables import (
    content,
    period,
    rejustification,
    release,
)
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.recorded import disclosures_to
from tests.stix_objects import indicator, malware, relationship, report, sdo, stix_id
from tests.world import EVERY_VERSION, START, World, build, clause, paged

KR = NationCode("KR")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = _filled(database_url)
    yield world
    world.close()


def _filled(database_url: str) -> World:
    world = build(database_url)
    world.agree(["US", "KR"], clause("US", "KR", "green"))
    for n in range(6):
        world.push("us-agency", indicator(n, tlp="green" if n % 2 else "red"), malware(n, tlp="green"))
    return world


def recorded(world: World) -> list[Disclosure]:
    with world.service.store.read() as connection:
        return disclosures_to(connection, KR)


def test_an_answer_without_objects_discloses_nothing(world: World) -> None:
    paged.objects(world.service, world.query("kr-cert", "JP"))
    paged.objects(world.service, world.query("kr-cert", types=frozenset({"campaign"})))
    assert poll.exists(world.service, world.query("kr-cert", "US"))
    assert not recorded(world)


def test_a_page_is_recorded_with_exactly_the_rows_it_held(world: World) -> None:
    query = world.query("kr-agency", "US", 4, types=frozenset({"malware"}))
    page = paged.objects(world.service, query)
    (one,) = recorded(world)
    positions = tuple(row.position for row in page.rows)
    snapshot = (one.revision, one.generation)
    assert one == Disclosure(MemberId("kr-agency"), KR, one.at, Disclosed.OBJECTS, positions, *snapshot)
    assert len(one.positions) == 4
    assert one.at >= START
    with world.service.store.read() as connection:
        assert one.epoch == epochs.state_of(connection).epoch


def test_every_page_of_a_walk_is_recorded(world: World) -> None:
    rows = world.drain(world.query("kr-cert", limit=3))
    assert [position for one in recorded(world) for position in one.positions] == [r.position for r in rows]


@pytest.mark.parametrize("kind", [Disclosed.MANIFEST, Disclosed.VERSIONS])
def test_what_was_told_about_objects_is_recorded_as_such(world: World, kind: Disclosed) -> None:
    query = world.query("kr-cert", "US", selections=EVERY_VERSION)
    page = paged.manifest(world.service, query, kind)
    (one,) = recorded(world)
    assert (one.kind, len(one.positions)) == (kind, len(page.rows))


def test_it_is_known_who_was_given_one_row(world: World) -> None:
    (row,) = paged.objects(world.service, world.query("kr-cert", ids=frozenset({stix_id("malware", 3)}))).rows
    world.drain(world.query("kr-agency", types=frozenset({"indicator"})))
    world.drain(world.query("kr-partner"))
    world.drain(world.query("kr-agency", "US", types=frozenset({"malware"})))
    with world.service.store.read() as connection:
        found = list(disclosures.fetches(connection, KR, [row.position]))
    assert [one.member for one in found] == ["kr-cert", "kr-agency"]


def test_what_was_read_before_an_ending_is_ordered_before_it_whatever_the_clocks_say(
    postgresql_url: str,
) -> None:
    """A page is read after the ending has its date and before it is committed: it waits for nobody."""
    world = _filled(postgresql_url)
    view = world.agree(["JP", "KR"], clause("JP", "KR", "green"))
    query = world.query("kr-cert", "US", 1)
    original = agreements.advance

    def advance(connection: Connection, now: datetime) -> None:
        original(connection, now)
        world.clock.wait(2)
        paged.objects(world.service, query)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agreements, "advance", advance)
        world.terminate(view, "JP")
    paged.objects(world.service, query)
    before, after = recorded(world)
    with world.service.store.read() as connection:
        ended = select(period.c.ended_at, period.c.ended_generation).where(period.c.ended_at.is_not(None))
        ((ended_at, ended_generation),) = connection.execute(ended)
    assert to_microseconds(before.at) > ended_at
    assert before.generation < ended_generation <= after.generation
    world.close()


def test_what_was_read_before_a_row_was_narrowed_is_ordered_before_it(world: World) -> None:
    query = world.query("kr-cert", ids=frozenset({stix_id("malware", 1)}))
    paged.objects(world.service, query)
    target = stix_id("malware", 1)
    world.push("us-agency", report(tlp="green", refs=[target]))
    world.push("us-agency", malware(1, tlp="red", version=2))
    paged.objects(world.service, world.query("kr-cert", types=frozenset({"malware"})))
    world.delete("us-agency", stix_id("malware", 3))
    paged.objects(world.service, world.query("kr-cert", types=frozenset({"malware"})))
    revisions = [one.revision for one in recorded(world)]
    assert revisions == sorted(set(revisions))


def test_a_narrowed_row_tells_which_revision_narrowed_it(world: World) -> None:
    id = stix_id("relationship")
    query = world.query("kr-cert", ids=frozenset({id}))
    world.agree(["US", "KR"], clause("US", "KR", "green", types=["relationship", "note"]))
    world.push("us-agency", relationship(tlp="green", refs=[stix_id("note")]))
    paged.objects(world.service, query)
    world.push("us-agency", sdo("note", tlp="green"), malware(1, tlp="green", version=2))
    world.push("us-agency", relationship(tlp="green", version=2, refs=[stix_id("note"), stix_id("malware")]))
    paged.objects(world.service, world.query("kr-cert", ids=frozenset({id}), selections=EVERY_VERSION))
    with world.service.store.read() as connection:
        (narrowed,) = connection.execute(select(rejustification.c.revision)).scalars()
    before, after = recorded(world)
    assert before.revision < narrowed <= after.revision


class Failing(Store):
    """A store of which every commit of a page fails."""

    @contextmanager
    def record(self) -> Iterator[Connection]:
        raise Unavailable("down")
        yield


def test_nothing_leaves_when_it_cannot_be_recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "record", Failing.record)
    monkeypatch.setattr(Store, "record_alone", lambda *_: None)
    with pytest.raises(Unavailable):
        paged.objects(world.service, world.query("kr-cert"))


def _ask(world: World, *ids: str) -> PageRequest:
    """What a page of the KR cert is asked with, for these ids."""
    query = world.query("kr-cert", ids=frozenset(map(StixId, ids)))
    with world.service.store.read() as connection:
        valid = world.service.in_force.visible(connection, query.reader, present(world.service, connection))
    return PageRequest(query, Disclosed.OBJECTS, None, valid.valid(query), *valid[2:])


def _together(world: World, asks: Sequence[PageRequest]) -> tuple[list[PageEntries | BaseException], int]:
    """Ask for pages at once: the first is held up until the others wait. Return them and how many
    commits."""
    desk, original = Disclosures(), Store.record
    entered, others_wait = threading.Event(), threading.Event()
    commits: list[int] = []

    @contextmanager
    def counted(self: Store) -> Iterator[Connection]:
        with original(self) as connection:
            commits.append(1)
            if len(commits) == 1:
                entered.set()
                assert others_wait.wait(PATIENCE_SECONDS)
            yield connection

    def tell(ask: PageRequest) -> PageEntries | BaseException:
        try:
            return desk.disclose(world.service.store, ask)
        except Exception as failure:  # noqa: BLE001
            return failure

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(len(asks)) as pool:
        patch.setattr(Store, "record", counted)
        patch.setattr(Store, "record_alone", lambda *_: None)
        patch.setattr(disclosing, "_empty", lambda *_: None)
        patch.setattr(disclosing, "_TURN_SECONDS", PATIENCE_SECONDS)
        futures = [pool.submit(tell, asks[0])]
        assert entered.wait(PATIENCE_SECONDS)
        futures += [pool.submit(tell, ask) for ask in asks[1:]]
        wait_for(lambda: len(desk._waiting) == len(asks) - 1, "the others to wait")
        others_wait.set()
        return [future.result(PATIENCE_SECONDS) for future in futures], len(commits)


def test_pages_that_are_asked_for_together_share_a_commit(world: World) -> None:
    asks = [_ask(world, stix_id("malware", n)) for n in range(6)]
    told, commits = _together(world, asks)
    assert commits == 2
    assert all(isinstance(one, PageEntries) and len(one.columns.positions) == 1 for one in told)
    assert len({position for one in recorded(world) for position in one.positions}) == 6


def test_a_page_that_cannot_be_read_takes_no_other_with_it(world: World) -> None:
    asks = [_ask(world, stix_id("malware", n)) for n in range(4)]
    asks[2] = asks[2]._replace(kind=None)  # type: ignore[arg-type]
    told, _ = _together(world, asks)
    assert [isinstance(one, PageEntries) for one in told] == [True, True, False, True]
    assert len(recorded(world)) == 3


_REFUSED_AT_COMMIT = {
    "sqlite": (
        "CREATE TABLE nowhere (id INTEGER PRIMARY KEY)",
        "CREATE TABLE refused (id INTEGER REFERENCES nowhere (id) DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TRIGGER refuse AFTER INSERT ON disclosure BEGIN INSERT INTO refused VALUES (1); END",
    ),
    "postgresql": (
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$""",
        """CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON disclosure DEFERRABLE INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION refuse()""",
    ),
}


def test_no_page_leaves_whose_shared_commit_failed(world: World) -> None:
    """The statements of all pages are done; only then the database refuses the COMMIT."""
    asks = [_ask(world, stix_id("malware", n)) for n in range(4)]
    with world.service.store.write() as connection:
        for statement in _REFUSED_AT_COMMIT[connection.dialect.name]:
            connection.exec_driver_sql(statement)
    told, commits = _together(world, asks)
    assert commits >= 2, told
    assert not [one for one in told if isinstance(one, PageEntries)]
    assert not [one for one in told if isinstance(one, RuntimeError)]  # each hears of it
    assert recorded(world) == []


@pytest.mark.parametrize("is_alone", [True, False])
def test_no_page_leaves_whose_own_commit_failed(
    world: World, is_alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.service.store.write() as connection:
        for statement in _REFUSED_AT_COMMIT[connection.dialect.name]:
            connection.exec_driver_sql(statement)
    if not is_alone:
        monkeypatch.setattr(Store, "record_alone", lambda *_: None)
    with pytest.raises((Unavailable, IntegrityError)):
        paged.objects(world.service, world.query("kr-cert"))
    assert recorded(world) == []


def test_a_page_alone_is_recorded_like_a_page_among_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = world.query("kr-cert")
    alone = paged.objects(world.service, query)
    monkeypatch.setattr(Store, "record_alone", lambda *_: None)
    assert paged.objects(world.service, query) == alone
    one, other = recorded(world)
    assert replace(one, at=other.at) == other


def test_a_page_that_was_begun_before_the_hub_was_closed_is_not_told(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a loss brought back stands in it; on SQLite nothing comes between the two."""
    world, original = _filled(postgresql_url), pages.read_and_record

    def tell(run: Ask, ask: PageRequest, clock: Clock | None, *, is_postgresql: bool) -> PageEntries:
        with world.service.store.write() as other:
            epochs.close(other, world.clock.now, ["something is lost"])
        return original(run, ask, clock, is_postgresql=is_postgresql)

    monkeypatch.setattr(pages, "read_and_record", tell)
    with pytest.raises(Closed):
        paged.objects(world.service, world.query("kr-cert"))
    with world.service.store.read(when_closed=True) as connection:
        assert disclosures_to(connection, KR) == []
    world.close()


def test_who_waits_too_long_for_its_turn_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Disclosures()
    monkeypatch.setattr(disclosing, "_TURN_SECONDS", 0.01)
    with desk._turn, pytest.raises(Unavailable, match="too long"):
        desk.disclose(world.service.store, _ask(world, stix_id("malware", 1)))
    assert not desk._waiting
    assert desk.disclose(world.service.store, _ask(world, stix_id("malware", 1))).columns.positions


def test_who_waits_no_longer_takes_no_equal_page_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader asks for one page twice at once: each is answered for itself."""
    desk, ask = Disclosures(), _ask(world, stix_id("malware", 1))
    monkeypatch.setattr(disclosing, "_TURN_SECONDS", PATIENCE_SECONDS)
    with ThreadPoolExecutor(1) as pool:
        with desk._turn:
            first = pool.submit(desk.disclose, world.service.store, ask)
            wait_for(lambda: len(desk._waiting) == 1, "the first to wait")
            monkeypatch.setattr(disclosing, "_TURN_SECONDS", 0.01)
            with pytest.raises(Unavailable, match="too long"):
                desk.disclose(world.service.store, ask)
            assert len(desk._waiting) == 1
        assert first.result(PATIENCE_SECONDS).columns.positions


def test_a_page_of_one_epoch_has_no_bodies_of_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a page and its bodies a fork begins, in which the numbers of bodies name other objects."""
    query, secret = world.query("kr-cert", ids=frozenset({stix_id("malware", 1)})), b'{"name": "secret"}'
    (right,) = paged.objects(world.service, query).rows
    original = Disclosures.disclose

    def disclose(self: Disclosures, store: Store, ask: PageRequest) -> PageEntries:
        page = original(self, store, ask)
        if page.columns.contents and (id := page.columns.contents[0]) not in forked:
            forked.append(_forked(world, id, secret))
        return page

    forked: list[int] = []
    monkeypatch.setattr(Disclosures, "disclose", disclose)
    (row,) = paged.objects(world.service, query).rows
    assert forked
    assert row.body == right.body


def _forked(world: World, id: int, body: bytes) -> int:
    """Begin an epoch in which this number is that of another body; return the new number of the old one."""
    with world.service.store.write() as connection:
        epochs.begin(connection, world.clock.now, world.clock.now)
        old = connection.execute(select(content).where(content.c.id == id)).one()._asdict()
        new = insert(content).values(**old | {"id": 999_999, "digest": bytes(32)})
        connection.execute(new)
        connection.execute(update(content).where(content.c.id == id).values(body=body))
        connection.execute(update(release).where(release.c.content_id == id).values(content_id=999_999))
    return 999_999
