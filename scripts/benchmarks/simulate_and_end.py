"""The costs of agreements over many objects: simulation, termination, expiry and history, small and large.

One nation has N objects, all served to a foreign nation under several agreements. The hub's actions are timed
with signatures and commits, without HTTP. Each action is one request for any N, so that the ratio of large to
small counts. Functions of the store write the objects in bulk, without submissions: the effective markings
are given, not computed, and no submission has a signature.
"""

from __future__ import annotations

import hashlib
import json
import random
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from hub.actions.agreement import agree, simulate
from hub.actions.reading import poll
from hub.actions.release import fact_sets, history
from hub.actions.release.basis import hold
from hub.actions.release.judging import context_of, judge_afresh, write_rows
from hub.actions.service.present import present
from hub.model import (
    Markings,
    MemberId,
    NationCode,
    ObjectVersion,
    Purpose,
    StixId,
    Tlp,
    format_instant,
    version_key,
)
from hub.proofs import documents
from hub.rules.release.row_changes import LedgerChanges, changes_to
from hub.store.records import objects, submissions
from tests import postgres
from tests.stix_objects import malware
from tests.world import START, World, build, clause, key_of

US: Final = NationCode("US")
DEFAULT_SIZES: Final = (1_000, 200_000)  # a million takes ten minutes and 4 GB to fill in
PER_BATCH: Final = 5_000
PER_PAGE: Final = 1_000
LIVES_ON: Final = "campaign"  # a rare type that another clause still allows when the large agreements end
TYPES: Final = {"indicator": 69, "ipv4-addr": 8, "malware": 8, "sighting": 3, "report": 1.9, LIVES_ON: 0.1}
LEVELS: Final = {Tlp.CLEAR: 10, Tlp.GREEN: 40, Tlp.AMBER: 35, Tlp.AMBER_STRICT: 12, Tlp.RED: 3}
MEMBERS: Final = {"us-agency": 50, "us-agency2": 30, "us-partner": 20}
AGAIN: Final = 0.02  # the share of objects that come in two versions
EXPIRES: Final = START + timedelta(days=10)
SUBMISSION_EVERY_SECONDS: Final = 0.02


# --- what there is ------------------------------------------------------------------------------


