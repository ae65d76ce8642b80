"""A sound world with something of everything in it, and copies of its database to damage."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg

from hub.actions.operation import administer, work
from hub.actions.service.in_force import InForce
from hub.actions.service.service import Service
from hub.model import Purpose, VersionFilter
from hub.proofs import documents, keys
from hub.store.database.connection import Store
from tests.stix_objects import (
    definition,
    identity,
    indicator,
    malware,
    observable,
    relationship,
    report,
    stix_id,
)
from tests.world import World, clause, key_of

UNKNOWN = stix_id("marking-definition", 500)
LAST = frozenset({VersionFilter.LAST})


def fill(world: World) -> None:
    """Let everything happen once that leaves a trace."""
    _agree(world)
    _submit(world)
    _take_back(world)
    new = keys.generate("p256")
    endorsement = documents.endorse(new.public.jwk, key_of("kr-cert", Purpose.AGREEMENT))
    jwk = json.dumps(new.public.jwk).encode()
    administer.register_key(world.service, "kr-cert", jwk, Purpose.AGREEMENT, endorsement)
    world.clock.wait(60)
    world.push("us-agency", indicator(9, tlp="green"))
    world.follow("kr-agency", limit=1_000).poll()
    world.follow("us-agency", limit=1_000).poll()


def _agree(world: World) -> None:
    now = world.clock.now
    world.agree(["US", "KR"], clause("US", "KR", "amber"), clause("KR", "US", "green"))
    world.agree(["US", "AU"], clause("US", "AU", "green"), valid_from=now + timedelta(days=1))
    world.agree(["US", "IN"], clause("US", "IN", "green"), signers=["US"])
    world.terminate(world.agree(["IN", "KR"], clause("IN", "KR", "green")), by="KR")


def _submit(world: World) -> None:
    ended = world.agree(["US", "JP"], clause("US", "JP", "amber+strict", audience="cert"))
    author = stix_id("identity", 1)
    world.push(
        "us-agency",
        identity(1),
        malware(1, tlp="green", created_by=author),
        malware(1, version=2, tlp="amber", created_by=author),
        malware(2, tlp="green"),
        relationship(1, tlp="clear", refs=[stix_id("malware", 1), stix_id("malware", 2)]),
        {"type": "malware", "id": "none"},
    )
    world.push("us-agency", malware(5, tlp="green"), malware(5, version=2, tlp="amber"))
    world.push(
        "us-agency2", malware(1, tlp="red"), relationship(2, tlp="green", refs=[stix_id("malware", 1)])
    )
    world.push(
        "us-partner", definition(1), indicator(3, tlp="green", marks=[stix_id("marking-definition", 1)])
    )
    world.push("us-cert", indicator(4, tlp="green", marks=[UNKNOWN]), indicator(4, version=2, revoked=True))
    world.push("us-agency", malware(4, tlp="green"))
    world.push("in-agency", report(1, tlp="red", refs=[stix_id("indicator", 1)]), indicator(1))
    world.push("in-agency", indicator(6, tlp="green", marks=[UNKNOWN]))
    world.push("kr-cert", observable(1, tlp="green"))
    world.push("kr-cert", observable(1, value=2, tlp="green"))
    world.clock.wait(60)
    world.terminate(ended, by="JP")
    assert work.work(world.service).withdrawn > 0


def _take_back(world: World) -> None:
    world.delete("us-agency", stix_id("malware", 4))
    world.delete("us-cert", stix_id("malware", 5), selections=LAST)


# --- copies -------------------------------------------------------------------------------------


@contextmanager
def copied(world: World, database_url: str) -> Iterator[tuple[Service, str]]:
    """Give a service over a copy of a closed world's database, and the URL of the copy."""
    with _copy(database_url) as url:
        service = replace(world.service, store=Store.open(url), in_force=InForce())
        service.store.clock = world.clock
        try:
            yield service, url
        finally:
            service.store.close()


@contextmanager
def _copy(database_url: str) -> Iterator[str]:
    name = f"hub_test_{uuid.uuid4().hex}"
    if database_url.startswith("sqlite"):
        path = Path(database_url.removeprefix("sqlite:///"))
        file = path.with_name(name)
        shutil.copyfile(path, file)
        yield f"sqlite:///{file}"
        return
    source = re.sub(r".*/(\w+)\?.*", r"\1", database_url)
    server = _conninfo(database_url.replace(f"/{source}?", "/postgres?"))
    with closing(psycopg.connect(server, autocommit=True)) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"'.encode())
        try:
            yield database_url.replace(f"/{source}?", f"/{name}?")
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def damage(url: str, statement: str) -> None:
    """Run one statement that no constraint on other tables stops; it must hit something."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as lite, lite:
            assert lite.execute(statement).rowcount > 0, statement
        return
    statement = re.sub(r"X'([0-9A-Fa-f]*)'", r"'\\x\1'::bytea", statement)
    with closing(psycopg.connect(_conninfo(url))) as connection, connection:
        connection.execute("SET session_replication_role = replica")
        assert connection.execute(statement.encode()).rowcount > 0, statement


def _conninfo(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)
