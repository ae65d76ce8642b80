"""The pushes: signed submissions of several sizes and writers, and the time until others see the object."""

from __future__ import annotations

import secrets
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from hub.client.http.auth import load_key
from hub.model import HttpRequest
from hub.proofs import requests
from hub.proofs.keys import PrivateKey
from scripts.benchmarks.speed.client import ClientProcesses, Job, JobResult, Watch, get, post
from scripts.benchmarks.speed.figures import RATE, REQUESTS, Figure, Goal, Measure
from scripts.benchmarks.speed.hubs import READER, MeasuredHub
from scripts.benchmarks.speed.machine import cpu_seconds
from scripts.benchmarks.speed.objects import MEMBERS, NATIONS, MadeObject, made, pushed_by
from scripts.benchmarks.speed.preloading import TAXII

_LIFETIME_SECONDS: Final = 300

_OF_ONE_NATION: Final = ("us-agency", "us-partner", "us-cert", "us-agency2")
_WRITERS: Final = {
    _OF_ONE_NATION[:1]: "1 writer",
    _OF_ONE_NATION: "4 writers, one nation",
    ("us-agency", "jp-agency", "au-agency", "kr-agency"): "4 writers, four nations",
    tuple(
        f"{nation.lower()}-{kind}"
        for nation in NATIONS[:4]
        for kind in ("agency", "partner", "cert", "agency2")
    ): "16 writers, four nations",
}
_LARGE: Final = 1_000
_ACCEPTED: Final = 202


@dataclass(frozen=True)
class PushWork:
    """Submissions of `batch` objects by each of the writers, all writers at once."""

    name: str
    batch: int
    writers: Sequence[str]
    goal: Goal | None = None
    raw: str = ""  # the raw transaction with which the goal compares; else the bare app

    @property
    def unit(self) -> str:
        return REQUESTS if self.batch == 1 else RATE


def pushes(
    workers: int, batches: Sequence[int], *, writers: Sequence[int] = (1, 4), at_most: int = 1 << 30
) -> list[PushWork]:
    """Return the pushes of the design, with `at_most` objects at once.

    The goal of large batches is for each worker in use.
    """
    found = []
    for batch in batches:
        for names, words in _WRITERS.items():
            if len(names) not in writers or batch * len(names) > at_most:
                continue
            used = min(workers, len(names))
            goal = Goal(0.08 * used) if batch == _LARGE else Goal(0.3) if batch == len(names) == 1 else None
            of_raw = f"raw {batch:,}" if batch > 1 else ""
            found.append(PushWork(f"PUSH {batch:,}, {words}", batch, names, goal, of_raw))
    return found


@dataclass
class Pushing:
    """Makes signed submissions; no object and no nonce is sent twice."""

    hub: MeasuredHub
    series: int = 0
    keys: dict[str, PrivateKey] = field(default_factory=dict)

    def key(self, member: str) -> PrivateKey:
        """Return the member's key for submissions. A new member is registered first."""
        if member not in self.keys:
            self.keys[member] = load_key(self.hub.live.member(member).submit_key)
        return self.keys[member]

    def submissions(self, member: str, batch: int, count: int, url: str | None = None) -> list[bytes]:
        """Return `count` signed POSTs of new objects, to the hub or to another address."""
        made_by = member if member in MEMBERS else "us-agency"
        self.series += 1
        objects = pushed_by(made_by, self.series, batch * count)
        groups = [objects[n : n + batch] for n in range(0, len(objects), batch)]
        return [self.signed(member, group, url) for group in groups]

    def signed(self, member: str, objects: Sequence[dict[str, Any]], url: str | None = None) -> bytes:
        """Return a signed POST of the objects to the collection of the member's nation."""
        target = f"{self.hub.path(member[:2])}objects/"
        body = b'{"objects":[' + b",".join(map(orjson.dumps, objects)) + b"]}"
        message = HttpRequest("POST", (url or self.hub.live.url) + target, {"Content-Type": TAXII}, body)
        fields = requests.sign(
            message,
            self.key(member),
            created=datetime.now(UTC),
            nonce=secrets.token_urlsafe(24),
            lifetime_seconds=_LIFETIME_SECONDS,
        )
        headers = self.hub.reader(member) | {"Content-Type": TAXII} | fields
        return post(target, headers, body)


