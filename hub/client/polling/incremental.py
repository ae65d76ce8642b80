"""Polling again and again without losing or repeating anything, also after a crash.

The order of steps is what makes a crash harmless: a page is written and flushed to the disk first,
and only then does the state move on, in one atomic replacement that also records how long the
output is. A later poll cuts off whatever was written beyond that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self

from hub.client.errors import ClientError
from hub.client.input.writing import json_bytes
from hub.client.polling.pages import PolledPage
from hub.client.polling.state import OutFile, PollState, StateFile
from hub.model import JsonObject

Fetch = Callable[[str | None], Iterator[PolledPage]]  # the pages after a date


@dataclass(frozen=True, slots=True)
class PollReport:
    """How many objects a poll brought, and from which date the next one continues."""

    objects: int
    last_date_added: str | None

    def to_json(self) -> JsonObject:
        return {"objects": self.objects, "last_date_added": self.last_date_added}


class Output(Protocol):
    """Where lines go. `append` returns when they are safe, with the length of the whole where it is known."""

    def append(self, lines: bytes) -> int | None: ...


class Incremental:
    """A poll that continues where it, or an earlier process with the same state file, ended.

    Objects go to the file `out`, else to `stream`, one per line. With `state` and `out` a crash at
    any moment loses and repeats nothing; with `state` and a stream it may repeat one page. To be
    used in a `with` statement, which opens the files: raises ClientError when the state belongs to
    another poll, or the output is not as it records.
    """

    def __init__(
        self, fetch: Fetch, asked: PollState, stream: Output, *, out: Path | None, state: Path | None
    ) -> None:
        self._fetch = fetch
        self._state = asked
        self._output = stream
        self._out = out
        self._state_file = None if state is None else StateFile(state)
        self._opened = ExitStack()
        self._objects = 0

    @property
    def so_far(self) -> PollReport:
        """What all polls since the start have brought, an interrupted one included."""
        return PollReport(self._objects, self._state.last_date_added)

    def __enter__(self) -> Self:
        recorded = None if self._state_file is None else self._state_file.read(self._state)
        if recorded is not None:
            self._check_kind_of_output(recorded)
            self._state = recorded
        if self._out is not None:
            file = self._opened.enter_context(OutFile(self._out, self._state.out_bytes))
            self._output = file
            self._state = replace(self._state, out_bytes=file.length)
        if recorded is None:
            # Before the first page: else a crash after it would leave lines that nothing records.
            self._record(self._state)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._opened.close()

    def once(self, on_page: Callable[[int], None] | None = None) -> PollReport:
        """Fetch what is new, and return how much that was; `on_page` is told how many objects came so far.

        Raises ClientError when the hub refuses or cannot be reached; what was recorded by then stays.
        """
        before = self._objects
        for page in self._fetch(self._state.last_date_added):
            length = self._output.append(lines(page.objects))
            self._record(replace(self._state, last_date_added=page.last_date_added, out_bytes=length))
            self._objects += len(page.objects)
            if on_page is not None:
                on_page(self._objects)
        return PollReport(self._objects - before, self._state.last_date_added)

    def _record(self, state: PollState) -> None:
        if self._state_file is not None:
            self._state_file.write(state)
        self._state = state

    def _check_kind_of_output(self, recorded: PollState) -> None:
        if (recorded.out_bytes is None) != (self._out is None):
            before, now = ("standard output", "a file") if self._out else ("a file", "standard output")
            raise ClientError(
                f"the state belongs to a poll to {before}, not to {now}: "
                "poll as before, or name another state file to start from the beginning"
            )


def lines(objects: Sequence[JsonObject]) -> bytes:
    """Return the objects as JSON, one per line. Raises ClientError for one that cannot be written."""
    return b"".join(json_bytes(item, "an object of the hub's") + b"\n" for item in objects)
