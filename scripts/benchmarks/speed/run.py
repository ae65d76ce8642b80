"""One run of the measurement on one database and one size."""

from __future__ import annotations

import math
import os
import pickle
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from hub.model import MemberId, Purpose, RegisteredKey
from hub.proofs import tokens
from hub.web.serving import CHORES_SECONDS
from scripts.benchmarks.speed import agreements, peers, pushes, raw, reads
from scripts.benchmarks.speed.bare import Recorded
from scripts.benchmarks.speed.client import ClientProcesses, WireAnswer
from scripts.benchmarks.speed.figures import RATE, Figure, Goal
from scripts.benchmarks.speed.hubs import MeasuredHub, filled_hub, process
from scripts.benchmarks.speed.machine import cpu_seconds, memory_mb, shared_mb
from scripts.benchmarks.speed.peers import PeerAbsent
from scripts.benchmarks.speed.pushes import Pushing, PushWork
from scripts.benchmarks.speed.reads import ReadWork, Subject
from tests.patience import wait_for
from tests.ports import free_port

_COLLECTION: Final = "us"
_GZIP: Final = {"Accept-Encoding": "gzip"}
_WITHDRAWN: Final = 0.01
_LEAST_LEFT: Final = 0.1  # the share of a request's time beside its durable row
_DISCLOSING: Final = ("TAIL10", "GET")
_ALL: Final = "released"


@dataclass(frozen=True)
class RunSettings:
    """How much a run does. `only` holds beginnings of row names; empty: everything."""

    workers: int = 2
    rounds: int = 3
    seconds: float = 2.0
    batches: Sequence[int] = (1, 100, 1_000)
    writers: Sequence[int] = (1, 4)
    objects_at_once: int = 1 << 30  # of all writers of a push
    peers: Sequence[str] = ("medallion", "OpenTAXII")
    only: Sequence[str] = ()
    kept: Path | None = None

    def wants(self, name: str) -> bool:
        return not self.only or any(name.upper().startswith(one.upper()) for one in self.only)


class _Memory(NamedTuple):
    """Megabytes of all processes of the hub, and of PostgreSQL with its shared buffers."""

    hub: float
    database: float
    shared: float

    @classmethod
    def of(cls, hub: MeasuredHub) -> _Memory:
        own, database = hub.roots[:1], hub.roots[1:]
        return cls(sum(memory_mb(own)), sum(memory_mb(database)), shared_mb(database))

    @property
    def words(self) -> str:
        if not self.database:
            return ""
        database = f"{self.database:,.0f} PostgreSQL's, {self.shared:,.0f} of them shared buffers"
        return f"{self.hub:,.0f} the hub's; {database}"