def measure(
    client: ClientProcesses,
    pushing: Pushing,
    push: PushWork,
    bare: tuple[str, tuple[str, int], Sequence[int]] | None,
    seconds: float,
    expected: float,
) -> dict[str, Measure]:
    """Measure a push at the hub, and at the bare app with signatures for its own address.

    Enough submissions for `seconds` are made beforehand: `expected` is the hub's rate in objects per second.
    """
    hub = pushing.hub
    count = max(1, round(expected * seconds / push.batch / len(push.writers)))
    subjects = [("hub", None, hub.address, hub.roots)]
    if bare is not None:
        subjects.append(("bare", *bare))
    found = {}
    for name, url, address, roots in subjects:
        lists = [pushing.submissions(member, push.batch, count, url) for member in push.writers]
        job = Job(address, lists, statuses=(_ACCEPTED,), patience=seconds * 2, keeps=name == "hub")
        before = cpu_seconds(roots)
        result = client.run(job)
        cpu = cpu_seconds(roots) - before
        if name == "hub":
            _check_accepted(result)
        units = result.count * push.batch
        found[name] = Measure()
        found[name].add(units, result.seconds, cpu, result.received + result.sent)
    return found


def _check_accepted(result: JobResult) -> None:
    for answer in result.answers:
        status = orjson.loads(answer.decoded())
        if status["failure_count"]:
            raise RuntimeError(f"refused: {status['failures'][0]}")


def figure(
    database: str, size: int, push: PushWork, measures: dict[str, Measure], raw: dict[str, float]
) -> Figure:
    """Return the row of a push. A large batch is compared with the raw transaction, a single object with
    the bare app."""
    hub, bare = measures["hub"], measures.get("bare")
    is_raw = bool(push.raw) and push.raw in raw
    limit = raw[push.raw] if is_raw else bare.rate if bare else None
    beside = f"bare Flask {bare.rate:,.0f}" if bare and is_raw else ""
    return Figure(
        database,
        size,
        push.name,
        push.unit,
        hub.rate,
        limit,
        "raw transaction" if is_raw else "bare Flask" if bare else "",
        push.goal,
        hub.cpu_us,
        bare.cpu_us if bare else None,
        hub.wire_bytes,
        note=beside,
    )


# --- what others see ----------------------------------------------------------------------------


def visible(client: ClientProcesses, pushing: Pushing, last: str, times: int) -> tuple[float, float, int]:
    """Push single objects, and poll as a foreign reader after each answer.

    Return the median milliseconds until the answer, the median until the object was seen, and the largest
    number of polls that one object took: 1 is the same commit.
    """
    hub = pushing.hub
    target = f"{hub.path('released')}objects/?limit=1000&added_after={last}"
    watches = []
    pushing.series += 1
    for one in made(range(times * 100), pushing.series):
        if one.type == "indicator" and one.tlp_name in ("green", "amber") and one.member == "us-agency":
            submission = pushing.signed(one.member, [one.content])
            watches.append(Watch(hub.address, submission, get(target, hub.reader(READER)), one.id.encode()))
    watches = watches[:times]
    found = client.watch(watches)
    answered, seen, polls = zip(*found, strict=True)
    return statistics.median(answered) * 1_000, statistics.median(seen) * 1_000, max(polls)


def withdraw(client: ClientProcesses, pushing: Pushing, size: int, share: float) -> int:
    """Submit the next version of a share of the objects, marked TLP:RED; return their number.

    No foreign reader sees these objects afterwards.
    """
    step = max(1, round(1 / share))
    by_member: dict[str, list[MadeObject]] = {}
    for number in range(0, size, step):
        one = next(
            found for n in range(number, number + step) if (found := MadeObject(n)).type == "indicator"
        )
        by_member.setdefault(one.member, []).append(one.red())
    total = 0
    for member, found in by_member.items():
        for n in range(0, len(found), 1_000):
            group = [one.content for one in found[n : n + 1_000]]
            job = Job(
                pushing.hub.address, [[pushing.signed(member, group)]], statuses=(_ACCEPTED,), keeps=True
            )
            result = client.run(job)
            _check_accepted(result)
            total += len(group)
    return total
