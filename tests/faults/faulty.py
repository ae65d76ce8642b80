"""A live hub that may be killed, clients that go on regardless, and what must hold of it afterwards.

Whatever happens to the hub, a request may end in three ways: success, a refusal with `Retry-After`
in the form that the address speaks, or a broken connection. Everything else fails the test at once.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import func, select

from hub.client import HubAuth
from hub.store.database.connection import Store
from hub.store.schema.tables import (
    ledger,
    object_version,
    release,
    submission,
    submission_item,
)
from tests.journeys.live import Live, live_hub
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.stix_objects import Json, indicator, malware

TAXII = "application/taxii+json;version=2.1"
BROKEN = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
_POLL_SECONDS = 0.05
_PAUSE_SECONDS = 0.05  # of a client between two rounds, so that what is killed has the processors too
_LATER = (429, 503)


# --- the server ---------------------------------------------------------------------------------


@contextmanager
def killable_hub(database_url: str, home: Path, workers: int = 2) -> Iterator[Live]:
    """Give a live hub whose processes may be killed and started again; all are gone afterwards."""
    with live_hub(database_url, home, workers) as live:
        try:
            yield live
        finally:
            live.process.terminate()
            live.process.wait(PATIENCE_SECONDS)


def workers(live: Live) -> list[int]:
    """Return the ids of the server's worker processes."""
    return [pid for pid, parent in _parents().items() if parent == live.process.pid]


def _parents() -> dict[int, int]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name, in parentheses, may hold anything; state and parent follow it.
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # gone since
        if state != "Z":
            found[int(folder.name)] = int(parent)
    return found


def kill_worker(live: Live, choose: Callable[[Sequence[int]], int]) -> None:
    """Kill one worker without warning, and return when the server has replaced it."""
    before = workers(live)
    victim = choose(sorted(before))
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: victim not in (now := workers(live)) and len(now) == len(before), "a new worker")


def kill_everything(live: Live) -> None:
    """Kill the server and its workers without warning, as a power cut would."""
    doomed = [live.process.pid, *workers(live)]
    for pid in doomed:
        os.kill(pid, signal.SIGKILL)
    live.process.wait(PATIENCE_SECONDS)
    wait_for(lambda: not set(doomed) & _parents().keys(), "the workers to be gone")


def start_again(live: Live) -> None:
    """Start the same server on the same port, and return when it is ready."""
    home = Path(live.environ["HUB_HOME"])
    command = live.process.args
    assert isinstance(command, list)
    with (home / "server.log").open("ab") as log:
        live.process = subprocess.Popen(command, env=live.environ, stdout=log, stderr=log, cwd=home)
    wait_for(lambda: is_ready(live), "the server to be ready again")


def is_ready(live: Live) -> bool:
    try:
        return requests.get(f"{live.url}/readyz", timeout=60).ok
    except requests.exceptions.RequestException:
        return False


# --- requests -----------------------------------------------------------------------------------


def permitted(response: requests.Response) -> bool:
    """Tell success from a refusal for the moment; anything else fails the test."""
    if response.ok:
        return True
    assert response.status_code in _LATER, f"{response.status_code} {response.text}"
    assert int(response.headers["Retry-After"]) > 0
    assert response.headers["Content-Type"] == TAXII
    assert response.json()["http_status"] == str(response.status_code)
    return False


def post(
    live: Live, id: str, objects: Sequence[Json], timeout: float = PATIENCE_SECONDS
) -> requests.Response:
    """Return the answer to one signed POST to the own nation's collection."""
    account = live.member(id)
    return requests.post(
        f"{live.collection_url(account.nation)}objects/",
        data=json.dumps({"objects": list(objects)}).encode(),
        headers={"Content-Type": TAXII, "Accept": TAXII},
        auth=HubAuth(account.token, account.submit_key),
        timeout=timeout,
    )


def get_objects(live: Live, id: str, alias: str, **params: Any) -> requests.Response:
    """Return the answer to one GET of a collection's objects."""
    return requests.get(
        f"{live.collection_url(alias)}objects/",
        params=params,
        headers={"Accept": TAXII},
        auth=HubAuth(live.member(id).token),
        timeout=PATIENCE_SECONDS,
    )


