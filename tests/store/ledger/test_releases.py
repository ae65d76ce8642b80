"""Ledgers: gapless positions, growing dates, and justifications that read back as they were written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from hub.model import (
    Clearance,
    Ground,
    Justification,
    Markings,
    MemberId,
    NationCode,
    ObjectVersion,
    RowChanges,
    StixId,
    Tlp,
    from_microseconds,
    to_microseconds,
)
from hub.store.database.connection import Connection, Store
from hub.store.ledger import ends, justifications, ledgers, releases
from hub.store.ledger.releases import NewRow
from hub.store.records import objects
from hub.store.schema.tables import ledger, release
from tests.patience import PATIENCE_SECONDS

US, KR = NationCode("US"), NationCode("KR")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_WRITERS, _ROUNDS = 4, 8


def _because(*grounds: Ground) -> Justification:
    return frozenset({frozenset(grounds)})


ALL = _because(Ground(None, Clearance.PARTNER))
FEW = _because(Ground(1, Clearance.CERT), Ground(2, Clearance.AGENCY))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store with the ledgers of two nations."""
    store = Store.open(database_url)
    store.migrate()
    with store.write() as connection:
        ledgers.open_ledgers(connection, [US, KR])
    yield store
    store.close()


def _versions(connection: Connection, *names: str) -> list[ObjectVersion]:
    bodies = {name.encode() * 4: b"{}" for name in names}
    contents = objects.insert_contents(connection, US, bodies)
    drafts = [
        ObjectVersion(
            key=n - len(names),
            member=MemberId("us-cert"),
            id=StixId(f"malware--{name}"),
            type="malware",
            version="2026-01-01T00:00:00Z",
            version_key="2026-01-01T00:00:00",
            submitted_at=NOW,
            has_spec_version=True,
            is_newest=True,
            digest=name.encode() * 4,
            markings=Markings(),
            refers=frozenset(),
            contains=frozenset(),
            creator=None,
            is_accepted_definition=False,
            tlp=Tlp.GREEN,
            is_closed=False,
            is_contained=False,
            content_id=contents[name.encode() * 4],
            size=2,
        )
        for n, name in enumerate(names)
    ]
    return list(objects.insert_versions(connection, US, None, drafts).values())


def _append(
    store: Store, now: datetime, *names: str, recipient: NationCode = KR, because: Justification = ALL
) -> list[int]:
    """Append a row for each name in one transaction; return the versions' keys."""
    with store.write() as connection:
        ends.lock(connection, [recipient])
        versions = _versions(connection, *names)
        releases.append(connection, US, {recipient: [NewRow(v, because) for v in versions]}, now)
    return [version.key for version in versions]


def _rows(store: Store, recipient: NationCode = KR) -> list[tuple[int, datetime, str]]:
    query = select(release.c.position, release.c.date_added, release.c.stix_id)
    query = query.where(release.c.recipient == recipient).order_by(release.c.position)
    with store.read() as connection:
        return [(p, from_microseconds(d), id.split("--")[1]) for p, d, id in connection.execute(query)]


# --- positions and dates --------------------------------------------------------------------------


def test_positions_are_gapless_and_dates_grow_within_a_commit(store: Store) -> None:
    _append(store, NOW, "a", "b", "c")
    microsecond = timedelta(microseconds=1)
    assert _rows(store) == [(1, NOW, "a"), (2, NOW + microsecond, "b"), (3, NOW + 2 * microsecond, "c")]


def test_each_recipient_counts_for_itself(store: Store) -> None:
    _append(store, NOW, "a", "b")
    _append(store, NOW, "c", recipient=US)
    assert _rows(store, US) == [(1, NOW, "c")]


@pytest.mark.parametrize("step", [timedelta(), timedelta(microseconds=-1), timedelta(days=-400)])
def test_a_clock_that_stands_still_or_steps_back_gives_later_dates(store: Store, step: timedelta) -> None:
    _append(store, NOW, "a", "b")
    _append(store, NOW + step, "c", "d")
    rows = _rows(store)
    assert [position for position, _, _ in rows] == [1, 2, 3, 4]
    dates = [date for _, date, _ in rows]
    assert dates == [NOW + timedelta(microseconds=n) for n in range(4)]


