"""A closed hub: who is answered what at which address, until the operator opens it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from hub.actions.operation import administer, restore
from hub.client import HubAuth
from hub.proofs import documents, keys
from hub.store.database import epochs
from tests.journeys.live import Live, live_hub
from tests.patience import PATIENCE_SECONDS
from tests.stix_objects import Json, malware, stix_id

TAXII = "application/taxii+json;version=2.1"
PROBLEM = "application/problem+json"
KEPT, DOOMED = stix_id("malware", 1), stix_id("malware", 2)
US = "collections/{us}/"

# Where, who, and what is answered: 503 says in a sentence, in the address's form, that the hub is closed.
ADDRESSES = [
    ("GET", "/healthz", "us-agency", 200),
    ("GET", "/readyz", "us-agency", 200),
    ("GET", "/taxii2/", "us-agency", 200),
    ("GET", "/allied/", "us-agency", 200),
    ("GET", f"/allied/{US}objects/", "us-agency", 503),
    ("GET", f"/allied/{US}objects/", "us-cert", 503),
    ("GET", f"/allied/{US}objects/", "kr-cert", 503),
    ("GET", "/allied/collections/{released}/objects/", "kr-cert", 503),
    ("GET", f"/allied/{US}manifest/", "us-cert", 503),
    ("GET", f"/allied/{US}objects/{KEPT}/", "us-cert", 503),
    ("GET", f"/allied/{US}objects/{KEPT}/versions/", "us-cert", 503),
    ("GET", "/allied/status/{status}/", "us-agency", 503),
    ("POST", f"/allied/{US}objects/", "us-agency", 503),
    ("POST", f"/allied/{US}objects/", "us-cert", 503),
    ("DELETE", f"/allied/{US}objects/{DOOMED}/", "us-agency", 503),
    ("DELETE", f"/allied/{US}objects/{DOOMED}/", "us-cert", 200),
    ("GET", "/governance/agreements/", "us-cert", 200),
    ("GET", "/governance/agreements/", "us-agency", 403),
    ("GET", "/governance/agreements/{agreement}/", "kr-cert", 200),
    ("GET", "/governance/agreements/{agreement}/", "kr-agency", 403),
    ("GET", "/governance/members/", "us-cert", 200),
    ("GET", f"/governance/explanations/?object={KEPT}", "us-cert", 503),
    ("GET", f"/governance/disclosures/?object={KEPT}", "us-cert", 503),
]


@pytest.fixture
def closed(database_url: str, tmp_path: Path) -> Iterator[tuple[Live, dict[str, str]]]:
    """A closed hub, and what stands for itself in the addresses."""
    with live_hub(database_url, tmp_path) as live:
        agreement = live.agree("US", "KR", max_tlp="green")
        status = live.push("us-agency", [malware(1, tlp="green"), malware(2, tlp="green")])
        live.member("kr-agency")
        registry = live.service.registry
        names = {"us": "us", "agreement": agreement, "status": status.id}
        store = live.service.store
        with store.write() as connection:
            epochs.close(connection, store.now(connection), ["something"])
        yield live, names | {"released": registry.released_collection_id}


def test_each_address_answers_as_the_table_says(closed: tuple[Live, dict[str, str]]) -> None:
    live, names = closed
    answered = [
        (address, _ask(live, address[0], address[1].format(**names), address[2])) for address in ADDRESSES
    ]
    wrong = [
        (address, response.status_code)
        for address, response in answered
        if response.status_code != address[3]
    ]
    assert wrong == []
    for (_, path, _, status), response in answered:
        if status == 503:
            is_taxii = path.startswith("/allied/")
            assert response.headers["Content-Type"] == (TAXII if is_taxii else PROBLEM)
            assert int(response.headers["Retry-After"]) > 0
            assert "The hub is closed" in response.json()["description" if is_taxii else "detail"]


def test_certs_end_what_stands_again_and_begin_nothing(closed: tuple[Live, dict[str, str]]) -> None:
    live, names = closed
    us, kr, id = live.governor("US"), live.governor("KR"), names["agreement"]
    document = us.agreement(id)["document"]
    assert us.suspend(id)["state"] == "suspended"
    proposal = {key: value for key, value in document.items() if key not in ("id", "hub")}
    for path, body in (("", proposal), (f"{id}/resumption/", _step(live, id, "resume"))):
        response = _govern(live, path, body)
        assert (response.status_code, response.headers["Content-Type"]) == (503, PROBLEM), response.text
        assert "The hub is closed" in response.json()["detail"]
    assert kr.terminate(id)["state"] == "ended"
    administer.suspend_member(live.service, "kr-agency")
    restore.open_again(live.service)
    assert live.get("kr-cert", "/allied/collections/us/objects/").json().get("objects") is None
    assert live.get("kr-agency", "/allied/collections/us/objects/").status_code == 401


def _step(live: Live, id: str, typ: str) -> Json:
    view = live.governor("US").agreement(id)
    payload = {"typ": typ, "agreement": view["document"], "previous": view["last_event"]}
    pem = live.member("us-cert").agreement_key
    assert pem is not None
    return {"jws": documents.sign_document(payload, keys.read_private(pem))}


def _govern(live: Live, path: str, body: Json) -> requests.Response:
    account = live.member("us-cert")
    return requests.post(
        f"{live.url}/governance/agreements/{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        auth=HubAuth(account.token, account.agreement_key),
        timeout=PATIENCE_SECONDS,
    )


def _ask(live: Live, method: str, path: str, id: str) -> requests.Response:
    account = live.member(id)
    options: dict[str, Any] = {}
    if method == "POST":
        options["json"] = {"objects": [malware(3, tlp="green")]}
    accept = "*/*" if not path.startswith(("/allied", "/taxii2")) else TAXII
    headers = {"Accept": accept, **({"Content-Type": TAXII} if method == "POST" else {})}
    auth = HubAuth(account.token, account.submit_key if method != "GET" else None)
    place = f"{live.url}{path}"
    return requests.request(method, place, headers=headers, auth=auth, timeout=PATIENCE_SECONDS, **options)