@dataclass
class Run:
    """The figures of one database and size, collected one after another."""

    settings: RunSettings
    client: ClientProcesses
    database: str
    size: int
    say: Callable[[str], None]
    figures: list[Figure] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    durable_seconds: float = 0.0  # of a transaction of one row
    busy: float = 0.0  # the client's share of one core at the bare app's fastest answers
    ceiling: float = 0.0  # requests per second of a client without another limit

    def add(self, name: str, unit: str, value: float | None, **more: Any) -> Figure:
        figure = Figure(self.database, self.size, name, unit, value, **more)
        self.figures.append(figure)
        return figure

    @property
    def is_sqlite(self) -> bool:
        return self.database == "sqlite"

    def measure(self) -> None:
        """Measure everything that the settings want. The hub's data change towards the end."""
        settings = self.settings
        with filled_hub(self.database, self.size, settings.workers, settings.kept, self._told) as hub:
            wait_for(lambda: len(hub.worker_pids()) == hub.workers, "the workers")
            self._disk(hub)
            if [one.upper() for one in settings.only] == ["DISK"]:
                return  # the filling alone was wanted
            memory = {"at start": _Memory.of(hub)}
            subject = _subject(hub)
            if settings.wants("DRAIN"):
                self._cold(subject)
            known = reads.learn(self.client, subject, _ALL)
            wanted = reads.reads(subject, known, _ALL, is_sqlite=self.is_sqlite)
            answers = [*known.recorded, *reads.record(self.client, subject, wanted)]
            self.durable_seconds = raw.durable_row_seconds(hub.cluster, settings.seconds / 4)
            pushing = Pushing(hub)
            with _bare(hub, pushing, answers, settings.writers) as bare:
                self._reads(subject, bare, wanted)
                memory["before the pushes"] = _Memory.of(hub)
                self._pushes(hub, bare, pushing)
            if settings.wants("VISIBLE"):
                last = reads.last_date(self.client, subject, _ALL, known.last)
                self._visible(pushing, last)
            if settings.wants("DRAIN"):
                self._withdrawn(subject, pushing)
            if settings.wants("AGREE") or settings.wants("REVOKE"):
                self._agreements(hub, pushing)
            if settings.wants("MEMORY"):
                self._memory(hub, memory)
        self._peers()

    def _told(self, words: str) -> None:
        self.say(f"{self.database} {self.size:,}: filling, {words}")

    def _now(self, name: str) -> None:
        self.say(f"{self.database} {self.size:,}: {name}")

    # --- reads ----------------------------------------------------------------------------------

    def _cold(self, subject: Subject) -> None:
        """The first walk of a server that has answered nothing yet."""
        target = f"{subject.paths[_ALL]}objects/?limit={reads.PAGE}"
        before = cpu_seconds(subject.roots)
        result = reads.drain(self.client, subject, target, reads.RECORDED_PAGES)
        objects = reads.count(result)
        cpu = (cpu_seconds(subject.roots) - before) / objects * 1e6
        self.add("DRAIN released, cold", RATE, objects / result.seconds, cpu_us=cpu, note="one walk")

    def _reads(self, subject: Subject, bare: Subject, wanted: Sequence[ReadWork]) -> None:
        settings = self.settings
        for read in wanted:
            if settings.wants(read.name):
                self._now(read.name)
                both = [subject, bare]
                measures, busy = reads.measure(self.client, both, read, settings.rounds, settings.seconds)
                figure = reads.figure(self.database, self.size, read, measures)
                self.figures.append(figure)
                if read.name in _DISCLOSING:
                    figure.note = self._without_disclosure(figure)
                if read.connections > 1:
                    self.busy, self.ceiling = busy, (figure.limit or 0.0) / busy
        released = next(read for read in wanted if read.name == "DRAIN released")
        if settings.wants(released.name):
            self._gzip(subject, released)

    def _without_disclosure(self, figure: Figure) -> str:
        """State the rate as if the disclosure cost nothing: less the time of one durable row."""
        if figure.hub is None or not figure.limit:
            return ""
        words, left = (
            f"a durable row of {self.durable_seconds * 1e3:.2f} ms",
            1 / figure.hub - self.durable_seconds,
        )
        if left < _LEAST_LEFT / figure.hub:  # the disk was slower alone: nothing can be said
            return f"most of it is {words}"
        return f"less {words}: {1 / left / figure.limit:.3f}"

    def _gzip(self, subject: Subject, read: ReadWork) -> None:
        read = replace(read, name=f"{read.name}, gzip", headers=_GZIP, goal=None)
        asking = replace(subject, headers=subject.headers | _GZIP)
        is_coded = reads.drain(self.client, asking, read.targets[0], 1).answers[0].is_gzip
        read = replace(read, note="answered in gzip" if is_coded else "answered without gzip")
        rounds, seconds = self.settings.rounds, self.settings.seconds
        measures, _ = reads.measure(self.client, [subject], read, rounds, seconds)
        self.figures.append(reads.figure(self.database, self.size, read, measures))

    # --- pushes ---------------------------------------------------------------------------------

    def _pushes(self, hub: MeasuredHub, bare: Subject, pushing: Pushing) -> None:
        settings, every = self.settings, self._every_push()
        wanted = [push for push in every if settings.wants(push.name)]
        rate: dict[int, float] = {}
        found = []
        url = f"http://127.0.0.1:{bare.address[1]}"
        for push in wanted:
            self._now(push.name)
            expected = rate.get(push.batch, 40.0 * math.sqrt(push.batch))
            beside = (url, bare.address, bare.roots)
            found.append(pushes.measure(self.client, pushing, push, beside, settings.seconds, expected))
            rate[push.batch] = found[-1]["hub"].rate
        if not wanted:
            return
        # After the pushes, for a hub of 1,000 objects has too few for raw transactions.
        self._now("raw transactions")
        batches = {push.batch for push in wanted if push.raw}
        database_url = hub.live.environ["HUB_DATABASE_URL"]
        limits = raw.rates(database_url, hub.cluster, sorted(batches), settings.seconds)
        for push, measures in zip(wanted, found, strict=True):
            self.figures.append(pushes.figure(self.database, self.size, push, measures, limits))

    def _every_push(self) -> list[PushWork]:
        settings = self.settings
        limits = {"writers": settings.writers, "at_most": settings.objects_at_once}
        return pushes.pushes(settings.workers, settings.batches, **limits)  # type: ignore[arg-type]

    def _visible(self, pushing: Pushing, last: str) -> None:
        self._now("visible to a foreign reader")
        answered, seen, polls = pushes.visible(self.client, pushing, last, 5 * self.settings.rounds)
        self.add(
            "VISIBLE, polls after the answer",
            "polls",
            polls,
            goal=Goal(1, is_ratio=False, is_at_most=True),
            note=f"answered after {answered:,.0f} ms, seen after {seen:,.0f} ms (medians)",
        )

    def _withdrawn(self, subject: Subject, pushing: Pushing) -> None:
        self._now("withdrawing 1 %")
        total = pushes.withdraw(self.client, pushing, self.size, _WITHDRAWN)
        target = f"{subject.paths[_ALL]}objects/?limit={reads.PAGE}"
        result = reads.drain(self.client, subject, target, reads.RECORDED_PAGES)
        rate, note = reads.count(result) / result.seconds, f"one walk, {total:,} objects withdrawn"
        self.add("DRAIN released, 1 % just withdrawn", RATE, rate, note=note)

    # --- agreements, memory, disk ---------------------------------------------------------------

    def _agreements(self, hub: MeasuredHub, pushing: Pushing) -> None:
        self._now("AGREE")
        agreed = agreements.agree_over_everything(self.client, hub, pushing)
        self._now("REVOKE")
        revoked = agreements.revoke(self.client, hub, agreed)
        self.figures += agreements.figures(self.database, self.size, agreed, revoked)

    def _memory(self, hub: MeasuredHub, memory: dict[str, _Memory]) -> None:
        self._now("memory")
        # Workers keep texts of pages for ten seconds, and then give free memory back.
        time.sleep(CHORES_SECONDS + 1)
        first = memory["at start"]
        for moment, one in {**memory, "at the end": _Memory.of(hub)}.items():
            self.add(
                f"MEMORY of all processes, {moment}",
                "MB",
                one.hub + one.database,
                limit=None if one is first else first.hub + first.database,
                limit_name="at start",
                note=one.words,
            )
        largest = max(memory_mb(hub.worker_pids()))
        self.add(
            "MEMORY of the largest worker", "MB", largest, goal=Goal(250, is_ratio=False, is_at_most=True)
        )

    def _disk(self, hub: MeasuredHub) -> None:
        if self.settings.wants("DISK"):
            wall, cpu = hub.filled_seconds
            note = f"{hub.bytes_on_disk / 1e6:,.0f} MB; filled in {wall:,.0f} s, {cpu:,.0f} s CPU"
            self.add("DISK, filled", "bytes/object", hub.bytes_on_disk / self.size, note=note)

    # --- peers ----------------------------------------------------------------------------------

    def _peers(self) -> None:
        for name in self.settings.peers:
            if self.size > peers.LARGEST[name]:
                self.notes[name] = f"is not measured above {peers.LARGEST[name]:,} objects"
                continue
            if name == "medallion" and not self.is_sqlite:
                continue  # it has no database
            self._now(name)
            try:
                self._peer(name)
            except PeerAbsent as absent:
                self.notes[name] = str(absent)
            except (OSError, RuntimeError) as error:  # a peer that fails does not end the run
                self.notes[name] = f"failed: {error}"

    def _peer(self, name: str) -> None:
        settings = self.settings
        batches = [batch for batch in settings.batches if batch <= peers.LARGEST_BATCH]
        with peers.serving(name, self.size, settings.workers, is_sqlite=self.is_sqlite) as peer:
            found = peers.measured(self.client, peer, batches, settings.seconds)
        for figure in self.figures:
            if figure.name in found:
                figure.peers[name] = found[figure.name].rate


