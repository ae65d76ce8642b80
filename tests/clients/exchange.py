"""What every client test does: one nation pushes, another's client polls, and what it holds is compared."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from hub.client import HubAuth
from tests.journeys.live import Live
from tests.patience import PATIENCE_SECONDS
from tests.stix_objects import Json, stamp

TAXII = "application/taxii+json;version=2.1"
STIX = "application/stix+json;version=2.1"
ORIGIN, PUSHER, READER = "us", "us-agency", "jp-cert"
MAX_REQUESTS = 300
LEAST_PATIENT_SECONDS = 30  # when OpenCTI's ingestion gives up; a test of its own holds that it need not
TIMEOUT_SECONDS = PATIENCE_SECONDS


class Bounded(HTTPAdapter):
    """Sends so many requests and no more: a client that would never end fails instead."""

    def __init__(self, most: int = MAX_REQUESTS) -> None:
        super().__init__()
        self.most = most
        self.sent: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *_places: Any, **options: Any) -> requests.Response:
        self.sent.append(request)
        assert len(self.sent) <= self.most, f"no end after so many requests: {request.method} {request.url}"
        return super().send(request, **{**options, "timeout": TIMEOUT_SECONDS})


def bounded(session: requests.Session | None = None, most: int = MAX_REQUESTS) -> requests.Session:
    """Return the session, or a new one, that sends at most so many requests and waits for none for ever."""
    session = session or requests.Session()
    session.mount("http://", Bounded(most))
    return session


def sent(session: requests.Session) -> list[requests.PreparedRequest]:
    adapter = session.get_adapter("http://")
    assert isinstance(adapter, Bounded)
    return adapter.sent


def basic(live: Live, member: str) -> str:
    """The value of Authorization as a user types it into most products: member id and token."""
    pair = f"{member}:{live.member(member).token}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def signer(live: Live, member: str) -> HubAuth:
    """What takes the place of a product's own credentials where it pushes: products cannot sign."""
    account = live.member(member)
    return HubAuth(account.token, account.submit_key)


# --- what is pushed -------------------------------------------------------------------------------


def made(stix_type: str, *, modified: int = 1, **properties: Any) -> Json:
    """An object of an id that no other test has; unmarked, so of the nation's default, amber."""
    found: Json = {
        "type": stix_type,
        "spec_version": "2.1",
        "id": f"{stix_type}--{uuid.uuid4()}",
        "created": stamp(0),
        "modified": stamp(modified),
    }
    return found | _REQUIRED[stix_type] | properties


_REQUIRED: dict[str, Json] = {
    "indicator": {
        "name": "Address of a command server",
        "pattern": "[ipv4-addr:value = '198.51.100.7']",
        "pattern_type": "stix",
        "valid_from": stamp(0),
    },
    "malware": {"name": "Family", "is_family": True},
    "campaign": {"name": "Campaign"},
    "identity": {"name": "Author", "identity_class": "organization"},
    "report": {"name": "Report", "published": stamp(0)},
    "grouping": {"context": "suspicious-activity"},
    "relationship": {"relationship_type": "indicates"},
}


def observable(value: str = "198.51.100.7", *, bare: bool = True) -> Json:
    """An address; bare without `spec_version`, which STIX 2.1 lets observables leave out."""
    found = {"type": "ipv4-addr", "id": f"ipv4-addr--{uuid.uuid4()}", "value": value}
    return found if bare else {**found, "spec_version": "2.1"}


def first_wave(*, bare: bool = True) -> list[Json]:
    """A believable feed: containers first, references, an observable, and nothing in any special order."""
    indicators = [made("indicator", modified=n + 1) for n in range(5)]
    family, address = made("malware"), observable(bare=bare)
    link = made("relationship", source_ref=indicators[0]["id"], target_ref=family["id"])
    report = made("report", object_refs=[family["id"], *(one["id"] for one in indicators)])
    return [address, report, link, *indicators, family, made("identity")]


def second_wave(first: Sequence[Json], at: str = "") -> list[Json]:
    """New objects, and new versions of two that are known already; all modified `at` a date, or long ago."""
    dated = {"modified": at} if at else {}
    known = [one for one in first if "modified" in one][:2]
    newer = [{**one, "modified": stamp(50), "labels": ["reviewed"]} for one in known]
    address = observable("203.0.113.9", bare=all("spec_version" not in one for one in first[:1]))
    found = [made("indicator", modified=9), *newer, made("campaign")]
    return [*({**one, **dated} for one in found), address]


def push(live: Live, objects: Sequence[Json], member: str = PUSHER) -> None:
    """Push as a member's own client does; every object must be taken."""
    status = live.push(member, objects)
    assert (status.success_count, status.failures) == (len(objects), [])


def post(live: Live, body: bytes, member: str = PUSHER, **headers: str) -> requests.Response:
    """Post bytes as they are to the own nation's collection, signed; headers are named with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{live.url}{objects_path(live, member[:2])}"
    return requests.post(
        url,
        data=body,
        headers={"Content-Type": TAXII, **named},
        auth=signer(live, member),
        timeout=TIMEOUT_SECONDS,
        allow_redirects=False,
    )


# --- what is held ---------------------------------------------------------------------------------


def envelope(live: Live, path: str, member: str = READER, **params: Any) -> Json:
    answer = live.get(member, path, params=params)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def objects_path(live: Live, alias: str = ORIGIN) -> str:
    return live.collection_url(alias).removeprefix(live.url) + "objects/"


def last_date(live: Live, alias: str = ORIGIN) -> str:
    """Where the reader stands; far in the past when it has seen nothing."""
    headers = live.get(READER, objects_path(live, alias)).headers
    return headers.get("X-TAXII-Date-Added-Last", "2000-01-01T00:00:00Z")


def in_full(live: Live, alias: str = ORIGIN, member: str = READER, **params: Any) -> dict[str, Json]:
    """What one full poll gives: the newest version of everything, by id."""
    page = envelope(live, objects_path(live, alias), member, **params)
    assert page["more"] is False, "the tests of clients stay below one page of the largest size"
    return by_id(page.get("objects", []))


def by_id(objects: Sequence[Json]) -> dict[str, Json]:
    """Objects as a product keeps them: what comes later under an id takes the place of what came before."""
    return {one["id"]: one for one in objects}


def error(answer: requests.Response) -> str:
    """Return what a TAXII error message says, having seen that it is one (TAXII 2.1 section 3.6.1)."""
    assert answer.headers["Content-Type"] == TAXII
    said = answer.json()
    assert said["title"]
    assert said["http_status"] == str(answer.status_code)
    return f"{said['title']}: {said['description']}"