@dataclass
class VersionMaker:
    """Makes versions like the submissions of a year: mixed types, levels and members."""

    linked: float  # the share of relationships
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    count: int = 0
    recent: list[StixId] = field(default_factory=list)

    def versions(self, count: int) -> Iterator[tuple[ObjectVersion, bytes]]:
        """Yield about `count` new versions with negative keys, and their bodies."""
        types = self.chance.choices(list(TYPES), list(TYPES.values()), k=count)
        levels = self.chance.choices(list(LEVELS), list(LEVELS.values()), k=count)
        members = self.chance.choices(list(MEMBERS), list(MEMBERS.values()), k=count)
        left = count
        for stix_type, tlp, member in zip(types, levels, members, strict=True):
            if left <= 0:
                return
            if len(self.recent) > 1 and self.chance.random() < self.linked:
                stix_type = "relationship"  # noqa: PLW2901
            id = StixId(f"{stix_type}--{uuid.UUID(int=self.chance.getrandbits(128), version=4)}")
            targets = frozenset(self.chance.sample(self.recent, k=self._references(stix_type)))
            instants = [START + timedelta(seconds=1, microseconds=self.count)]
            if self.chance.random() < AGAIN:
                instants.append(instants[0] + timedelta(days=1))
            for instant in instants:
                known = (MemberId(member), id, stix_type, tlp)
                yield self._version(known, instant, targets, is_newest=instant == instants[-1])
                left -= 1
            if stix_type in ("indicator", "malware", "ipv4-addr"):
                self.recent = [*self.recent[-200:], id]

    def _references(self, stix_type: str) -> int:
        wished = {"relationship": 2, "sighting": 1, "report": 10}.get(stix_type, 0)
        return min(wished, len(self.recent))

    def _version(
        self,
        known: tuple[MemberId, StixId, str, Tlp],
        instant: datetime,
        targets: frozenset[StixId],
        *,
        is_newest: bool,
    ) -> tuple[ObjectVersion, bytes]:
        member, id, stix_type, tlp = known
        self.count += 1
        text = format_instant(instant)
        body = json.dumps({"type": stix_type, "id": id, "modified": text, "description": "made " * 200})
        made = ObjectVersion(
            *(-self.count, member, id, stix_type, text, version_key(text) or text),
            submitted_at=START + timedelta(seconds=1, microseconds=self.count // 500),
            has_spec_version=True,
            is_newest=is_newest,
            digest=hashlib.sha256(body.encode()).digest(),
            markings=Markings(tlp),
            refers=targets,
            contains=targets if stix_type == "report" else frozenset(),
            creator=None,
            is_accepted_definition=False,
            tlp=tlp,
            is_closed=False,
            is_contained=False,
            size=len(body),
        )
        return made, body.encode()


def fill(world: World, count: int, linked: float) -> None:
    """Write `count` versions of the nation with decisions and rows, as after submissions."""
    service, maker, left = world.service, VersionMaker(linked), count
    while left > 0:
        made = list(maker.versions(min(PER_BATCH, left)))
        left -= len(made)
        with service.store.write() as connection:
            hold(service, connection, US)
            context = context_of(service, connection, US, present(service, connection))
            contents = objects.insert_contents(connection, US, {v.digest: body for v, body in made})
            fresh = [replace(v, content_id=contents[v.digest]) for v, _ in made]
            stored = {v.key: v for v in objects.insert_versions(connection, US, None, fresh).values()}
            judged = judge_afresh(connection, context, stored)
            changes = changes_to(context.recipients, stored, judged, (), context.moment)
            write_rows(service, connection, US, LedgerChanges(stored, changes), {}, context.now)
            submissions.advance(connection, US)


# --- what is timed ------------------------------------------------------------------------------


@dataclass
class TimedHub:
    """A hub with objects, and its measured times in seconds, unless the name has another unit."""

    world: World
    rounds: int
    found: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def time(self, name: str, act: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        answer = act()
        self.found[name].append(time.perf_counter() - start)
        return answer

    def run(self, count: int, linked: float, reaching_back: bool) -> None:
        world = self.world
        covering = [
            world.agree(["US", "KR"], clause("US", "KR", "amber+strict", audience="partner"))
            for _ in range(self.rounds)
        ]
        terms = clause("US", "JP", "amber+strict")
        expiring = world.agree(["US", "JP"], terms, valid_until=EXPIRES)
        for nation in ("KR", "JP"):
            world.agree(["US", nation], clause("US", nation, "green", audience="partner", types=[LIVES_ON]))
        world.clock.wait(5)
        self.time("filled in", lambda: fill(world, count, linked))
        self.time("facts determined", lambda: fact_sets.determine(world.service, time.monotonic() + 86_400))
        world.clock.wait(3_600)
        self.simulations(expiring, covering[0])
        self.endings(covering)
        self.expiry()
        if reaching_back:
            self.reaching_back(count)

    def simulations(self, former: dict[str, Any], covering: dict[str, Any]) -> None:
        narrower = clause("US", "JP", "green")
        less = clause("US", "KR", "green", audience="partner")
        cases = {
            "simulate a new agreement, history": (
                "us-cert",
                document(clause("US", "AU", "amber", history=True)),
            ),
            "simulate an amendment that narrows": (
                "us-cert",
                document(narrower, parties=["US", "JP"], supersedes=former["id"]),
            ),
        }
        if self.rounds == 1:  # several agreements over the same objects leave nothing to lose
            again = document(less, parties=["US", "KR"], supersedes=covering["id"])
            cases["simulate what a recipient would lose"] = ("kr-cert", again)
        for _ in range(self.rounds):
            for name, (by, agreement) in cases.items():
                start = time.process_time()
                told = self.time(name, lambda it=agreement, who=by: self.simulate(who, it))
                self.found[f"{name}, CPU of this process"].append(time.process_time() - start)
                if not told["released" if "new" in name else "withdrawn"]:
                    raise click.ClickException(f"{name}: nothing would change")

    def simulate(self, by: str, agreement: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(agreement).encode()
        return simulate.simulate(self.world.service, self.world.callers[by], body)

    def endings(self, covering: Sequence[dict[str, Any]]) -> None:
        for _ in range(self.rounds):
            self.poll("first page, before the terminations", "kr-agency")
        for n, agreement in enumerate(covering):
            self.terminate(agreement)
            is_last = n == len(covering) - 1
            name = (
                "first page after the last, the first time" if is_last else "first page after one of several"
            )
            left = self.poll(name, "kr-agency")
        for _ in range(self.rounds):
            self.poll("first page after the last, later", "kr-agency")
        own = self.world.hubs_own()
        if any(row.id not in own and not row.id.startswith(f"{LIVES_ON}--") for row in left):
            raise click.ClickException("what only the terminated agreements allowed is still served")

    def terminate(self, agreement: dict[str, Any]) -> None:
        """Time the request of a termination until the commit. The signature is made before."""
        view = self.world.show(agreement, "KR")
        payload = {"typ": "terminate", "agreement": view["document"], "previous": view["last_event"]}
        jws = documents.sign_document(payload, key_of("kr-cert", Purpose.AGREEMENT))
        self.time(
            "terminate, until committed", lambda: self.world.step(agree.terminate, "KR", view["id"], jws)
        )

    def expiry(self) -> None:
        for _ in range(self.rounds):
            self.poll("first page, before the expiry", "jp-agency")
        self.world.clock.now = EXPIRES
        self.poll("first page after the expiry", "jp-agency")

    def poll(self, name: str, member: str) -> Sequence[bytes]:
        query = self.world.query(member, limit=PER_PAGE)
        return self.time(name, lambda: poll.objects(self.world.service, query)).bodies

    def reaching_back(self, count: int) -> None:
        """Time an agreement with history over all objects, while a member continues to submit."""
        alone = list(submitting(self.world, threading.Event(), at_most=20))
        done, waits = threading.Event(), []
        submitter = threading.Thread(target=lambda: waits.extend(submitting(self.world, done)))
        submitter.start()
        start = time.perf_counter()
        try:
            self.world.agree(["US", "AU"], clause("US", "AU", "amber+strict", history=True))
            history.append_due(self.world.service, time.monotonic() + 3_600)
        finally:
            seconds = time.perf_counter() - start
            done.set()
            submitter.join()
        self.found["AGREE, versions/s"].append(count / seconds)
        self.found["AGREE, longest submission meanwhile"].append(max(waits))
        self.found["a submission, nobody else at work"].append(statistics.median(alone))


def submitting(world: World, done: threading.Event, at_most: int = sys.maxsize) -> Iterator[float]:
    """Submit one object after another until `done`, and yield the time of each."""
    while at_most and not done.is_set():
        at_most -= 1
        start = time.perf_counter()
        world.push("us-agency", malware(id=f"malware--{uuid.uuid4()}"))
        yield time.perf_counter() - start
        time.sleep(SUBMISSION_EVERY_SECONDS)


def document(terms: dict[str, Any], **others: Any) -> dict[str, Any]:
    times = {"valid_from": format_instant(START), "valid_until": format_instant(START + timedelta(days=365))}
    return {
        "title": "Sharing",
        "parties": [terms["from"], *terms["to"]],
        **times,
        "clauses": [terms],
        **others,
    }


# --- where --------------------------------------------------------------------------------------


@contextmanager
def sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as home:
        yield f"sqlite:///{Path(home) / 'hub.db'}"


@contextmanager
def postgresql() -> Iterator[str]:
    """Yield a database of a new PostgreSQL cluster, and remove the cluster afterwards."""
    home = postgres.make_home()
    try:
        with postgres.database(postgres.ensure_started(home)) as url:
            yield url
    finally:
        postgres.remove(home)


@click.command()
@click.option(
    "--objects", "sizes", multiple=True, type=click.IntRange(100), help="Sizes; default 1k and 200k."
)
@click.option("--reach-back", default=20_000, help="Agreements that reach back are timed up to this size.")
@click.option("--linked", default=0.1, help="The share of objects that are relationships.")
@click.option("--rounds", default=3, help="The median of these counts.")
@click.option("--postgresql", "on_postgresql", is_flag=True, help="On PostgreSQL instead of SQLite.")
def main(sizes: tuple[int, ...], reach_back: int, linked: float, rounds: int, on_postgresql: bool) -> None:
    """Time agreements on hubs of several sizes by turns, and print medians and ratios."""
    every = sorted({*(sizes or DEFAULT_SIZES), reach_back})
    found = {}
    for size in every:
        with postgresql() if on_postgresql else sqlite() as url:
            world = build(url, kinds=("cert", "agency", "agency2", "partner"))
            try:
                hub = TimedHub(world, rounds)
                hub.run(size, linked, reaching_back=size <= reach_back)
                found[size] = {name: statistics.median(times) for name, times in hub.found.items()}
            finally:
                world.close()
        click.echo(f"{size:,} objects: filled in {found[size]['filled in']:.0f} s", err=True)
    _print(found, linked, "PostgreSQL" if on_postgresql else "SQLite")


def _print(found: dict[int, dict[str, float]], linked: float, database: str) -> None:
    title = f"{database}: N objects of one nation put there in bulk by the store's functions, not submitted; "
    title += (
        f"{linked:.0%} relationships, {AGAIN:.0%} in two versions; medians in ms, and ratio to the smallest"
    )
    table = Table(title=title)
    table.add_column("")
    for size in found:
        table.add_column(f"{size:,}", justify="right")
    base = next(iter(found.values()))
    for name in dict.fromkeys(name for column in found.values() for name in column):
        table.add_row(name, *(_cell(name, column.get(name), base.get(name)) for column in found.values()))
    Console(width=max(120, Console().width)).print(table)


def _cell(name: str, value: float | None, base: float | None) -> str:
    if value is None:
        return "-"
    text = f"{value:,.0f}" if name.endswith("/s") else f"{value * 1_000:,.1f}"
    return f"{text} ({value / base:.1f})" if base else text


if __name__ == "__main__":
    main()
