"""A small TAXII server on loopback: it verifies signatures as the hub does, and fails on request."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from hub.errors import BadSignature
from hub.model import HttpRequest, MemberId, Purpose, RegisteredKey
from hub.proofs import documents, keys, requests

TOKEN = "a-token"
US = "11111111-1111-4111-8111-111111111111"
KR = "22222222-2222-4222-8222-222222222222"
TAXII = "application/taxii+json;version=2.1"
PROBLEM = "application/problem+json"
AGREEMENT = "agreement--6f1b9d5e-9c4f-4a53-8c5c-6f6c1d1f6a01"

Answer = tuple[int, dict[str, str], Any]


@dataclass
class SeenRequest:
    """A request that reached the server, and who signed it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    nonce: str | None = None

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)

    @property
    def objects(self) -> list[Any]:
        return list(orjson.loads(self.body or b"{}").get("objects", []))


@dataclass
class Loopback:
    """The server's world. `faults` come before answers, one a request: an answer, or None to hang up."""

    key: keys.PrivateKey
    url: str = ""
    objects: list[dict[str, Any]] = field(default_factory=list)
    page: int = 2
    max_content_length: int = 100_000
    seen: list[SeenRequest] = field(default_factory=list)
    faults: list[tuple[str, Answer | None]] = field(default_factory=list)
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    nonces: set[str] = field(default_factory=set)
    note: str = ""  # said of each success
    explanations: list[Any] = field(default_factory=list)  # of each request that asks for them

    def registered(self, thumbprint: str) -> RegisteredKey | None:
        public = self.key.public
        at = datetime(2026, 1, 1, tzinfo=UTC)
        found = RegisteredKey(
            public.thumbprint, MemberId("us-cisa"), Purpose.SUBMIT, public.alg, public.jwk, at
        )
        return found if thumbprint == public.thumbprint else None

    def fail(self, path: str, *answers: Answer | None) -> None:
        """Let the next requests to a path that ends so be answered like this."""
        self.faults += [(path, answer) for answer in answers]

    def to(self, path: str, method: str = "GET") -> list[SeenRequest]:
        return [one for one in self.seen if one.path.endswith(path) and one.method == method]

    def answer(self, request: SeenRequest) -> Answer | None:
        self.seen.append(request)
        if refusal := self._refusal(request):
            return refusal
        if self.faults and request.path.endswith(self.faults[0][0]):
            return self.faults.pop(0)[1]
        if self.explanations and request.path == "/governance/explanations/":
            return 200, {"Content-Type": "application/json"}, {"explanations": self.explanations.pop(0)}
        if (request.method, request.path) in self.answers:
            return 200, {"Content-Type": "application/json"}, self.answers[request.method, request.path]
        return self._taxii(request)

    def _refusal(self, request: SeenRequest) -> Answer | None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return error(401, "Unauthenticated", "the token is unknown")
        if request.method == "GET":
            return None
        message = HttpRequest(request.method, self.url + request.target, request.headers, request.body)
        try:
            _, evidence = requests.verify(message, self.registered, datetime.now(UTC))
        except BadSignature as problem:
            return error(401, "Bad signature", str(problem))
        request.nonce = evidence.nonce
        if evidence.nonce in self.nonces:
            return error(401, "Bad signature", "replayed")
        self.nonces.add(evidence.nonce)
        return None

    def _taxii(self, request: SeenRequest) -> Answer:
        headers = {"Content-Type": TAXII}
        result: Answer
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["taxii2"]:
                root = f"{self.url}/allied/"
                result = 200, headers, {"title": "hub", "default": root, "api_roots": [root]}
            case "GET", ["allied"]:
                limit = self.max_content_length
                root_info = {"title": "allied", "versions": [TAXII], "max_content_length": limit}
                result = 200, headers, root_info
            case "GET", ["allied", "collections"]:
                result = 200, headers, {"collections": [collection(US, "us"), collection(KR, "kr")]}
            case "GET", ["allied", "collections", found]:
                result = 200, headers, collection(found, "us")
            case "GET", ["governance", "members"]:
                result = 200, headers, {"members": [cert("US", self.key)]}
            case "POST", ["allied", "collections", _, "objects"]:
                result = 202, headers, self._add(request)
            case "GET", ["allied", "collections", _, "objects"]:
                result = self._page(request)
            case _:
                result = error(404, "Not found", "there is nothing here")
        return result

    def _add(self, request: SeenRequest) -> dict[str, Any]:
        entries = [(str(o["id"]), str(o.get("modified", ""))) for o in request.objects]
        bad = [{"id": i, "version": v, "message": "not STIX"} for i, v in entries if "bad" in i]
        note = {"message": self.note} if self.note else {}
        good = [{"id": i, "version": v, **note} for i, v in entries if "bad" not in i]
        status: dict[str, Any] = {
            "id": f"status-{len(self.to('/objects/', 'POST'))}",
            "status": "complete",
            "total_count": len(entries),
            "success_count": len(good),
            "failure_count": len(bad),
            "pending_count": 0,
        }
        return status | ({"failures": bad} if bad else {}) | ({"successes": good} if good else {})

    def _page(self, request: SeenRequest) -> Answer:
        query = request.query
        after = query.get("next", query.get("added_after", [""]))[0]
        types = query.get("match[type]", [""])[0]
        dated = [(date(i), o) for i, o in enumerate(self.objects, 1)]
        left = [(d, o) for d, o in dated if d > after and (not types or o["type"] in types.split(","))]
        page, more = left[: self.page], len(left) > self.page
        if not page:
            return 200, {"Content-Type": TAXII}, {"more": False}
        headers = {"Content-Type": TAXII, "X-TAXII-Date-Added-Last": page[-1][0]}
        envelope: dict[str, Any] = {"more": more, "objects": [o for _, o in page]}
        return 200, headers, envelope | ({"next": page[-1][0]} if more else {})


