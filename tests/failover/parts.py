"""Worlds on a primary with standbys: what the tests of fail-over begin with, and what they look for."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select

from hub.actions.service.service import Service
from hub.actions.submission import submit
from hub.errors import Refused
from hub.model import Caller, HttpRequest, NationCode, Purpose, Receipt, Submission
from hub.proofs import requests
from hub.store.database import epochs
from hub.store.database.connection import Store
from hub.store.database.epochs import State
from hub.store.schema.tables import nonce, object_version, submission
from tests import postgres, world
from tests.patience import PATIENCE_SECONDS
from tests.standbys import Server
from tests.stix_objects import Json
from tests.world import World

_TAXII = "application/taxii+json;version=2.1"
_nonces = itertools.count(1)


@contextmanager
def world_on(server: Server, url: Callable[[str], str] | None = None) -> Iterator[World]:
    """A small alliance, with signed requests, in a new database of this server.

    `url` gives the URL by which the hub reaches the database of a name.
    """
    made = postgres.make(server.url_to("postgres"))
    try:
        reached = f"postgresql+psycopg://postgres@127.0.0.1:{server.port}/{made.name}"
        small = build(url(made.name) if url else reached)
        try:
            yield small
        finally:
            small.close()
    finally:
        made.drop()


def build(url: str) -> World:
    """A small alliance, with signed requests, in the database of this URL, which is empty."""
    return world.build(url, codes=("KR", "US"), kinds=("cert", "agency"), require_signature=True)


def another(first: World, url: str | None = None) -> World:
    """The same hub in another process: with a store of its own, which remembers nothing."""
    engine_url = first.service.store._engine.url.render_as_string(hide_password=False)
    store = Store.open(url or engine_url)
    store.clock = first.service.store.clock
    service = first.service
    own = Service(
        *(store, service.registry, service.limits, service.secrets, service.public_url, service.api_root),
        service.require_signature,
    )
    return replace(first, service=own)


def signed(small: World, member: str, *objects: Json, created: Any = None) -> HttpRequest:
    """Return a signed POST of these objects, which may be sent more than once."""
    nation = small.callers[member].member.nation
    assert nation is not None
    path = f"/allied/collections/{small.service.registry.nations[nation].collection_id}/objects/"
    body = json.dumps({"objects": objects}).encode()
    request = HttpRequest("POST", world.URL + path, {"content-type": _TAXII}, body)
    fields = requests.sign(
        request,
        world.key_of(member, Purpose.SUBMIT),
        created=created or small.clock.now,
        nonce=f"failover-{next(_nonces):020}",
    )
    return HttpRequest(request.method, request.url, {**request.headers, **fields}, request.body)


def send(small: World, member: str, request: HttpRequest) -> Receipt:
    caller: Caller = small.callers[member]
    assert caller.member.nation is not None
    return submit.submit(small.service, Submission(caller, NationCode(caller.member.nation), request))


@contextmanager
def meanwhile(act: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Do it while the block goes on."""
    with ThreadPoolExecutor(1) as executor:
        yield executor.submit(act)


def outcome(future: Future[Any]) -> Any:
    """Return what came of it: what it gave, or what it raised."""
    error = future.exception(PATIENCE_SECONDS)
    return future.result() if error is None else error


def statuses(small: World, of: str) -> list[str]:
    """Return the ids of the member's submissions, in the database that is the primary's now."""
    with small.service.store.read(when_closed=True) as connection:
        query = select(submission.c.id).where(submission.c.member == of)
        return list(connection.execute(query).scalars())


def copies(small: World, stix_id: str) -> int:
    """Return how many versions of an object there are."""
    with small.service.store.read(when_closed=True) as connection:
        query = select(func.count()).select_from(object_version).where(object_version.c.stix_id == stix_id)
        return int(connection.execute(query).scalar_one())


def nonces(small: World) -> set[str]:
    """Return the nonces that are remembered."""
    with small.service.store.read(when_closed=True) as connection:
        return set(connection.execute(select(nonce.c.nonce)).scalars())


def state(small: World) -> State:
    """Return the state of the hub, as a transaction finds it when it begins."""
    with small.service.store.read(when_closed=True) as connection:
        return epochs.state_of(connection)


def has_submission(server: Server, database: str, id: str) -> bool:
    """Tell whether a server, standby or primary, shows the submission with this status id."""
    with server.connect(dbname=database) as connection:
        found = connection.execute("SELECT count(*) FROM submission WHERE id = %s", [id]).fetchone()
    return found == (1,)


@contextmanager
def timed(times: list[float]) -> Iterator[None]:
    """Add how long the block takes."""
    began = time.monotonic()
    try:
        yield
    finally:
        times.append(time.monotonic() - began)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do all of them at once; return what each gave or raised, in order."""
    start = threading.Barrier(len(acts), timeout=PATIENCE_SECONDS)

    def begin(act: Callable[[], Any]) -> Any:
        start.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as executor:
        return [outcome(future) for future in [executor.submit(begin, act) for act in acts]]


def outcome_of(act: Callable[[], Any]) -> Any:
    """Return what it gives, or the refusal that it raises."""
    try:
        return act()
    except Refused as refusal:
        return refusal


def wait_out(small: World) -> None:
    """Let pass, by the hub's clock, how long nothing is taken that may have been signed before this epoch."""
    small.clock.wait(32)
