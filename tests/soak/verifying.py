"""Was anything lost, doubled, changed or shown to somebody who might not see it? From the journals alone.

Whatever is uncertain is taken in the hub's favour, and the margins are those of the requests: a
version is held to a level from the acknowledgement on that says so; an agreement may have bound from
the moment its last signature was sent until the acknowledgement of its end, or until it expired.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from tests.soak.journal import CONTAINERS, KINDS, LEVELS, NAMES, Event, SoakEvidence, kind_of, strictest

_ALWAYS_COVERED = ("identity", "marking-definition")
_CLOCK_SECONDS = 0.01  # by which the machine's clock may be corrected between two readings
_NEVER = float("inf")
_SHOWN = 20


@dataclass
class Pushed:
    """One acknowledged version."""

    member: str
    id: str
    version: str
    type: str
    tlp: str | None  # its own marking
    refs: Sequence[str]
    digest: str
    sent: float
    answered: float
    levels: list[tuple[float, str]]  # held to, from when on
    deleted: float = _NEVER

    @property
    def nation(self) -> str:
        return self.member[:2].upper()

    @property
    def is_marked_container(self) -> bool:
        return self.type in CONTAINERS and self.tlp is not None

    @property
    def is_unmarked_name(self) -> bool:
        return self.type in NAMES and self.tlp is None

    def level(self, at: float) -> str:
        return strictest(level for since, level in self.levels if since <= at)


@dataclass(frozen=True)
class Binding:
    """When a clause may have bound."""

    origin: str
    to: frozenset[str]
    max_tlp: str
    audience: str
    types: frozenset[str] | None
    begin: float
    end: float


@dataclass(frozen=True)
class Serving:
    """An answer: to whom, and when it was made at the earliest and latest."""

    member: str
    sent: float
    answered: float
    bindings: Sequence[Binding]  # that may have bound then, towards the reader's nation

    @property
    def nation(self) -> str:
        return self.member[:2].upper()


@dataclass
class SoakResult:
    """What the soak came to. `violations` are sentences; none is how it should be."""

    violations: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def needed(level: str) -> str:
    """Return the lowest kind of member that the level allows (policy 3 and 4)."""
    return {"clear": "partner", "green": "partner", "amber": "agency"}.get(level, "cert")


class Verifier:
    """Judges one soak."""

    def __init__(self, evidence: SoakEvidence) -> None:
        self._evidence = evidence
        self._own = frozenset(evidence.setup.hubs_own)

    def result(self) -> SoakResult:
        found: list[str] = []
        found += [f"{event['who']}: {event['sentence']}" for event in self._evidence.of("wrong")]
        for who, pages in self._pages.items():
            found += [f"{who}: {sentence}" for sentence in self._judge_poller(who, pages)]
        found += self._held_wrongly()
        return SoakResult(found, self._counts())

    # --- what the journals say ---

    @cached_property
    def _pushed(self) -> Mapping[str, Mapping[str, Pushed]]:
        """Every acknowledged version, by id and version; a repeated push changes nothing."""
        found: dict[str, dict[str, Pushed]] = defaultdict(dict)
        for event in self._evidence.of("push"):
            for o in event["objects"]:
                if o["version"] not in found[o["id"]]:
                    levels = [(0.0, o["level"])]
                    facts = (event["member"], o["id"], o["version"], o["type"], o["tlp"])
                    content = o["refs"], o["digest"], event["sent"], event["answered"]
                    found[o["id"]][o["version"]] = Pushed(*facts, *content, levels)
        for event in self._evidence.of("raised"):
            found[event["id"]][event["version"]].levels.append((event["answered"], event["level"]))
        for event in self._evidence.of("deleted"):
            for version in event["versions"]:
                found[event["id"]][version].deleted = event["answered"]
        return found

    @cached_property
    def _bindings(self) -> Mapping[str, Sequence[Binding]]:
        """When clauses may have bound, by recipient."""
        ended = {event["id"]: event["answered"] for event in self._evidence.of("ended")}
        found: dict[str, list[Binding]] = defaultdict(list)
        for event in self._evidence.of("agreement"):
            begin = max(event["sent"], event["begin"]) - _CLOCK_SECONDS
            end = min(event["until"], ended.get(event["id"], _NEVER)) + _CLOCK_SECONDS
            for clause in event["clauses"]:
                types = frozenset(clause["types"]) if "types" in clause else None
                terms = (
                    clause["from"],
                    frozenset(clause["to"]),
                    clause["max_tlp"],
                    clause.get("audience", "agency"),
                )
                binding = Binding(*terms, types, begin, end)
                for nation in clause["to"]:
                    found[nation].append(binding)
        return found

    @cached_property
    def _pages(self) -> Mapping[str, Sequence[Event]]:
        found: dict[str, list[Event]] = defaultdict(list)
        for event in self._evidence.of("page"):
            found[event["who"]].append(event)
        return found

    def _counts(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for event in self._evidence.of("count"):
            counts.update(event["counts"])
        pushes = list(self._evidence.of("push"))
        agreements = list(self._evidence.of("agreement"))
        ended = {event["id"] for event in self._evidence.of("ended")}
        last = max((event["answered"] for event in self._evidence.of("page")), default=0.0)
        counts["pushes"] = len(pushes)
        counts["objects"] = len(self._pushed)
        counts["versions"] = sum(len(versions) for versions in self._pushed.values())
        counts["deletions"] = sum(1 for _ in self._evidence.of("deleted"))
        counts["agreements"] = len(agreements)
        counts["ended"] = len(ended)
        counts["expired"] = sum(e["id"] not in ended and e["until"] <= last for e in agreements)
        counts["received"] = sum(len(event["objects"]) for event in self._evidence.of("page"))
        return counts

    # --- one poller ---

    def _judge_poller(self, who: str, pages: Sequence[Event]) -> Iterable[str]:
        yield from self._dates(who, pages)
        yield from self._lost(who, pages)
        for page in pages:
            serving = self._serving(page)
            for id, version, digest, *_ in page["objects"]:
                if not self._is_hubs_own(id):
                    yield from self._judge_object(serving, id, version, digest)

    def _is_hubs_own(self, id: str) -> bool:
        """Tell whether the hub itself says it: what it publishes for all, or a note that recalls."""
        return id in self._own or (id.startswith("note--") and id not in self._pushed)

    def _dates(self, who: str, pages: Sequence[Event]) -> Iterable[str]:
        """Dates grow from page to page, and within a manifest; a page has nothing twice."""
        is_command = who.startswith("poller-command-")
        for one, two in pairwise(pages):
            if two["last" if is_command else "first"] <= one["last"]:
                yield f"a date does not grow: {one['last']}, then {two['first']}"
        for page in pages:
            dates = [entry[3] for entry in page["objects"] if len(entry) > 3]
            if any(one >= two for one, two in pairwise(dates)):
                yield f"dates in a manifest do not grow: {dates}"
            # A run of the command is several pages, between which an object may have got a new date.
            twice = Counter((entry[0], entry[1]) for entry in page["objects"])
            if not is_command and (doubled := [key for key, n in twice.items() if n > 1]):
                yield f"twice in one page: {doubled[:_SHOWN]}"
            if not page["first"] <= page["last"] and not is_command:
                yield f"a page ends before it begins: {page['first']} {page['last']}"

    def _lost(self, who: str, pages: Sequence[Event]) -> Iterable[str]:
        """All that a full poll returns at the end has been received, and equal (policy I4)."""
        received = {(entry[0], entry[1]): entry[2] for page in pages for entry in page["objects"]}
        fulls = [event for event in self._evidence.of("full") if event["who"] == who]
        if len(fulls) != 1:
            yield f"{len(fulls)} full polls at the end"
        for id, version, digest in (entry for event in fulls for entry in event["objects"]):
            if self._is_hubs_own(id) and id not in self._own:
                continue  # a note may come between the last poll and the full one
            if (id, version) not in received:
                yield f"lost: {id} {version}"
            elif received[id, version] not in (None, digest):
                yield f"received otherwise than it is: {id} {version}"
        keys = Counter((entry[0], entry[1]) for event in fulls for entry in event["objects"])
        if doubled := [key for key, n in keys.items() if n > 1]:
            yield f"doubled in a full poll: {doubled[:_SHOWN]}"

    def _serving(self, page: Event) -> Serving:
        sent, answered, nation = page["sent"], page["answered"], page["member"][:2].upper()
        bindings = [b for b in self._bindings[nation] if b.begin <= answered and b.end > sent]
        return Serving(page["member"], sent, answered, bindings)

    def _judge_object(self, serving: Serving, id: str, version: str, digest: str | None) -> Iterable[str]:
        place = f"{id} {version}, asked for at {serving.sent}"
        pushed = self._pushed.get(id, {}).get(version)
        if pushed is None:
            yield f"nobody pushed {place}"
            return
        if digest is not None and digest != pushed.digest:
            yield f"not as it was pushed: {place}"
        if pushed.deleted < serving.sent:
            yield f"deleted at {pushed.deleted}, and served: {place}"
        if pushed.sent > serving.answered:
            yield f"served before it was pushed: {place}"
        if serving.member == pushed.member:
            return
        # The newest version decides (policy 4), and what an object refers to (policy 2.7).
        later = [v for v in self._pushed[id].values() if v.version >= version and v.answered < serving.sent]
        if not all(self._may_see(serving, v) for v in [pushed, *later]):
            yield f"not allowed to {serving.member}: {place}, held to {pushed.level(serving.sent)}"
        elif hidden := [ref for ref in pushed.refs if self._withholds(serving, pushed, ref)]:
            yield f"refers to what {serving.member} may not see: {place}: {hidden}"

    def _may_see(self, serving: Serving, pushed: Pushed) -> bool:
        level, kind = pushed.level(serving.sent), kind_of(serving.member)
        if serving.nation == pushed.nation:
            return serving.member == pushed.member or _rank(kind) >= _rank(needed(level))
        return any(
            binding.origin == pushed.nation
            and level != "red"
            and LEVELS.index(level) <= LEVELS.index(binding.max_tlp)
            and (binding.types is None or pushed.type in (*binding.types, *_ALWAYS_COVERED))
            and _rank(kind) >= max(_rank(binding.audience), _rank(needed(level)))
            and binding.begin <= pushed.answered
            for binding in serving.bindings
        )

    def _withholds(self, serving: Serving, pushed: Pushed, ref: str) -> bool:
        """Tell whether a referent hides it from the reader; marked containers wait for no unmarked name."""
        is_name = any(version.is_unmarked_name for version in self._pushed.get(ref, {}).values())
        return not (pushed.is_marked_container and is_name) and not self._may_see_record(serving, ref)

    def _may_see_record(self, serving: Serving, id: str) -> bool:
        """Tell whether the reader may see the newest version; where that is uncertain, any will do."""
        versions = list(self._pushed.get(id, {}).values())
        if not versions or serving.member == versions[0].member:
            return True
        settled = [v for v in versions if v.answered < serving.sent]
        moving = [
            v for v in versions if v.answered >= serving.sent > v.sent - (serving.answered - serving.sent)
        ]
        if not settled or moving or any(v.deleted < _NEVER for v in versions):
            return any(self._may_see(serving, v) for v in versions)
        return self._may_see(serving, max(settled, key=lambda v: v.version))

    # --- the submitters ---

    def _held_wrongly(self) -> Iterable[str]:
        """A submitter's full poll has what was acknowledged and not deleted, once and equal, and no more."""
        held = {event["member"]: event["objects"] for event in self._evidence.of("held")}
        expected: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for versions in self._pushed.values():
            for v in versions.values():
                if v.deleted == _NEVER:
                    expected[v.member].append((v.id, v.version, v.digest))
        for member, entries in expected.items():
            mine = {
                id for id, versions in self._pushed.items() for v in versions.values() if v.member == member
            }
            found = Counter(tuple(entry) for entry in held.get(member, []) if entry[0] in mine)
            wanted: Counter[tuple[Any, ...]] = Counter(list(entries))
            for name, difference in (("is missing", wanted - found), ("is too many", found - wanted)):
                yield from (f"{member}: {name}: {' '.join(entry)}" for entry in difference)


def _rank(kind: str) -> int:
    return KINDS.index(kind)
