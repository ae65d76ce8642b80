"""A page is of one moment, not before it was asked for: nothing that had ended by then is in it (I3).

Readers poll while what lets them is taken away, act by act. Whatever an act has taken, by the time that it
returned, is in no page that is asked for afterwards; on PostgreSQL under roles with other defaults, too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from operator import gt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.actions.operation import administer
from hub.actions.service.disclosing import Disclosures
from hub.errors import Interrupted, Unauthenticated
from hub.store.database.connection import Store
from hub.store.ledger.pages import PageEntries, PageRequest
from tests import kept
from tests.kept import KeptDatabase
from tests.patience import wait_for
from tests.roles import LAX, STRICT, with_defaults
from tests.stix_objects import Json, sdo, stix_id
from tests.world import EVERY_VERSION, World, build, clause, paged

# Each is let go by an agreement of its own, by its type.
_TYPES = ("campaign", "indicator", "malware", "tool")
_READERS = ("kr-cert", "kr-agency", "kr-agency2")


@dataclass
class TakenAway:
    """What has been taken away, by acts that have returned."""

    ids: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)

    def now(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(self.ids), frozenset(self.members)


@dataclass
class SharingWorld:
    """KR's members read what the US lets go: a type of object for each agreement."""

    world: World
    taken: TakenAway = field(default_factory=TakenAway)
    views: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for stix_type in _TYPES:
            self.views[stix_type] = self.world.agree(
                ["US", "KR"], clause("US", "KR", "amber", types=[stix_type])
            )
        self.world.push(
            "us-cert", *(sdo(stix_type, n, tlp="green") for stix_type in _TYPES for n in range(3))
        )

    # --- acts, each with what nobody may be given once it has returned -----------------------------

    def terminate(self) -> None:
        self.world.terminate(self.views["indicator"], "US")
        self._take("indicator", range(3))

    def suspend(self) -> None:
        self.world.suspend(self.views["malware"], "KR")
        self._take("malware", range(3))

    def delete(self) -> None:
        self.world.delete("us-cert", stix_id("tool", 1))
        self._take("tool", [1])

    def revoke_token(self) -> None:
        administer.revoke_token(self.world.service, self.world.callers["kr-agency"].token)
        self.taken.members.add("kr-agency")

    def suspend_member(self) -> None:
        administer.suspend_member(self.world.service, "kr-agency2")
        self.taken.members.add("kr-agency2")

    def push(self) -> None:
        """What takes nothing away: ledgers move under the pages."""
        self.world.push("us-cert", sdo("campaign", 7, tlp="green"))

    def _take(self, stix_type: str, numbers: Sequence[int]) -> None:
        self.taken.ids.update(stix_id(stix_type, n) for n in numbers)

    # --- reading ------------------------------------------------------------------------------------

    def page(self, member: str) -> str | None:
        """Ask for a page; return what is wrong with it."""
        ids, members = self.taken.now()
        query = self.world.query(member, selections=EVERY_VERSION)
        try:
            given = {row.id for row in paged.objects(self.world.service, query).rows}
        except Unauthenticated:
            return None
        if member in members:
            return f"{member} was given a page though it could not read any more"
        return f"{member} was given {sorted(given & ids)}" if given & ids else None


_ACTS: tuple[Callable[[SharingWorld], None], ...] = (
    SharingWorld.terminate,
    SharingWorld.suspend,
    SharingWorld.delete,
    SharingWorld.revoke_token,
    SharingWorld.suspend_member,
    SharingWorld.push,
)


@dataclass(frozen=True)
class WorldMaker:
    """Where worlds are made: on which kind of database, and for whom."""

    kind: str
    database: KeptDatabase
    model: Path
    folder: Path

    @contextmanager
    def world(self) -> Iterator[World]:
        """A world on an empty database, reached by a role with other defaults on PostgreSQL."""
        with self._url() as url:
            world = build(url, codes=("KR", "US"), kinds=("cert", "agency", "agency2"))
            yield world
            world.close()

    @contextmanager
    def _url(self) -> Iterator[str]:
        if self.kind == "sqlite":
            path = self.folder / "hub.db"
            for old in self.folder.glob("hub.db*"):
                old.unlink()
            yield kept.copied(self.model, path)
            return
        with with_defaults(self.database.emptied(alone=True), _DEFAULTS[self.kind]) as url:
            yield url


_DEFAULTS = {settings["default_transaction_isolation"]: settings for settings in (LAX, STRICT)}


@pytest.fixture(params=["sqlite", *_DEFAULTS])
def places(
    request: pytest.FixtureRequest, kept_postgresql: KeptDatabase, migrated_sqlite: Path, tmp_path: Path
) -> WorldMaker:
    return WorldMaker(request.param, kept_postgresql, migrated_sqlite, tmp_path)


