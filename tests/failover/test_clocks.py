"""Two servers of one hub with clocks two minutes apart: what is decided and dated follows the primary's."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import requests

from tests import postgres
from tests.faults import faulty
from tests.faults.faulty import LivePoller
from tests.journeys.live import Live, live_hub
from tests.stix_objects import malware, stix_id

_SHIFTED = """
import datetime, time
real, shift = datetime.datetime, {shift}

class Kind(type):
    def __instancecheck__(cls, value):
        return isinstance(value, real)

class Shifted(real, metaclass=Kind):
    @classmethod
    def now(cls, tz=None):
        return real.now(tz) + datetime.timedelta(seconds=shift)
    @classmethod
    def utcnow(cls):
        return real.utcnow() + datetime.timedelta(seconds=shift)

def shifted(clock):
    return lambda: clock() + shift

datetime.datetime, time.time = Shifted, shifted(time.time)
"""


@pytest.fixture
def apart(postgresql_url: str, tmp_path: Path) -> Iterator[tuple[Live, Live]]:
    """Two servers of one hub, a minute ahead of the primary and a minute behind it."""
    with ExitStack() as stack:
        both: list[Live] = []
        for shift in (60, -60):
            home = tmp_path / f"hub{shift}"
            home.mkdir()
            (home / "sitecustomize.py").write_text(_SHIFTED.format(shift=shift))
            secrets = {"secrets_dir": str(tmp_path / "secrets")}
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setenv("PYTHONPATH", str(home))
            assert abs(_machine_shift() - shift) < abs(shift) / 2, "the server's machine has another clock"
            both.append(stack.enter_context(live_hub(postgresql_url, home, probe="healthz", **secrets)))
        both[1].accounts = both[0].accounts
        # Such a clock is told; what is decided does not suffer by it.
        assert [requests.get(f"{live.url}/readyz", timeout=60).status_code for live in both] == [503, 503]
        yield both[0], both[1]


def _machine_shift() -> float:
    """Return by how many seconds the clock of a new process is ahead."""
    asked = [sys.executable, "-c", "import datetime; print(datetime.datetime.now(datetime.UTC).timestamp())"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    return float(done.stdout) - time.time()


def _primary_now(url: str) -> datetime:
    with psycopg.connect(postgres.conninfo(url)) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment.astimezone(UTC)


def test_what_is_decided_and_dated_follows_the_primarys_clock(apart: tuple[Live, Live]) -> None:
    ahead, behind = apart
    url = ahead.environ["HUB_DATABASE_URL"]
    agreement = ahead.agree("US", "KR", max_tlp="green")
    for member in ("us-agency", "kr-agency"):
        ahead.member(member)
    pollers = [LivePoller(live, "kr-agency", "us", 2) for live in apart]
    began = _primary_now(url)
    # Signed by the real clock: a server that went by its own would find some of it from the future.
    for n, live in zip(range(6), itertools.cycle(apart)):
        assert faulty.post(live, "us-agency", [malware(n, tlp="green")]).status_code == 202
        for poller in pollers:
            poller.once()
    ended = _primary_now(url)
    for poller in pollers:
        poller.catch_up()
        received = [o["id"] for o in poller.received if o["type"] == "malware"]
        assert received == [stix_id("malware", n) for n in range(6)], "nothing is lost or passed over"
        faulty.assert_caught_up(poller.live, poller)
        dates = [datetime.fromisoformat(date) for date in poller.dates]
        assert dates == sorted(dates)
        assert began <= dates[-1] <= ended
    behind.governor("KR").terminate(agreement)
    for live in apart:
        assert not [o for o in faulty.everything(live, "kr-agency", "us") if o["type"] == "malware"]
        faulty.assert_sound(live)