def _subject(hub: MeasuredHub) -> Subject:
    paths = {alias: hub.path(alias) for alias in (_COLLECTION, _ALL)}
    return Subject("hub", hub.address, hub.reader(), hub.roots, paths)


@contextmanager
def _bare(
    hub: MeasuredHub, pushing: Pushing, answers: Sequence[WireAnswer], writers: Sequence[int]
) -> Iterator[Subject]:
    """Run the bare app with these answers."""
    port = free_port()
    recorded = Recorded(f"http://127.0.0.1:{port}", hub.live.service.secrets.pepper)
    for answer in answers:
        recorded.answers[answer.target] = (
            answer.status,
            "application/taxii+json;version=2.1",
            answer.decoded(),
        )
    for push in pushes.pushes(1, (1,), writers=writers):
        for member in push.writers:
            key = pushing.key(member).public
            recorded.keys[key.thumbprint] = RegisteredKey(
                key.thumbprint, MemberId(member), Purpose.SUBMIT, key.alg, key.jwk, datetime.now(UTC)
            )
    for account in hub.accounts.values():
        digest = tokens.digest(recorded.pepper, account.token)
        recorded.digests[tokens.parse(account.token) or ""] = digest
    with tempfile.TemporaryDirectory(prefix="hub-speed-") as folder:
        (Path(folder) / "recorded").write_bytes(pickle.dumps(recorded))
        command = [sys.executable, "-m", "scripts.benchmarks.speed.bare", folder, f"127.0.0.1:{port}"]
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        with process([*command, str(hub.workers)], Path(folder), environ) as pid:
            subject = _subject(hub)
            subject = Subject("bare", ("127.0.0.1", port), subject.headers, [pid], subject.paths)
            wait_for(lambda: _answers(subject), "the bare app")
            yield subject


def _answers(subject: Subject) -> bool:
    target = f"{subject.paths[_ALL]}objects/?limit={reads.PAGE}"
    request = urllib.request.Request(
        f"http://127.0.0.1:{subject.address[1]}{target}", headers=subject.headers
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return bool(response.status)
    except OSError:
        return False
