"""Whoever polls incrementally while others write, agree and withdraw misses nothing (policy I4)."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from hub.actions.operation import work
from hub.actions.reading import poll
from hub.model import Page, Query, VersionFilter
from hub.store.schema.tables import ledger, release
from tests.named_objects import LEVELS, identity, malware, relation, report
from tests.stix_objects import TLP
from tests.world import World, clause, paged

_ROUNDS = 8
_PAGE = 3
_READERS = ("kr-cert", "kr-agency", "kr-partner", "jp-cert", "us-partner")
_WRITERS = ("us-cert", "us-agency", "jp-agency", "in-cert")


@dataclass
class IncrementalPoller:
    """A client that comes back, by its last date or by its last cursor, and writes down what it gets."""

    world: World
    id: str
    mode: str
    selections: frozenset[VersionFilter]
    pages: list[tuple[datetime, Page, datetime]] = field(default_factory=list)

    def run(self, is_over: threading.Event) -> None:
        query = self.query = self.world.query(self.id, limit=_PAGE, selections=self.selections)
        while True:
            was_over = is_over.is_set()
            before = self.world.clock()
            page = paged.objects(self.world.service, query)
            if page.rows:
                self.pages.append((before, page, self.world.clock()))
                query = self._next(query, page)
            elif was_over:
                return
            else:
                is_over.wait(0.005)

    def _next(self, query: Query, page: Page) -> Query:
        if self.mode == "added_after":
            return replace(query, added_after=page.rows[-1].date_added)
        return poll.open_cursor(
            self.world.service, self.query, poll.seal_cursor(self.world.service, query, page)
        )

    @property
    def rows(self) -> list[Any]:
        return [row for _, page, _ in self.pages for row in page.rows]


# --- what the others do meanwhile -----------------------------------------------------------------


def _levels_change(world: World) -> None:
    """One member's versions go up and down, and relationships among them with each."""
    levels = itertools.cycle(LEVELS)
    for n in range(_ROUNDS):
        names = f"a{n % 3}", f"a{(n + 1) % 3}"
        items = [malware(name, next(levels), n + 1) for name in names]
        world.accepted("us-cert", relation(*items, version=n + 1), items[0])


def _containers_arrive(world: World) -> None:
    """Another's unmarked objects are tightened by containers, and its identity follows them."""
    who = identity("who")
    world.accepted("us-agency", who)
    for n in range(_ROUNDS):
        world.accepted("us-agency", malware(f"u{n}", None, created_by_ref=who["id"]))
        world.accepted("us-agency", report(f"r{n}", malware(f"u{n // 2}"), tlp=LEVELS[-1 - n % 5]))
    world.accepted("us-agency", malware("lax", created_by_ref=who["id"]))  # now partners see it, too


def _versions_come_late(world: World) -> None:
    for n in range(_ROUNDS):
        world.accepted(
            "jp-agency", malware("late", "green", 1 + (n * 5) % _ROUNDS), malware(f"j{n}", "amber")
        )


