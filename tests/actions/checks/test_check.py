"""`hub check`: a sound hub has no fault, and every way to damage one is seen for what it is."""

from __future__ import annotations

import copy
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from hub.actions.checks import check
from hub.actions.operation import work
from hub.actions.service.service import Service
from hub.model import NationCode, Tlp
from tests import postgres
from tests.actions.checks.damaged_evidence import AGREEMENTS, DATABASE, EVIDENCE
from tests.actions.checks.damaged_ledgers import DISCLOSURES, LEDGERS, POLICY, ROWS
from tests.actions.checks.damaged_objects import OBJECTS
from tests.actions.checks.entangled_damages import ENTANGLED
from tests.actions.checks.places import M2, Damage, content
from tests.actions.damage import copied, damage, fill
from tests.properties.playing import Play
from tests.properties.world_strategies import event_lists
from tests.properties.worlds import DEFAULTS, NATIONS, Event
from tests.world import Copies, World, build

EXAMPLES = int(os.environ.get("HUB_TEST_EXAMPLES", "20"))
Sound = tuple[World, str]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sound]:
    """A filled world, closed, and where its database is."""
    if request.param == "sqlite":
        yield _filled(f"sqlite:///{tmp_path_factory.mktemp('sound') / 'hub.db'}")
        return
    with postgres.database(request.getfixturevalue("postgres_server")) as url:
        yield _filled(url)


@pytest.fixture(scope="module")
def copies() -> Copies:
    return Copies(codes=NATIONS, defaults={code: Tlp.of(level) for code, level in DEFAULTS.items()})


def _filled(url: str) -> Sound:
    world = build(url, require_signature=True)
    fill(world)
    world.close()
    return world, url


DAMAGES = [*LEDGERS, *DISCLOSURES, *ROWS, *POLICY, *OBJECTS, *EVIDENCE, *AGREEMENTS, *DATABASE]


# --- damaged ---


@pytest.mark.parametrize("damaged", DAMAGES, ids=[damaged.sentence for damaged in DAMAGES])
def test_every_damage_is_seen_and_nothing_else(sound: Sound, damaged: Damage) -> None:
    with copied(*sound) as (service, url):
        damage(url, damaged.statement)
        faults = check.check(service).faults
    assert len(faults) == 1, faults
    assert damaged.place in faults[0].place
    assert damaged.sentence in faults[0].what


@pytest.mark.parametrize("damaged", ENTANGLED, ids=[damaged.sentence for damaged in ENTANGLED])
def test_every_damage_to_what_belongs_together_is_seen(sound: Sound, damaged: Damage) -> None:
    with copied(*sound) as (service, url):
        damage(url, damaged.statement)
        faults = check.check(service).faults
    assert any(damaged.place in one.place and damaged.sentence in one.what for one in faults), faults


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE member SET kind = 'king' WHERE id = 'us-agency'", "members"),
        ("UPDATE key SET jwk = '{' WHERE member = 'us-agency'", "keys"),
        ("UPDATE key SET purpose = 'x' WHERE member = 'us-agency'", "keys"),
        ("UPDATE period SET clause = '{'", "agreements"),
        ("UPDATE period SET start = 9000000000000000000", "agreements"),
        ("DELETE FROM hub_state", "hub state"),
        ("UPDATE hub_state SET changed_at = 9000000000000000000", "hub state"),
    ],
)
def test_what_everything_goes_by_and_cannot_be_read_is_one_fault(
    sound: Sound, statement: str, place: str
) -> None:
    with copied(*sound) as (service, url):
        damage(url, statement)
        faults = check.check(service).faults
    assert [fault.place for fault in faults] == [place]
    assert "restore a backup" in faults[0].what


