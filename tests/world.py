"""A small alliance in one line: a hub on a real database, its members with keys and tokens, a clock to set.

world = build(database_url)
world.push("us-agency", indicator(tlp="amber"))
world.agree(["US", "KR"], clause("US", "KR", "amber"))
assert stix_id("indicator") in world.ids("kr-cert")
"""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hub.actions.access.authenticate import authenticate, reader
from hub.actions.agreement import agree
from hub.actions.operation import administer
from hub.actions.operation.initialise import initialise
from hub.actions.reading import poll
from hub.actions.service.service import Secrets, Service
from hub.actions.submission import delete, submit
from hub.model import (
    HUB,
    Caller,
    Deletion,
    HttpRequest,
    Kind,
    Limits,
    MemberId,
    NationCode,
    Purpose,
    Query,
    Receipt,
    Registry,
    Row,
    Scope,
    StixId,
    Submission,
    Tlp,
    VersionFilter,
    format_instant,
)
from hub.proofs import documents, keys, requests
from hub.proofs.keys import PrivateKey
from hub.stix.marking.tlp import TLP_IDS
from hub.store.database.connection import Store
from hub.store.records import objects
from tests import kept
from tests.nations import CODES, KINDS, START, registry
from tests.stix_objects import Json

URL = "https://hub.example"
EVERY_VERSION = frozenset({VersionFilter.ALL})
NEWEST = frozenset({VersionFilter.LAST})


class Seen(NamedTuple):
    """One row of a poll: who it came from, which version, and the very JSON text."""

    origin: str
    id: str
    version: str
    body: str


@dataclass
class Clock:
    """Time stands still until it is told to move."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float = 1) -> None:
        self.now += timedelta(seconds=seconds)


def clause(origin: str, to: str | Sequence[str], max_tlp: str, **terms: Any) -> Json:
    return {"from": origin, "to": [to] if isinstance(to, str) else list(to), "max_tlp": max_tlp, **terms}


@cache
def key_of(member: str, purpose: Purpose) -> PrivateKey:
    """A member's key, drawn once per session."""
    return keys.generate("p256" if purpose is Purpose.AGREEMENT else "ed25519")


