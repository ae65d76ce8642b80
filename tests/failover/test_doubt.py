"""A COMMIT of which nobody knows what became is never answered as done unless a standby has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from hub.errors import BadSignature, InDoubt, Unavailable
from hub.model import HttpRequest, Receipt
from hub.store.database import commits
from tests.failover import parts
from tests.failover.proxy import Cut, CuttingProxy
from tests.patience import wait_for
from tests.standbys import Server, Servers, servers
from tests.stix_objects import malware, stix_id
from tests.world import World

_MEMBER = "us-agency"
_ID = stix_id("malware", 1)


@pytest.fixture(scope="module")
def pair() -> Iterator[Servers]:
    """A primary and its only synchronous standby, which every test leaves as it found them."""
    with servers("a") as made:
        yield made


@pytest.fixture
def small(pair: Servers) -> Iterator[World]:
    with parts.world_on(pair.primary) as made:
        pair.primary.set_synchronous("a")
        parts.state(made)
        try:
            yield made
        finally:
            pair.standbys[0].thaw()
            pair.primary.set_synchronous("")


@pytest.fixture
def standby(pair: Servers) -> Server:
    return pair.standbys[0]


def _database(small: World) -> str:
    name = small.service.store._engine.url.database
    assert name is not None
    return name


def _assert_done_once(small: World, standby: Server, request: HttpRequest, id: str) -> None:
    """Hold that it is there once, on the standby too, under this status; and that a replay is refused."""
    assert parts.statuses(small, _MEMBER) == [id]
    assert parts.copies(small, _ID) == 1
    assert parts.has_submission(standby, _database(small), id)
    with pytest.raises(BadSignature):
        parts.send(small, _MEMBER, request)
    assert parts.copies(small, _ID) == 1


def test_a_wait_that_no_standby_ends_is_refused_and_what_was_sent_may_be_sent_anew(
    small: World, pair: Servers, standby: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "COMMIT_SECONDS", 0.3)
    monkeypatch.setattr(commits, "SETTLE_SECONDS", 0.3)
    monkeypatch.setattr(commits, "QUIET_SECONDS", 0.0)
    request = parts.signed(small, _MEMBER, malware(1))
    standby.freeze()
    with pytest.raises(InDoubt):
        parts.send(small, _MEMBER, request)
    standby.thaw()
    standby.catch_up(pair.primary)
    with pytest.raises(BadSignature):
        parts.send(small, _MEMBER, request)
    receipt = parts.send(small, _MEMBER, parts.signed(small, _MEMBER, malware(1)))
    assert receipt.outcomes[0].succeeded
    assert parts.copies(small, _ID) == 1, "sent anew it is the same object"
    assert parts.has_submission(standby, _database(small), receipt.id)


def test_a_wait_that_is_given_up_is_settled_when_the_standby_is_back_in_time(
    small: World, pair: Servers, standby: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "QUIET_SECONDS", 0.0)
    request = parts.signed(small, _MEMBER, malware(1))
    standby.freeze()
    with parts.meanwhile(lambda: parts.send(small, _MEMBER, request)) as sending:
        (first,) = pair.primary.wait_until_waiting()
        wait_for(lambda: (now := pair.primary.waiting()) and now != [first], "the settlement to wait")
        standby.thaw()
        receipt = sending.result()
    _assert_done_once(small, standby, request, receipt.id)


def _end_the_wait(pair: Servers, end: Callable[[Server, int], None]) -> None:
    """End the one COMMIT that waits, and return when its settlement waits in turn."""
    (pid,) = pair.primary.wait_until_waiting()
    end(pair.primary, pid)
    wait_for(lambda: (now := pair.primary.waiting()) and now != [pid], "the settlement to wait")


@pytest.mark.parametrize("end", [Server.cancel, Server.terminate])
def test_a_wait_that_somebody_ends_is_settled(
    small: World, pair: Servers, standby: Server, end: Callable[[Server, int], None]
) -> None:
    request = parts.signed(small, _MEMBER, malware(1))
    standby.freeze()
    with parts.meanwhile(lambda: parts.send(small, _MEMBER, request)) as sending:
        _end_the_wait(pair, end)
        assert not sending.done()
        standby.thaw()
        receipt = sending.result()
    _assert_done_once(small, standby, request, receipt.id)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_is_started_again_while_a_commit_waits(
    small: World, pair: Servers, standby: Server, mode: str
) -> None:
    request = parts.signed(small, _MEMBER, malware(1))
    standby.freeze()
    with parts.meanwhile(lambda: parts.send(small, _MEMBER, request)) as sending:
        pair.primary.wait_until_waiting()
        standby.thaw() if mode == "fast" else None
        pair.primary.stop(mode)  # type: ignore[arg-type]
        pair.primary.start()
        standby.thaw()
        came = parts.outcome(sending)
    standby.catch_up(pair.primary)
    assert isinstance(came, Unavailable | Receipt)
    if isinstance(came, Receipt):
        _assert_done_once(small, standby, request, came.id)
    else:
        assert parts.copies(small, _ID) == len(parts.statuses(small, _MEMBER)) <= 1
        anew = parts.send(small, _MEMBER, parts.signed(small, _MEMBER, malware(1)))
        assert anew.outcomes[0].succeeded
        assert parts.copies(small, _ID) == 1


@pytest.fixture
def proxied(pair: Servers) -> Iterator[tuple[World, CuttingProxy]]:
    """A world that reaches its database through a proxy."""
    with closing(CuttingProxy(pair.primary.port)) as proxy:

        def through(database: str) -> str:
            return f"postgresql+psycopg://postgres@127.0.0.1:{proxy.port}/{database}"

        with parts.world_on(pair.primary, through) as small:
            pair.primary.set_synchronous("a")
            parts.state(small)
            try:
                yield small, proxy
            finally:
                pair.standbys[0].thaw()
                pair.primary.set_synchronous("")


@pytest.mark.parametrize("where", ["before it arrives", "when it has arrived", "before its answer"])
def test_a_connection_that_is_cut_at_commit(
    proxied: tuple[World, CuttingProxy], standby: Server, where: Cut
) -> None:
    small, proxy = proxied
    request = parts.signed(small, _MEMBER, malware(1))
    proxy.cut(where)
    receipt = parts.send(small, _MEMBER, request)
    assert proxy.cuts == 1
    _assert_done_once(small, standby, request, receipt.id)


def test_a_connection_that_is_cut_while_the_standby_is_away(
    proxied: tuple[World, CuttingProxy], pair: Servers, standby: Server
) -> None:
    """The server waits on, and nobody can tell it to give up: who settles does not wait for it for long."""
    small, proxy = proxied
    request = parts.signed(small, _MEMBER, malware(1))
    standby.freeze()
    proxy.cut("when it has arrived")
    with parts.meanwhile(lambda: parts.send(small, _MEMBER, request)) as sending:
        assert isinstance(parts.outcome(sending), InDoubt)
    assert len(pair.primary.waiting()) == 1, "the server waits on"
    assert parts.statuses(small, _MEMBER) == []
    standby.thaw()
    wait_for(lambda: parts.statuses(small, _MEMBER), "the server to be answered")
    with pytest.raises(BadSignature):
        parts.send(small, _MEMBER, request)
    assert parts.copies(small, _ID) == 1


@pytest.mark.parametrize("end", [Server.cancel, Server.terminate])
def test_a_wait_that_is_ended_with_no_standby_in_sight_is_in_doubt(
    small: World, pair: Servers, standby: Server, end: Callable[[Server, int], None]
) -> None:
    request = parts.signed(small, _MEMBER, malware(1))
    standby.freeze()
    with parts.meanwhile(lambda: parts.send(small, _MEMBER, request)) as sending:
        _end_the_wait(pair, end)
        end(pair.primary, pair.primary.waiting()[0])
        assert isinstance(parts.outcome(sending), InDoubt)
