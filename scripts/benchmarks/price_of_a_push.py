"""The CPU cost of a push, by phase: microseconds of this process for each object, without HTTP.

Realistic objects (70 % indicators, mean 1.2 KB) are pushed to a hub with five nations and agreements in
force, in POSTs of 1,000; ATT&CK ICS from ../shared/data follows if present. Every phase is a function of the
hub. A phase counts without the phases called inside. The time of the clock itself is subtracted. The rest,
and `sql`, belong to the store.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import random
import statistics
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import event

from tests.stix_objects import TLP
from tests.world import World, build, clause

ICS: Final = Path(__file__).resolve().parents[3] / "shared" / "data" / "attack-ics-18.1.json"
PER_POST: Final = 1_000
MEMBER: Final = "kr-agency"
NATIONS: Final = ("KR", "US", "JP", "AU", "IN")
READER: Final = "us-cert"
_SENTENCE: Final = (
    "beacon loader credential access observed in the wild against energy sector targets since the operators "
    "moved to a new cluster of hosts with stolen certificates and scheduled tasks"
)
_WORDS: Final = _SENTENCE.split()
_FOREIGN: Final = ("공격자", "전력망을", "電力会社", "マルウェア", "हमलावर")
_FOREIGN_SHARE: Final = 0.3
_SUBMIT: Final = "hub.actions.submission.submit"

# By phase: the functions of this phase, each as module and name. A name that is not there is left out, so
# that older checkouts can be measured too.
PHASES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "signature": ((_SUBMIT, "verify_writer"),),
    "parsing": (("hub.stix.bodies", "objects_of"),),
    "schema": (("hub.stix.validity.validation", "schema_fault"),),
    "text of the standard": (
        ("hub.stix.validity.validation", "object_fault"),
        ("hub.stix.validity.validation", "observable_fault"),
        ("hub.stix.validity.validation", "hashes_fault"),
    ),
    "patterns": (("hub.stix.validity.validation", "pattern_fault"),),
    "markings, references": (
        ("hub.stix.reading", "survey"),
        ("hub.stix.reading", "read_markings"),
        ("hub.stix.reading", "definition_kind"),
        ("hub.stix.reading", "refers"),
        ("hub.stix.reading", "contains"),
        ("hub.stix.reading", "chosen"),
    ),
    "canonical form, digest": (("hub.proofs.canonical", "digest"),),
    "reading, other": ((_SUBMIT, "read"),),
    "drafting": ((_SUBMIT, "draft"),),
    "effective markings": ((_SUBMIT, "effective_of_new"),),
    "decisions": (
        ("hub.rules.release.judgement", "Judging.of_changed"),
        ("hub.rules.release.judgement", "Judging.add"),
        ("hub.rules.release.judgement", "Judging.differing"),
        ("hub.rules.release.judgement", "Judging.judge"),
        ("hub.rules.release.judgement", "Judging.answers"),
        ("hub.rules.release.judgement", "Judging.copies"),
        ("hub.rules.release.judgement", "Judging.referred"),
    ),
    "row changes": (("hub.actions.release.judging", "changes_to"),),
    "status": ((_SUBMIT, "receipted"), (_SUBMIT, "with_remarks")),
    "loading, deciding": ((_SUBMIT, "decide"), (_SUBMIT, "renewed")),
    "writing": ((_SUBMIT, "write"),),
}


# --- the objects ----------------------------------------------------------------------------------


def realistic(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Return `count` objects: 70 % indicators, observables, malware, relationships, sightings, reports."""
    made = random.Random(seed)
    objects: list[dict[str, Any]] = []
    for n in range(count):
        make = made.choices(_MAKERS, _SHARES)[0]
        recent = [one["id"] for one in objects[-200:]]
        objects.append(make(made, n, recent))
    return objects


def _uuid(made: random.Random) -> str:
    return str(uuid.UUID(int=made.getrandbits(128), version=4))


def _text(made: random.Random, words: int) -> str:
    known = [*_WORDS, *_FOREIGN] if made.random() < _FOREIGN_SHARE else _WORDS
    return " ".join(made.choices(known, k=words))


def _common(made: random.Random, stix_type: str) -> dict[str, Any]:
    level = made.choices(("clear", "green", "amber", "amber+strict", "red"), (15, 45, 30, 5, 5))[0]
    day = f"2025-{made.randint(1, 9):02}-{made.randint(1, 28):02}T{made.randint(0, 23):02}:10:20"
    return {
        "type": stix_type,
        "spec_version": "2.1",
        "id": f"{stix_type}--{_uuid(made)}",
        "created": f"{day}.{made.randint(0, 499):03}Z",
        "modified": f"{day}.{made.randint(500, 999):03}Z",
        "object_marking_refs": [TLP[level]],
    }


