"""Pushing: many objects of any files, in POSTs of a size that the hub accepts.

No memory between attempts is needed. The hub takes an equal object again as a success without change (policy
8), and the same objects make the same POSTs. So an interrupted POST, or a whole push, is repeated.

In memory are: the file being read if it is one JSON value (of lines, one line), one POST, 32 MB of bodies,
and for each object its id and place: about 250 bytes, or 600 inside containers. Further bodies wait on disk.
The first 10,000 messages on successes are kept, and all are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Final

import orjson

from hub.client.errors import ClientError
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

_HEADROOM_BYTES: Final = 1_024  # a proxy may count a little differently

Post = Callable[[bytes], JsonObject]
# Objects with versions; returns an explanation for each.
Explain = Callable[[Sequence[JsonObject]], Sequence[Any]]
Progress = Callable[[int, int], None]  # objects done, objects in all

MOST_EXPLAINED: Final = 10_000  # of one push
_NOTES_KEPT: Final = 10_000  # messages on successes
_IDS_KEPT: Final = 3  # for each message


@dataclass(slots=True)
class MessageCount:
    """A message of the hub on successes: its number of objects, and their first ids."""

    count: int = 0
    ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class PushReport:
    """The result of a push until now. `statuses` are ids of TAXII status resources.

    `successes` has the first 10,000 successes with a message; `notes` counts all of them by message.
    `handlings` counts the objects by handling, as far as the hub said; `unexplained` is the reason for a gap.
    """

    submitted: int = 0
    succeeded: int = 0
    pending: int = 0  # without an outcome yet
    failed: int = 0  # may exceed `failures`: a hub may count several together
    failures: list[ItemOutcome] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    marked: int = 0
    successes: list[ItemOutcome] = field(default_factory=list)
    notes: dict[str, MessageCount] = field(default_factory=dict)
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


class PushStopped(ClientError):
    """A push ended early. Pushing the same objects again completes the push and does no harm."""

    def __init__(self, message: str, report: PushReport, status: int | None = None) -> None:
        super().__init__(message, status)
        self.report = report  # with the outcomes until the end


@dataclass(slots=True)
class _Accepted:
    """The accepted objects: versions to ask about, and whether each is unmarked."""

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
    """Return the report on all items after they were posted; `post` takes an envelope and returns a status.

    With `mark`, each object without a marking gets this level before signing. With `explain`, the hub is
    asked afterwards about the first 10,000 accepted objects; its answer does not change the push's success.

    All items are read before the first POST; `packing` decides which objects share a POST. An item above the
    limit of a POST is reported as a failure. If it is a container, its unmarked contents fail, too: without
    the container, the nation's default would count. No other item waits for a failure. Raises PushStopped,
    with the report until then, when the hub refuses a whole POST.
    """
    report, accepted = PushReport(), _Accepted()
    # Marked before packing: packing depends on levels, and the signature covers the marking.
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
            # The outcome of this POST may be unknown. Pushing again is safe: an equal object changes nothing
            # (policy 8).
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


def _read(
    items: Iterable[Item | SetAside], spool: Spool, most_bytes: int, report: PushReport
) -> list[SpooledItem]:
    """Return the sendable items, kept in the spool; all other items become failures of the report."""
    pieces: list[SpooledItem] = []
    uncovered: set[str] = set()  # named by containers that are not sent
    for item in items:
        if isinstance(item, SetAside):
            report.failures.append(ItemOutcome(item.id, item.version, item.message))
            uncovered.update(item.names)
        elif size_of([len(item.body)]) <= most_bytes:
            pieces.append(spool.add(item))
        else:
            report.failures.append(_too_large(item, most_bytes))
            uncovered.update(item.names)
    # INVARIANT: no unmarked object goes without its containers: RED on the report may be its only marking
    # (policy 2.3).
    if not uncovered:
        return pieces
    held_back = _held_back(pieces, uncovered)
    report.failures += [_without_container(spool.body(p)) for p in pieces if p.offset in held_back]
    return [piece for piece in pieces if piece.offset not in held_back]


def _held_back(pieces: Sequence[SpooledItem], uncovered: set[str]) -> set[int]:  # (hub/README: push-plan)
    """Return the offsets of pieces without TLP whose containers cannot all be sent.

    The contents of such an unmarked container are held back, too. A name is sent if at least one container
    is.
    """
    held_back: set[int] = set()
    while True:
        sent = [piece for piece in pieces if piece.offset not in held_back]
        named = {name for piece in sent for name in piece.names}
        more = [piece for piece in sent if _lacks_container(piece, uncovered, named)]
        if not more:
            return held_back  # nothing new was held back
        held_back.update(piece.offset for piece in more)
        uncovered = uncovered.union(*(piece.names for piece in more))


def _lacks_container(piece: SpooledItem, uncovered: set[str], named: set[str]) -> bool:
    # A definition, or an object with its own TLP, takes nothing from a container.
    if piece.id not in uncovered or piece.level is not None or piece.role is Role.DEFINITION:
        return False
    return piece.role is not Role.NAME or piece.id not in named


def _add(report: PushReport, status: JsonObject, posted: int) -> None:
    """Add a status resource (TAXII 2.1 section 4.3.1) with as many objects as were posted to the report.

    A hub may count several failures as one entry, and list fewer. taxii2-client refuses such a status.
    """
    names = ("total_count", "success_count", "failure_count", "pending_count")
    counts: list[Any] = [status.get(name) for name in names]
    failures = status.get("failures", [])
    is_list = isinstance(failures, list) and all(isinstance(entry, dict) for entry in failures)
    # Type(): isinstance would let True pass.
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
    """Return the outcome of an entry of `failures`; `message` may be missing (TAXII 2.1 section 4.3.1)."""
    return _outcome(entry, str(entry.get("message") or "refused without a reason"))


def _outcome(entry: JsonObject, message: str) -> ItemOutcome:
    return ItemOutcome(str(entry.get("id", "")), str(entry.get("version", "")), message)


def _accept(report: PushReport, accepted: _Accepted, status: JsonObject, unmarked: Collection[str]) -> None:
    """Add the successes of a status. Listing them is optional (TAXII 2.1 section 4.3.1)."""
    entries = status.get("successes", [])
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        message = entry.get("message")
        outcome = _outcome(entry, message if isinstance(message, str) else "")
        accepted.add(outcome.id, outcome.version, is_unmarked=outcome.id in unmarked)
        if outcome.message:
            note = report.notes.setdefault(outcome.message, MessageCount())
            note.count += 1
            note.ids += [outcome.id] if len(note.ids) < _IDS_KEPT else []
            report.successes += [outcome] if len(report.successes) < _NOTES_KEPT else []


def _explain(report: PushReport, explain: Explain, accepted: _Accepted) -> None:
    """Count the hub's handling of the accepted objects. A missing answer is reported, and is no failure."""
    asked = iter(accepted.asked.items())
    while batch := list(islice(asked, MOST_AT_ONCE)):
        try:
            explained = explain([{"object": id, "version": version} for (id, version), _ in batch])
        except ClientError as error:
            report.unexplained = f"the hub does not say how it handles them: {error}"
            return
        for (_, is_unmarked), explanation in zip(batch, explained, strict=False):
            handling = ObjectHandling.of(explanation, is_unmarked=is_unmarked)
            report.handlings.update([handling] if handling is not None else [])
    if not accepted.is_whole:
        report.unexplained = (
            f"the hub was asked about the first {MOST_EXPLAINED} objects; ask about others by `hub explain`"
        )


def _too_large(item: Item, most_bytes: int) -> ItemOutcome:
    message = f"the object has {len(item.body)} bytes; the hub accepts at most {most_bytes} in one request"
    return ItemOutcome(item.id, item.version, message)


def _without_container(body: bytes) -> ItemOutcome:
    item = Item.of(orjson.loads(body))
    message = (
        "a container that may name it cannot be sent; mark it with a TLP level, or correct the container"
    )
    return ItemOutcome(item.id, item.version, message)
