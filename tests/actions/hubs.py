"""A hub in process, for tests of the acts: real rules, proofs and database, and a clock that is the test's.

Members are made when they are first named: `us-cert` is the US's cert, `kr-agency-2` a second agency of KR's.
"""

from __future__ import annotations

import itertools
import json
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.actions.access.authenticate import reader
from hub.actions.agreement import agree
from hub.actions.operation import administer
from hub.actions.operation.initialise import initialise
from hub.actions.reading import poll
from hub.actions.service.in_force import InForce
from hub.actions.service.service import Secrets, Service
from hub.actions.submission import submit
from hub.model import (
    Caller,
    HttpRequest,
    JsonObject,
    Kind,
    Limits,
    Nation,
    NationCode,
    Outcome,
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
from hub.store.database.connection import Store
from tests import kept

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CODES = ("AU", "IN", "JP", "KR", "US")
PUBLIC_URL = "https://hub.example"
INFORMATIVE = StixId("marking-definition--fa42a846-8d90-4e51-bc29-71d5b4802168")

_NAMES = uuid.UUID("6b1c1e4e-6a5a-4c64-9df7-6b4a3f1b6c55")


class Clock:
    """Every look at it is a millisecond later than the one before, from whatever thread."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            self._now += timedelta(milliseconds=1)
            return self._now

    def set(self, now: datetime) -> None:
        with self._lock:
            self._now = now

    def forward(self, **parts: float) -> None:
        with self._lock:
            self._now += timedelta(**parts)

    def back(self, **parts: float) -> None:
        self.forward(**{name: -value for name, value in parts.items()})


_beginnings: dict[str, tuple[kept.TableRows, datetime]] = {}


def identifier(kind: str, name: str) -> str:
    """Return the id that an object of this type and name has in every test."""
    return f"{kind}--{uuid.uuid5(_NAMES, name)}"


def registry() -> Registry:
    nations = {
        code: Nation(
            code=NationCode(code),
            name=code,
            collection_id=str(uuid.uuid5(_NAMES, f"collection {code}")),
            identity_id=StixId(identifier("identity", code)),
            rel_to_id=StixId(identifier("marking-definition", f"REL TO {code}")),
        )
        for code in map(NationCode, CODES)
    }
    hub_identity, released = StixId(identifier("identity", "hub")), str(uuid.uuid5(_NAMES, "released"))
    return Registry(nations, hub_identity, released, frozenset({INFORMATIVE}))


@dataclass(frozen=True)
class Account:
    """A member as a test drives it: who it is to the acts, and its secrets."""

    caller: Caller
    token: str
    submit_key: PrivateKey
    agreement_key: PrivateKey | None

    @property
    def govern_key(self) -> PrivateKey:
        assert self.agreement_key is not None, "only certs have one"
        return self.agreement_key


@dataclass
class Hub:
    """The open hub with its members' keys in hand."""

    service: Service
    clock: Clock
    accounts: dict[str, Account] = field(default_factory=dict)
    _nonces: itertools.count[int] = field(default_factory=itertools.count)

    @classmethod
    def open(cls, database_url: str, **changes: Any) -> Hub:
        return cls.over(Store.open(database_url), **changes)

    @classmethod
    def over(cls, store: Store, **changes: Any) -> Hub:
        """Return an initialised hub over this store, which has no rows yet."""
        clock = Clock()
        store.clock = clock
        store.bind(None)  # whatever a test before has let it be bound to
        service = Service(
            store=store,
            registry=registry(),
            limits=Limits(),
            secrets=Secrets(b"p" * 32, b"c" * 32),
            public_url=PUBLIC_URL,
            api_root="allied",
            require_signature=True,
        )
        hub = cls(replace(service, **changes), clock)
        hub._initialise(is_as_usual=not changes.keys() & {"registry", "clock"})
        return hub

    def _initialise(self, *, is_as_usual: bool) -> None:
        """Initialise the hub; after the first, with the rows that it had, and at the same instant."""
        store = self.service.store
        store.migrate()
        kind = kept.kind(store)
        if is_as_usual and kind in _beginnings and kept.is_empty(store):
            rows, now = _beginnings[kind]
            rows.put_into(store)
            self.clock.set(now)
            return
        is_first = is_as_usual and kept.is_empty(store)
        initialise(self.service)
        if is_first:
            _beginnings[kind] = (kept.TableRows.of(store), self.clock())

    def changed(self, **changes: Any) -> Hub:
        """Return another process over the same database and members, with other settings."""
        return Hub(
            replace(self.service, in_force=InForce(), **changes), self.clock, self.accounts, self._nonces
        )

    # --- members ---

    def account(self, id: str) -> Account:
        if id not in self.accounts:
            self.accounts[id] = self._join(id)
        return self.accounts[id]

    def caller(self, id: str) -> Caller:
        return self.account(id).caller

    def _join(self, id: str) -> Account:
        code, kind = id.split("-")[:2]
        member = administer.add_member(self.service, id, code.upper(), Kind(kind), id)
        scopes = {Scope.READ, Scope.SUBMIT} | ({Scope.GOVERN} if kind == "cert" else set())
        token = administer.issue_token(self.service, id, scopes)
        submit_key = self.new_key(id, Purpose.SUBMIT)
        agreement_key = self.new_key(id, Purpose.AGREEMENT) if kind == "cert" else None
        caller = Caller(member, frozenset(scopes), token.public_id)
        return Account(caller, token.token, submit_key, agreement_key)

    def new_key(self, id: str, purpose: Purpose) -> PrivateKey:
        key = keys.generate("ed25519")
        administer.register_key(self.service, id, jwk(key), purpose)
        return key

    # --- requests ---

    def signed(self, key: PrivateKey, path: str, document: Any, nonce: str | None = None) -> HttpRequest:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = {"content-type": "application/taxii+json;version=2.1"}
        request = HttpRequest("POST", PUBLIC_URL + path, headers, body)
        nonce = nonce or f"{next(self._nonces):016}"
        added = requests.sign(request, key, created=self.clock(), nonce=nonce)
        return replace(request, headers={**headers, **added})

    def submission(self, id: str, *objects: Any, key: PrivateKey | None = None) -> Submission:
        account = self.account(id)
        nation = account.caller.member.nation
        assert nation is not None
        path = f"/allied/collections/{self.service.registry.nations[nation].collection_id}/objects/"
        request = self.signed(key or account.submit_key, path, {"objects": objects})
        return Submission(account.caller, nation, request)

    def push(self, id: str, *objects: Any) -> Receipt:
        return submit.submit(self.service, self.submission(id, *objects))

    def accepted(self, id: str, *objects: Any) -> None:
        """Push what is expected to succeed."""
        failed = [outcome for outcome in self.push(id, *objects).outcomes if not outcome.succeeded]
        assert not failed

    def one(self, id: str, item: Any) -> Outcome:
        (outcome,) = self.push(id, item).outcomes
        return outcome

    # --- agreements ---

    def propose(self, id: str, document: JsonObject) -> JsonObject:
        account = self.account(id)
        request = self.signed(account.govern_key, "/governance/agreements/", document)
        return agree.propose(self.service, account.caller, request)

    def jws(self, id: str, view: JsonObject, typ: str, previous: str | None = None) -> str:
        payload = {"typ": typ, "agreement": view["document"], "previous": previous}
        return documents.sign_document(payload, self.account(id).govern_key)

    def step(self, act: Callable[..., JsonObject], id: str, agreement_id: str, jws: str) -> JsonObject:
        account = self.account(id)
        request = self.signed(account.govern_key, "/governance/agreements/step/", {"jws": jws})
        return act(self.service, account.caller, request, agreement_id)

    def sign(self, id: str, view: JsonObject) -> JsonObject:
        return self.step(agree.sign, id, view["id"], self.jws(id, view, "sign"))

    def terminate(self, id: str, view: JsonObject) -> JsonObject:
        current = agree.show(self.service, self.caller(id), view["id"])
        return self.step(
            agree.terminate, id, view["id"], self.jws(id, view, "terminate", current["last_event"])
        )

    def agree(self, *clauses: JsonObject, **terms: Any) -> JsonObject:
        """Bring an agreement of these clauses into force, signed by all whom they name; return the view."""
        view = self.propose_clauses(*clauses, **terms)
        for nation in view["parties"]:
            view = self.sign(f"{nation.lower()}-cert", view)
        return view

    def propose_clauses(self, *clauses: JsonObject, **terms: Any) -> JsonObject:
        document = agreement(*clauses, **terms)
        return self.propose(f"{document['parties'][0].lower()}-cert", document)

    # --- reading ---

    def query(self, id: str, origin: str | None = None, limit: int = 1_000, **filters: Any) -> Query:
        nation = None if origin is None else NationCode(origin)
        return Query(reader(self.caller(id)), nation, limit, **filters)

    def rows(self, id: str, origin: str | None = None, limit: int = 1_000, **filters: Any) -> list[Row]:
        """Return everything that a poll from the start gives, page by page, the hub's own objects aside."""
        query = self.query(id, origin, limit, **filters)
        own = {row.id for row in self._drain(self.query(id, "hub"))}
        return [row for row in self._drain(query) if row.id not in own]

    def _drain(self, query: Query) -> list[Row]:
        rows: list[Row] = []
        while True:
            page = poll.objects(self.service, query)
            rows += page.rows
            if not page.more:
                return rows
            query = poll.open_cursor(self.service, query, poll.seal_cursor(self.service, query, page))

    def sees(self, id: str, item: JsonObject) -> bool:
        """Tell whether the member is served exactly this version."""
        rows = self.rows(id, ids=frozenset({item["id"]}), selections=frozenset({VersionFilter.ALL}))
        return any(json.loads(row.body) == item for row in rows)

    def readers(self, item: JsonObject, among: Sequence[str]) -> list[str]:
        return [id for id in among if self.sees(id, item)]


def jwk(key: PrivateKey) -> bytes:
    return json.dumps(dict(key.public.jwk)).encode()


# --- documents ------------------------------------------------------------------------------------


def clause(origin: str, *to: str, max_tlp: str = "amber+strict", **terms: Any) -> JsonObject:
    return {"from": origin, "to": list(to), "max_tlp": max_tlp, **terms}


def agreement(*clauses: JsonObject, **terms: Any) -> JsonObject:
    """Return a document between all whom the clauses name, in force for two years around START."""
    parties = dict.fromkeys(nation for one in clauses for nation in (one["from"], *one["to"]))
    return {
        "title": "an agreement",
        "parties": list(parties),
        "valid_from": format_instant(START - timedelta(days=365)),
        "valid_until": format_instant(START + timedelta(days=365)),
        "clauses": list(clauses),
        **terms,
    }


# --- objects --------------------------------------------------------------------------------------

TLP = {
    "clear": StixId("marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"),
    "green": StixId("marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"),
    "amber": StixId("marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"),
    "amber+strict": StixId("marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"),
    "red": StixId("marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"),
}
LEVELS = tuple(level.label for level in Tlp)
_CREATED = datetime(2026, 1, 1, tzinfo=UTC)


def _object(kind: str, name: str, tlp: str | None, version: int, more: JsonObject) -> JsonObject:
    modified = _CREATED + timedelta(minutes=version)
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": identifier(kind, name),
        "created": format_instant(_CREATED),
        "modified": format_instant(modified),
        **({"object_marking_refs": [TLP[tlp]]} if tlp else {}),
        **more,
    }


