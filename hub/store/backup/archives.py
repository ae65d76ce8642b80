"""What a PostgreSQL archive holds, as `pg_restore` tells it: rows of tables, and where their numbers stand.

Whatever else the archive would have a database do is passed over.
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

_COPY: Final = re.compile(rb'COPY (?:"?\w+"?\.)?"?(\w+)"? \(([\w", ]+)\) FROM stdin;\n')
_SETVAL: Final = re.compile(
    rb"SELECT pg_catalog\.setval\('(?:\"?\w+\"?\.)?\"?(\w+)\"?', (\d+), (true|false)\);\n"
)
_END: Final = b"\\.\n"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table, for these columns, as COPY reads them: to be taken before what follows."""

    table: str
    columns: str
    lines: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a sequence has come."""

    sequence: str
    number: int
    is_given: bool


def revisions(file: Path) -> Sequence[str]:
    """Return the revisions that the archive's schema is of. Raises Unprocessable for what is no archive."""
    with parts(file, "--table=alembic_version") as found:
        return [
            line.decode().strip()
            for part in found
            if isinstance(part, Rows) and part.table == "alembic_version"
            for line in part.lines
        ]


@contextmanager
def parts(file: Path, *options: str) -> Iterator[Iterator[Rows | Reached]]:
    """Give what the archive holds, in its order. Raises Unprocessable when it cannot be read to its end."""
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
                for _ in lines:  # to its end, for only there it says whether all was well
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
    for line in lines:
        if copied := _COPY.fullmatch(line):
            rows = _until_end(lines)
            yield Rows(copied[1].decode(), copied[2].decode(), rows)
            for _ in rows:  # which nobody has taken
                pass
        elif reached := _SETVAL.fullmatch(line):
            yield Reached(reached[1].decode(), int(reached[2]), reached[3] == b"true")


def _until_end(lines: IO[bytes]) -> Iterator[bytes]:
    for line in lines:
        if line == _END:
            return
        yield line