@dataclass
class Episodes:
    """When US and JP had an agreement: from before it was signed until after it was terminated."""

    times: list[tuple[datetime, datetime]] = field(default_factory=list)

    def run(self, world: World) -> None:
        for n in range(_ROUNDS // 2):
            begin = world.clock()
            view = world.agree(
                ["US", "JP", "KR"],
                clause("US", "JP", audience="partner"),
                clause("US", "KR", max_tlp="amber"),
            )
            world.accepted("us-agency-2", malware(f"g{n}"))
            world.terminate(view, "JP")
            self.times.append((begin, world.clock()))
            work.work(world.service)

    def covers(self, before: datetime, after: datetime) -> bool:
        return any(begin <= after and before <= end for begin, end in self.times)


def _world(world: World) -> tuple[list[IncrementalPoller], Episodes]:
    for id in (*_READERS, *_WRITERS, "us-agency-2"):
        world.account(id)
    world.agree(["US", "KR"], clause("US", "KR", audience="partner"))
    world.agree(
        ["JP", "KR", "US"], clause("JP", "KR"), clause("JP", "US", max_tlp="green", audience="partner")
    )
    kinds = itertools.product(_READERS, ("added_after", "next"))
    pollers = [IncrementalPoller(world, id, mode, frozenset({VersionFilter.LAST})) for id, mode in kinds]
    pollers.append(IncrementalPoller(world, "kr-cert", "added_after", frozenset({VersionFilter.ALL})))
    return pollers, Episodes()


def _play(world: World, pollers: list[IncrementalPoller], writers: list[Callable[[World], None]]) -> None:
    is_over = threading.Event()
    with ThreadPoolExecutor(len(pollers) + len(writers)) as pool:
        polling = [pool.submit(poller.run, is_over) for poller in pollers]
        try:
            for writing in [pool.submit(writer, world) for writer in writers]:
                writing.result()
        finally:
            is_over.set()
        for one in polling:
            one.result()


# --- and what must be true ------------------------------------------------------------------------


def test_whoever_comes_back_misses_nothing(world: World) -> None:
    pollers, episodes = _world(world)
    _play(world, pollers, [_levels_change, _containers_arrive, _versions_come_late, episodes.run])
    for poller in pollers:
        _check_complete(poller, world.changed())
        _check_served_once(poller)
        _check_levels(poller)
        if poller.id == "jp-cert":
            _check_episodes(poller, episodes)
    _check_ledgers(world)


def _check_complete(poller: IncrementalPoller, fresh: World) -> None:
    at_once = fresh.rows(poller.id, selections=poller.selections)
    assert at_once, poller.id
    received = {(row.id, row.version, row.body) for row in poller.rows}
    assert {(row.id, row.version, row.body) for row in at_once} <= received, (poller.id, poller.mode)


def _check_served_once(poller: IncrementalPoller) -> None:
    served = [(row.id, row.version, row.date_added) for row in poller.rows]
    assert len(served) == len(set(served)), (poller.id, poller.mode)
    dates = [row.date_added for row in poller.rows]
    assert dates == sorted(set(dates))
    positions = [row.position for row in poller.rows]
    assert positions == sorted(set(positions))


_NEVER_SEEN = {  # by a reader that has submitted nothing, or nothing of this level
    "kr-cert": {"red"},
    "jp-cert": {"red"},
    "kr-agency": {"red", "amber+strict"},
    "kr-partner": {"red", "amber+strict", "amber"},
    "us-partner": {"red", "amber+strict", "amber"},
}


def _check_levels(poller: IncrementalPoller) -> None:
    never = {TLP[level] for level in _NEVER_SEEN[poller.id]}
    for row in poller.rows:
        assert not never & set(json.loads(row.body).get("object_marking_refs", ())), (poller.id, row.id)


def _check_episodes(poller: IncrementalPoller, episodes: Episodes) -> None:
    """JP sees the US's objects only in pages that were asked for while there was an agreement."""
    foreign = {malware(f"g{n}")["id"] for n in range(_ROUNDS)} | {malware(f"a{n}")["id"] for n in range(3)}
    for before, page, after in poller.pages:
        if foreign & {row.id for row in page.rows}:
            assert episodes.covers(before, after)


def _check_ledgers(world: World) -> None:
    """Positions are gapless and dates strictly increasing with them, whoever wrote when."""
    with world.service.store.read() as connection:
        for recipient, position, last_date in connection.execute(
            select(ledger.c.recipient, ledger.c.position, ledger.c.last_date)
        ):
            columns = select(release.c.position, release.c.date_added)
            query = columns.where(release.c.recipient == recipient).order_by(release.c.position)
            rows = connection.execute(query).all()
            assert [row.position for row in rows] == list(range(1, position + 1))
            dates = [row.date_added for row in rows]
            assert dates == sorted(set(dates))
            assert dates[-1] == last_date
