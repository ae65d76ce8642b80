"""The traps in the standard's own text (TAXII 2.1 sections 1.6.8 and 3-5): pushing, deleting, refusals."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import requests

from hub.actions.operation.administer import add_member, issue_token
from hub.client import HubAuth
from hub.model import Kind, Scope
from tests.clients.exchange import (
    PUSHER,
    READER,
    TAXII,
    TIMEOUT_SECONDS,
    by_id,
    error,
    in_full,
    made,
    objects_path,
    post,
    push,
    signer,
)
from tests.journeys.live import Live
from tests.stix_objects import TLP, stamp

# --- pushing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad", [{"id": "malware--x"}, {"id": 7, "type": "malware"}, 7, None, "x", [], {}, {"type": "malware"}]
)
def test_trap_one_bad_item_takes_no_good_one_down(live: Live, bad: Any) -> None:
    good = [made("malware"), made("indicator")]
    answer = post(live, json.dumps({"objects": [good[0], bad, good[1]]}).encode())
    assert answer.status_code == 202
    assert (answer.json()["success_count"], answer.json()["failure_count"]) == (2, 1)
    assert by_id(good).items() <= in_full(live).items()


def test_trap_max_content_length_is_a_promise(live: Live) -> None:
    promised = live.get(PUSHER, "/allied/").json()["max_content_length"]
    body = json.dumps({"objects": [made("malware")]}).encode()
    refused = post(live, body.ljust(promised + 1))
    assert (refused.status_code, str(promised) in error(refused)) == (413, True)
    assert post(live, body.ljust(promised)).status_code == 202


# --- deleting -------------------------------------------------------------------------------------


def delete(live: Live, id: str, auth: HubAuth, alias: str = "us") -> requests.Response:
    url = f"{live.url}{objects_path(live, alias)}{id}/"
    return requests.delete(url, auth=auth, timeout=TIMEOUT_SECONDS)


def test_trap_what_is_deleted_is_404_and_is_not_taken_again(either: Live) -> None:
    family = made("malware")
    push(either, [family])
    answer = delete(either, family["id"], signer(either, PUSHER))
    assert (answer.status_code, answer.json()) == (200, {})
    for member in (READER, PUSHER):
        for rest in ("", "versions/"):
            gone = either.get(member, f"{objects_path(either)}{family['id']}/{rest}")
            assert (gone.status_code, "Not found" in error(gone)) == (404, True)
    status = either.push(PUSHER, [family])
    assert (status.success_count, status.failure_count) == (0, 1)
    assert "deleted" in status.failures[0]["message"]
    push(either, [{**family, "modified": stamp(9)}])


def test_trap_deleting_what_is_not_there_is_404(live: Live) -> None:
    refused = delete(live, made("malware")["id"], signer(live, PUSHER))
    assert (refused.status_code, "Not found" in error(refused)) == (404, True)


def test_trap_deleting_takes_both_rights(live: Live) -> None:
    family = made("malware")
    push(live, [family])
    key = live.member(PUSHER).submit_key
    for scope in (Scope.READ, Scope.SUBMIT):
        auth = HubAuth(issue_token(live.service, PUSHER, [scope]).token, key)
        assert delete(live, family["id"], auth).status_code == 403
    # Abroad one may read alone. At home another agency sees what is amber, a partner does not.
    for member, code in ((READER, 403), ("us-agency2", 403), ("us-partner", 404), ("au-cert", 403)):
        assert delete(live, family["id"], signer(live, member)).status_code == code, member
    assert family["id"] in in_full(live)
    assert delete(live, family["id"], signer(live, "us-cert")).status_code == 200


def test_trap_without_any_right_there_is_no_collection(live: Live) -> None:
    family = made("malware")
    push(live, [family])
    add_member(live.service, "audit-1", None, Kind.AUDITOR, "Auditor")
    auditor = HubAuth(issue_token(live.service, "audit-1", [Scope.READ]).token)
    refused = delete(live, family["id"], auditor)
    assert (refused.status_code, "Not found" in error(refused)) == (404, True)


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/taxii2/", "/allied/", "/allied/collections/us/objects/?limit=0&match[x]=1"]
)
@pytest.mark.parametrize("accept", [TAXII, "text/html"])
def test_trap_a_401_has_its_challenges_and_comes_first(live: Live, path: str, accept: str) -> None:
    refused = requests.get(f"{live.url}{path}", headers={"Accept": accept}, timeout=TIMEOUT_SECONDS)
    assert (refused.status_code, "Unauthenticated" in error(refused)) == (401, True)
    challenges = refused.raw.headers.getlist("WWW-Authenticate")
    assert [one.split()[0] for one in challenges] == ["Basic", "Bearer"]


def test_trap_every_refusal_is_an_error_message(live: Live) -> None:
    path = objects_path(live)
    refused = {
        400: live.get(READER, f"{path}?limit=x"),
        401: requests.get(f"{live.url}{path}", timeout=TIMEOUT_SECONDS),
        403: requests.post(
            f"{live.url}{path}",
            data=b"{}",
            headers={"Content-Type": TAXII},
            auth=signer(live, READER),
            timeout=TIMEOUT_SECONDS,
        ),
        404: live.get(READER, f"{path}{made('malware')['id']}/"),
        405: requests.put(
            f"{live.url}{path}",
            auth=signer(live, READER),
            headers={"Content-Type": TAXII},
            timeout=TIMEOUT_SECONDS,
        ),
        406: live.get(READER, path, headers={"Accept": "text/html"}),
        413: post(live, b" " * 10_485_761),
        415: post(live, b"{}", Content_Type="text/plain"),
        422: post(live, b'{"objects": []}'),
    }
    assert {code: one.status_code for code, one in refused.items()} == {code: code for code in refused}
    for one in refused.values():
        assert error(one)


@pytest.mark.parametrize("path", ["/taxii2/x/", "/allied/x/", "/allied/collections/us/x/", "/allied/status/"])
def test_trap_an_unknown_path_is_404(live: Live, path: str) -> None:
    refused = live.get(READER, path)
    assert (refused.status_code, "Not found" in error(refused)) == (404, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/taxii2/"),
        ("PUT", "/allied/"),
        ("PATCH", "/allied/collections/us/objects/"),
        ("DELETE", "/allied/collections/us/objects/"),
        ("POST", "/allied/collections/us/manifest/"),
    ],
)
def test_trap_a_wrong_method_is_405(live: Live, method: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {live.member(READER).token}", "Content-Type": TAXII}
    refused = requests.request(method, f"{live.url}{path}", headers=headers, timeout=TIMEOUT_SECONDS)
    assert (refused.status_code, "GET" in refused.headers["Allow"]) == (405, True)
    assert error(refused)


def test_trap_a_status_belongs_to_its_submitter(live: Live) -> None:
    id = live.push(PUSHER, [made("malware", object_marking_refs=[TLP["green"]])]).id
    path = f"/allied/status/{id}/"
    assert live.get(PUSHER, path).status_code == 200
    bodies = set()
    for member, place in (
        (READER, path),
        ("us-cert", path),
        ("us-agency2", path),
        (PUSHER, f"/allied/status/{uuid.uuid4()}/"),
        (PUSHER, "/allied/status/x/"),
    ):
        refused = live.get(member, place)
        assert (refused.status_code, "Not found" in error(refused)) == (404, True)
        bodies.add(refused.content)
    assert len(bodies) == 1
