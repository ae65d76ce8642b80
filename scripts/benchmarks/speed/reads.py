"""The reads: polls of collections, manifests, new objects and single objects, measured by turns."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from scripts.benchmarks.speed.client import ClientProcesses, Job, JobResult, WireAnswer, get
from scripts.benchmarks.speed.figures import RATE, REQUESTS, Figure, Goal, Measure
from scripts.benchmarks.speed.machine import cpu_seconds
from scripts.benchmarks.speed.objects import RARE

PAGE: Final = 1_000
_IDS: Final = 100
RECORDED_PAGES: Final = 20  # of each walk: the bare app keeps them in memory
_NOT_FOUND: Final = 404
_MANY: Final = 8  # connections


@dataclass
class Subject:
    """A server under test. `paths` holds the path of a collection by its alias."""

    name: str
    address: tuple[str, int]
    headers: dict[str, str]
    roots: Sequence[int]
    paths: Mapping[str, str]


@dataclass(frozen=True)
class ReadWork:
    """A read: the targets asked for in turn, and the number of objects in each answer or walk."""

    name: str
    unit: str
    targets: Sequence[str]
    objects: float = 1.0  # counted units of one request, or of one walk
    connections: int = 1
    is_walk: bool = False
    pages: int = 1 << 30
    statuses: Sequence[int] = (200,)
    goal: Goal | None = None
    headers: dict[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass
class KnownData:
    """The facts of a filled server: objects seen by the reader, dates and ids."""

    drained: dict[str, int]  # objects of each walk, by the read's name
    recorded: list[WireAnswer]
    ids: list[str]
    last: str
    before_ten: str
    rare: int
    total: int  # objects visible in all


def drain(client: ClientProcesses, subject: Subject, target: str, pages: int = 1 << 30) -> JobResult:
    """Walk through all pages once, with the answers."""
    first = get(target, subject.headers)
    return client.run(Job(subject.address, [[first]], is_walk=True, pages=pages, keeps=True))


def count(result: JobResult) -> int:
    return sum(len(orjson.loads(answer.decoded()).get("objects", ())) for answer in result.answers)


def learn(client: ClientProcesses, subject: Subject, collection: str) -> KnownData:
    """Read what the reads need: numbers of objects, ids and dates. The first pages of walks are recorded."""
    drained, recorded = {}, []
    for name, target in _walks(subject, collection).items():
        result = drain(client, subject, target, RECORDED_PAGES)
        drained[name] = count(result)
        recorded += result.answers
    chance, ids, newest, total = random.Random(3), [], [], 0
    whole = drain(client, subject, _walks(subject, collection)["MANIFEST"])
    for answer in whole.answers:
        entries = orjson.loads(answer.decoded()).get("objects", [])
        ids += [entry["id"] for entry in chance.sample(entries, min(_IDS, len(entries)))]
        newest = [*newest[-11:], *(entry["date_added"] for entry in entries[-11:])]
        total += len(entries)
    ids = chance.sample(ids, min(_IDS, len(ids)))
    rare = count(drain(client, subject, _filtered(subject, collection), 1))
    return KnownData(drained, recorded, ids, newest[-1], newest[-11], rare, total)


def last_date(client: ClientProcesses, subject: Subject, collection: str, after: str) -> str:
    """Return the date of the newest object, by a manifest of the objects after a date."""
    target = f"{subject.paths[collection]}manifest/?limit={PAGE}&added_after={after}"
    for answer in drain(client, subject, target).answers:
        after = next(
            (one["date_added"] for one in orjson.loads(answer.decoded()).get("objects", [])[-1:]), after
        )
    return after


def _walks(subject: Subject, collection: str) -> dict[str, str]:
    one = next((alias for alias in subject.paths if alias != collection), collection)
    return {
        "DRAIN collection": f"{subject.paths[one]}objects/?limit={PAGE}",
        "DRAIN released": f"{subject.paths[collection]}objects/?limit={PAGE}",
        "MANIFEST": f"{subject.paths[collection]}manifest/?limit={PAGE}",
    }


def _filtered(subject: Subject, collection: str) -> str:
    return f"{subject.paths[collection]}objects/?match[type]={RARE}&limit={PAGE}"


def reads(
    subject: Subject, known: KnownData, collection: str, *, is_sqlite: bool, pages: int = RECORDED_PAGES
) -> list[ReadWork]:
    """Return the reads of the design for this server, with their goals."""
    walks = _walks(subject, collection)
    objects = f"{subject.paths[collection]}objects/"
    goals = {"MANIFEST": Goal(0.3)}
    drains = Goal(0.5 if is_sqlite else 0.3)
    found = [
        ReadWork(
            name,
            RATE,
            [target],
            known.drained[name],
            is_walk=True,
            pages=pages,
            goal=goals.get(name, drains),
        )
        for name, target in walks.items()
    ]
    tail = f"{objects}?limit={PAGE}&added_after={known.last}"
    quarter, half = Goal(0.25), Goal(0.5)
    return [
        *found,
        ReadWork("TAIL, 1 connection", REQUESTS, [tail], goal=half),
        ReadWork(f"TAIL, {_MANY} connections", REQUESTS, [tail], connections=_MANY, goal=half),
        ReadWork(
            "TAIL10", REQUESTS, [f"{objects}?limit={PAGE}&added_after={known.before_ten}"], goal=quarter
        ),
        ReadWork("GET", REQUESTS, [f"{objects}{id}/" for id in known.ids], goal=quarter),
        ReadWork(
            "GET, absent id",
            REQUESTS,
            [f"{objects}{RARE}--{uuid.UUID(int=n, version=4)}/" for n in range(1, 21)],
            statuses=(_NOT_FOUND, 200),
            note="discloses nothing",
        ),
        ReadWork("FILTER, rare type", RATE, [_filtered(subject, collection)], max(known.rare, 1)),
    ]


def record(client: ClientProcesses, subject: Subject, wanted: Sequence[ReadWork]) -> list[WireAnswer]:
    """Return the answers to every target of the reads without walks."""
    found: list[WireAnswer] = []
    for read in wanted:
        if not read.is_walk:
            requests = [get(target, subject.headers) for target in read.targets]
            job = Job(subject.address, [requests], keeps=True, statuses=read.statuses)
            found += client.run(job).answers
    return found


def measure(
    client: ClientProcesses,
    subjects: Sequence[Subject],
    read: ReadWork,
    rounds: int,
    seconds: float,
) -> tuple[dict[str, Measure], float]:
    """Measure a read at each server by turns.

    Return the measures, and the client's share of one core at the last server.
    """
    measures = {subject.name: Measure() for subject in subjects}
    busy = 0.0
    for _ in range(rounds):
        for subject in subjects:
            headers = subject.headers | read.headers
            requests = [get(target, headers) for target in read.targets]
            lists = [requests[n:] + requests[:n] for n in range(read.connections)]
            job = Job(subject.address, lists, seconds, read.is_walk, read.pages, statuses=read.statuses)
            before = cpu_seconds(subject.roots)
            result = client.run(job)
            cpu = cpu_seconds(subject.roots) - before
            units = result.count * read.objects
            measures[subject.name].add(units, result.seconds, cpu, result.received + result.sent)
            busy = result.cpu / result.seconds
    return measures, busy


def figure(database: str, size: int, read: ReadWork, measures: dict[str, Measure]) -> Figure:
    """Return the row of a read: the hub beside the bare app."""
    hub, bare = measures["hub"], measures.get("bare")
    return Figure(
        database,
        size,
        read.name,
        read.unit,
        hub.rate,
        None if bare is None else bare.rate,
        "bare Flask" if bare else "",
        read.goal,
        hub.cpu_us,
        None if bare is None else bare.cpu_us,
        hub.wire_bytes,
        note=read.note,
    )