def _indicator(made: random.Random, _n: int, _recent: Sequence[str]) -> dict[str, Any]:
    address = f"{made.randint(1, 223)}.{made.randint(0, 255)}.{made.randint(0, 255)}.{made.randint(1, 254)}"
    host = f"{made.choice(_WORDS[:20])}-{made.getrandbits(40):x}.example"
    sha, md5 = f"{made.getrandbits(256):064x}", f"{made.getrandbits(128):032x}"
    observed, looked_up = f"[ipv4-addr:value = '{address}']", f"[domain-name:value LIKE '%.{host}']"
    patterns = (
        observed,
        f"[domain-name:value = '{host}']",
        f"[url:value = 'https://{host}/{made.getrandbits(64):x}/index.php']",
        f"[file:hashes.'SHA-256' = '{sha}' OR file:hashes.MD5 = '{md5}']",
        f"{observed} FOLLOWEDBY {looked_up} WITHIN 300 SECONDS",
    )
    return {
        **_common(made, "indicator"),
        "name": _text(made, 5),
        "description": _text(made, made.randint(60, 110)),
        "indicator_types": ["malicious-activity"],
        "pattern": made.choice(patterns),
        "pattern_type": "stix",
        "valid_from": "2025-01-01T00:00:00Z",
        "confidence": made.randint(1, 100),
        "labels": made.sample(_WORDS[:20], 3),
        "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": "initial-access"}],
        "external_references": [{"source_name": "feed", "url": f"https://{host}/{made.getrandbits(32)}"}],
    }


def _observable(made: random.Random, _n: int, _recent: Sequence[str]) -> dict[str, Any]:
    marks = _common(made, "file")
    return {
        "type": "file",
        "spec_version": "2.1",
        "id": marks["id"],
        "object_marking_refs": marks["object_marking_refs"],
        "name": f"{made.getrandbits(40):x}.dll",
        "size": made.randint(1_000, 9_000_000),
        "hashes": {"SHA-256": f"{made.getrandbits(256):064x}", "MD5": f"{made.getrandbits(128):032x}"},
    }


def _malware(made: random.Random, n: int, _recent: Sequence[str]) -> dict[str, Any]:
    return {
        **_common(made, "malware"),
        "name": f"Loader {n}",
        "is_family": True,
        "malware_types": ["backdoor"],
        "description": _text(made, 120),
        "first_seen": "2025-01-01T00:00:00Z",
    }


def _relationship(made: random.Random, _n: int, recent: Sequence[str]) -> dict[str, Any]:
    ends = [id for id in recent if not id.startswith(("relationship", "sighting"))]
    ends = ends or [f"malware--{_uuid(made)}"]
    return {
        **_common(made, "relationship"),
        "relationship_type": "related-to",
        "source_ref": made.choice(ends),
        "target_ref": made.choice(ends),
    }


def _sighting(made: random.Random, _n: int, recent: Sequence[str]) -> dict[str, Any]:
    seen = [id for id in recent if id.startswith(("indicator", "malware"))] or [f"malware--{_uuid(made)}"]
    return {**_common(made, "sighting"), "sighting_of_ref": made.choice(seen), "count": made.randint(1, 50)}


def _report(made: random.Random, n: int, recent: Sequence[str]) -> dict[str, Any]:
    return {
        **_common(made, "report"),
        "name": f"Report {n}",
        "published": "2025-02-01T00:00:00Z",
        "description": _text(made, 200),
        "object_refs": made.sample(recent, min(20, len(recent))) or [f"malware--{_uuid(made)}"],
    }


_MAKERS: Final = (_indicator, _observable, _malware, _relationship, _sighting, _report)
_SHARES: Final = (70, 10, 4, 10, 3, 3)


# --- the stopwatch --------------------------------------------------------------------------------