@dataclass
class World:
    """The service and everybody in it."""

    service: Service
    clock: Clock
    callers: dict[str, Caller] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    path: Path | None = None
    _nonces: Any = field(default_factory=lambda: itertools.count(1))

    # --- acting ---

    def push(self, member: str, *objects: Json) -> Receipt:
        """Submit objects as one envelope, signed if the service asks for it."""
        caller = self.callers[member]
        nation = caller.member.nation
        assert nation is not None
        path = f"/allied/collections/{self.service.registry.nations[nation].collection_id}/objects/"
        body = json.dumps({"objects": objects}).encode()
        request = HttpRequest("POST", URL + path, {"content-type": _TAXII}, body)
        if self.service.require_signature:
            request = self._signed(request, key_of(member, Purpose.SUBMIT))
        return submit.submit(self.service, Submission(caller, nation, request))

    def delete(self, member: str, id: str, origin: str | None = None, **filters: Any) -> None:
        """Delete an object of the member's nation, or of `origin`; `filters` as in a Deletion."""
        caller = self.callers[member]
        nation = NationCode(origin) if origin else caller.member.nation
        assert nation is not None
        path = f"/allied/collections/{self.service.registry.nations[nation].collection_id}/objects/{id}/"
        request = HttpRequest("DELETE", URL + path, {})
        if self.service.require_signature:
            request = self._signed(request, key_of(member, Purpose.SUBMIT))
        delete.delete(self.service, Deletion(caller, nation, request, StixId(id), **filters))

    def agree(
        self,
        parties: Sequence[str],
        *clauses: Json,
        valid_from: datetime | None = None,
        valid_until: datetime | None = None,
        signers: Sequence[str] | None = None,
        supersedes: str | None = None,
    ) -> Json:
        """Propose and let all who must (or only `signers`) sign; return it as the first party sees it."""
        document = {
            "title": "Sharing",
            "parties": list(parties),
            "valid_from": format_instant(valid_from or self.clock.now - timedelta(days=1)),
            "valid_until": format_instant(valid_until or self.clock.now + timedelta(days=365)),
            "clauses": list(clauses),
        }
        if supersedes is not None:
            document["supersedes"] = supersedes
        member = _cert(parties[0])
        view = agree.propose(self.service, self.callers[member], self._governance(member, document))
        for party in view["to_sign"] if signers is None else signers:
            view = self.sign(view, party)
        return view

    def sign(self, view: Json, by: str) -> Json:
        return self._step(agree.sign, "sign", by, view)

    def suspend(self, view: Json, by: str) -> Json:
        return self._step(agree.suspend, "suspend", by, self.show(view, by))

    def resume(self, view: Json, by: str) -> Json:
        return self._step(agree.resume, "resume", by, self.show(view, by))

    def terminate(self, view: Json, by: str) -> Json:
        return self._step(agree.terminate, "terminate", by, self.show(view, by))

    def show(self, view: Json, by: str) -> Json:
        return agree.show(self.service, self.callers[_cert(by)], view["id"])

    def _step(self, act: Callable[..., Json], typ: str, nation: str, view: Json) -> Json:
        member = _cert(nation)
        previous = None if typ == "sign" else view["last_event"]
        payload = {"typ": typ, "agreement": view["document"], "previous": previous}
        return self.post(
            act, nation, view, documents.sign_document(payload, key_of(member, Purpose.AGREEMENT))
        )

    def post(self, act: Callable[..., Json], nation: str, view: Json, jws: str) -> Json:
        """Send a signed event, whatever it says, in a request of the nation's cert."""
        member = _cert(nation)
        return act(self.service, self.callers[member], self._governance(member, {"jws": jws}), view["id"])

    def _governance(self, member: str, body: Json) -> HttpRequest:
        headers = {"content-type": "application/json"}
        request = HttpRequest("POST", f"{URL}/governance/agreements/", headers, json.dumps(body).encode())
        return self._signed(request, key_of(member, Purpose.AGREEMENT))

    def _signed(self, request: HttpRequest, key: PrivateKey) -> HttpRequest:
        nonce = f"nonce-{next(self._nonces):020}"
        fields = requests.sign(request, key, created=self.clock.now, nonce=nonce)
        return HttpRequest(request.method, request.url, {**request.headers, **fields}, request.body)

    # --- reading ---

    def query(self, member: str, origin: str | None = None, limit: int = 1_000, **filters: Any) -> Query:
        code = None if origin is None else NationCode(origin)
        return Query(reader(self.callers[member]), code, limit, **filters)

    def drain(self, query: Query) -> list[Row]:
        """Poll page after page, by cursor, until nothing more follows."""
        rows: list[Row] = []
        while True:
            page = poll.objects(self.service, query)
            rows += page.rows
            if not page.more:
                return rows
            query = poll.open_cursor(self.service, query, poll.seal_cursor(self.service, query, page))

    def see(self, member: str, selections: frozenset[VersionFilter] = EVERY_VERSION) -> list[Seen]:
        """Everything of the nations that the member is served, in the order in which it is served.

        Read from each nation's collection and from the aggregate, which must tell the same.
        """
        seen: dict[int, Seen] = {}
        for origin in self.service.registry.nations:
            for row in self.drain(self.query(member, origin, selections=selections)):
                if self.is_hubs_own(row):
                    continue
                seen[row.position] = Seen(origin, row.id, row.version, row.body.decode())
        everything = [(row.position, row.version) for row in self.released(member, selections)]
        assert everything == sorted((position, row.version) for position, row in seen.items())
        return [seen[position] for position in sorted(seen)]

    def released(self, member: str, selections: frozenset[VersionFilter] = EVERY_VERSION) -> list[Row]:
        """The rows of the aggregate collection that are the nations', not the hub's."""
        rows = self.drain(self.query(member, selections=selections))
        return [row for row in rows if not self.is_hubs_own(row)]

    def notes(self, member: str, origin: str | None = None) -> list[Json]:
        """The notes of the hub's own that recall something from the member, in order."""
        rows = self.drain(self.query(member, origin, types=frozenset({"note"}), selections=EVERY_VERSION))
        return [json.loads(row.body) for row in rows if self.is_hubs_own(row)]

    def is_hubs_own(self, row: Row) -> bool:
        """Tell whether the hub itself says it: what it publishes for all, or a note that recalls."""
        if row.id in self.hubs_own() or not row.id.startswith("note--"):
            return row.id in self.hubs_own()
        with self.service.store.read() as connection:  # a redaction is by the hub as well
            return bool(objects.versions_of(connection, MemberId(HUB), [row.id]))

    def hubs_own(self) -> set[str]:
        """The ids that the hub itself publishes."""
        registry = self.service.registry
        return {registry.hub_identity_id, *TLP_IDS, *registry.rel_to}

    def ids(self, member: str) -> set[str]:
        return {seen.id for seen in self.see(member)}

    def follow(self, member: str, origin: str | None = None, limit: int = 3) -> Poller:
        """An incremental client of the member's, which has fetched nothing yet."""
        return Poller(self, member, origin, limit)

    def close(self) -> None:
        self.service.store.close()


