"""Backups restored by `hub restore`, as an operator does: in place, or into a database that is not there."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from hub.actions.operation import restore
from hub.actions.operation.backup import backup
from hub.store.database import epochs
from hub.store.database.connection import Store
from hub.store.database.moments import Clock
from tests.world import World, build, clause


@contextmanager
def sharing_world(database_url: str) -> Iterator[World]:
    """Give two nations that share, and whose members sign."""
    kinds = ("cert", "agency", "partner")
    world = build(database_url, codes=("KR", "US"), kinds=kinds, require_signature=True)
    world.agree(["US", "KR"], clause("US", "KR", "amber"))
    yield world
    world.close()


def restorer(world: World, database_url: str, file: Path) -> Callable[[], list[str]]:
    """Make a backup at once; when called, restore it, and return what was lost."""

    def restored() -> list[str]:
        return list(restore.restore(database_url, file, world.clock))

    backup(database_url, file)
    return restored


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
