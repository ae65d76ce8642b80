"""Worlds on empty databases: with a member of every kind, without members, and as copies of one file."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hub.actions.checks import check
from hub.actions.operation.initialise import initialise
from hub.actions.service.in_force import InForce
from hub.actions.service.service import Secrets, Service
from hub.model import Caller, Limits, Registry, Tlp
from hub.store.database.connection import Store
from tests import kept
from tests.nations import CODES, KINDS, registry
from tests.world.acts import Acts
from tests.world.clock import Clock
from tests.world.members import URL
from tests.world.polls import Polls

_SECRETS = Secrets(b"p" * 32, b"c" * 32)
_TICK = timedelta(milliseconds=1)


@dataclass
class World(Acts, Polls):
    """A hub on a real database, its members with keys and tokens, and a clock to set."""

    path: Path | None = None  # of the file, if the world is a copy

    def changed(self, **changes: Any) -> World:
        """Another process over the same database and members, with other settings."""
        service = replace(self.service, **{"in_force": InForce(), **changes})
        return World(service, self.clock, self.callers, self.tokens, self._nonces)

    def is_sound(self) -> bool:
        """Return whether the database agrees with its own rows and objects (`hub check`)."""
        return check.check(self.service).faults == []

    def close(self) -> None:
        self.service.store.close()


def build(
    database_url: str,
    *,
    codes: Sequence[str] = CODES,
    kinds: Sequence[str] = tuple(KINDS),
    defaults: Mapping[str, Tlp] | None = None,
    homes: Sequence[str] = (),
    require_signature: bool = False,
) -> World:
    """A world on an empty database: one member of each of `kinds` in every nation, as in `us-agency2`."""
    nations = registry(defaults, codes, homes)
    world = _over(Store.open(database_url), Clock(), registry=nations, require_signature=require_signature)
    _begin(world, [f"{code.lower()}-{kind}" for code in codes for kind in kinds])
    return world


def build_empty(database: str | Store, **changes: Any) -> World:
    """A world without members, which asks for signatures, and whose clock goes on with every look.

    Members are registered when a test first names them. `changes` are those of the Service.
    """
    store = Store.open(database) if isinstance(database, str) else database
    world = _over(store, Clock(tick=_TICK), **changes)
    _begin(world, [])
    return world


def _over(store: Store, clock: Clock, **changes: Any) -> World:
    store.clock = clock
    store.bind(None)  # whatever a test before has let it be bound to
    service = Service(
        store=store,
        registry=registry(),
        limits=Limits(),
        secrets=_SECRETS,
        public_url=URL,
        api_root="allied",
        require_signature=True,
    )
    return World(replace(service, **changes), clock)


# --- what worlds begin with -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Beginning:
    """The rows, the members and the time of a world that is built."""

    rows: kept.TableRows
    callers: dict[str, Caller]
    tokens: dict[str, str]
    now: datetime


_beginnings: dict[tuple[Any, ...], _Beginning] = {}


def _begin(world: World, members: Sequence[str]) -> None:
    """Initialise the hub and register the members.

    The first world of its kind is made by the operator's acts; all later ones begin with the same rows.
    """
    store, clock = world.service.store, world.clock
    store.migrate()
    kind = (kept.kind(store), _shown(world.service.registry), tuple(members), clock.tick)
    is_empty = kept.is_empty(store)
    if is_empty and (beginning := _beginnings.get(kind)) is not None:
        beginning.rows.put_into(store)
        world.callers, world.tokens = dict(beginning.callers), dict(beginning.tokens)
        clock.now = beginning.now
        return
    initialise(world.service)
    for member in members:
        world.enrol(member)
    if is_empty:
        rows = kept.TableRows.of(store)
        _beginnings[kind] = _Beginning(rows, dict(world.callers), dict(world.tokens), clock.now)


def _shown(registry: Registry) -> tuple[str, ...]:
    """Everything that a registry configures, in an order that is always the same."""
    listed = [*registry.nations.items()]
    sets = [sorted(registry.informative_markings), sorted(registry.public_sources)]
    return tuple(map(repr, [listed, registry.hub_identity_id, registry.released_collection_id, *sets]))


class Copies:
    """Makes equal worlds quickly: one is built, the others are copies of its SQLite file."""

    def __init__(self, **options: Any) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="hub-worlds-")
        self._made = itertools.count()
        self._first = Path(self._folder.name) / "first.db"
        self._model = build(f"sqlite:///{self._first}", **options)
        self._model.close()

    def copy(self) -> World:
        """A world of its own; close it with `discard`."""
        path = self._first.with_name(f"world-{next(self._made)}.db")
        shutil.copyfile(self._first, path)
        model = self._model.service
        store = Store.open(f"sqlite:///{path}")
        world = _over(store, Clock(), registry=model.registry, require_signature=model.require_signature)
        world.path = path
        world.callers, world.tokens = self._model.callers, self._model.tokens
        return world

    def discard(self, world: World) -> None:
        """Close a world that was copied, and remove its files."""
        world.close()
        if world.path is not None:
            for path in world.path.parent.glob(f"{world.path.name}*"):
                path.unlink()
