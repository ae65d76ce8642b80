"""The primary is killed under a running hub, the furthest standby promoted: nothing acknowledged is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.store.database import epochs
from hub.store.ledger import disclosures
from hub.store.schema.disclosure_tables import disclosure
from hub.store.schema.tables import nonce, release
from tests.ahead import sign_ahead
from tests.faults import faulty
from tests.faults.faulty import LivePoller, LiveWriter, killable_hub, running
from tests.journeys.live import Live
from tests.patience import wait_for
from tests.pgbouncer import pgbouncer
from tests.standbys import Server, Servers, one_of, servers
from tests.stix_objects import malware

_US, _KR = "us-agency", "kr-agency"
_ROUNDS = 2
Turn = Callable[[Server], None]


@contextmanager
def _several_hosts(made: Servers) -> Iterator[tuple[str, Turn]]:
    """The hub's URL names all servers."""
    yield one_of(made.primary, *made.standbys), lambda _: None


@contextmanager
def _through_pgbouncer(made: Servers) -> Iterator[tuple[str, Turn]]:
    """The hub's URL names PgBouncer, which is told of the new primary."""
    with pgbouncer(made.primary) as front:
        yield f"{front.url}?prepare_threshold=none", front.point_to


@pytest.mark.parametrize("way", [_several_hosts, _through_pgbouncer])
def test_nothing_that_was_acknowledged_is_lost(
    way: Callable[[Servers], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with servers("a", "b") as made, way(made) as (url, turn):  # type: ignore[attr-defined]
        made.primary.set_synchronous("ANY 1 (a, b)")
        with killable_hub(url, tmp_path) as live:
            live.agree("US", "KR", max_tlp="green")
            members = [_US, _KR, "kr-cert"]
            for member in members:
                live.member(member)
            first = _epoch(live)
            writers = [LiveWriter(live, _US, 1_000), LiveWriter(live, _KR, 5_000)]
            pollers = [
                LivePoller(live, _KR, "us", 4),
                LivePoller(live, "kr-cert", "us", 50),
                LivePoller(live, _US, "kr", 7),
            ]
            with running(*writers, *pollers):
                for client in (*writers, *pollers):
                    client.progress(_ROUNDS)
                made.primary.kill()
                turn(made.fail_over("ANY 1 (a, b)"))
                wait_for(lambda: _epoch(live) != first, "the epoch to change")
                refused = faulty.post(live, _US, [malware(1)])
                assert refused.status_code == 503, "its signature may be older than what is lost"
                assert "sign again" in refused.text
                sign_ahead(monkeypatch)
                for client in (*writers, *pollers):
                    client.progress(_ROUNDS)
            _assert_nothing_lost(live, first, writers, pollers)


def _assert_nothing_lost(
    live: Live, first: str, writers: list[LiveWriter], pollers: list[LivePoller]
) -> None:
    faulty.assert_kept(live, *writers)
    faulty.assert_caught_up(live, *pollers)
    with live.service.store.read() as connection:
        state = epochs.state_of(connection)
        assert state.closed_at is None
        known = set(connection.execute(select(disclosure.c.epoch)).scalars())
        assert known == {first, state.epoch}, "the epoch changed once"
        receipts = set(connection.execute(select(nonce.c.receipt)).scalars())
        assert {id for writer in writers for id in writer.statuses} <= receipts
        for poller in pollers:
            rows = select(disclosure.c.runs).where(disclosure.c.member == poller.id)
            told = {n for (text,) in connection.execute(rows) for n in disclosures.decode(text)}
            columns = (release.c.position, release.c.stix_id, release.c.version)
            nation = live.member(poller.id).nation
            places = connection.execute(select(*columns).where(release.c.recipient == nation))
            of = {(id, version): position for position, id, version in places}
            received = {of[o["id"], o.get("modified")] for o in poller.received if "modified" in o}
            assert received
            assert received <= told, "what was served is on record"
    faulty.assert_sound(live)


def _epoch(live: Live) -> str:
    with live.service.store.read(when_closed=True) as connection:
        epoch = epochs.state_of(connection).epoch
    assert epoch is not None
    return epoch
