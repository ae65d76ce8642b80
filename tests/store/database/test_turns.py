"""Turns are given in the order of asking, to one at a time, among threads and processes."""

from __future__ import annotations

import fcntl
import multiprocessing
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hub.errors import Unavailable
from hub.store.database import turns
from hub.store.database.connection import Store
from hub.store.database.turns import FairLock, Turns
from tests.patience import PATIENCE_SECONDS


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store.open(database_url)
    store.migrate()
    yield store
    store.close()


def wait_until(is_so: Any) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.001)


def test_threads_get_the_lock_in_the_order_of_asking() -> None:
    lock, given = FairLock(), []
    assert lock.acquire(0)

    def ask(n: int) -> None:
        assert lock.acquire(PATIENCE_SECONDS)
        given.append(n)
        lock.release()

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for n, thread in enumerate(threads):
        thread.start()
        wait_until(lambda n=n: len(lock._gates) == n + 1)  # it waits
    lock.release()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert given == list(range(8))


def test_who_gives_up_waiting_leaves_the_queue() -> None:
    lock = FairLock()
    assert lock.acquire(0)
    assert not lock.acquire(0.01)
    lock.release()
    assert lock.acquire(0)


def test_a_turn_that_does_not_come_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_SECONDS", 0.01)
    with store.turns.of("US"), ThreadPoolExecutor(1) as pool:
        with store.turns.of("KR"):  # another nation's
            pass

        def ask() -> None:
            with store.turns.of("US"):
                pass

        with pytest.raises(Unavailable):
            pool.submit(ask).result(PATIENCE_SECONDS)
    with store.turns.of("US"):
        pass


def test_a_nations_turn_is_one_transactions_at_a_time(database_url: str) -> None:
    """Over separate stores, as separate processes have, and for each nation apart."""
    stores = [Store.open(database_url) for _ in range(3)]
    if stores[0].is_sqlite:
        stores[0].migrate()
    inside: list[str] = []
    most = [0]
    guard = threading.Lock()

    def act(n: int) -> None:
        store, nation = stores[n % 3], "US" if n % 4 else "KR"
        with store.turns.of(nation), store.read() if store.is_sqlite else store.write() as connection:
            store.turns.take(connection, nation)
            with guard:
                inside.append(nation)
                most[0] = max(most[0], inside.count("US"), inside.count("KR"))
            time.sleep(0.002)
            with guard:
                inside.remove(nation)

    with ThreadPoolExecutor(12) as pool:
        for future in [pool.submit(act, n) for n in range(60)]:
            future.result(PATIENCE_SECONDS)
    for one in stores:
        one.close()
    assert most == [1]


def _take_turns(path: Path, count: int, log: Any) -> None:
    own = Turns(path)
    for _ in range(count):
        with own.of("US"):
            log.append(("in", multiprocessing.current_process().pid))
            time.sleep(0.002)
            log.append(("out", multiprocessing.current_process().pid))
    own.close()


def test_of_the_processes_on_one_file_one_has_the_turn(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    with spawn.Manager() as manager:
        log = manager.list()
        processes = [spawn.Process(target=_take_turns, args=(tmp_path / "hub.db", 30, log)) for _ in "ab"]
        for process in processes:
            process.start()
        for process in processes:
            process.join(PATIENCE_SECONDS)
        found = list(log)
    assert [kind for kind, _ in found] == ["in", "out"] * 60
    assert {owner for _, owner in found} == {process.pid for process in processes}


def test_a_process_that_waits_comes_before_one_that_had_the_turn(tmp_path: Path) -> None:
    one, other, probe = (Turns(tmp_path / "hub.db") for _ in range(3))
    given: list[str] = []

    def ask() -> None:
        with other.of("US"):
            given.append("other")

    assert probe._others is not None
    descriptor, place = probe._others._descriptor(), 2 * turns._number("US")

    def waits() -> bool:
        """Whether somebody has the place of the one that waits."""
        if not turns._set(descriptor, place, fcntl.F_WRLCK):
            return True
        turns._set(descriptor, place, fcntl.F_UNLCK)
        return False

    thread = threading.Thread(target=ask)
    with one.of("US"):
        thread.start()
        wait_until(waits)
        given.append("one")
    with one.of("US"):
        given.append("one again")
    thread.join(PATIENCE_SECONDS)
    assert given == ["one", "other", "one again"]
    for opened in (one, other, probe):
        opened.close()


def test_a_process_that_died_leaves_its_turn(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    process = spawn.Process(target=_hold_for_ever, args=(tmp_path / "hub.db", ready))
    process.start()
    assert ready.wait(PATIENCE_SECONDS)
    own = Turns(tmp_path / "hub.db")
    process.kill()
    process.join(PATIENCE_SECONDS)
    began = time.monotonic()
    with own.of("US"):
        assert time.monotonic() - began < turns._OTHERS_SECONDS
    own.close()


def _hold_for_ever(path: Path, ready: Any) -> None:
    with Turns(path).of("US"):
        ready.set()
        threading.Event().wait()


def test_behind_a_process_that_stands_still_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they decide is compared with its basis all the same."""
    monkeypatch.setattr(turns, "_OTHERS_SECONDS", 0.02)
    one, other = Turns(tmp_path / "hub.db"), Turns(tmp_path / "hub.db")
    with one.of("US"), other.of("US"):
        pass
    with other.of("US"):
        pass
    one.close()
    other.close()
    assert (tmp_path / "hub.db-turns").stat().st_mode & 0o077 == 0
