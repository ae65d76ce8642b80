"""Pushing: many objects, whatever the files look like, in posts that the hub can take.

Nothing needs to be remembered between attempts. The hub takes an equal object again as a success
that changes nothing (policy 8), and the same objects make the same posts, so an interrupted post, or a
whole push, is simply repeated.

In memory are the file that is being read where it is one JSON value (of lines, one), one post, 32 MB of
bodies, and of every object its id and place: about 250 bytes, 600 where containers name it. Bodies beyond
32 MB wait on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import orjson

from hub.client.errors import ClientError, PushStopped
from hub.client.packing import COMMA, HEAD, TAIL, posts, size_of
from hub.client.reading import Item, Role
from hub.client.spool import Piece, Spool
from hub.model import JsonObject

_HEADROOM_BYTES: Final = 1_024  # for a proxy that counts a little differently

Post = Callable[[bytes], JsonObject]
Progress = Callable[[int, int], None]  # objects dealt with, objects in all


@dataclass(frozen=True, slots=True)
class Failure:
    """An object that the hub did not take, and why. `id` or `version` may be empty where it has none."""

    id: str
    version: str
    message: str


@dataclass(slots=True)
class PushReport:
    """What became of a push so far. `statuses` are the ids of TAXII status resources."""

    submitted: int = 0
    succeeded: int = 0
    failed: int = 0  # more than `failures` lists where a hub counts several together
    failures: list[Failure] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)

    def to_json(self) -> JsonObject:
        return {
            "submitted": self.submitted,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "failures": [asdict(failure) for failure in self.failures],
            "statuses": self.statuses,
        }


def push(
    post: Post, items: Iterable[Item], max_content_length: int, on_progress: Progress | None = None
) -> PushReport:
    """Return what became of each item after all were posted; `post` takes an envelope and gives a status.

    All items are read before anything is sent. Which go together is told by `packing`. An item that is larger
    than any post may be is reported as a failure; so is, where that is a container, whatever unmarked
    it names, which would be handled without it by the nation's default. Nothing else is held up.
    Raises PushStopped, with the report until then, when a post is refused whole.
    """
    report = PushReport()
    with Spool() as spool:
        pieces = _read(items, spool, max_content_length - _HEADROOM_BYTES, report)
        report.failed = done = len(report.failures)
        total = done + len(pieces)
        for batch in posts(pieces, max_content_length - _HEADROOM_BYTES):
            report.submitted = done
            try:
                _add(report, post(HEAD + COMMA.join(map(spool.body, batch)) + TAIL))
            except ClientError as error:
                message = f"{error}; {done} of {total} objects were sent"
                raise PushStopped(message, report, error.status) from error
            done += len(batch)
            if on_progress is not None:
                on_progress(done, total)
    report.submitted = total
    return report


def _read(items: Iterable[Item], spool: Spool, room: int, report: PushReport) -> list[Piece]:
    """Return the items that can be sent, in the spool; the report has the others as failures."""
    pieces: list[Piece] = []
    uncovered: set[str] = set()  # what containers name that cannot be sent
    for item in items:
        if size_of([len(item.body)]) <= room:
            pieces.append(spool.add(item))
        else:
            report.failures.append(_too_large(item, room))
            uncovered.update(item.names)
    if not uncovered:
        return pieces
    held_back = _held_back(pieces, uncovered)
    report.failures += [_without_container(spool.body(p)) for p in pieces if p.offset in held_back]
    return [piece for piece in pieces if piece.offset not in held_back]


def _held_back(pieces: Sequence[Piece], uncovered: set[str]) -> set[int]:
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


def _lacks_container(piece: Piece, uncovered: set[str], named: set[str]) -> bool:
    if piece.id not in uncovered or piece.level is not None or piece.role is Role.DEFINITION:
        return False
    return piece.role is not Role.NAME or piece.id not in named


def _add(report: PushReport, status: JsonObject) -> None:
    """Add a status resource to the report (TAXII 2.1 section 4.3.1).

    A hub may count several failures together, so that it lists fewer; taxii2-client refuses such a status.
    """
    names = ("total_count", "success_count", "failure_count", "pending_count")
    counts: list[Any] = [status.get(name) for name in names]
    failures = status.get("failures", [])
    is_list = isinstance(failures, list) and all(isinstance(entry, dict) for entry in failures)
    if not is_list or not all(isinstance(count, int) for count in counts) or counts[0] != sum(counts[1:]):
        raise ClientError("the hub answered with a status that cannot be read: its counts do not add up")
    _, succeeded, failed, _ = counts
    report.statuses.append(str(status.get("id", "")))
    report.succeeded += succeeded
    report.failed += failed
    report.failures += map(_failure, failures)


def _failure(entry: JsonObject) -> Failure:
    """Return an entry of a status resource's `failures`, whose `message` may be missing (TAXII 2.1 4.3.1)."""
    return Failure(
        id=str(entry.get("id", "")),
        version=str(entry.get("version", "")),
        message=str(entry.get("message") or "refused without a reason"),
    )


def _too_large(item: Item, room: int) -> Failure:
    message = f"the object has {len(item.body)} bytes; the hub accepts at most {room} in one request"
    return Failure(item.id, item.version, message)


def _without_container(body: bytes) -> Failure:
    item = Item.of(orjson.loads(body))
    message = (
        "a container that names it is too large to be sent; mark it with a TLP level, or split the container"
    )
    return Failure(item.id, item.version, message)
