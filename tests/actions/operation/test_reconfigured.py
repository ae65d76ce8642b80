"""A process that runs, and a backup, under a configuration that has changed since."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hub.actions.operation import administer, readiness, restore
from hub.actions.operation.backup import backup
from hub.actions.operation.initialise import initialise
from hub.actions.submission import submit
from hub.errors import Reconfigured, SettingsError
from hub.model import NationCode, Registry, Tlp
from hub.store.agreement import agreements, basis, configurations
from hub.store.database import epochs
from hub.store.database.connection import Connection, Store
from tests.actions.initialising import of_us, started
from tests.actions.pausing import Pause
from tests.named_objects import campaign
from tests.world import World, build_empty, clause, registry


@pytest.fixture
def process(database_url: str) -> Iterator[World]:
    """One that serves, on connections of its own, with a member."""
    world = build_empty(database_url)
    world.agree(["US", "KR"], clause("US", "KR"))
    yield started(world, registry())
    world.service.store.close()


def other(process: World, database_url: str, given: Registry, **options: Any) -> None:
    """Let another process initialise the database."""
    with closing(Store.open(database_url)) as store:
        store.clock = process.clock
        initialise(replace(process.service, store=store, registry=given), **options)


def test_a_process_of_before_answers_nothing_and_says_so_once(
    process: World, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    process.accepted("us-cert", campaign("before"))
    other(process, database_url, of_us(default_tlp=Tlp.GREEN), apply=True)
    asks: list[Callable[[], object]] = [
        lambda: process.push("us-cert", campaign("after")),
        lambda: process.rows("kr-cert"),
        lambda: administer.add_member(
            process.service, "us-x", "US", process.caller("us-cert").member.kind, "x"
        ),
    ]
    with caplog.at_level(logging.ERROR):
        for ask in asks * 2:
            with pytest.raises(Reconfigured, match="restart"):
                ask()
    assert [record.getMessage()[:7] for record in caplog.records] == ["restart"]
    found = readiness.examine(process.service, process.clock)
    assert not found.is_ready
    assert "restart" in found.details["read"]
    started(process, of_us(default_tlp=Tlp.GREEN)).accepted("us-cert", campaign("after"))


def test_what_was_decided_before_is_not_written_afterwards(
    process: World, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its transaction had begun before, and waited for the lock."""
    pause = Pause(monkeypatch, submit, "decide")
    with pytest.raises(Reconfigured):
        pause.while_held(
            lambda: process.push("us-cert", campaign("a", None)),
            lambda: other(process, database_url, of_us(default_tlp=Tlp.GREEN), apply=True),
        )


@pytest.mark.parametrize(
    "lock", [epochs.hold, agreements.hold_for_change, partial(basis.counters, nation=NationCode("US"))]
)
def test_whoever_waited_for_the_lock_finds_that_it_was_changed(
    process: World, database_url: str, lock: Callable[[Connection], object]
) -> None:
    if process.service.store.is_sqlite:
        pytest.skip("there no transaction begins before the one that writes has ended")
    with process.service.store.write() as connection:
        other(process, database_url, of_us(default_tlp=Tlp.GREEN), apply=True)
        with pytest.raises(Reconfigured):
            lock(connection)


def test_a_backup_with_another_configuration_is_restored_and_then_asked_about(
    process: World, database_url: str, tmp_path: Path
) -> None:
    backup(database_url, tmp_path / "copy")
    other(process, database_url, of_us(default_tlp=Tlp.GREEN), apply=True)
    now = started(process, of_us(default_tlp=Tlp.GREEN))
    restore.restore(database_url, tmp_path / "copy", process.clock)
    with pytest.raises(Reconfigured):
        now.rows("us-cert")
    with pytest.raises(SettingsError, match="the file says green, the database keeps amber"):
        started(process, of_us(default_tlp=Tlp.GREEN))
    other(process, database_url, of_us(default_tlp=Tlp.GREEN), apply=True)  # while the hub is closed, too
    assert started(process, of_us(default_tlp=Tlp.GREEN)).service.registry.earlier


def test_the_same_values_after_a_restore_have_another_number(
    process: World, database_url: str, tmp_path: Path
) -> None:
    """So that a process of before does not take one history's configuration for another's."""
    backup(database_url, tmp_path / "copy")
    numbers = []
    for level in (Tlp.GREEN, Tlp.RED):
        restore.restore(database_url, tmp_path / "copy", process.clock)
        other(process, database_url, of_us(default_tlp=level), apply=True)
        with closing(Store.open(database_url)) as store, store.read(when_closed=True) as connection:
            numbers.append(configurations.every(connection)[-1].number)
    assert numbers[0] != numbers[1]
