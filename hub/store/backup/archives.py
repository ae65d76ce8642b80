"""The content of a PostgreSQL archive, by `pg_restore`: rows of tables, and numbers of sequences.

Everything else in the archive is skipped.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from hub.store.backup import copies
from hub.store.backup.restorable import no_backup

# The two kinds of line that pg_restore writes for data. Names may be quoted.
_COPY: Final = re.compile(rb'COPY (?:"?\w+"?\.)?"?(\w+)"? \(([\w", ]+)\) FROM stdin;\n')
_SETVAL: Final = re.compile(
    rb"SELECT pg_catalog\.setval\('(?:\"?\w+\"?\.)?\"?(\w+)\"?', (\d+), (true|false)\);\n"
)
_END: Final = b"\\.\n"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table for these columns, in the form of COPY. Take them before the next part."""

    table: str
    columns: str
    lines: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Reached:
    """The number that a sequence has reached."""

    sequence: str
    number: int
    is_given: bool


def revisions(file: Path) -> Sequence[str]:
    """Return the revisions of the archive's schema. Raises Unprocessable for another kind of file."""
    with parts(file, "--table=alembic_version") as found:
        return [
            line.decode().strip()
            for part in found
            if isinstance(part, Rows) and part.table == "alembic_version"
            for line in part.lines
        ]


@contextmanager
def parts(file: Path, *options: str) -> Iterator[Iterator[Rows | Reached]]:
    """Give the parts of the archive, in order. Raises Unprocessable when it cannot be read to its end."""
    # INVARIANT: data as text only. No statement of the archive ever reaches a database.
    command = [copies.program("pg_restore"), "--data-only", "--file=-", *options, str(file)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - PostgreSQL's own program, and no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        with cast(IO[bytes], process.stdout) as lines:
            try:
                yield _parts(lines)
                for _ in lines:  # to its end: only then the exit status is known
                    pass
            except BaseException:
                process.kill()
                raise
            finally:
                failed = process.wait()
        if failed:
            errors.seek(0)
            raise no_backup(file, errors.read().decode(errors="replace"))


def _parts(lines: IO[bytes]) -> Iterator[Rows | Reached]:
    # Lines of bytes: a row may hold any text, and is passed on unchanged.
    for line in lines:
        if copied := _COPY.fullmatch(line):
            rows = _until_end(lines)
            yield Rows(copied[1].decode(), copied[2].decode(), rows)
            for _ in rows:  # skip the rows that the caller has not taken
                pass
        elif reached := _SETVAL.fullmatch(line):
            yield Reached(reached[1].decode(), int(reached[2]), reached[3] == b"true")


def _until_end(lines: IO[bytes]) -> Iterator[bytes]:
    for line in lines:
        if line == _END:
            return
        yield line
