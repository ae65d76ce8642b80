"""An application over acts that are played by the test: what web makes of requests, and nothing below it.

The acts themselves, over a real database, are tested in their own rooms and in the journeys.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub import settings
from hub.actions.access import authenticate
from hub.actions.agreement import agree, recover
from hub.actions.operation import readiness
from hub.actions.operation.readiness import ReadinessFound
from hub.actions.oversight import disclosures, explain
from hub.actions.reading import poll
from hub.actions.service.service import Secrets, Service
from hub.actions.submission import status, submissions, submit
from hub.app import create_app
from hub.errors import Unauthenticated
from hub.model import (
    Caller,
    Disclosed,
    HttpRequest,
    Kind,
    Limits,
    Member,
    MemberId,
    NationCode,
    Outcome,
    Page,
    Query,
    Receipt,
    RowNames,
    Scope,
    StixId,
    Submission,
    to_microseconds,
)
from tests.world.paged import Row

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
TAXII = "application/taxii+json;version=2.1"
SETTINGS = settings.load({})
MAX_BODY_BYTES = 2_000
PAGE_LIMIT = 100
CONTINUED = datetime(2026, 2, 1, tzinfo=UTC)  # where every cursor continues

US = SETTINGS.registry.nations[NationCode("US")].collection_id
KR = SETTINGS.registry.nations[NationCode("KR")].collection_id
RELEASED = SETTINGS.registry.released_collection_id
INDICATOR = "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"


def caller(member: str, kind: Kind, nation: str | None, *scopes: Scope) -> Caller:
    code = NationCode(nation) if nation else None
    return Caller(
        Member(MemberId(member), code, kind, member.upper(), StixId("identity--x")), frozenset(scopes)
    )


CALLERS = {
    "us-key": caller("us-cert", Kind.CERT, "US", *Scope),
    "us-reads": caller("us-office", Kind.AGENCY, "US", Scope.READ),
    "us-writes": caller("us-probe", Kind.AGENCY, "US", Scope.SUBMIT),
    "audit-key": caller("audit-office", Kind.AUDITOR, None, Scope.READ),
    "ops-key": caller("ops", Kind.OPERATOR, None, Scope.READ),
}


def row(position: int, body: bytes = b'{"type":"x"}', id_: str = INDICATOR) -> Row:
    return Row(
        position, NOW.replace(microsecond=position), StixId(id_), f"2026-01-0{position}T00:00:00.0Z", body
    )


def page_of(rows: Sequence[Row], *, more: bool) -> Page:
    """The page with these rows, of one member."""
    positions, dates = [row.position for row in rows], [to_microseconds(row.date_added) for row in rows]
    names = [RowNames(row.id, row.version) for row in rows]
    return Page(positions, dates, more, "epoch", names, positions, [row.body for row in rows])


_LISTS = {"explain_many", "participants", "listing", "of_object"}  # acts that answer with one


@dataclass
class Played:
    """What the acts were asked, and what they answer."""

    rows: tuple[Row, ...] = ()
    more: bool = False
    known: frozenset[str] = frozenset()  # ids of which the reader may see some version
    raises: Exception | None = None
    outcomes: tuple[Outcome, ...] = ()
    queries: list[Query] = field(default_factory=list)
    kinds: list[Disclosed] = field(default_factory=list)
    cursors: list[str] = field(default_factory=list)
    filtered: list[bool] = field(default_factory=list)  # whether each cursor came beside a match field
    submissions: list[Submission] = field(default_factory=list)
    governed: list[tuple[Any, ...]] = field(default_factory=list)
    found: ReadinessFound = field(default_factory=lambda: ReadinessFound(is_ready=True, has_read=True))
    authenticated: list[tuple[str | None, str | None]] = field(default_factory=list)

    def authenticate(self, service: Service, member: str | None, token: str | None) -> Caller:
        self.authenticated.append((member, token))
        found = CALLERS.get(token or "")
        if found is None or member not in {None, found.member.id}:
            raise Unauthenticated("The token is missing or not valid.")
        return found

    def objects(self, service: Service, query: Query, kind: Disclosed = Disclosed.OBJECTS) -> Page:
        self.kinds.append(kind)
        self.queries.append(query)
        if self.raises:
            raise self.raises
        return page_of(self.rows, more=self.more)

    def manifest(self, service: Service, query: Query, kind: Disclosed = Disclosed.MANIFEST) -> Page:
        return self.objects(service, query, kind)

    def exists(self, service: Service, query: Query) -> bool:
        return bool(self.known & query.ids)

    def open_cursor(
        self, service: Service, query: Query, text: str, resource: Disclosed, *, is_filtered: bool
    ) -> Query:
        self.cursors.append(text)
        self.filtered.append(is_filtered)
        return replace(query, added_after=CONTINUED)

    def submit(self, service: Service, submission: Submission) -> Receipt:
        self.submissions.append(submission)
        if self.raises:
            raise self.raises
        return Receipt("2a7ec0a5-8e1c-44a7-8ba4-4d2a1e2a3a52", NOW, self.outcomes)

    def status(self, service: Service, who: Caller, status_id: str) -> Receipt:
        if self.raises:
            raise self.raises
        return Receipt(status_id, NOW, self.outcomes)

    def governs(self, name: str) -> Callable[..., Any]:
        def act(service: Service, *args: Any) -> Any:
            self.governed.append((name, *args))
            if self.raises:
                raise self.raises
            return [{"id": "one"}] if name in _LISTS else {"id": "agreement--1"}

        return act


class IdleStore:
    """A store that is only asked whether it is current, and closed."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True

    def is_current(self) -> bool:
        return True


