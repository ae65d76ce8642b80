"""The wired application over real acts and a real database, asked through Flask's client as its members.

`filled` fills it with every kind of version that the standard tells apart, and keeps beside the hub what was
pushed, so that a test can say what a filter should have given without asking the hub.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson
from werkzeug.test import Client, TestResponse

from hub.app import create_app
from hub.model import HttpRequest, JsonObject, NationCode
from hub.proofs import requests
from hub.stix import bodies
from tests.named_objects import address, malware, relation, statement
from tests.web.conftest import SETTINGS, TAXII
from tests.world import URL as PUBLIC_URL
from tests.world import World as Hub
from tests.world import clause

_nonces = itertools.count()


@dataclass
class HttpSite:
    """A hub and its members, as they meet over HTTP."""

    hub: Hub
    web: Client

    @classmethod
    def over(cls, hub: Hub) -> HttpSite:
        return cls(hub, create_app(SETTINGS, hub.service).test_client())

    def get(self, member: str, path: str, **filters: str) -> TestResponse:
        """GET as the member; `filters` are `limit`, `next`, `added_after`, and match fields by name."""
        return self.web.get(f"{path}{query(filters)}", headers=self.authorization(member))

    def post(self, member: str, *objects: Any, collection: str = "") -> TestResponse:
        """POST an envelope of the objects, signed, to the collection of the member's nation or another."""
        return self.post_document(member, {"objects": list(objects)}, collection or member[:2])

    def post_document(self, member: str, document: Any, collection: str) -> TestResponse:
        path = collection_path(collection) + "objects/"
        request = self.hub.signed(self.hub.account(member).submit_key, path, document)
        headers = {**request.headers, **self.authorization(member)}
        return self.web.post(path, data=request.body, headers=headers)

    def delete(self, member: str, id: str, /, *, collection: str = "", **filters: str) -> TestResponse:
        """DELETE an object, signed, from the collection of the member's nation or another."""
        path = f"{collection_path(collection or member[:2])}objects/{id}/{query(filters)}"
        headers = {**self.signature(member, "DELETE", path), **self.authorization(member)}
        return self.web.delete(path, headers=headers)

    def signature(self, member: str, method: str, path: str) -> Mapping[str, str]:
        """The fields that sign a request without content."""
        request, nonce = HttpRequest(method, PUBLIC_URL + path, {}), f"standard-{next(_nonces):08}"
        key = self.hub.account(member).submit_key
        return requests.sign(request, key, created=self.hub.clock(), nonce=nonce)

    def authorization(self, member: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.hub.account(member).token}"}

    def walk(self, member: str, path: str, **filters: str) -> list[TestResponse]:
        """Every page of a query, each asked by the `next` of the one before."""
        pages = [self.get(member, path, **filters)]
        while said(pages[-1])["more"]:
            pages.append(self.get(member, path, **{**filters, "next": said(pages[-1])["next"]}))
        return pages

    def walk_by_date(self, member: str, path: str, **filters: str) -> list[TestResponse]:
        """Every page of a query, each asked by the last date of the one before (section 3.5)."""
        pages = [self.get(member, path, **filters)]
        while said(pages[-1])["more"]:
            last = pages[-1].headers["X-TAXII-Date-Added-Last"]
            pages.append(self.get(member, path, **{**filters, "added_after": last}))
        return pages


@dataclass(frozen=True)
class StoredVersion:
    """One version of an object that a collection holds."""

    body: JsonObject
    version: str
    date_added: str

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def type(self) -> str:
        return str(self.body["type"])


@dataclass
class FilledCollection:
    """A site whose US collection holds `entries`, in this order; kr-cert reads all of it too."""

    site: HttpSite
    entries: list[StoredVersion] = field(default_factory=list)

    def push(self, *objects: JsonObject) -> None:
        """Push as the agency, and keep what was pushed in the order in which one commit is added."""
        answer = said(self.site.post("us-agency", *objects))
        versions = [detail["version"] for detail in answer["successes"]]
        found = list(zip(objects, versions, strict=True))
        # Bodies without spec_version come last, because clients tell the version of STIX by the first.
        found.sort(key=lambda pair: "spec_version" not in pair[0])
        self.entries += [StoredVersion(body, version, "") for body, version in found]

    def dated(self, reader: str) -> list[StoredVersion]:
        """The entries with the dates that the reader's manifest gives them, which must be all of them."""
        records = objects_of(self.site.get(reader, collection_path("us") + "manifest/", version="all"))
        assert [(one["id"], one["version"]) for one in records] == [(e.id, e.version) for e in self.entries]
        pairs = zip(self.entries, records, strict=True)
        return [StoredVersion(entry.body, entry.version, record["date_added"]) for entry, record in pairs]


A, B = malware("a"), malware("b")
CLOSE = [malware("c", modified=f"2026-02-01T00:00:00.00000{n}Z") for n in (1, 2)]


def filled_collection(hub: Hub) -> FilledCollection:
    """Fill a hub: versions in and out of order, a microsecond apart, and objects without `modified`."""
    hub.agree(["US", "KR"], clause("US", "KR"))
    filled_collection = FilledCollection(HttpSite.over(hub))
    bare = {key: value for key, value in address("192.0.2.1").items() if key != "spec_version"}
    filled_collection.push(bare, malware("a", version=2), B)
    filled_collection.push(relation(A, B), address("192.0.2.2"))
    filled_collection.push(malware("a", version=3), CLOSE[1])
    filled_collection.push(malware("a", version=1), CLOSE[0], statement("copyright"))
    filled_collection.push(address("192.0.2.2", x_sighted=2))
    return filled_collection


def collection_path(name: str) -> str:
    return f"/allied/collections/{name}/"


def collection_id(hub: Hub, nation: str) -> str:
    return hub.service.registry.nations[NationCode(nation)].collection_id


def query(filters: Mapping[str, str]) -> str:
    plain = {"limit", "next", "added_after"}
    named = {name if name in plain else f"match[{name}]": value for name, value in filters.items()}
    return f"?{urlencode(named)}" if named else ""


def said(answer: TestResponse) -> Any:
    """Return the JSON value of an answer, which must be I-JSON (RFC 7493)."""
    return bodies.loads(answer.data, "answer")


def objects_of(*pages: TestResponse) -> list[Any]:
    """Return the objects (or manifest records, or versions) of pages, each of which must be a 200."""
    assert [page.status_code for page in pages] == [200] * len(pages), pages[-1].data
    return [one for page in pages for name in ("objects", "versions") for one in said(page).get(name, ())]


def key(entries: Iterable[JsonObject]) -> list[bytes]:
    """Return a comparable form of JSON objects, in their order."""
    return [orjson.dumps(entry, option=orjson.OPT_SORT_KEYS) for entry in entries]


__all__ = [
    "CLOSE",
    "TAXII",
    "FilledCollection",
    "HttpSite",
    "StoredVersion",
    "collection_id",
    "collection_path",
    "filled_collection",
    "key",
    "objects_of",
    "said",
]