@pytest.mark.parametrize("begin", [0, 4_096])
def test_a_file_that_is_written_over_is_a_fault_and_nothing_else(sound: Sound, begin: int) -> None:
    if not sound[1].startswith("sqlite"):
        pytest.skip("PostgreSQL looks after its own pages")
    with copied(*sound) as (service, url):
        file = Path(url.removeprefix("sqlite:///"))
        content = bytearray(file.read_bytes())
        content[begin : begin + 40_960] = b"x" * 40_960
        file.write_bytes(content)
        faults = check.check(service).faults
    assert {fault.place for fault in faults} == {"database file"}
    assert all("restore a backup" in fault.what for fault in faults)


def test_what_was_never_submitted_is_seen_though_its_digest_is_right(sound: Sound) -> None:
    body = b'{"type":"malware"}'
    digest = hashlib.sha256(body).hexdigest()
    with copied(*sound) as (service, url):
        damage(
            url,
            f"UPDATE content SET body = X'{body.hex()}', digest = X'{digest}', size = {len(body)} "
            f"WHERE id = {content('malware', 2)}",
        )
        faults = check.check(service).faults
    assert any("does not hold what is stored" in fault.what for fault in faults)


def test_objects_of_nobody_are_seen(sound: Sound) -> None:
    with copied(*sound) as (service, url):
        damage(url, f"UPDATE object_version SET member = 'kr-cert' WHERE id = {M2}")
        faults = check.check(service).faults
    assert any("of nobody who submits in US" in fault.what for fault in faults)


def test_a_nation_without_ledger_or_without_configuration_is_seen(sound: Sound) -> None:
    with copied(*sound) as (service, _):
        nations = dict(service.registry.nations)
        nations[NationCode("NZ")] = replace(nations.pop(NationCode("JP")), code=NationCode("NZ"))
        other = replace(service, registry=replace(service.registry, nations=nations))
        found = {fault.place: fault.what for fault in check.check(other).faults}
    assert "put it back" in found["ledger JP"]
    assert "run `hub init`" in found["ledger NZ"]


def test_a_damaged_file_is_seen_before_anything_is_believed(sound: Sound) -> None:
    if not sound[1].startswith("sqlite"):
        pytest.skip("PostgreSQL looks after its own pages")
    with copied(*sound) as (service, url):
        _exchange_pages(url)
        faults = check.check(service).faults
    assert {fault.place for fault in faults} == {"database file"}


def _exchange_pages(url: str) -> None:
    """Let an index be read from another's page, as after a write to the wrong place."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema "
            "WHERE name = 'ix_token_member') WHERE name = 'ix_key_member'"
        )


# --- sound ---


def test_a_sound_hub_has_no_fault(sound: Sound) -> None:
    with copied(*sound) as (service, _):
        report = check.check(service)
        assert report.faults == []
        assert report.checked == {
            "objects": 16 + 20,
            "releases": report.checked["releases"],
            "submissions": 11,
            "deletions": 2,
            "agreements": 5,
            "disclosures": 2,
        }


def test_checking_changes_nothing(sound: Sound) -> None:
    with copied(*sound) as (service, _):
        with service.store.read() as connection:
            before = connection.exec_driver_sql("SELECT count(*), max(date_added) FROM release").all()
        assert check.check(service).faults == check.check(service).faults == []
        with service.store.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*), max(date_added) FROM release").all() == before


def test_a_hub_stays_sound_when_time_brings_agreements_and_takes_them(sound: Sound) -> None:
    with copied(*sound) as (service, _):
        for days in (-1, 2, 1_000):
            assert check.check(_later(service, days)).faults == [], days
        assert work.work(_later(service, 1_000)).withdrawn > 0
        assert check.check(_later(service, 1_000)).faults == []


@settings(derandomize=True, deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(events=event_lists)
def test_whatever_happens_leaves_a_sound_hub(copies: Copies, events: list[Event]) -> None:
    world = copies.copy()
    try:
        Play(world).play(events)
        assert check.check(world.service).faults == []
    finally:
        copies.discard(world)


def _later(service: Service, days: int) -> Service:
    store, clock = copy.copy(service.store), service.store.clock
    assert clock is not None
    store.clock = lambda: clock() + timedelta(days=days)
    return replace(service, store=store)