def persist(act: Callable[[], requests.Response], tally: Counter[str]) -> requests.Response:
    """Repeat a request until it succeeds, and count how it ended each time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            response = act()
        except BROKEN:
            tally["broken"] += 1
        else:
            tally[str(response.status_code)] += 1
            if permitted(response):
                return response
        assert time.monotonic() < deadline, f"no success in time: {dict(tally)}"
        time.sleep(_POLL_SECONDS)


# --- clients that go on -------------------------------------------------------------------------


class Client(threading.Thread, ABC):
    """Does one thing over and over until it is told to stop; what it raises is raised by `finish`."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.tally: Counter[str] = Counter()
        self.rounds = 0
        self.error: BaseException | None = None
        self._enough = threading.Event()

    def run(self) -> None:
        try:
            while not self._enough.wait(_PAUSE_SECONDS):
                self.once()
                self.rounds += 1
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            self.error = error

    @abstractmethod
    def once(self) -> None:
        """Do the one thing."""

    def progress(self, rounds: int = 1) -> None:
        """Wait until so many more rounds are done."""
        goal = self.rounds + rounds
        wait_for(lambda: self.rounds >= goal or self.error, "a client to go on")
        if self.error is not None:
            raise self.error

    def finish(self) -> None:
        self._enough.set()
        self.join(PATIENCE_SECONDS)
        if self.error is not None:
            raise self.error
        assert not self.is_alive(), "a client does not come to its end"


class LiveWriter(Client):
    """Pushes new objects and new versions; `acknowledged` has what was answered 202, by id and version."""

    def __init__(self, live: Live, id: str, first: int, tlp: str = "green") -> None:
        super().__init__()
        self.live, self.id, self.tlp = live, id, tlp
        self.acknowledged: dict[tuple[str, str], Json] = {}
        self.statuses: list[str] = []
        self._first = self._n = first

    def once(self) -> None:
        n = self._n
        self._n += 2
        objects = [
            malware(n, tlp=self.tlp),
            indicator(n + 1, tlp=self.tlp),
            indicator(self._first + 1, tlp=self.tlp, version=n + 2),
        ]
        status = persist(lambda: post(self.live, self.id, objects), self.tally).json()
        assert status["failure_count"] == 0, status
        self.acknowledged |= {(o["id"], o["modified"]): o for o in objects}
        self.statuses.append(status["id"])


class LivePoller(Client):
    """Polls by `next`, then by the last date; `received` has all objects in their order."""

    def __init__(self, live: Live, id: str, alias: str, limit: int) -> None:
        super().__init__()
        self.live, self.id, self.alias, self.limit = live, id, alias, limit
        self.received: list[Json] = []
        self.dates: list[str] = []
        self._next: str | None = None

    def once(self) -> None:
        params: dict[str, Any] = {"limit": self.limit, "match[version]": "all"}
        if self._next is not None:
            params["next"] = self._next
        elif self.dates:
            params["added_after"] = self.dates[-1]
        response = persist(lambda: get_objects(self.live, self.id, self.alias, **params), self.tally)
        page = response.json()
        self._next = page.get("next")
        if objects := page.get("objects"):
            self.received += objects
            self.dates += [response.headers[f"X-TAXII-Date-Added-{end}"] for end in ("First", "Last")]
        else:
            time.sleep(_POLL_SECONDS)

    def catch_up(self) -> None:
        """Poll, after `finish`, until nothing new comes."""
        before = -1
        while self._next is not None or len(self.received) != before:
            before = len(self.received)
            self.once()


@contextmanager
def running(*clients: Client) -> Iterator[None]:
    """Let the clients run meanwhile; whatever one of them met that is not permitted is raised."""
    for client in clients:
        client.start()
    try:
        yield
    finally:
        for client in clients:
            client._enough.set()
    for client in clients:
        client.finish()


# --- afterwards ---------------------------------------------------------------------------------