@given(acts=st.permutations(_ACTS))
def test_no_page_holds_what_was_taken_before_it_was_asked_for(
    places: WorldMaker, acts: Sequence[Callable[[SharingWorld], None]]
) -> None:
    with places.world() as world:
        sharing = SharingWorld(world)
        over = threading.Event()
        counts = [0] * len(_READERS)

        def read(n: int) -> list[str]:
            wrong = []
            while not over.is_set():
                if (found := sharing.page(_READERS[n])) is not None:
                    wrong.append(found)
                counts[n] += 1
            return wrong

        def let_read() -> None:
            """Return when each reader has been asked for another page since."""
            before = [count + 1 for count in counts]
            wait_for(lambda: has_ended() or all(map(gt, counts, before)), "another page for each")

        def has_ended() -> bool:
            return any(reader.done() for reader in readers)

        readers: list[Future[list[str]]] = []
        with ThreadPoolExecutor(len(_READERS)) as pool:
            readers = [pool.submit(read, n) for n in range(len(_READERS))]
            try:
                for act in acts:
                    _at_last(act, sharing)
                    let_read()
            finally:
                over.set()
        assert [wrong for reader in readers for wrong in reader.result()] == []
        assert sharing.page("kr-cert") is None


def _at_last(act: Callable[[SharingWorld], None], sharing: SharingWorld) -> None:
    """Let the act happen: on a busy machine a COMMIT may be given up, and nothing was done then."""
    for _ in range(30):
        try:
            return act(sharing)
        except Interrupted:
            continue
    raise AssertionError("30 commits in turn were interrupted")


class _Meanwhile:
    """What happens once, when a page is about to be read and recorded: after all else was looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.act: Callable[[], None] | None = None
        tell = Disclosures.disclose

        def tapped(disclosures: Disclosures, store: Store, ask: PageRequest) -> PageEntries:
            act, self.act = self.act, None
            if act is not None:
                act()
            return tell(disclosures, store, ask)

        monkeypatch.setattr(Disclosures, "disclose", tapped)


_TAKES = [act for act in _ACTS if act is not SharingWorld.push]


@pytest.mark.parametrize("act", _TAKES)
def test_what_is_taken_between_authentication_and_page_is_not_in_it(
    places: WorldMaker, act: Callable[[SharingWorld], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile = _Meanwhile(monkeypatch)
    with places.world() as world:
        sharing = SharingWorld(world)
        readers = {SharingWorld.revoke_token: "kr-agency", SharingWorld.suspend_member: "kr-agency2"}
        member = readers.get(act, "kr-cert")
        assert stix_id("tool", 1) in {row.id for row in world.drain(world.query(member))}
        meanwhile.act = lambda: act(sharing)
        query = world.query(member, selections=EVERY_VERSION)
        if act in readers:
            with pytest.raises(Unauthenticated):
                paged.objects(world.service, query)
        else:
            given = {row.id for row in paged.objects(world.service, query).rows}
            assert not given & sharing.taken.ids
            assert given
        assert meanwhile.act is None


@pytest.mark.parametrize("is_known", [True, False], ids=["signed before", "signed meanwhile"])
def test_an_agreement_that_begins_between_authentication_and_page_loses_nothing(
    places: WorldMaker, is_known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that took what began for what had not would date its cursor behind rows it left out."""
    meanwhile = _Meanwhile(monkeypatch)
    with places.world() as world:
        world.agree(["US", "KR"], clause("US", "KR", "amber", types=["campaign"]))
        begins = world.clock.now + timedelta(seconds=10)

        def agree() -> None:
            world.agree(["US", "KR"], clause("US", "KR", "amber", types=["tool"]), valid_from=begins)

        def begin() -> None:
            if not is_known:
                agree()
            world.clock.wait(11)
            world.push("us-cert", sdo("tool", 1, tlp="green"))
            world.push("us-cert", sdo("campaign", 2, tlp="green"))

        if is_known:
            agree()
        world.push("us-cert", sdo("campaign", 1, tlp="green"))
        poller = world.follow("kr-cert", "US")
        first = [row.id for row in poller.poll()]
        meanwhile.act = begin
        second = [row.id for row in poller.poll()]
        third = [row.id for row in poller.poll()]
        assert first == [stix_id("campaign", 1)]
        assert second == [stix_id("tool", 1), stix_id("campaign", 2)]
        assert third == []


def test_an_agreement_that_expires_between_authentication_and_page_lets_nothing_go(
    places: WorldMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody does anything: the clock alone ends it."""
    meanwhile = _Meanwhile(monkeypatch)
    with places.world() as world:
        ends = world.clock.now + timedelta(seconds=10)
        world.agree(["US", "KR"], clause("US", "KR", "amber", types=["tool"]), valid_until=ends)
        world.push("us-cert", sdo("tool", 1, tlp="green"))
        assert stix_id("tool", 1) in world.ids("kr-cert")
        meanwhile.act = lambda: world.clock.wait(11)
        given = {row.id for row in paged.objects(world.service, world.query("kr-cert")).rows}
        assert stix_id("tool", 1) not in given
