"""The state of a continued poll on disk: the state file, and the output with its recorded length."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import orjson

from hub.client.errors import ClientError
from hub.client.input import files


@dataclass(frozen=True, slots=True)
class PollState:
    """The question of a poll, and its progress.

    `out_bytes` is the length of the output with the last recorded page, None for a stream.
    """

    url: str
    collection: str
    types: tuple[str, ...] = ()
    last_date_added: str | None = None
    out_bytes: int | None = None


class StateFile:
    """A state in a file that is always complete: each change replaces the file in one step."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, asked: PollState) -> PollState | None:
        """Return the recorded state of the poll `asked`, or None when there is no file yet.

        Raises ClientError for a state of another poll: continuing from there would skip objects.
        """
        data = files.read_small(self._path)
        if data is None:
            return None
        try:
            state = _parse(data)
        except (LookupError, ValueError, TypeError) as error:
            raise ClientError(f"{self._path} is not a state of `hub poll`: name another file") from error
        # INVARIANT: a date is used only for the same hub, collection and types; anywhere else it skips
        # objects.
        for name, there, here in (
            ("hub", state.url, asked.url),
            ("collection", state.collection, asked.collection),
            ("--type", ",".join(state.types) or "none", ",".join(asked.types) or "none"),
        ):
            if there != here:
                raise ClientError(
                    f"{self._path} belongs to a poll of another {name} ({there}, not {here}): "
                    "name another state file, or remove it to start from the beginning"
                )
        return state

    def write(self, state: PollState) -> None:
        """Replace the recorded state. After the return, the state survives a power loss."""
        files.replace(self._path, orjson.dumps(asdict(state)) + b"\n")


class OutFile:
    """A file for pages, one object per line, with one writing process at a time.

    `length` is the recorded length. Bytes beyond come from a poll that ended before its record, and are cut
    off. Without a length, appending begins at the end of the file. Raises ClientError when another process
    has the file open, or the file is shorter than the length.
    """

    def __init__(self, path: Path, length: int | None = None) -> None:
        self._path = path
        self._file = files.append_to(path)
        try:
            self._begin(path, length)
        except BaseException:
            self._file.close()
            raise
        with files.writing(path):
            # The entry of a new file in its directory must survive a power loss, too.
            files.sync_directory(path.parent)

    def _begin(self, path: Path, length: int | None) -> None:
        try:
            # The kernel drops this lock when its process dies: a crash leaves no lock behind.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ClientError(
                f"another poll is writing to {path}: wait for it, or name another file"
            ) from error
        actual = os.fstat(self._file.fileno()).st_size
        self.length = actual if length is None else length
        if actual < self.length:
            raise ClientError(
                f"{path} has {actual} bytes, but the state records {length}: it was changed since. "
                "Put it back, or remove both files to start from the beginning"
            )
        with files.writing(path):
            self._file.truncate(self.length)  # the unrecorded bytes

    def append(self, lines: bytes) -> int:
        """Write the lines and return the new length. After the return, the lines survive a power loss."""
        with files.writing(self._path):
            self._file.write(lines)
            self._file.flush()
            os.fsync(self._file.fileno())  # flush() alone leaves the bytes in the kernel's memory
        self.length += len(lines)
        return self.length

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        with suppress(OSError):  # `append` has already reported the failed write
            self._file.close()


def _parse(data: bytes) -> PollState:
    fields: Any = orjson.loads(data)
    types = fields["types"] if isinstance(fields, dict) else None
    if not isinstance(types, list) or not all(isinstance(one, str) for one in types):
        raise TypeError("a state is a JSON object with a list of types")
    state = PollState(**(fields | {"types": tuple(types)}))  # TypeError for unknown or missing fields
    texts = (state.url, state.collection, state.last_date_added or "")
    length = 0 if state.out_bytes is None else state.out_bytes  # type(): isinstance would let True pass
    if not all(isinstance(one, str) for one in texts) or type(length) is not int or length < 0:
        raise TypeError("a field has another type")
    return state
