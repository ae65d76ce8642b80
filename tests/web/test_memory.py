"""Memory of the server's processes: bounded in flight, shared before the fork, given back afterwards."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from hub.errors import Unavailable
from hub.web import memory
from hub.web.taxii.in_flight import BytesInFlight
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.web.conftest import MAX_BODY_BYTES, TAXII, Played, Web, objects_url

# --- bytes in flight ------------------------------------------------------------------------------


def started(act: object, *args: object) -> threading.Thread:
    thread = threading.Thread(target=act, args=args, daemon=True)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_what_fits_together_goes_together() -> None:
    bound = BytesInFlight(100, wait_seconds=0)
    assert [bound.take(size) for size in (60, 40, 0)] == [60, 40, 0]
    with pytest.raises(Unavailable) as refused:
        bound.take(1)
    assert (refused.value.status, refused.value.retry_after_seconds) == (503, 5)
    bound.give_back(60)
    assert bound.take(60) == 60


def test_what_is_larger_than_the_bound_goes_alone() -> None:
    bound = BytesInFlight(100, wait_seconds=0)
    assert bound.take(1_000) == 100
    with pytest.raises(Unavailable):
        bound.take(1)
    bound.give_back(100)
    assert bound.take(1) == 1
    with pytest.raises(Unavailable):
        bound.take(1_000)


def test_a_large_body_is_not_held_up_by_later_small_ones() -> None:
    bound, order = BytesInFlight(100, PATIENCE_SECONDS), []
    bound.take(60)

    def take(size: int) -> None:
        bound.take(size)
        order.append(size)

    large = started(take, 90)
    wait_for(lambda: len(bound._waiting) == 1, "the large body to wait")
    small = started(take, 10)
    wait_for(lambda: len(bound._waiting) == 2, "the small body to wait behind")
    assert order == []
    bound.give_back(60)
    large.join(PATIENCE_SECONDS)
    small.join(PATIENCE_SECONDS)
    assert set(order) == {90, 10}  # both fit now; which thread appends first is chance
    assert bound._held == 100


def test_who_gives_up_lets_the_next_one_go() -> None:
    bound = BytesInFlight(100, wait_seconds=0.2)
    bound.take(60)
    refused: list[BaseException] = []

    def take_much() -> None:
        try:
            bound.take(90)
        except Unavailable as error:
            refused.append(error)

    first = started(take_much)
    wait_for(lambda: len(bound._waiting) == 1, "the large body to wait")
    bound._wait_seconds = PATIENCE_SECONDS
    second = started(bound.take, 10)
    first.join(PATIENCE_SECONDS)
    second.join(PATIENCE_SECONDS)
    assert (len(refused), bound._held, len(bound._waiting)) == (1, 70, 0)


def test_many_threads_never_hold_more_than_the_bound() -> None:
    bound, seen = BytesInFlight(100, PATIENCE_SECONDS), []

    def work(size: int) -> None:
        for _ in range(20):
            held = bound.take(size)
            seen.append(bound._held)
            time.sleep(0)
            bound.give_back(held)

    threads = [started(work, size) for size in (10, 30, 50, 70, 100, 200, 1, 99)]
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert (max(seen) <= 100, bound._held, len(bound._waiting)) == (True, 0, 0)


def _in_flight(client: Web) -> BytesInFlight:
    found: BytesInFlight = client.application.extensions["hub.bytes_in_flight"]
    return found


@pytest.mark.parametrize("raises", [None, Unavailable("later"), RuntimeError("unforeseen")])
def test_a_submission_gives_its_bytes_back_however_it_ends(
    client: Web, played: Played, raises: Exception | None
) -> None:
    played.raises = raises
    bound = _in_flight(client)
    assert bound._most == MAX_BODY_BYTES
    for _ in range(5):
        client.post(objects_url(), data=b"x" * (MAX_BODY_BYTES - 10), content_type=TAXII)
        assert bound._held == 0


def test_a_submission_beside_too_many_others_is_503_and_tells_when_to_come_again(
    client: Web, played: Played
) -> None:
    bound = _in_flight(client)
    bound._wait_seconds = 0
    held = bound.take(MAX_BODY_BYTES)
    answer = client.post(objects_url(), data=b"{}", content_type=TAXII)
    assert (answer.status_code, answer.headers["Retry-After"], played.submissions) == (503, "5", [])
    # Endings and other governing acts do not wait behind submissions; nor do polls.
    assert client.post("/governance/agreements/a/termination/", data=b"{}").status_code != 503
    assert client.get(objects_url()).status_code == 200
    bound.give_back(held)
    assert client.post(objects_url(), data=b"{}", content_type=TAXII).status_code == 202


# --- the allocator --------------------------------------------------------------------------------

_USES = """
import threading
from hub.web import memory

def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))

kept = []  # what a process remembers lies between what a request uses

def use():
    blocks = [bytes(5_000 if n % 20 else 600) for n in range(5_000)] + [bytes(300_000)] * 40
    kept.extend(blocks[0:5_000:20])

{prepare}
before = resident()
for _ in range(3):
    threads = [threading.Thread(target=use) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
memory.give_back()
print(resident() - before)
"""


@pytest.mark.skipif(memory._glibc("malloc_trim") is None, reason="another allocator than glibc's")
def test_what_large_requests_used_is_given_back() -> None:
    code = _USES.format(prepare="memory.prepare_workers()")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20_000  # KB, of 250 MB that were in use


def test_another_allocator_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _name: object())
    monkeypatch.setattr(memory.gc, "freeze", lambda: None)  # of the tests' own process
    memory.prepare_workers()
    memory.give_back()