@dataclass
class Poller:
    """Comes back with the date of the last row that it was given (TAXII 2.1 section 3.4)."""

    world: World
    member: str
    origin: str | None
    limit: int
    last: datetime | None = None
    received: list[Row] = field(default_factory=list)

    def poll(self) -> list[Row]:
        """Fetch what is new, and return it."""
        query = self.world.query(
            self.member, self.origin, self.limit, added_after=self.last, selections=EVERY_VERSION
        )
        rows = self.world.drain(query)
        if rows:
            self.last = rows[-1].date_added
        self.received += rows
        return rows


# --- building -----------------------------------------------------------------------------------

_TAXII = "application/taxii+json;version=2.1"
_SECRETS = Secrets(b"p" * 32, b"c" * 32)
_SCOPES = (Scope.READ, Scope.SUBMIT)


def _cert(nation: str) -> str:
    return f"{nation.lower()}-cert"


def build(
    database_url: str,
    *,
    codes: Sequence[str] = CODES,
    kinds: Sequence[str] = tuple(KINDS),
    defaults: Mapping[str, Tlp] | None = None,
    homes: Sequence[str] = (),
    require_signature: bool = False,
) -> World:
    """A world on an empty database: one member of each of `kinds` in every nation, as in `us-agency2`.

    The first of its kind is made by the operator's acts; all later ones begin with the same rows.
    """
    nations = registry(defaults, codes, homes)
    world = _open(database_url, nations, Clock(), require_signature)
    world.service.store.migrate()
    kind = (
        kept.kind(world.service.store),
        tuple(codes),
        tuple(kinds),
        tuple(sorted((defaults or {}).items())),
    )
    if (beginning := _beginnings.get(kind)) is not None:
        beginning.rows.put_into(world.service.store)
        world.callers, world.tokens = dict(beginning.callers), dict(beginning.tokens)
        return world
    initialise(world.service)
    for code in codes:
        for name in kinds:
            _enrol(world, f"{code.lower()}-{name}", code, KINDS[name])
    _beginnings[kind] = _Beginning(
        kept.TableRows.of(world.service.store), dict(world.callers), dict(world.tokens)
    )
    return world


@dataclass(frozen=True)
class _Beginning:
    """What a world begins with."""

    rows: kept.TableRows
    callers: dict[str, Caller]
    tokens: dict[str, str]


_beginnings: dict[tuple[Any, ...], _Beginning] = {}


def _open(database_url: str, nations: Registry, clock: Clock, require_signature: bool) -> World:
    store = Store.open(database_url)
    store.clock = clock
    service = Service(store, nations, Limits(), _SECRETS, URL, "allied", require_signature)
    return World(service, clock)


def _enrol(world: World, member: str, nation: str, kind: Kind) -> None:
    service = world.service
    administer.add_member(service, member, nation, kind, member.upper())
    scopes = (*_SCOPES, Scope.GOVERN) if kind is Kind.CERT else _SCOPES
    world.tokens[member] = administer.issue_token(service, member, scopes).token
    purposes = [Purpose.SUBMIT, Purpose.AGREEMENT] if kind is Kind.CERT else [Purpose.SUBMIT]
    for purpose in purposes:
        public = json.dumps(key_of(member, purpose).public.jwk).encode()
        administer.register_key(service, member, public, purpose)
    world.callers[member] = authenticate(service, None, world.tokens[member])


class Mould:
    """Makes equal worlds quickly: one is built, the others are copies of its SQLite file."""

    def __init__(self, **options: Any) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="hub-worlds-")
        self.made = itertools.count()
        first = Path(self.folder.name) / "mould.db"
        self.model = build(f"sqlite:///{first}", **options)
        self.model.close()
        self.first = first

    def cast(self) -> World:
        """A world of its own; close it with `discard`."""
        path = self.first.with_name(f"world-{next(self.made)}.db")
        shutil.copyfile(self.first, path)
        service = self.model.service
        world = _open(f"sqlite:///{path}", service.registry, Clock(), service.require_signature)
        world.path = path
        world.callers, world.tokens = self.model.callers, self.model.tokens
        return world

    def discard(self, world: World) -> None:
        world.close()
        if world.path is not None:
            for path in world.path.parent.glob(f"{world.path.name}*"):
                path.unlink()
