"""Pushing: many objects, whatever the files look like, in posts that the hub can take.

Nothing needs to be remembered between attempts. The hub takes an equal object again as a success
that changes nothing (policy 8), so an interrupted post, or a whole push, is simply repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from taxii2client.exceptions import TAXIIServiceException

from hub.client.errors import ClientError, PushStopped
from hub.client.reading import Item, containers_first
from hub.model import JsonObject

_MOST_OBJECTS: Final = 1_000  # per post: an answer within seconds, and a failed post repeats little
_HEAD, _TAIL, _COMMA = b'{"objects":[', b"]}", b","
_HEADROOM_BYTES: Final = 1_024  # for a proxy that counts a little differently

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
    collection: Any, items: Iterable[Item], max_content_length: int, on_progress: Progress | None = None
) -> PushReport:
    """Return what became of each item after all were posted to a taxii2-client `collection`.

    Containers go first. An item that is larger than any post may be is reported as a failure and
    holds up nothing. Raises PushStopped, with the report until then, when a post is refused whole.
    """
    ordered = containers_first(items)
    report = PushReport(submitted=len(ordered))
    room = max_content_length - _HEADROOM_BYTES
    fitting = [item for item in ordered if _size([item]) <= room]
    report.failures += [_too_large(item, room) for item in ordered if _size([item]) > room]
    report.failed = len(report.failures)
    done = len(ordered) - len(fitting)
    for batch in batches(fitting, room):
        try:
            _post(collection, batch, report)
        except ClientError as error:
            report.submitted = done
            raise PushStopped(
                f"{error}; {done} of {len(ordered)} objects were sent", report, error.status
            ) from error
        done += len(batch)
        if on_progress is not None:
            on_progress(done, len(ordered))
    return report


def batches(items: Iterable[Item], room: int, most: int = _MOST_OBJECTS) -> Iterator[Sequence[Item]]:
    """Yield the items in order, in runs that fit: at most `most` items and `room` bytes as an envelope.

    Every single item must fit by itself.
    """
    batch: list[Item] = []
    size = _size(batch)
    for item in items:
        added = len(item.body) + len(_COMMA)
        if batch and (len(batch) == most or size + added > room):
            yield batch
            batch, size = [], _size([])
        batch.append(item)
        size += added
    if batch:
        yield batch


def _size(items: Sequence[Item]) -> int:
    """Return an upper bound of the bytes of an envelope: it counts a comma after the last item, too."""
    return len(_HEAD) + len(_TAIL) + sum(len(item.body) + len(_COMMA) for item in items)


def _post(collection: Any, batch: Sequence[Item], report: PushReport) -> None:
    try:
        status = collection.add_objects(_HEAD + _COMMA.join(item.body for item in batch) + _TAIL)
    except TAXIIServiceException as error:
        raise ClientError(f"the hub answered with a status that cannot be read: {error}") from error
    report.statuses.append(status.id)
    report.succeeded += status.success_count
    report.failed += status.failure_count
    report.failures += [_failure(entry) for entry in status.failures]


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
