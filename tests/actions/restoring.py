"""Making a database of a backup, as an operator does: by `hub restore`, into one that is not there yet."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from hub.actions.operation import restore
from hub.store.database import epochs
from hub.store.database.connection import Store
from hub.store.database.moments import Clock


@contextmanager
def restored(database_url: str, file: Path, clock: Clock | None = None) -> Iterator[str]:
    """Give the URL of a new database, beside the one at `database_url`: it holds the backup, and is open."""
    with beside(database_url) as url:
        restore.restore(url, file, clock)
        with closing(Store.open(url)) as store, store.write(when_closed=True) as connection:
            epochs.open_again(connection)
        yield url


@contextmanager
def beside(database_url: str) -> Iterator[str]:
    """Give the URL of a database beside the one at `database_url`; on PostgreSQL it is there, and empty."""
    name = f"restored_{uuid.uuid4().hex}"
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{Path(database_url.removeprefix('sqlite:///')).with_name(name)}"
        return
    server = make_url(database_url).set(drivername="postgresql")
    address = server.set(database="postgres").render_as_string(hide_password=False)
    with closing(psycopg.connect(address, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        try:
            target = server.set(database=name).render_as_string(hide_password=False)
            yield target.replace("postgresql://", "postgresql+psycopg://", 1)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def program(name: str) -> str:
    """One of PostgreSQL's own programs."""
    packaged = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(packaged[-1]) if packaged else None)
    assert found is not None, f"{name} is not installed"
    return found
