"""A COMMIT of which nobody knows what became is never answered as done unless a standby has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from hub.errors import BadSignature, InDoubt, Interrupted, Unavailable
from hub.model import HttpRequest, Receipt
from hub.store import commits
from tests.failover import parts
from tests.failover.proxy import Cut, Proxy
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
    name = small.house.store._engine.url.database
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


@pytest.mark.parametrize("end", [Server.cancel, Server.terminate])
def test_a_wait_that_somebody_ends_is_settled(
    small: World, pair: Servers, standby: Server, end: Callable[[Server, int], None]
) -> None:
    request = parts.signed(small, _MEMBER, malware(1))
    standby.freeze()
    with parts.meanwhile(lambda: parts.send(small, _MEMBER, request)) as sending:
        (pid,) = pair.primary.wait_until_waiting()
        end(pair.primary, pid)
        wait_for(lambda: (now := pair.primary.waiting()) and now != [pid], "the settlement to wait")
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


@pytest.mark.parametrize("where", ["before it arrives", "before its answer"])
def test_a_connection_that_is_cut_at_commit(pair: Servers, standby: Server, where: Cut) -> None:
    with closing(Proxy(pair.primary.port)) as proxy:

        def through(database: str) -> str:
            return f"postgresql+psycopg://postgres@127.0.0.1:{proxy.port}/{database}"

        with parts.world_on(pair.primary, through) as small:
            request = parts.signed(small, _MEMBER, malware(1))
            pair.primary.set_synchronous("a")
            parts.state(small)
            before = parts.statuses(small, _MEMBER)
            proxy.cut(where)
            receipt = parts.send(small, _MEMBER, request)
            assert (before, proxy.cuts) == ([], 1)
            _assert_done_once(small, standby, request, receipt.id)
            pair.primary.set_synchronous("")


def test_a_connection_that_is_cut_while_the_standby_is_away_is_refused(
    pair: Servers, standby: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "COMMIT_SECONDS", 0.3)
    with parts.world_on(pair.primary) as small:
        pair.primary.set_synchronous("a")
        parts.state(small)
        standby.freeze()
        request = parts.signed(small, _MEMBER, malware(1))
        with parts.meanwhile(lambda: parts.send(small, _MEMBER, request)) as sending:
            (pid,) = pair.primary.wait_until_waiting()
            pair.primary.terminate(pid)
            assert isinstance(parts.outcome(sending), InDoubt | Interrupted)
        standby.thaw()
        pair.primary.set_synchronous("")
