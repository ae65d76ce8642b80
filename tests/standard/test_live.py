"""What only a real server shows: what stands on the wire, and what an unmodified client makes of it."""

from __future__ import annotations

import http.client
import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from taxii2client.v21 import as_pages

from hub.client import HubAuth
from tests.journeys.live import Live
from tests.named_objects import malware
from tests.patience import PATIENCE_SECONDS
from tests.standard.shapes import faults
from tests.standard.site import TAXII


def named(name: str) -> dict[str, str]:
    """An object that no other test of this server has."""
    return {**malware(name), "id": f"malware--{uuid.uuid4()}"}


def test_a_request_without_user_agent_and_accept_is_served_and_head_keeps_the_connection(live: Live) -> None:
    connection = http.client.HTTPConnection(urlsplit(live.url).netloc, timeout=PATIENCE_SECONDS)
    headers = {"Authorization": f"Bearer {live.member('us-cert').token}"}
    for method in ("HEAD", "GET", "HEAD"):
        connection.putrequest(method, "/taxii2/", skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Content-Type"]) == (200, TAXII)
        assert (answer.read() == b"") is (method == "HEAD")
    connection.close()


@pytest.mark.parametrize("slash", ["", "/"])
def test_nothing_is_redirected_whichever_way_an_address_is_spelled(live: Live, slash: str) -> None:
    account = live.member("us-agency")
    auth = HubAuth(account.token, account.submit_key)
    url, item = live.collection_url("us") + "objects", named("spelled")
    sent: dict[str, Any] = {"auth": auth, "timeout": PATIENCE_SECONDS, "allow_redirects": False}
    headers = {"Content-Type": TAXII, "Accept": TAXII}
    posted = requests.post(url + slash, json={"objects": [item]}, headers=headers, **sent)
    assert (posted.status_code, faults("status", posted.json())) == (202, [])
    got = requests.get(f"{url}/{item['id']}{slash}", **sent)
    assert (got.status_code, got.json()["objects"]) == (200, [item])
    deleted = requests.delete(f"{url}/{item['id']}{slash}", **sent)
    assert (deleted.status_code, deleted.headers["Content-Type"], deleted.json()) == (200, TAXII, {})
    assert requests.get(f"{url}/{item['id']}{slash}", **sent).status_code == 404


def test_a_taxii_client_adds_gets_and_deletes(live: Live) -> None:
    us = live.collection("us-agency", "us")
    first, second = named("first"), named("second")
    status = us.add_objects({"objects": [first, second]})
    assert (status.status, status.success_count, status.pending_count) == ("complete", 2, 0)
    us.delete_object(first["id"])
    with pytest.raises(requests.HTTPError, match="404"):
        us.get_object(first["id"])
    with pytest.raises(requests.HTTPError, match="404"):
        us.delete_object(first["id"])
    assert us.get_object(second["id"])["objects"] == [second]


def test_a_taxii_client_deletes_one_version(live: Live) -> None:
    us = live.collection("us-agency", "us")
    one = named("versions")
    two = {**one, "modified": "2026-06-01T00:00:00.000Z"}
    us.add_objects({"objects": [one, two]})
    us.delete_object(one["id"], version="last")
    assert us.object_versions(one["id"])["versions"] == [one["modified"]]
    assert us.get_object(one["id"])["objects"] == [one]


def test_a_taxii_client_pages_to_the_end(live: Live) -> None:
    live.push("in-agency", [named(f"of many {n}") for n in range(11)])
    pages = list(as_pages(live.collection("in-cert", "in").get_objects, per_request=4))
    assert [len(page["objects"]) for page in pages] == [4, 4, 3]
    assert [page["more"] for page in pages] == [True, True, False]
    assert [faults("envelope", page) for page in pages] == [[], [], []]
