"""Two hubs that differ in what some may not see, and what each of their members is answered.

Both run as real servers, with the same members and the same keys. An `Exchange` is one request and its
answer as it came over the socket.
"""

from __future__ import annotations

import http.client
import json
import secrets
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from hub.actions.operation import administer
from hub.model import HttpRequest, Kind, Purpose, Scope
from hub.proofs import documents, requests
from hub.proofs.keys import PrivateKey
from tests.differential.histories import Aside, Event
from tests.journeys.live import Live, live_hub
from tests.patience import PATIENCE_SECONDS
from tests.properties.worlds import Agree, Delete, Nothing, Push, Terminate
from tests.stix_objects import Json, stamp, stix_id
from tests.world import key_of

TAXII: Final = "application/taxii+json;version=2.1"
IDLE_SECONDS: Final = 30  # the server may close a connection that is idle for longer at any moment
KINDS: Final = {"cert": Kind.CERT, "agency": Kind.AGENCY, "agency2": Kind.AGENCY, "partner": Kind.PARTNER}
COMMON: Final = [
    *(f"us-{kind}" for kind in KINDS),
    *(f"kr-{kind}" for kind in ("cert", "agency", "partner")),
    *("jp-cert", "au-cert", "in-cert"),
]
# Members that only one of the two hubs has.
ONLY_THERE: Final = ["jp-agency", "au-agency", "in-partner"]


@dataclass(frozen=True)
class Exchange:
    """A request as the comparison names it, and all of its answer."""

    asked: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass
class PairedHub:
    """One running hub. `heard` is what every member was answered since it was last emptied."""

    live: Live
    tokens: dict[str, str]
    connection: http.client.HTTPConnection
    heard: dict[str, list[Exchange]] = field(default_factory=dict)
    statuses: dict[str, list[str]] = field(default_factory=dict)
    agreements: list[Json | None] = field(default_factory=list)
    proposed: list[Json] = field(default_factory=list)
    answered_at: float = field(default_factory=time.monotonic)

    @property
    def url(self) -> str:
        return self.live.url

    # --- asking -----------------------------------------------------------------------------------

    def ask(
        self,
        who: str,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        key: PrivateKey | None = None,
        headers: Mapping[str, str] | None = None,
        asked: str = "",
    ) -> Exchange:
        """Send one request and keep the exchange; `asked` names it where the two hubs' requests differ."""
        fields = {"Authorization": f"Bearer {self.tokens[who]}", **(headers or {})}
        if key is not None:
            message = HttpRequest(method, self.url + path, fields, body)
            nonce = secrets.token_urlsafe(24)
            fields |= requests.sign(message, key, created=datetime.now(UTC), nonce=nonce)
        if time.monotonic() - self.answered_at > IDLE_SECONDS:
            self.connection.close()  # the next request opens another
        self.connection.request(method, path, body or None, fields)
        response = self.connection.getresponse()
        content = response.read()
        self.answered_at = time.monotonic()
        exchange = Exchange(
            asked or f"{method} {path}", response.status, tuple(response.getheaders()), content
        )
        self.heard.setdefault(who, []).append(exchange)
        return exchange

    def post(self, who: str, path: str, value: Any, purpose: Purpose, asked: str = "") -> Exchange:
        media = TAXII if purpose is Purpose.SUBMIT else "application/json"
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        headers = {"Content-Type": media}
        return self.ask(who, "POST", path, body, key=key_of(who, purpose), headers=headers, asked=asked)

    def collection(self, alias: str) -> str:
        return self.live.collection_url(alias).removeprefix(self.url)

    def known(self) -> set[str]:
        """The ids that are the same in both hubs, by configuration."""
        registry = self.live.service.registry
        own = {registry.hub_identity_id, f"collection--{registry.released_collection_id}"}
        for nation in registry.nations.values():
            own |= {nation.identity_id, nation.rel_to_id, f"collection--{nation.collection_id}"}
        return {id.partition("--")[2] for id in own}

    # --- what happens -----------------------------------------------------------------------------

    def play(self, event: Event) -> None:
        match event:
            case Push():
                self._push(event)
            case Agree():
                self._agree(event)
            case Terminate():
                self._terminate(event.agreement)
            case Delete():
                which = f"?match%5Bversion%5D={'all' if event.version is None else stamp(event.version)}"
                path = f"{self.collection(event.member[:2])}objects/{event.id}/{which}"
                self.ask(event.member, "DELETE", path, key=key_of(event.member, Purpose.SUBMIT))
            case Aside():
                getattr(self, f"_{event.what}")()
            case Nothing():
                self.agreements.append(None)
            case _:
                pass

    def _push(self, event: Push) -> None:
        rel_to = {code: nation.rel_to_id for code, nation in self.live.service.registry.nations.items()}
        envelope = {"objects": [draft.build(rel_to) for draft in event.drafts]}
        answer = self.post(
            event.member, f"{self.collection(event.member[:2])}objects/", envelope, Purpose.SUBMIT
        )
        assert answer.status == 202, answer
        self.statuses.setdefault(event.member, []).append(answer.json()["id"])

    def _agree(self, event: Agree) -> None:
        document = self._propose(event.parties, [clause.build() for clause in event.clauses])
        view: Json = {}
        for nation in event.parties:
            view = self._step(nation, document, "sign", None)
        assert view["state"] == "in force", view
        self.agreements.append(view)

    def _propose(self, parties: list[str], clauses: list[Json]) -> Json:
        body = {
            "title": f"Between {', '.join(parties)}",
            "parties": parties,
            "valid_from": "2026-01-01T00:00:00Z",
            "valid_until": "2036-01-01T00:00:00Z",
            "clauses": clauses,
        }
        answer = self.post(_cert(parties[0]), "/governance/agreements/", body, Purpose.AGREEMENT)
        assert answer.status == 201, answer
        document = dict(answer.json()["document"])
        self.proposed.append(document)
        return document

    def _step(self, nation: str, document: Json, typ: str, previous: str | None) -> Json:
        payload = {"typ": typ, "agreement": document, "previous": previous}
        jws = documents.sign_document(payload, key_of(_cert(nation), Purpose.AGREEMENT))
        place = {"sign": "signatures", "terminate": "termination"}[typ]
        path = f"/governance/agreements/{document['id']}/{place}/"
        asked = f"{typ} the agreement {document['title']}"
        answer = self.post(_cert(nation), path, {"jws": jws}, Purpose.AGREEMENT, asked)
        assert answer.status == 200, answer
        return dict(answer.json())

    def _terminate(self, n: int) -> None:
        view = self.agreements[n] if n < len(self.agreements) else None
        if view is not None:
            self._step(view["parties"][0], view["document"], "terminate", view["last_event"])
            self.agreements[n] = None

    def end_agreements(self) -> None:
        """Let nothing bind any more, and forget what was said."""
        for n in range(len(self.agreements)):
            self._terminate(n)
        self.agreements.clear()
        self.proposed.clear()
        self.statuses.clear()
        self.heard.clear()

    # --- what others do, which is nobody's business -------------------------------------------------

    def _refused(self) -> None:
        """Submissions that fail: whole, in part, unsigned, in the wrong place."""
        au, key = self.collection("au"), key_of("au-cert", Purpose.SUBMIT)
        headers = {"Content-Type": TAXII}
        broken = {"objects": [{"type": "malware", "id": stix_id("malware")}, 7]}
        self.ask("au-cert", "POST", f"{au}objects/", b"{", key=key, headers=headers)
        self.ask("au-cert", "POST", f"{au}objects/", b'{"objects": []}', headers=headers)
        self.post("au-cert", f"{au}objects/", broken, Purpose.SUBMIT)
        self.post("au-cert", f"{self.collection('us')}objects/", broken, Purpose.SUBMIT)

    def _polled(self) -> None:
        for who in ("us-cert", "us-agency", "jp-cert", "au-cert"):
            self.ask(who, "GET", f"{self.collection('released')}objects/?match[version]=all")

    def _proposed(self) -> None:
        clause = {"from": "AU", "to": ["IN"], "max_tlp": "red", "audience": "partner"}
        self._propose(["AU", "IN"], [clause])

    def _enrolled(self) -> None:
        service, member = self.live.service, f"in-agency-{uuid.uuid4().hex[:8]}"
        administer.add_member(service, member, "IN", Kind.AGENCY, "Newcomer")
        administer.issue_token(service, member, [Scope.READ])

    def _suspended(self) -> None:
        administer.suspend_member(self.live.service, "in-cert")
        self.ask("in-cert", "GET", "/allied/collections/")
        administer.resume_member(self.live.service, "in-cert")