def everything(live: Live, id: str, alias: str) -> list[Json]:
    """Return one full poll of every version."""
    found: list[Json] = []
    params: dict[str, Any] = {"match[version]": "all"}
    while True:
        response = get_objects(live, id, alias, **params)
        assert response.ok, response.text
        page = response.json()
        found += page.get("objects", [])
        if not page["more"]:
            return found
        params["next"] = page["next"]


def assert_kept(live: Live, *writers: LiveWriter) -> None:
    """Hold that each acknowledged object is there once and equal, nothing else, and each status readable."""
    for writer in writers:
        found = everything(live, writer.id, live.member(writer.id).nation)
        assert Counter((o["id"], o["modified"]) for o in found) == Counter(list(writer.acknowledged))
        assert all(writer.acknowledged[o["id"], o["modified"]] == o for o in found)
        assert writer.statuses
        for id in writer.statuses:
            status = live.get(writer.id, f"/allied/status/{id}/").json()
            assert (status["id"], status["success_count"]) == (id, 3)


def assert_caught_up(live: Live, *pollers: LivePoller) -> None:
    """Hold that each poller has received what a full poll returns now, in strict order (policy I4)."""
    for poller in pollers:
        poller.catch_up()
        received = {(o["id"], o.get("modified")): o for o in poller.received}
        for item in everything(live, poller.id, poller.alias):
            assert received[item["id"], item.get("modified")] == item
        spans = list(zip(poller.dates[::2], poller.dates[1::2], strict=True))
        assert all(first <= last for first, last in spans)
        assert all(one[1] < two[0] for one, two in itertools.pairwise(spans))


def assert_sound(live: Live) -> None:
    """Hold that the database is consistent, `hub check` agrees, and no error went to the log."""
    assert inconsistencies(live.service.store) == []
    command = [sys.executable, "-m", "hub", "check"]
    done = subprocess.run(command, env=live.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_clean_log(live)


def assert_clean_log(live: Live) -> None:
    log = (Path(live.environ["HUB_HOME"]) / "server.log").read_text()
    assert "Traceback" not in log, log
    assert "unforeseen error" not in log, log


def inconsistencies(store: Store) -> list[str]:
    """Return what is wrong with ledgers, records and submissions, as sentences. Nothing here is the hub's."""
    found: list[str] = []
    with store.read() as connection:
        for row in connection.execute(select(ledger)):
            query = select(release.c.position, release.c.date_added).where(
                release.c.recipient == row.recipient
            )
            rows = connection.execute(query.order_by(release.c.position)).all()
            if [r.position for r in rows] != list(range(1, row.position + 1)):
                found.append(f"the ledger of {row.recipient} has gaps")
            dates = [r.date_added for r in rows]
            if any(a >= b for a, b in zip(dates, [*dates[1:], row.last_date + 1], strict=False)):
                found.append(f"the dates of {row.recipient} do not grow")
        v = object_version.c
        newest = func.sum(func.cast(v.is_newest, submission_item.c.index.type))
        records = select(v.member, v.stix_id).group_by(v.member, v.stix_id).having(newest != 1)
        found += [f"{m} {id} has not one newest version" for m, id in connection.execute(records)]
        live = select(release.c.recipient, release.c.version_id).where(release.c.withdrawn_at.is_(None))
        doubled = live.group_by(release.c.recipient, release.c.version_id).having(func.count() > 1)
        found += [f"{r} sees version {id} twice" for r, id in connection.execute(doubled)]
        empty = select(submission.c.id).where(submission.c.id.not_in(select(submission_item.c.submission_id)))
        found += [f"submission {id} has no items" for id in connection.execute(empty).scalars()]
    return found


@dataclass
class Holder:
    """Does something meanwhile; `result` waits for it, and raises what it raised."""

    act: Callable[[], Any]
    response: Any = None
    error: BaseException | None = None
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.response = self.act()
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            self.error = error

    def result(self) -> Any:
        self.thread.join(PATIENCE_SECONDS)
        if self.error is not None:
            raise self.error
        assert not self.thread.is_alive(), "the request is not answered"
        return self.response