def malware(name: str, tlp: str | None = "green", version: int = 1, **more: Any) -> JsonObject:
    """Return the object of this name; a greater `version` is a later one of it."""
    return _object("malware", name, tlp, version, {"name": name, "is_family": False, **more})


def campaign(name: str, tlp: str | None = "green", version: int = 1, **more: Any) -> JsonObject:
    """Return what is no name (policy 1), and so follows the containers that come later."""
    return _object("campaign", name, tlp, version, {"name": name, **more})


def identity(name: str, tlp: str | None = None, version: int = 1, **more: Any) -> JsonObject:
    return _object("identity", name, tlp, version, {"name": name, **more})


def relation(
    source: JsonObject, target: JsonObject, tlp: str | None = "green", version: int = 1, **more: Any
) -> JsonObject:
    ends = {"source_ref": source["id"], "target_ref": target["id"]}
    name = f"{source['id']} {target['id']}"
    return _object("relationship", name, tlp, version, {"relationship_type": "uses", **ends, **more})


def report(name: str, *refs: JsonObject, tlp: str | None = None, version: int = 1, **more: Any) -> JsonObject:
    contents = {"published": format_instant(_CREATED), "object_refs": [ref["id"] for ref in refs]}
    return _object("report", name, tlp, version, {"name": name, **contents, **more})


def statement(name: str) -> JsonObject:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": identifier("marking-definition", name),
        "created": format_instant(_CREATED),
        "definition_type": "statement",
        "definition": {"statement": name},
    }


def address(value: str, tlp: str | None = "green", **more: Any) -> JsonObject:
    """Return an observable, which brings no version of its own."""
    marked = {"object_marking_refs": [TLP[tlp]]} if tlp else {}
    return {
        "type": "ipv4-addr",
        "spec_version": "2.1",
        "id": identifier("ipv4-addr", value),
        "value": value,
        **marked,
        **more,
    }