def collection(collection_id: str, alias: str) -> dict[str, Any]:
    title = f"From {alias}"
    return {"id": collection_id, "title": title, "alias": alias, "can_read": True, "can_write": alias == "us"}


def cert(nation: str, *own: keys.PrivateKey, **more: Any) -> dict[str, Any]:
    """A nation's cert as a hub's list of members has it, with its agreement keys, the current one last."""
    given = [
        {
            "thumbprint": key.thumbprint,
            "alg": key.alg,
            "jwk": key.public.jwk,
            "registered_at": "2026-01-01T00:00:00Z",
            "revoked_at": None if key is own[-1] else "2026-02-01T00:00:00Z",
            "endorsement": None,
        }
        for key in own
    ]
    return {"id": f"{nation.lower()}-cert", "nation": nation, "kind": "cert", "agreement_keys": given} | more


def view(document: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A proposal of this document, as a hub that does not lie shows it."""
    names = ("id", "title", "valid_from", "valid_until", "clauses")
    said = {name: document[name] for name in names}
    who = {"parties": sorted(document["parties"]), "to_sign": sorted(document["parties"]), "signed_by": []}
    done = {"suspended_by": [], "events": [], "last_event": None}
    return {**said, **who, **done, "state": "proposed", "ended": None, "document": document} | more


def event(
    document: dict[str, Any], nation: str, key: keys.PrivateKey, typ: str = "sign", before: Any = None
) -> dict[str, Any]:
    """A signed step as a hub gives it; `before` is the event that it follows, if it names one."""
    previous = None if before is None else before["digest"]
    jws = documents.sign_document({"typ": typ, "agreement": document, "previous": previous}, key)
    digest = hashlib.sha256(jws.encode()).hexdigest()
    made = {"typ": typ, "nation": nation, "at": "2026-01-02T00:00:00.000000Z", "digest": digest, "jws": jws}
    return made | {"member": f"{nation.lower()}-cert", "thumbprint": key.thumbprint}


def date(number: int) -> str:
    return f"2026-01-01T00:00:00.{number:06d}Z"


def error(status: int, title: str, sentence: str) -> Answer:
    body = {"title": title, "description": sentence, "http_status": str(status)}
    return status, {"Content-Type": TAXII}, body


def indicator(number: int, **more: Any) -> dict[str, Any]:
    stix_id = f"indicator--00000000-0000-4000-8000-{number:012d}"
    return {"type": "indicator", "id": stix_id, "modified": "2026-01-01T00:00:00.000Z"} | more


@contextmanager
def running(key: keys.PrivateKey) -> Iterator[Loopback]:
    world = Loopback(key)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece: nobody waits for the second

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._serve
            raise AttributeError(name)

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self._reply(world.answer(SeenRequest(self.command, self.path, dict(self.headers.items()), body)))

        def _reply(self, answer: Answer | None) -> None:
            if answer is None:
                self.close_connection = True
                return
            status, headers, value = answer
            body = value if isinstance(value, bytes) else orjson.dumps(value)
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    world.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
