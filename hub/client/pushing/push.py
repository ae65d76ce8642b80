"""Pushing: many objects, whatever the files look like, in posts that the hub can take.

Nothing needs to be remembered between attempts. The hub takes an equal object again as a success
that changes nothing (policy 8), and the same objects make the same posts, so an interrupted post, or a
whole push, is simply repeated.

In memory are the file that is being read where it is one JSON value (of lines, one), one post, 32 MB of
bodies, and of every object its id and place: about 250 bytes, 600 where containers name it. Bodies beyond
32 MB wait on disk. Of what the hub says of successes the first 10,000 notes are kept, and all are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Final

import orjson

from hub.client.errors import ClientError, PushStopped
from hub.client.http.explaining import MOST_AT_ONCE
from hub.client.input.reading import (
    Item,
    Role,
    SetAside,
    marked_item,
)
from hub.client.pushing.outcomes import ItemOutcome, ObjectHandling, sorted_handlings
from hub.client.pushing.packing import (
    COMMA,
    HEAD,
    TAIL,
    posts,
    size_of,
)
from hub.client.pushing.spool import Spool, SpooledItem
from hub.model import JsonObject, Tlp

_HEADROOM_BYTES: Final = 1_024  # for a proxy that counts a little differently

Post = Callable[[bytes], JsonObject]
Explain = Callable[[Sequence[JsonObject]], Sequence[Any]]  # objects with their versions: what is said of each
Progress = Callable[[int, int], None]  # objects dealt with, objects in all

MOST_EXPLAINED: Final = 10_000  # of one push
_NOTES_KEPT: Final = 10_000
_IDS_KEPT: Final = 3  # of each note


@dataclass(slots=True)
class Remark:
    """What the hub says of successes: of how many, and the first ids."""

    count: int = 0
    ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class PushReport:
    """What became of a push so far. `statuses` are the ids of TAXII status resources.

    `successes` are those of which the hub says something, the first 10,000; `notes` counts all, by what is
    said. `handlings` counts how objects are handled, as far as the hub told; `unexplained` says why not
    further.
    """

    submitted: int = 0
    succeeded: int = 0
    pending: int = 0  # of which the hub does not say yet what became of them
    failed: int = 0  # more than `failures` lists where a hub counts several together
    failures: list[ItemOutcome] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    marked: int = 0
    successes: list[ItemOutcome] = field(default_factory=list)
    notes: dict[str, Remark] = field(default_factory=dict)
    handlings: Counter[ObjectHandling] = field(default_factory=Counter)
    unexplained: str | None = None

    def to_json(self) -> JsonObject:
        return {
            "submitted": self.submitted,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "pending": self.pending,
            "failures": [asdict(failure) for failure in self.failures],
            "statuses": self.statuses,
            "marked": self.marked,
            "successes": [asdict(success) for success in self.successes],
            "notes": [{"message": text, **asdict(note)} for text, note in self.notes.items()],
            "handled": [
                handling.to_json() | {"count": count} for handling, count in sorted_handlings(self.handlings)
            ],
            "unexplained": self.unexplained,
        }


@dataclass(slots=True)
class _Accepted:
    """Objects that the hub has taken: what to ask about, and which of them are unmarked."""

    asked: dict[tuple[str, str], bool] = field(default_factory=dict)
    is_whole: bool = True

    def add(self, id: str, version: str, *, is_unmarked: bool) -> None:
        if (id, version) in self.asked or len(self.asked) < MOST_EXPLAINED:
            self.asked[id, version] = is_unmarked
        else:
            self.is_whole = False


def push(
    post: Post,
    items: Iterable[Item | SetAside],
    max_content_length: int,
    on_progress: Progress | None = None,
    *,
    mark: Tlp | None = None,
    explain: Explain | None = None,
) -> PushReport:
    """Return what became of each item after all were posted; `post` takes an envelope and gives a status.

    With `mark` what nothing marks gets this level, before it is signed. With `explain` the hub is asked
    afterwards how it handles what it took, the first 10,000; the push has succeeded whatever that answers.

    All items are read before anything is sent. Which go together is told by `packing`. An item that is larger
    than any post may be is reported as a failure; so is, where that is a container, whatever unmarked
    it names, which would be handled without it by the nation's default. Nothing else is held up.
    Raises PushStopped, with the report until then, when a post is refused whole.
    """
    report, accepted = PushReport(), _Accepted()
    if mark is not None:
        items = _marked(items, mark, report)
    with Spool() as spool:
        pieces = _read(items, spool, max_content_length - _HEADROOM_BYTES, report)
        report.failed = done = len(report.failures)
        total = done + len(pieces)
        for batch in posts(pieces, max_content_length - _HEADROOM_BYTES):
            report.submitted = done
            try:
                status = post(HEAD + COMMA.join(map(spool.body, batch)) + TAIL)
                _add(report, status, len(batch))
            except ClientError as error:
                message = f"{error}; {done} of {total} objects were sent"
                raise PushStopped(message, report, error.status) from error
            _accept(report, accepted, status, {piece.id for piece in batch if piece.is_unmarked})
            done += len(batch)
            if on_progress is not None:
                on_progress(done, total)
    report.submitted = total
    if explain is not None:
        _explain(report, explain, accepted)
    return report


def _marked(items: Iterable[Item | SetAside], level: Tlp, report: PushReport) -> Iterator[Item | SetAside]:
    for item in items:
        made = item if isinstance(item, SetAside) else marked_item(item, level)
        report.marked += made is not item
        yield made


def _read(items: Iterable[Item | SetAside], spool: Spool, room: int, report: PushReport) -> list[SpooledItem]:
    """Return the items that can be sent, in the spool; the report has the others as failures."""
    pieces: list[SpooledItem] = []
    uncovered: set[str] = set()  # what containers name that cannot be sent
    for item in items:
        if isinstance(item, SetAside):
            report.failures.append(ItemOutcome(item.id, item.version, item.message))
            uncovered.update(item.names)
        elif size_of([len(item.body)]) <= room:
            pieces.append(spool.add(item))
        else:
            report.failures.append(_too_large(item, room))
            uncovered.update(item.names)
    if not uncovered:
        return pieces
    held_back = _held_back(pieces, uncovered)
    report.failures += [_without_container(spool.body(p)) for p in pieces if p.offset in held_back]
    return [piece for piece in pieces if piece.offset not in held_back]


def _held_back(pieces: Sequence[SpooledItem], uncovered: set[str]) -> set[int]:  # (hub/README: push-plan)
    """Return, by their offsets, the pieces without TLP whose containers cannot all be sent.

    What an unmarked container names is among them where it is itself. A name goes where one container does.
    """
    held_back: set[int] = set()
    while True:
        sent = [piece for piece in pieces if piece.offset not in held_back]
        named = {name for piece in sent for name in piece.names}
        more = [piece for piece in sent if _lacks_container(piece, uncovered, named)]
        if not more:
            return held_back
        held_back.update(piece.offset for piece in more)
        uncovered = uncovered.union(*(piece.names for piece in more))


def _lacks_container(piece: SpooledItem, uncovered: set[str], named: set[str]) -> bool:
    if piece.id not in uncovered or piece.level is not None or piece.role is Role.DEFINITION:
        return False
    return piece.role is not Role.NAME or piece.id not in named


def _add(report: PushReport, status: JsonObject, posted: int) -> None:
    """Add a status resource to the report (TAXII 2.1 section 4.3.1): of as many objects as were posted.

    A hub may count several failures together, so that it lists fewer; taxii2-client refuses such a status.
    """
    names = ("total_count", "success_count", "failure_count", "pending_count")
    counts: list[Any] = [status.get(name) for name in names]
    failures = status.get("failures", [])
    is_list = isinstance(failures, list) and all(isinstance(entry, dict) for entry in failures)
    is_count = all(type(count) is int and count >= 0 for count in counts)
    if not is_list or not is_count or not posted == counts[0] == sum(counts[1:]):
        raise ClientError("the hub answered with a status that cannot be read: its counts do not add up")
    _, succeeded, failed, pending = counts
    report.pending += pending
    report.statuses.append(str(status.get("id", "")))
    report.succeeded += succeeded
    report.failed += failed
    report.failures += map(_failure, failures)


def _failure(entry: JsonObject) -> ItemOutcome:
    """Return an entry of a status resource's `failures`, whose `message` may be missing (TAXII 2.1 4.3.1)."""
    return _outcome(entry, str(entry.get("message") or "refused without a reason"))


