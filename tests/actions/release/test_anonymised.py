"""Nobody abroad can tell an anonymised object from one of the cert's own (policy 7), its id aside.

Two worlds differ in who submitted the same objects under agreements that hide their source: the nation's
cert, or an agency of it. Whatever the other nations ask, the answers are the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.actions.agreement import simulate
from hub.actions.operation import work
from hub.actions.oversight import disclosures, explain
from hub.actions.oversight.explain import ExplanationRequest
from hub.errors import HubError
from hub.model import NationCode, StixId, VersionFilter
from tests.stix_objects import TLP, Json, indicator, malware, observable, relationship, report, sdo
from tests.world import World, build, clause, paged
from tests.world.paged import Row

CERT, AGENCY = "us-cert", "us-agency"
HIDE = {"anonymise": "agency"}
READERS = ("kr-cert", "kr-agency", "kr-partner", "jp-cert", "jp-agency", "au-cert")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Transcript:
    """All answers of one world, with ids numbered in the order in which they come."""

    def __init__(self, world: World, source: str) -> None:
        self.world, self.source = world, source
        self.lines: list[str] = []
        self._numbers: dict[str, str] = {}

    def ask(self, question: str, ask: Callable[..., Any], *about: Any) -> None:
        try:
            said = ask(*about)
        except HubError as error:
            said = f"{type(error).__name__}: {error}"
        text = json.dumps(said, default=str, ensure_ascii=False)
        numbered = _UUID.sub(lambda met: self._numbers.setdefault(met[0], f"#{len(self._numbers)}"), text)
        self.lines.append(f"{question}: {numbered}")

    def interview(self) -> None:
        """Let every reader abroad poll, and ask of all that it was given why, and who has it."""
        service, callers = self.world.service, self.world.callers
        for reader in READERS:
            rows = self.world.released(reader)
            self.ask(f"{reader} polls", list, map(_told, rows))
            for id in dict.fromkeys(StixId(row.id) for row in rows):
                self.ask(f"{reader} lists", self._listed, reader, id)
                for nation in (None, NationCode("KR"), NationCode("JP"), NationCode("US")):
                    question = ExplanationRequest(id, None, nation)
                    self.ask(f"{reader} asks why", explain.explain, service, callers[reader], question)
                self.ask(f"{reader} asks who", disclosures.of_object, service, callers[reader], id)

    def _listed(self, reader: str, id: StixId) -> list[Any]:
        every = frozenset({VersionFilter.ALL})
        query = self.world.query(reader, ids=frozenset({id}), selections=every)
        return [_told(row)[:-1] for row in paged.manifest(self.world.service, query).rows]

    def of_us(self, reader: str) -> list[Row]:
        """What the reader is served of the nation whose source is hidden."""
        return self.world.drain(self.world.query(reader, "US"))

    def simulate(self) -> None:
        times = {"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2028-01-01T00:00:00Z"}
        former, parties = self._agreement("US"), ["US", "KR", "JP"]
        for terms in ({}, HIDE):
            less = clause("US", ["KR", "JP"], "clear", **terms)
            document = {"title": "Less", "parties": parties, "supersedes": former, **times, "clauses": [less]}
            body = json.dumps(document).encode()
            for reader in ("kr-cert", "jp-cert"):
                caller = self.world.callers[reader]
                self.ask(f"{reader} simulates", simulate.simulate, self.world.service, caller, body)

    def _agreement(self, origin: str) -> str:
        with self.world.service.store.read() as connection:
            periods = self.world.service.in_force.periods(connection)
            return next(period.agreement_id for period in periods if period.clause.origin == origin)


def _told(row: Row) -> list[Any]:
    return [row.id, row.version, str(row.date_added), row.body.decode()]


def bundle(world: World, source: str) -> list[Json]:
    by = world.callers[source].member.identity
    terms: Json = {"created_by": by, "tlp": "green"}
    secret = {"granular_markings": [{"marking_ref": TLP["red"], "selectors": ["description"]}]}
    return [
        malware(1, **terms),
        malware(1, **terms, version=2),
        indicator(1, **terms),
        relationship(1, refs=[indicator(1)["id"], malware(1)["id"]], **terms),
        report(1, refs=[indicator(1)["id"], relationship(1)["id"]], **terms),
        malware(2, created_by=by, tlp="amber"),
        malware(3, created_by=by),
        malware(4, **terms, description="Taken away", **secret),
        observable(1, tlp="green"),
    ]


def transcript(path: Path, source: str) -> Transcript:
    world = build(f"sqlite:///{path}", codes=("US", "KR", "JP", "AU"), kinds=("cert", "agency", "partner"))
    terms = {**HIDE, "audience": "partner", "granular": "redact"}
    world.agree(["US", "KR", "JP"], clause("US", ["KR", "JP"], "amber", **terms))
    world.agree(["KR", "US", "JP", "AU"], clause("KR", ["US", "JP", "AU"], "amber", audience="partner"))
    world.clock.wait()
    world.push(source, *bundle(world, source))
    world.clock.wait()
    return Transcript(world, source)


Pair = tuple[Transcript, Transcript]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    found = transcript(tmp_path / "cert.db", CERT), transcript(tmp_path / "agency.db", AGENCY)
    yield found
    for said in found:
        said.world.close()


def same(pair: Pair, act: Callable[[Transcript], None]) -> list[str]:
    """Do the same in both worlds, and return what was said, which is the same as well."""
    own, anonymised = pair
    act(own)
    act(anonymised)
    differing = [f"{a}\n{b}" for a, b in zip(own.lines, anonymised.lines, strict=False) if a != b]
    assert not differing
    assert len(own.lines) == len(anonymised.lines)
    return own.lines


def test_what_is_polled_explained_and_disclosed_is_the_same(pair: Pair) -> None:
    same(pair, Transcript.interview)
    assert len(same(pair, Transcript.interview)) > 100  # once more, after it was fetched


def test_what_is_simulated_is_the_same(pair: Pair) -> None:
    same(pair, Transcript.interview)
    lines = same(pair, Transcript.simulate)
    assert any('"withdrawn": [{"origin": "US", "recipient": "KR"' in line for line in lines)


def test_what_is_recalled_is_the_same(pair: Pair) -> None:
    def recall(said: Transcript) -> None:
        said.interview()
        said.world.delete(said.source, malware(1)["id"])
        stricter = next(obj for obj in bundle(said.world, said.source) if obj["id"] == malware(2)["id"])
        red = {"modified": "2026-01-02T00:00:00.000Z", "object_marking_refs": [TLP["red"]]}
        said.world.push(said.source, stricter | red)
        said.world.clock.wait()
        work.work(said.world.service)
        for reader in READERS:
            said.ask(f"{reader} reads notes", said.world.notes, reader)
        said.interview()

    assert any("reads notes: [{" in line for line in same(pair, recall))


def test_the_status_of_what_is_submitted_about_it_is_the_same(pair: Pair) -> None:
    def submit(said: Transcript) -> None:
        for member in ("kr-agency", "jp-cert", "kr-partner"):
            seen = dict.fromkeys(row.id for row in said.of_us(member))
            for n, id in enumerate(seen):
                for kind in ("sighting", "note", "relationship", "report"):
                    obj = sdo(kind, 100 * len(said.lines) + n, refs=[id], tlp="green")
                    said.ask(f"{member} submits", _status, said.world, member, obj)

    same(pair, submit)


def test_what_is_told_of_what_is_submitted_about_it_is_the_same(pair: Pair) -> None:
    """To who submitted it, and to third nations, to which it goes as well."""

    def submit(said: Transcript) -> None:
        world, callers = said.world, said.world.callers
        own: list[tuple[str, StixId]] = []
        for member in ("kr-agency", "kr-cert"):
            for n, id in enumerate(dict.fromkeys(row.id for row in said.of_us(member))):
                obj = sdo("note", 1_000 * (member == "kr-cert") + n, refs=[id], tlp="green")
                world.push(member, obj)
                own.append((member, StixId(obj["id"])))
        world.clock.wait()
        said.interview()
        for member, id in own:
            for nation in ("KR", "JP", "AU", "US"):
                question = ExplanationRequest(id, None, NationCode(nation))
                said.ask(f"{member} asks why", explain.explain, world.service, callers[member], question)
            said.ask(f"{member} asks who", disclosures.of_object, world.service, callers[member], id)

    lines = same(pair, submit)
    assert any("au-cert polls: [[" in line and "note--" in line for line in lines)


def test_the_status_of_a_copy_of_it_is_the_same(pair: Pair) -> None:
    def repeat(said: Transcript) -> None:
        for member in ("kr-agency", "kr-cert"):
            said.world.clock.wait()
            for row in said.of_us(member):
                said.ask(f"{member} repeats", _status, said.world, member, json.loads(row.body))

    same(pair, repeat)


def test_what_may_be_said_under_its_id_is_the_same(pair: Pair) -> None:
    """What an agency says in nobody's name is said in its cert's abroad."""

    def say(said: Transcript) -> None:
        world = said.world
        in_name = world.callers[CERT].member.identity if said.source == CERT else None
        world.push(said.source, indicator(5, tlp="green", created_by=in_name))
        world.clock.wait()
        for member in ("kr-agency", "kr-cert"):
            own = world.callers[member].member.identity
            for row in said.of_us(member):
                other = json.loads(row.body) | {"modified": "2026-01-03T00:00:00.000Z", "created_by_ref": own}
                said.ask(f"{member} says otherwise", _status, world, member, other)

    lines = same(pair, say)
    assert any("US's object" in line for line in lines)


def _status(world: World, member: str, obj: Json) -> list[Any]:
    return [(one.id, one.version, one.succeeded, one.message) for one in world.push(member, obj).outcomes]