class Stopwatch:
    """CPU seconds and calls by phase, without the phases called inside."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self._inside: list[float] = []
        self.tick = min(_seconds(lambda: None) for _ in range(1_000))

    def wrapped(self, phase: str, act: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(act)
        def timed(*args: Any, **options: Any) -> Any:
            with self.phase(phase):
                return act(*args, **options)

        return timed

    @contextmanager
    def phase(self, phase: str) -> Iterator[None]:
        self._inside.append(0.0)
        start = time.process_time()
        try:
            yield
        finally:
            taken = time.process_time() - start
            self.seconds[phase] += taken - self._inside.pop() - self.tick
            self.calls[phase] += 1
            if self._inside:
                self._inside[-1] += taken + self.tick


def _seconds(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return time.process_time() - start


@contextmanager
def watched(watch: Stopwatch) -> Iterator[None]:
    """Time every phase, until the end of the block."""
    former: list[tuple[Any, str, Any]] = []
    for phase, places in PHASES.items():
        for module, name in places:
            owner: Any = importlib.import_module(module)
            *path, last = name.split(".")
            for step in path:
                owner = getattr(owner, step)
            act = vars(owner).get(last)
            if act is not None:
                former.append((owner, last, act))
                is_method = isinstance(act, classmethod)
                timed = watch.wrapped(phase, act.__func__ if is_method else act)
                setattr(owner, last, classmethod(timed) if is_method else timed)
    try:
        yield
    finally:
        for owner, last, act in former:
            setattr(owner, last, act)


def _watch_statements(world: World, watch: Stopwatch) -> None:
    running: list[Any] = []

    def before(*_: object) -> None:
        running.append(watch.phase("sql"))
        running[-1].__enter__()

    def after(*_: object) -> None:
        running.pop().__exit__(None, None, None)

    for engine in {one for one in vars(world.service.store).values() if hasattr(one, "dialect")}:
        event.listen(engine, "before_cursor_execute", before)
        event.listen(engine, "after_cursor_execute", after)


# --- the measurement ------------------------------------------------------------------------------


def measure(posts: Sequence[Sequence[dict[str, Any]]], *, by_phase: bool) -> tuple[float, Stopwatch]:
    """Return the CPU seconds of all posts to a new hub, and the phases if `by_phase`."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as home:
        world = build(f"sqlite:///{home}/hub.db", codes=NATIONS, require_signature=True)
        world.agree(["KR", "US"], clause("KR", "US", "amber"))
        world.agree(["KR", "JP"], clause("KR", "JP", "green"))
        world.agree(["KR", "AU"], clause("KR", "AU", "amber", granular="redact"))
        if by_phase:
            _watch_statements(world, watch)
        submissions = [world.submission(MEMBER, *post) for post in posts]
        submit = importlib.import_module(_SUBMIT)
        submit.submit(world.service, world.submission(MEMBER, *realistic(20, seed=0)))  # compiles schemas
        watch.seconds.clear()
        gc.collect()
        gc.freeze()  # else a full collection of all imported modules falls into any phase
        total = 0.0
        for submission in submissions:
            if by_phase:
                with watched(watch):
                    receipt = submit.submit(world.service, submission)
            else:
                start = time.process_time()
                receipt = submit.submit(world.service, submission)
                total += time.process_time() - start
            refused = [one for one in receipt.outcomes if not one.succeeded]
            assert not refused, refused[0]
        assert world.ids(READER)
        world.close()
    return total, watch


def _report_on(console: Console, title: str, objects: Sequence[dict[str, Any]], rounds: int) -> None:
    objects = json.loads(json.dumps(objects))
    posts = [objects[n : n + PER_POST] for n in range(0, len(objects), PER_POST)]
    size = sum(len(json.dumps(one)) for one in objects) / len(objects)
    whole = statistics.median(measure(posts, by_phase=False)[0] for _ in range(rounds))
    watches = [measure(posts, by_phase=True)[1] for _ in range(rounds)]
    table = Table(title=f"{title}: {len(objects):,} objects of {size:,.0f} bytes, median of {rounds} rounds")
    for heading in ("phase", "calls", "us an object"):
        table.add_column(heading, justify="right" if heading != "phase" else "left")
    for phase in (*PHASES, "sql"):
        spent = statistics.median(watch.seconds[phase] for watch in watches)
        table.add_row(phase, f"{watches[0].calls[phase]:,}", f"{spent / len(objects) * 1e6:.1f}")
    table.add_row("everything, without the stopwatch", "", f"{whole / len(objects) * 1e6:.1f}")
    console.print(table)


@click.command(context_settings={"show_default": True})
@click.option("--count", default=3_000, help="Realistic objects to push.")
@click.option("--rounds", default=3)
@click.option("--attack/--no-attack", default=True, help="Push ATT&CK ICS too, if present.")
def main(count: int, rounds: int, attack: bool) -> None:
    """Print the CPU time of each phase of a push."""
    console = Console(width=110)
    _report_on(console, "Realistic objects", realistic(count), rounds)
    if attack and ICS.exists():
        _report_on(console, "ATT&CK ICS", json.loads(ICS.read_bytes())["objects"], rounds)


if __name__ == "__main__":
    main()