def test_a_transaction_that_fails_takes_no_position(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            ends.lock(connection, [KR])
            (version,) = _versions(connection, "a")
            releases.append(connection, US, {KR: [NewRow(version, ALL)]}, NOW + timedelta(days=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    _append(store, NOW, "b")
    assert _rows(store) == [(1, NOW, "b")]


def test_appending_nothing_changes_nothing(store: Store) -> None:
    with store.write() as connection:
        releases.append(connection, US, {KR: []}, NOW)
        assert connection.execute(select(ledger.c.position)).scalars().all() == [0, 0]


def test_the_moment_of_the_last_decision_is_the_latest_of_any_ledger_and_no_date(store: Store) -> None:
    with store.read() as connection:
        assert to_microseconds(ends.decided_at(connection)) == 0
    _append(store, NOW, "a", "b")
    _append(store, NOW - timedelta(days=1), "c", recipient=US)
    with store.read() as connection:
        assert ends.decided_at(connection) == NOW


def test_writers_at_once_leave_no_gap_and_share_no_date(store: Store) -> None:
    start = threading.Barrier(_WRITERS, timeout=PATIENCE_SECONDS)

    def write(writer: int) -> None:
        start.wait()
        for n in range(_ROUNDS):
            _append(store, NOW, f"{writer}-{n}-a", f"{writer}-{n}-b")

    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(write, range(_WRITERS)))
    rows = _rows(store)
    count = 2 * _WRITERS * _ROUNDS
    assert [position for position, _, _ in rows] == list(range(1, count + 1))
    assert [date for _, date, _ in rows] == [NOW + timedelta(microseconds=n) for n in range(count)]


# --- justifications -------------------------------------------------------------------------------

_GROUNDS = st.builds(
    Ground,
    period=st.none() | st.integers(1, 30),
    clearance=st.sampled_from(Clearance),
    member=st.none() | st.sampled_from([MemberId("us-cert"), MemberId("a,b]"), MemberId('"')]),
)
_JUSTIFICATIONS = st.frozensets(st.frozensets(_GROUNDS, max_size=4), max_size=4)


@given(_JUSTIFICATIONS)
def test_a_justification_reads_back_as_it_was(value: Justification) -> None:
    assert justifications.decode(justifications.encode(value)) == value


@given(_JUSTIFICATIONS, _JUSTIFICATIONS)
def test_one_text_stands_for_one_justification(one: Justification, other: Justification) -> None:
    assert (justifications.encode(one) == justifications.encode(other)) == (one == other)
    rebuilt = frozenset(frozenset(sorted(alternatives, key=repr, reverse=True)) for alternatives in one)
    assert justifications.encode(rebuilt) == justifications.encode(one)


def test_justifications_are_interned_for_each_recipient(store: Store) -> None:
    for names, because in [(("a", "b"), ALL), (("c",), FEW), (("d",), ALL)]:
        _append(store, NOW, *names, because=because)
    _append(store, NOW, "e", recipient=US, because=FEW)
    with store.read() as connection:
        known = justifications.of_recipient(connection, KR)
        assert list(known.values()) == [ALL, FEW]
        later = justifications.stored(connection, KR, after=min(known))
        assert {id: one.value for id, one in later.items()} == {max(known): FEW}
        assert list(justifications.of_recipient(connection, US).values()) == [FEW]


# --- marking rows ---------------------------------------------------------------------------------


def test_withdrawn_rows_stay_and_are_no_longer_live(store: Store) -> None:
    keys = _append(store, NOW, "a", "b", "c")
    with store.write() as connection:
        releases.change(connection, KR, US, RowChanges(withdraw=[1, 3]), NOW)
    with store.read() as connection:
        assert [row.position for row in releases.live_rows(connection, keys)] == [2]
    assert len(_rows(store)) == 3


def test_rows_are_justified_and_superseded_in_place(store: Store) -> None:
    keys = _append(store, NOW, "a", "b")
    before = _rows(store)
    with store.write() as connection:
        releases.change(connection, KR, US, RowChanges(justify={FEW: [2]}, supersede=[1]), NOW)
    with store.read() as connection:
        live = {row.position: row for row in releases.live_rows(connection, keys)}
    assert [(live[n].justification, live[n].is_newest) for n in (1, 2)] == [(ALL, False), (FEW, True)]
    assert _rows(store) == before


def test_ended_rows_are_withdrawn_in_steps(store: Store) -> None:
    keys = _append(store, NOW, "a", "b", "c", because=FEW) + _append(store, NOW, "d")
    with store.read() as connection:
        (over,) = [id for id, value in justifications.of_recipient(connection, KR).items() if value == FEW]
    counts = []
    for _ in range(3):
        with store.write() as connection:
            counts.append(releases.withdraw_justified(connection, KR, [over], 2, NOW))
    assert counts == [2, 1, 0]
    with store.read() as connection:
        assert [row.version for row in releases.live_rows(connection, keys)] == keys[-1:]
