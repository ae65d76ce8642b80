"""AGREE and REVOKE: an agreement that reaches back over everything, and its termination."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from hub.actions.operation.work import work
from hub.store.ledger import histories
from hub.store.ledger.histories import HistoryKind
from scripts.benchmarks.speed.client import ClientProcesses, Job, get
from scripts.benchmarks.speed.figures import Figure, Goal
from scripts.benchmarks.speed.hubs import GIVING, LAST, MeasuredHub, agree
from scripts.benchmarks.speed.pushes import Pushing
from scripts.benchmarks.speed.reads import PAGE, Subject, count, drain

_POLLS: Final = 5
_BETWEEN_SECONDS: Final = 0.02
_READER: Final = f"{LAST.lower()}-cert"
_COVERED: Final = "us"  # a collection with objects of the agreement alone, but for the rare type
_ALONE: Final = 10  # submissions before the agreement


@dataclass
class Agreed:
    """An agreement in force, with the measures of its beginning."""

    view: dict[str, Any]
    otherwise: int  # objects of the covered collection that the reader sees by another agreement
    objects: int
    seconds: float
    longest_ms: float
    alone_ms: float


def agree_over_everything(client: ClientProcesses, hub: MeasuredHub, pushing: Pushing) -> Agreed:
    """Put an agreement with history in force, and wait until every row is there, while a member submits.

    The last signature does not wait for the history. `hub work` appends it: here at once, not at the next
    pass of a worker, so that no idle time counts.
    """
    service = hub.live.service
    subject, released = _subject(hub), f"{hub.path('released')}manifest/?limit={PAGE}"
    before = count(drain(client, subject, released))
    otherwise = count(drain(client, subject, f"{hub.path(_COVERED)}manifest/?limit={PAGE}"))
    alone = _Submitter(client, hub, pushing)
    alone.run_times(_ALONE)
    meanwhile = _Submitter(client, hub, pushing)
    clauses = [
        {"from": nation, "to": [LAST], "max_tlp": "amber+strict", "audience": "cert", "history": True}
        for nation in GIVING
    ]
    meanwhile.start()
    try:
        view = agree(hub.live, *clauses)
        signed = time.perf_counter()
        while _is_unfinished(service):
            work(service)
        ended = time.perf_counter()
    finally:
        meanwhile.stop()
    after = count(drain(client, subject, released))
    latencies = sorted(alone.latencies)
    return Agreed(
        view,
        otherwise,
        after - before,
        ended - signed,
        max(meanwhile.latencies, default=0.0) * 1_000,
        latencies[len(latencies) // 2] * 1_000,
    )


def _is_unfinished(service: Any) -> bool:
    with service.store.read() as connection:
        return bool(histories.unfinished(connection, HistoryKind.APPEND))


def _subject(hub: MeasuredHub) -> Subject:
    return Subject("hub", hub.address, hub.reader(_READER), hub.roots, {})


class _Submitter:
    """Submits one object after another, and keeps the seconds of each submission."""

    def __init__(self, client: ClientProcesses, hub: MeasuredHub, pushing: Pushing) -> None:
        self._client, self._hub, self._pushing = client, hub, pushing
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.latencies: list[float] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            self.run_times(1)
            time.sleep(_BETWEEN_SECONDS)

    def run_times(self, times: int) -> None:
        for submission in self._pushing.submissions("us-agency", 1, times):
            result = self._client.run(Job(self._hub.address, [[submission]], statuses=(202,)))
            self.latencies += result.latencies


@dataclass
class Revoked:
    """The measures of a termination, in milliseconds."""

    commit_ms: float
    left: int  # objects in the next poll that only the agreement allowed
    before_ms: float  # a poll from the start
    after_ms: float  # the slowest poll from the start before the clean-up
    cleaned_seconds: float


def revoke(client: ClientProcesses, hub: MeasuredHub, agreed: Agreed) -> Revoked:
    """Terminate the agreement, and poll from the start before and after, until the clean-up is done."""
    first = get(f"{hub.path(_COVERED)}objects/?limit={PAGE}", hub.reader(_READER))

    def poll() -> tuple[float, int]:
        result = client.run(Job(hub.address, [[first]], keeps=True))
        return result.latencies[0] * 1_000, count(result)

    before = sorted(poll()[0] for _ in range(_POLLS))[_POLLS // 2]
    governor = hub.live.governor(GIVING[0])
    review = governor.review(agreed.view["id"])
    began = time.perf_counter()
    governor.take(review, "terminate")
    committed = (time.perf_counter() - began) * 1_000
    polls = [poll() for _ in range(_POLLS)]
    began = time.perf_counter()
    work(hub.live.service)
    return Revoked(
        committed,
        polls[0][1] - min(agreed.otherwise, PAGE),
        before,
        max(taken for taken, _ in polls),
        time.perf_counter() - began,
    )


def figures(database: str, size: int, agreed: Agreed, revoked: Revoked) -> list[Figure]:
    """Return the rows of both, with the goals of the design."""
    at_most = {"is_ratio": False, "is_at_most": True}
    alone = f"{agreed.alone_ms:,.0f} ms alone"
    return [
        Figure(
            database,
            size,
            "AGREE, history over everything",
            "objects/s",
            agreed.objects / agreed.seconds,
            goal=Goal(30_000, is_ratio=False),
            note=f"{agreed.objects:,} objects in {agreed.seconds:,.1f} s",
        ),
        Figure(
            database,
            size,
            "AGREE, longest submission meanwhile",
            "ms",
            agreed.longest_ms,
            goal=Goal(200, **at_most),  # type: ignore[arg-type]
            note=alone,
        ),
        Figure(
            database,
            size,
            "REVOKE, until committed",
            "ms",
            revoked.commit_ms,
        ),
        Figure(
            database,
            size,
            "REVOKE, objects served in the next poll",
            "objects",
            revoked.left,
            goal=Goal(0, **at_most),  # type: ignore[arg-type]
        ),
        Figure(
            database,
            size,
            "REVOKE, poll from the start afterwards",
            "ms",
            revoked.after_ms,
            revoked.before_ms,
            "before",
            Goal(3, is_at_most=True),
            note=f"cleaned up in {revoked.cleaned_seconds:,.1f} s",
        ),
    ]
