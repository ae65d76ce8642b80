"""Continued polls: nothing is lost and nothing is repeated, also after a crash.

The order of steps makes a crash harmless. A page is first written and flushed to disk. Then the state moves
on in one atomic replacement, which also records the length of the output. A later poll cuts off all bytes
beyond the recorded length.
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

Fetch = Callable[[str | None], Iterator[PolledPage]]  # returns the pages after a date


@dataclass(frozen=True, slots=True)
class PollReport:
    """The number of objects of a poll, and the date from which the next poll continues."""

    objects: int
    last_date_added: str | None

    def to_json(self) -> JsonObject:
        return {"objects": self.objects, "last_date_added": self.last_date_added}


class Output(Protocol):
    """A receiver of lines. `append` returns after the lines are safe, with the whole length or None."""

    def append(self, lines: bytes) -> int | None: ...


class Incremental:
    """A poll that continues at the end of its last poll, or of an earlier process with the same state file.

    Objects go to the file `out`, otherwise to `stream`, as one line each. With `state` and `out`, a crash at
    any moment loses and repeats nothing. With `state` and a stream, a crash may repeat one page. Use the
    object in a `with` statement, which opens the files and raises ClientError when the state belongs to
    another poll, or the output does not match the state.
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
        """The report on all polls since the start, including an interrupted poll."""
        return PollReport(self._objects, self._state.last_date_added)

    def __enter__(self) -> Self:
        recorded = None if self._state_file is None else self._state_file.read(self._state)
        if recorded is not None:
            self._check_kind_of_output(recorded)
            self._state = recorded
        if self._out is not None:
            # Opening cuts off the bytes that the state does not record: see `OutFile`.
            file = self._opened.enter_context(OutFile(self._out, self._state.out_bytes))
            self._output = file
            self._state = replace(self._state, out_bytes=file.length)
        if recorded is None:
            # Before the first page: after a crash no state would record the lines of that page.
            self._record(self._state)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._opened.close()

    def once(self, on_page: Callable[[int], None] | None = None) -> PollReport:
        """Fetch the new objects and report on them; `on_page` gets the number of objects until now.

        Raises ClientError when the hub refuses or cannot be reached. The pages recorded before remain.
        """
        before = self._objects
        for page in self._fetch(self._state.last_date_added):
            # INVARIANT: the page is on disk before the state names its date. In the other order a crash would
            # lose the page (I4).
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
        # `out_bytes` is None for a stream, whose length nobody can check after a restart.
        if (recorded.out_bytes is None) != (self._out is None):
            before, now = ("standard output", "a file") if self._out else ("a file", "standard output")
            raise ClientError(
                f"the state belongs to a poll to {before}, not to {now}: "
                "poll as before, or name another state file to start from the beginning"
            )


def lines(objects: Sequence[JsonObject]) -> bytes:
    """Return the objects as JSON, one per line. Raises ClientError for an unwritable object."""
    return b"".join(json_bytes(item, "an object of the hub's") + b"\n" for item in objects)
