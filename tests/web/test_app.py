"""The wired application over real acts and a real database."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from werkzeug.test import Client, TestResponse

from hub import settings
from hub.actions.operation.initialise import initialise
from hub.actions.service.service import create_secrets
from hub.app import create_app, new_service
from hub.errors import SettingsError, Unavailable
from hub.model import HttpRequest, NationCode
from hub.proofs import requests
from hub.proofs.keys import PrivateKey
from tests.named_objects import identifier, malware
from tests.web.conftest import SETTINGS, TAXII, said
from tests.world import URL as PUBLIC_URL
from tests.world import World as Hub
from tests.world import build_empty, clause

TRAILING = ["", "/"]


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return build_empty(f"sqlite:///{tmp_path / 'hub.db'}")


@pytest.fixture
def web(hub: Hub) -> Client:
    return create_app(SETTINGS, hub.service).test_client()


def signed(hub: Hub, key: PrivateKey, path: str, document: Any) -> HttpRequest:
    """Return a request in plain JSON, signed."""
    headers = {"content-type": "application/json"}
    request = HttpRequest("POST", PUBLIC_URL + path, headers, orjson.dumps(document))
    added = requests.sign(request, key, created=hub.clock(), nonce=uuid.uuid4().hex)
    return replace(request, headers={**headers, **added})


def send(web: Client, hub: Hub, member: str, request: HttpRequest, path: str) -> TestResponse:
    headers = {**request.headers, "Authorization": f"Bearer {hub.account(member).token}"}
    return web.post(path, data=request.body, headers=headers)


def get(web: Client, hub: Hub, member: str, path: str) -> TestResponse:
    return web.get(path, headers={"Authorization": f"Bearer {hub.account(member).token}"})


# --- the start --------------------------------------------------------------------------------------


def test_without_secrets_the_start_stops(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="hub init"):
        create_app(settings.load({"HUB_HOME": str(tmp_path)}))


def test_on_another_schema_the_start_stops(tmp_path: Path) -> None:
    chosen = settings.load({"HUB_HOME": str(tmp_path)})
    create_secrets(chosen.secrets_dir)
    (tmp_path / "var" / "hub.db").touch(mode=0o600)
    with pytest.raises(SettingsError, match="hub init"):
        create_app(chosen)


def test_without_a_database_the_start_stops_and_makes_none(tmp_path: Path) -> None:
    chosen = settings.load({"HUB_HOME": str(tmp_path)})
    create_secrets(chosen.secrets_dir)
    with pytest.raises(Unavailable) as refusal:
        create_app(chosen)
    assert "there is no such file (SQLITE_CANTOPEN); run `hub init`" in refusal.value.in_full
    assert refusal.value.is_lasting
    assert not (tmp_path / "var" / "hub.db").exists()


def test_an_initialised_hub_starts_from_its_settings(tmp_path: Path) -> None:
    chosen = settings.load({"HUB_HOME": str(tmp_path)})
    service = new_service(chosen)
    initialise(service)
    service.store.close()
    assert create_app(chosen).test_client().get("/readyz").status_code == 200


# --- over real acts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", TRAILING)
@pytest.mark.parametrize("name", ["alias", "id"])
def test_a_signed_submission_is_accepted_at_the_address_that_was_signed(
    hub: Hub, web: Client, slash: str, name: str
) -> None:
    collection = hub.service.registry.nations[NationCode("US")].collection_id if name == "id" else "us"
    path = f"/allied/collections/{collection}/objects{slash}"
    request = hub.signed(hub.account("us-agency").submit_key, path, {"objects": [malware("one")]})
    answer = send(web, hub, "us-agency", request, path)
    assert (answer.status_code, said(answer)["success_count"]) == (202, 1)
    status = get(web, hub, "us-agency", f"/allied/status/{said(answer)['id']}{slash}")
    assert said(status) == said(answer)
    assert get(web, hub, "us-cert", f"/allied/status/{said(answer)['id']}").status_code == 404


@pytest.mark.parametrize(
    ("signed_at", "sent_to"), [("objects/", "objects"), ("objects", "objects/"), ("objects/", "objects/?x=1")]
)
def test_a_signature_for_another_spelling_of_the_address_is_refused(
    hub: Hub, web: Client, signed_at: str, sent_to: str
) -> None:
    root = "/allied/collections/us/"
    request = hub.signed(hub.account("us-agency").submit_key, root + signed_at, {"objects": [malware("one")]})
    assert send(web, hub, "us-agency", request, root + sent_to).status_code == 401


@pytest.mark.parametrize(("sent_as", "status"), [("application/json", 202), (TAXII, 401)])
def test_the_signature_is_held_against_the_content_type_that_was_sent(
    hub: Hub, web: Client, sent_as: str, status: int
) -> None:
    path = "/allied/collections/us/objects/"
    request = signed(hub, hub.account("us-agency").submit_key, path, {"objects": [malware("one")]})
    request = replace(request, headers={**request.headers, "content-type": sent_as, "accept": "*/*"})
    assert send(web, hub, "us-agency", request, path).status_code == status


def test_withheld_and_non_existent_are_the_same_bytes(hub: Hub, web: Client) -> None:
    hub.agree(["US", "JP"], clause("US", "JP", max_tlp="green"))
    hub.accepted("us-agency", malware("shared"), malware("kept", "amber"))
    for rest in ("", "versions/", "?added_after=2020-01-01T00:00:00Z"):
        objects = "/allied/collections/us/objects"
        shared, kept, nothing = (
            get(web, hub, "jp-cert", f"{objects}/{identifier('malware', name)}/{rest}")
            for name in ("shared", "kept", "nothing")
        )
        assert shared.status_code == 200
        assert kept.status_code == 404
        assert (kept.data, list(kept.headers)) == (nothing.data, list(nothing.headers))


def test_pages_follow_each_other_by_next_and_repeat_nothing(hub: Hub, web: Client) -> None:
    items = [malware(f"number {n}") for n in range(5)]
    hub.accepted("us-agency", *items)
    path = "/allied/collections/us/objects/?limit=2&match[type]=malware"
    seen, more = [], "&added_after=2020-01-01T00:00:00Z"
    while more:
        page = said(get(web, hub, "us-cert", path + more))
        seen += [item["id"] for item in page["objects"]]
        more = f"&next={page['next']}" if page["more"] else ""
    assert seen == [item["id"] for item in items]
    wrong = get(web, hub, "us-cert", f"/allied/collections/us/objects/?next={'A' * 40}")
    assert (wrong.status_code, wrong.content_type) == (400, TAXII)


def test_a_hostile_body_is_judged_only_after_its_signature(hub: Hub, web: Client) -> None:
    path, body = "/allied/collections/us/objects/", b'{"objects":[],"objects":[]}'
    signed = hub.signed(hub.account("us-agency").submit_key, path, body)
    assert send(web, hub, "us-agency", signed, path).status_code == 400
    unsigned = HttpRequest("POST", "", {"content-type": TAXII}, body)
    assert send(web, hub, "us-agency", unsigned, path).status_code == 401


@pytest.mark.parametrize("slash", TRAILING)
def test_an_agreement_is_made_over_http(hub: Hub, web: Client, slash: str) -> None:
    view = hub.agree(["US", "JP"], clause("US", "JP"), signers=())
    path = f"/governance/agreements/{view['id']}/signatures{slash}"
    for member in ("us-cert", "jp-cert"):
        request = signed(hub, hub.account(member).govern_key, path, {"jws": hub.jws(member, view, "sign")})
        answer = send(web, hub, member, request, path)
        assert answer.status_code == 200
    assert said(answer)["state"] == "in force"
    assert get(web, hub, "kr-cert", f"/governance/agreements/{view['id']}").status_code == 404
    assert said(get(web, hub, "kr-cert", "/governance/agreements/")) == {"agreements": []}
