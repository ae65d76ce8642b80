"""Somebody else holds the database: requests wait a bounded time, are told to come back, and do."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest
import requests
from sqlalchemy import make_url, text

from hub.client import Hub
from hub.errors import Unavailable
from hub.model import NationCode
from hub.store.agreement import agreements
from hub.store.database import engines
from hub.store.database.connection import Store
from hub.store.ledger import ends, ledgers
from tests import world
from tests.faults import faulty
from tests.faults.faulty import Holder
from tests.journeys.live import Live, live_hub
from tests.patience import PATIENCE_SECONDS
from tests.recorded import disclosures_to
from tests.stix_objects import Json, malware, relationship, stix_id

_MAX_SECONDS = 60
_THREADS, _ROUNDS, _IDS = 8, 5, 3


def _connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    plain = make_url(url).difference_update_query(["options"]).set(drivername="postgresql")
    return psycopg.connect(plain.render_as_string(hide_password=False))


@contextmanager
def _held(hub: Live) -> Iterator[None]:
    """Hold the database as an operator's tool might: everything on SQLite, one table on PostgreSQL."""
    url = hub.environ["HUB_DATABASE_URL"]
    if url.startswith("sqlite"):
        with _sqlite_held(Path(hub.environ["HUB_HOME"]) / "hub.db"):
            yield
        return
    with _connect(url) as other:
        other.execute("LOCK TABLE release IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()


@contextmanager
def _sqlite_held(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_a_request_that_cannot_have_its_lock_is_told_to_come_back(impatient_hub: Live) -> None:
    hub = impatient_hub
    first, second = [malware(n, tlp="green") for n in (1, 2)]
    assert faulty.post(hub, "us-agency", [first]).status_code == 202
    with _held(hub):
        assert not faulty.permitted(faulty.post(hub, "us-agency", [second]))
        assert not faulty.permitted(faulty.get_objects(hub, "us-agency", "us"))
        resuming = Holder(lambda: _push(hub, second))
    resuming.result()
    assert faulty.everything(hub, "us-agency", "us") == [first, second]
    faulty.assert_sound(hub)


def test_a_request_waits_for_a_lock_that_comes_free_in_time(hub: Live) -> None:
    items = [malware(n, tlp="green") for n in (1, 2)]
    assert faulty.post(hub, "us-agency", items[:1]).status_code == 202
    with _held(hub):
        pushing = Holder(lambda: faulty.post(hub, "us-agency", items[1:]))
        reading = Holder(lambda: faulty.get_objects(hub, "us-agency", "us"))
        pushing.thread.join(1)
        assert pushing.thread.is_alive()
    assert pushing.result().status_code == 202
    assert reading.result().status_code == 200
    assert faulty.everything(hub, "us-agency", "us") == items
    faulty.assert_sound(hub)


def test_sqlite_too_says_in_time_that_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "SQLITE_BUSY_SECONDS", 1)
    small = world.build(f"sqlite:///{tmp_path / 'hub.db'}")
    with _sqlite_held(tmp_path / "hub.db"), pytest.raises(Unavailable) as refusal:
        small.push("us-agency", malware(1))
    assert refusal.value.retry_after_seconds
    assert small.see("us-agency") == []
    assert small.push("us-agency", malware(1)).outcomes[0].succeeded
    assert [seen.id for seen in small.see("us-agency")] == [stix_id("malware", 1)]
    small.close()


def _push(hub: Live, item: Json) -> None:
    account = hub.member("us-agency")
    with Hub(hub.url, account.token, account.submit_key) as client:
        report = client.push("us", [item])
    assert (report.submitted, report.succeeded) == (1, 1)


def test_no_wait_is_without_an_end(database_url: str) -> None:
    store = Store.open(database_url)
    if database_url.startswith("sqlite"):
        with store.read() as transaction:
            waits = [transaction.execute(text("PRAGMA busy_timeout")).scalar_one() / 1_000]
    else:
        with store.read() as transaction:
            names = ("lock_timeout", "idle_in_transaction_session_timeout")
            query = text("SELECT setting::integer / 1000 FROM pg_settings WHERE name = :name")
            waits = [transaction.execute(query, {"name": name}).scalar_one() for name in names]
            waits[1] /= 10
    assert all(0 < seconds <= _MAX_SECONDS for seconds in waits)
    store.close()


def test_the_database_url_may_shorten_the_waits(postgresql_url: str) -> None:
    options = "&options=-c%20lock_timeout%3D2s%20-c%20application_name%3Dtried"
    store = Store.open(postgresql_url + options)
    store.migrate()
    with store.read() as transaction:
        found = [
            transaction.execute(text(f"SHOW {n}")).scalar_one() for n in ("lock_timeout", "application_name")
        ]
    assert found == ["2s", "tried"]
    store.close()


_ONE_SECOND = "&options=-c%20lock_timeout%3D1s"
_PATIENT = f"&options=-c%20lock_timeout%3D{PATIENCE_SECONDS:.0f}s"


@pytest.fixture
def impatient_store(postgresql_url: str) -> Iterator[Store]:
    """A store on PostgreSQL that waits a second for a lock, so that a test sees what waits."""
    store = Store.open(postgresql_url + _ONE_SECOND)
    store.migrate()
    with store.write() as transaction:
        ledgers.open_ledgers(transaction, [NationCode("KR"), NationCode("US")])
    yield store
    store.close()


def test_submissions_queue_behind_an_agreement_that_waits_for_them(
    impatient_store: Store, postgresql_url: str
) -> None:
    """Otherwise members who push without a pause would put off every ending for ever (policy 5)."""
    patient = Store.open(postgresql_url + _PATIENT)

    def change() -> None:
        with patient.write() as transaction:
            agreements.hold_for_change(transaction)

    with impatient_store.write() as under_way:
        agreements.hold_generation(under_way)
        ending = Holder(change)
        faulty.wait_for(lambda: _waiting(postgresql_url), "the ending to wait")
        with pytest.raises(Unavailable), impatient_store.write() as later:
            agreements.hold_generation(later)
        with impatient_store.read() as poll:
            agreements.generation(poll)  # polls wait for nobody
    ending.result()
    patient.close()


def test_a_page_waits_neither_for_a_submission_nor_for_an_agreement(postgresql_url: str) -> None:
    """What is put on record before a page leaves refers to members and ledgers that others hold."""
    small = world.build(postgresql_url + _ONE_SECOND)
    item = malware(1, tlp="green")
    assert small.push("us-agency", item).outcomes[0].succeeded
    with small.service.store.write() as writer:
        agreements.hold_for_change(writer)
        ends.lock(writer, small.service.registry.nations)
        assert [seen.id for seen in small.see("us-cert")] == [item["id"]]
    with small.service.store.read() as transaction:
        told = disclosures_to(transaction, NationCode("US"))
    assert {disclosure.member for disclosure in told} == {"us-cert"}
    small.close()


def test_a_deadlock_with_somebody_else_is_for_the_moment(
    postgresql_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The hub takes the ledgers by name; somebody who holds the last one asks for the first."""
    home = tmp_path_factory.mktemp("hub")
    objects = [malware(1, tlp="green")]
    with live_hub(postgresql_url + _PATIENT, home) as hub, _connect(postgresql_url) as other:
        hub.agree("US", "AU", "JP", "IN", max_tlp="green")
        hub.member("us-agency")
        other.execute(
            f"SET deadlock_timeout = '{PATIENCE_SECONDS:.0f}s'"
        )  # so that the hub's session is the one that notices
        _lock_ledger(other, "US")
        pushing = Holder(lambda: faulty.post(hub, "us-agency", objects))
        faulty.wait_for(lambda: _waiting(postgresql_url), "the push to wait for a ledger")
        _lock_ledger(other, "AU")
        other.rollback()
        tally: Counter[str] = Counter()
        if not faulty.permitted(pushing.result()):
            faulty.persist(lambda: faulty.post(hub, "us-agency", objects), tally)
        assert faulty.everything(hub, "au-agency", "us") == objects
        faulty.assert_sound(hub)


def _lock_ledger(other: psycopg.Connection[tuple[object, ...]], nation: str) -> None:
    other.execute("SELECT position FROM ledger WHERE recipient = %s FOR UPDATE", [nation])


def _waiting(url: str) -> bool:
    """Tell whether a session waits for a lock in this database; others on the server are other tests'."""
    query = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    with _connect(url) as other:
        row = other.execute(query).fetchone()
    return row != (0,)


def test_many_writers_on_few_ids_get_in_each_others_way_without_harm(hub: Live) -> None:
    members = ["us-agency", "us-cert", "kr-agency", "kr-cert"]
    for member in members:
        hub.member(member)
    start, tally = threading.Barrier(_THREADS + 1, timeout=PATIENCE_SECONDS), Counter[str]()
    outcomes: list[tuple[str, str, str | None]] = []  # member, id, why it was refused

    def posted(member: str, objects: list[Json]) -> requests.Response:
        response = faulty.post(hub, member, objects)
        status = response.json() if response.ok else {}
        outcomes.extend((member, one["id"], None) for one in status.get("successes", ()))
        outcomes.extend((member, one["id"], one["message"]) for one in status.get("failures", ()))
        return response

    def write(n: int) -> None:
        start.wait()
        for turn in range(_ROUNDS):
            version = 1 + turn * _THREADS + n
            tlp = ("green", "amber", "amber+strict")[version % 3]
            objects = [malware(i, tlp=tlp, version=version) for i in range(_IDS)]
            refs = [stix_id("malware", (n + turn) % _IDS), stix_id("malware", (n + turn + 1) % _IDS)]
            edge = relationship(n, tlp="green", version=version, refs=refs)
            faulty.persist(partial(posted, members[n % 4], [*objects, edge]), tally)

    def govern() -> None:
        start.wait()
        for _ in range(_ROUNDS):
            hub.governor("US").terminate(hub.agree("US", "KR", "JP"))

    with ThreadPoolExecutor(_THREADS + 1) as pool:
        acts = [pool.submit(write, n) for n in range(_THREADS)] + [pool.submit(govern)]
        for act in acts:
            act.result(PATIENCE_SECONDS)
    assert tally["202"] == _THREADS * _ROUNDS
    # Who was shown an ally's name above GREEN, before it had one of its own, may not pass it on (policy 8).
    assert all("may share it" in (why or "may share it") for _, _, why in outcomes)
    for member in members:
        mine = {o["id"] for o in faulty.everything(hub, member, member[:2]) if o["type"] == "malware"}
        taken = {id for who, id, why in outcomes if who == member and why is None}
        assert {id for id in taken if id.startswith("malware")} <= mine
    faulty.assert_sound(hub)