def _outcome(entry: JsonObject, message: str) -> ItemOutcome:
    return ItemOutcome(str(entry.get("id", "")), str(entry.get("version", "")), message)


def _accept(report: PushReport, accepted: _Accepted, status: JsonObject, unmarked: Collection[str]) -> None:
    """Add what a status resource says of successes. A hub need not list them: then nothing is asked."""
    entries = status.get("successes", [])
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        message = entry.get("message")
        told = _outcome(entry, message if isinstance(message, str) else "")
        accepted.add(told.id, told.version, is_unmarked=told.id in unmarked)
        if told.message:
            note = report.notes.setdefault(told.message, Remark())
            note.count += 1
            note.ids += [told.id] if len(note.ids) < _IDS_KEPT else []
            report.successes += [told] if len(report.successes) < _NOTES_KEPT else []


def _explain(report: PushReport, explain: Explain, accepted: _Accepted) -> None:
    """Count how the hub handles what it has taken. That it does not answer is said, and is no failure."""
    asked = iter(accepted.asked.items())
    while batch := list(islice(asked, MOST_AT_ONCE)):
        try:
            told = explain([{"object": id, "version": version} for (id, version), _ in batch])
        except ClientError as error:
            report.unexplained = f"the hub does not say how it handles them: {error}"
            return
        for (_, is_unmarked), explanation in zip(batch, told, strict=False):
            handling = ObjectHandling.of(explanation, is_unmarked=is_unmarked)
            report.handlings.update([handling] if handling is not None else [])
    if not accepted.is_whole:
        report.unexplained = (
            f"the hub was asked about the first {MOST_EXPLAINED} objects; ask about others by `hub explain`"
        )


def _too_large(item: Item, room: int) -> ItemOutcome:
    message = f"the object has {len(item.body)} bytes; the hub accepts at most {room} in one request"
    return ItemOutcome(item.id, item.version, message)


def _without_container(body: bytes) -> ItemOutcome:
    item = Item.of(orjson.loads(body))
    message = (
        "a container that may name it cannot be sent; mark it with a TLP level, or correct the container"
    )
    return ItemOutcome(item.id, item.version, message)
