"""Making a database of a backup, by the very steps that the README gives an operator."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url


@contextmanager
def restored(database_url: str, file: Path) -> Iterator[str]:
    """Give the URL of a new database, beside the one at `database_url`, that holds the backup."""
    name = f"restored_{uuid.uuid4().hex}"
    if database_url.startswith("sqlite"):
        place = Path(database_url.removeprefix("sqlite:///")).with_name(name)
        shutil.copyfile(file, place)
        yield f"sqlite:///{place}"
        return
    server = make_url(database_url).set(drivername="postgresql")
    address = server.set(database="postgres").render_as_string(hide_password=False)
    with closing(psycopg.connect(address, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            target = server.set(database=name).render_as_string(hide_password=False)
            command = [
                program("pg_restore"),
                "--no-owner",
                "--exit-on-error",
                f"--dbname={target}",
                str(file),
            ]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
            yield target.replace("postgresql://", "postgresql+psycopg://", 1)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def program(name: str) -> str:
    """One of PostgreSQL's own programs."""
    packaged = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(packaged[-1]) if packaged else None)
    assert found is not None, f"{name} is not installed"
    return found