def _cert(nation: str) -> str:
    return f"{nation.lower()}-cert"


@dataclass(frozen=True)
class Pair:
    """Two hubs: `there` has members and a past that `here` has not."""

    here: PairedHub
    there: PairedHub

    def __iter__(self) -> Iterator[PairedHub]:
        return iter((self.here, self.there))


@contextmanager
def paired_hub(database_url: str, home: Path, members: list[str]) -> Iterator[PairedHub]:
    """Give a running hub with these nations' members, an auditor and an operator."""
    home.mkdir()
    with live_hub(database_url, home) as live:
        tokens = {member: _enrol(live, member) for member in members}
        for kind in (Kind.AUDITOR, Kind.OPERATOR):
            administer.add_member(live.service, kind.value, None, kind, kind.value.capitalize())
            tokens[kind.value] = administer.issue_token(live.service, kind.value, [Scope.READ]).token
        address = urlsplit(live.url)
        connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=PATIENCE_SECONDS
        )
        try:
            yield PairedHub(live, tokens, connection)
        finally:
            connection.close()


def _enrol(live: Live, member: str) -> str:
    nation, kind = member[:2].upper(), KINDS[member[3:]]
    administer.add_member(live.service, member, nation, kind, f"{member} (test)")
    scopes = [Scope.READ, Scope.SUBMIT]
    purposes = [Purpose.SUBMIT]
    if kind is Kind.CERT:
        scopes.append(Scope.GOVERN)
        purposes.append(Purpose.AGREEMENT)
    for purpose in purposes:
        public = json.dumps(key_of(member, purpose).public.jwk).encode()
        administer.register_key(live.service, member, public, purpose)
    return administer.issue_token(live.service, member, scopes).token
