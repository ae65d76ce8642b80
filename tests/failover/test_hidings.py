"""Objects are hidden fast while many read: nobody starves, and what was hidden before is in no answer."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hub.model import VersionFilter
from tests import world
from tests.patience import PATIENCE_SECONDS
from tests.stix_objects import malware, stix_id
from tests.world import World

_READERS, _LEAST_ROUNDS = 24, 3
_HIDINGS = 30
_EVERY_SECONDS = 0.02
_NEWEST = frozenset({VersionFilter.LAST})


@pytest.fixture
def small(database_url: str) -> World:
    made = world.build(database_url, codes=("KR", "US"), kinds=("cert", "agency"))
    made.agree(["US", "KR"], world.clause("US", "KR", "green"))
    made.push("us-agency", *(malware(n, tlp="green") for n in range(_HIDINGS + 1)))
    return made


def test_nobody_starves_and_nothing_hidden_is_served(small: World) -> None:
    hidden: list[str] = []
    is_over = threading.Event()
    start = threading.Barrier(_READERS + 1, timeout=PATIENCE_SECONDS)
    query = small.query("kr-agency", "US", types=frozenset({"malware"}), selections=_NEWEST)

    def hide() -> None:
        start.wait()
        try:
            for n in range(_HIDINGS):
                began = time.monotonic()
                if n % 2:
                    small.delete("us-agency", stix_id("malware", n))
                else:
                    small.push("us-agency", malware(n, tlp="red", version=2))
                hidden.append(stix_id("malware", n))
                time.sleep(max(0.0, began + _EVERY_SECONDS - time.monotonic()))
        finally:
            is_over.set()

    def read() -> int:
        start.wait()
        rounds = 0
        while not is_over.is_set() or rounds < _LEAST_ROUNDS:
            before = set(hidden)
            found = {row.id for row in small.drain(query)}
            assert found
            assert not found & before, "it was hidden before the request began"
            rounds += 1
        return rounds

    with ThreadPoolExecutor(_READERS + 1) as executor:
        hiding = executor.submit(hide)
        reading = [executor.submit(read) for _ in range(_READERS)]
        hiding.result(PATIENCE_SECONDS)
        rounds = [reader.result(PATIENCE_SECONDS) for reader in reading]
    assert len(hidden) == _HIDINGS
    assert min(rounds) >= _LEAST_ROUNDS
    assert {row.id for row in small.drain(query)} == {stix_id("malware", _HIDINGS)}
    small.close()