class Web(FlaskClient):
    """A client that authenticates as the US cert unless told otherwise."""

    key: str | None = "us-key"

    def open(self, *args: Any, headers: Mapping[str, str] | None = None, **kwargs: Any) -> TestResponse:
        given = dict(headers or {})
        if self.key and not {"Authorization", "X-API-Key"} & given.keys():
            given["Authorization"] = f"Bearer {self.key}"
        return super().open(*args, headers=given, **kwargs)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    played = Played()
    monkeypatch.setattr(authenticate, "authenticate", played.authenticate)
    for name in ("objects", "manifest", "exists", "open_cursor"):
        monkeypatch.setattr(poll, name, getattr(played, name))
    monkeypatch.setattr(
        poll, "seal_cursor", lambda _service, _query, page, _kind: f"after-{page.positions[-1]}"
    )
    monkeypatch.setattr(submit, "submit", played.submit)
    monkeypatch.setattr(status, "find", played.status)
    for name in ("participants", "listing", "show", "propose", "sign", "terminate"):
        monkeypatch.setattr(agree, name, played.governs(name))
    monkeypatch.setattr(readiness, "examine", lambda _service, _clock: played.found)
    monkeypatch.setattr(recover, "listing", played.governs("listing"))
    monkeypatch.setattr(recover, "confirm", played.governs("confirm"))
    monkeypatch.setattr(explain, "explain", played.governs("explain"))
    monkeypatch.setattr(explain, "explain_many", played.governs("explain_many"))
    for name in ("listing", "show"):
        monkeypatch.setattr(submissions, name, played.governs(f"submissions.{name}"))
    monkeypatch.setattr(disclosures, "of_object", played.governs("of_object"))
    return played


@pytest.fixture
def store() -> IdleStore:
    return IdleStore()


@pytest.fixture
def service(store: IdleStore) -> Service:
    return Service(
        store=store,  # type: ignore[arg-type]
        registry=SETTINGS.registry,
        limits=Limits(page_objects=PAGE_LIMIT, max_body_bytes=MAX_BODY_BYTES),
        secrets=Secrets(bytes(32), bytes(32)),
        public_url="https://hub.example",
        api_root="allied",
        require_signature=True,
    )


@pytest.fixture
def client(played: Played, service: Service) -> Web:
    app = create_app(SETTINGS, service)
    app.test_client_class = Web
    return app.test_client()  # type: ignore[return-value]


def objects_url(collection: str = US, rest: str = "") -> str:
    return f"/allied/collections/{collection}/objects/{rest}"


def basic(member: str, token: str, scheme: str = "Basic") -> str:
    return f"{scheme} " + base64.b64encode(f"{member}:{token}".encode()).decode()


def header(request: HttpRequest, name: str) -> str | None:
    return next((value for key, value in request.headers.items() if key.lower() == name.lower()), None)


def said(answer: TestResponse) -> Any:
    """Return the JSON value of an answer: Flask's own reading hands the bytes through."""
    return orjson.loads(answer.data)
