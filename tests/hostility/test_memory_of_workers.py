"""The memory of a worker while all its threads have the largest pages and bodies: bounded, and given back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from requests import HTTPError

from tests.journeys.live import Live, live_hub
from tests.patience import wait_for
from tests.stix_objects import Json, malware

THREADS = 16  # twice as many as a worker has
MOST_KB = 250_000
PAGE_BYTES = 8 * 1_048_576


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with live_hub(f"sqlite:///{tmp_path}/hub.db", tmp_path, workers=1) as live:
        live.agree("US", "KR", max_tlp="green")
        live.member("kr-cert")
        yield live


def large(first: int, count: int, size: int) -> list[Json]:
    return [malware(n, tlp="green", description="x" * size) for n in range(first, first + count)]


def worker(live: Live) -> Path:
    (child,) = Path(f"/proc/{live.process.pid}/task/{live.process.pid}/children").read_text().split()
    return Path("/proc", child, "status")


def kilobytes(status: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(name))


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_worker_that_sends_its_largest_pages_at_once(live: Live, coding: str) -> None:
    for first in (0, 5):
        live.push("us-cert", large(first, 5, 1_650_000))
    path = live.collection_url("us").removeprefix(live.url) + "objects/"

    def poll(_: int) -> int:
        answer = live.get("kr-cert", path, headers={"Accept-Encoding": coding})
        assert answer.status_code == 200
        return len(answer.content)

    with ThreadPoolExecutor(THREADS) as pool:
        assert min(pool.map(poll, range(3 * THREADS))) > 0.9 * PAGE_BYTES
    assert kilobytes(worker(live), "VmHWM") < MOST_KB


def test_a_worker_that_is_sent_its_largest_bodies_at_once(live: Live) -> None:
    status = worker(live)
    live.push("us-cert", large(0, 1, 10))
    before = kilobytes(status, "VmRSS")

    def push(n: int) -> int:
        while True:
            try:
                return int(live.push("us-cert", large(n * 10_000, 3_000, 2_600)).success_count)
            except HTTPError as error:
                # After twenty seconds behind others, on a slow machine.
                if (error.response.status_code, error.response.headers.get("Retry-After")) != (503, "5"):
                    raise

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(push, range(1, 9))) == [3_000] * 8
    assert kilobytes(status, "VmHWM") < MOST_KB
    wait_for(lambda: kilobytes(status, "VmRSS") < before + 60_000, "the worker to give memory back")
