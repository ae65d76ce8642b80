"""Who asks too fast is told when to come again, loses nothing by it, and slows nobody else down."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from hub.app import create_app
from hub.client import HubAuth
from hub.client.http.connection import Connection
from hub.client.polling.pages import pages
from hub.model import HttpRequest, Limits, NationCode, Purpose
from hub.proofs import requests
from hub.store.database.connection import Store
from hub.store.schema.allowance_tables import allowance
from hub.store.schema.tables import nonce, submission
from tests.stix_objects import indicator, stix_id
from tests.web.conftest import SETTINGS, TAXII, said
from tests.world import URL, World, build, key_of

PER_MINUTE = 10  # so that 20 come at once


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """A hub with an object for each of the US's members, and a clock that stands still."""
    world = build(database_url, codes=("KR", "US"), kinds=("cert", "agency"), require_signature=True)
    world.push("us-cert", *(indicator(n, tlp="green") for n in range(60)))
    yield world
    world.close()


class Asking(FlaskClient):
    """A member that asks."""

    token: str | None = None

    def open(self, *args: Any, headers: Mapping[str, str] | None = None, **kwargs: Any) -> TestResponse:
        given = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return super().open(*args, headers={**given, **(headers or {})}, **kwargs)


def served(world: World, requests: int = 0, objects: int = 0) -> Flask:
    """One worker over the world's database, with these limits and pages of ten."""
    limits = Limits(page_objects=10, requests_per_minute=requests, objects_per_minute=objects)
    app = create_app(SETTINGS, replace(world.service, limits=limits))
    app.test_client_class = Asking
    return app


def member(world: World, app: Flask, id: str | None = "us-cert") -> Asking:
    client = app.test_client()
    assert isinstance(client, Asking)
    client.token = world.tokens[id] if id else None
    return client


def address(world: World, rest: str = "objects", nation: str = "US") -> str:
    return f"/allied/collections/{world.service.registry.nations[NationCode(nation)].collection_id}/{rest}/"


def exhaust(client: Asking, path: str = "/allied/") -> int:
    """Ask until the answer is 429; return the seconds that it says."""
    for _ in range(100):
        answer = client.get(path)
        if answer.status_code == 429:
            return int(answer.headers["Retry-After"])
    raise AssertionError("no limit was met")


def rows(store: Store, table: Any) -> int:
    with store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


# --- refused ----------------------------------------------------------------------------------------


def test_who_asks_too_fast_gets_a_taxii_error_and_the_whole_seconds_to_wait(world: World) -> None:
    client = member(world, served(world, requests=PER_MINUTE))
    assert [client.get("/allied/").status_code for _ in range(21)] == [200] * 20 + [429]
    answer = client.get(address(world))
    error = said(answer)
    assert (answer.status_code, answer.content_type) == (429, TAXII)
    assert answer.headers["Retry-After"] == "6"
    assert (error["title"], error["http_status"]) == ("Too many requests", "429")
    assert "wait 6 s" in error["description"]


def test_under_governance_it_is_a_problem(world: World) -> None:
    client = member(world, served(world, requests=PER_MINUTE))
    exhaust(client)
    answer = client.get("/governance/members/")
    assert (answer.status_code, answer.content_type) == (429, "application/problem+json")
    assert answer.headers["Retry-After"] == "6"
    problem = said(answer)
    assert (problem["type"], problem["title"]) == ("about:blank", "Too Many Requests")
    assert problem["status"] == 429


def test_governance_counts_like_the_rest(world: World) -> None:
    client = member(world, served(world, requests=PER_MINUTE))
    answers = [client.get("/governance/members/").status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]


@pytest.mark.parametrize("limit", [{"requests": PER_MINUTE}, {"objects": 10}])
def test_the_wait_is_honest(world: World, limit: dict[str, int]) -> None:
    client = member(world, served(world, **limit))
    wait = exhaust(client, address(world))
    world.clock.wait(wait - 1)
    assert client.get(address(world)).status_code == 429
    world.clock.wait(1)
    assert client.get(address(world)).status_code == 200


def test_a_refused_submission_leaves_no_trace_and_may_be_sent_again_as_it_is(world: World) -> None:
    client = member(world, served(world, requests=PER_MINUTE))
    body = json.dumps({"objects": [indicator(100, tlp="green")]}).encode()
    unsigned = HttpRequest("POST", URL + address(world), {"content-type": TAXII}, body)
    signature = requests.sign(
        unsigned, key_of("us-cert", Purpose.SUBMIT), created=world.clock.now, nonce="n" * 20
    )
    before = rows(world.service.store, nonce), rows(world.service.store, submission)
    wait = exhaust(client)
    headers = {**unsigned.headers, **signature}
    assert client.post(address(world), data=body, headers=headers).status_code == 429
    assert (rows(world.service.store, nonce), rows(world.service.store, submission)) == before
    world.clock.wait(wait)
    assert client.post(address(world), data=body, headers=headers).status_code == 202


def test_objects_submitted_count(world: World) -> None:
    app = served(world, objects=25)
    client = member(world, app)
    for n in (0, 1):
        objects = [indicator(200 + 30 * n + i, tlp="green") for i in range(30)]
        body = json.dumps({"objects": objects}).encode()
        request = HttpRequest("POST", URL + address(world), {"content-type": TAXII}, body)
        key = key_of("us-cert", Purpose.SUBMIT)
        signature = requests.sign(request, key, created=world.clock.now, nonce=f"nonce-of-objects-{n}")
        answer = client.post(address(world), data=body, headers={**request.headers, **signature})
        assert answer.status_code == 202
    assert client.get("/allied/").status_code == 429


def test_objects_that_are_asked_about_count_seen_or_not(world: World) -> None:
    client = member(world, served(world, objects=25))
    body = json.dumps({"objects": [stix_id("malware", 7_000 + n) for n in range(30)]}).encode()
    for _ in range(2):
        answer = client.post("/governance/explanations/", data=body, content_type="application/json")
        assert answer.status_code == 200
    assert client.get("/allied/").status_code == 429


def test_a_cursor_lets_nothing_in_but_the_pages_of_a_walk(world: World) -> None:
    client = member(world, served(world, requests=PER_MINUTE))
    walk = {"next": said(client.get(address(world)))["next"]}
    exhaust(client)
    assert client.get(address(world), query_string=walk).status_code == 200
    assert client.head(address(world), query_string=walk).status_code == 200
    assert client.post(address(world), query_string=walk, data=b"{}").status_code == 429
    one = address(world, f"objects/{indicator(1)['id']}")
    assert client.delete(one, query_string=walk).status_code == 429
    assert client.get(address(world, "manifest"), query_string=walk).status_code == 429
    assert client.get("/governance/members/", query_string=walk).status_code == 429
    assert client.get(address(world), query_string={"next": "made-up"}).status_code == 429
    foreign = member(world, served(world), "us-agency")
    others = {"next": said(foreign.get(address(world)))["next"]}
    assert client.get(address(world), query_string=others).status_code == 429


def test_a_walk_of_a_manifest_goes_on_too_by_its_own_cursor_alone(world: World) -> None:
    client = member(world, served(world, requests=PER_MINUTE))
    walk = {"next": said(client.get(address(world, "manifest")))["next"]}
    exhaust(client)
    assert client.get(address(world), query_string=walk).status_code == 429
    assert client.get(address(world, "manifest"), query_string=walk).status_code == 200


# --- served -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [{"requests": 1}, {"objects": 10}])
def test_a_walk_is_never_interrupted(world: World, limit: dict[str, int]) -> None:
    client = member(world, served(world, **limit))
    envelope = said(client.get(address(world)))
    objects = len(envelope["objects"])
    while envelope["more"]:
        answer = client.get(address(world), query_string={"next": envelope["next"]})
        assert answer.status_code == 200
        envelope = said(answer)
        objects += len(envelope["objects"])
    assert objects == 60
    assert client.get(address(world)).status_code == 429  # it counted


def test_a_manifest_that_is_told_to_wait_goes_on_where_it_was(world: World) -> None:
    client, found, waited = member(world, served(world, requests=1)), [], 0
    after: dict[str, str] = {}
    for _ in range(100):
        answer = client.get(address(world, "manifest"), query_string=after)
        if answer.status_code == 429:
            waited += 1
            world.clock.wait(int(answer.headers["Retry-After"]))
            continue
        found += [record["id"] for record in said(answer)["objects"]]
        if not said(answer)["more"]:
            break
        after = {"added_after": answer.headers["X-TAXII-Date-Added-Last"]}
    assert sorted(found) == sorted({indicator(n)["id"] for n in range(60)})
    assert waited


def test_another_member_of_the_same_nation_is_unaffected(world: World) -> None:
    app = served(world, requests=PER_MINUTE)
    exhaust(member(world, app))
    assert member(world, app, "us-agency").get(address(world)).status_code == 200
    assert member(world, app, "kr-cert").get(address(world)).status_code == 200


def test_all_workers_count_together(world: World) -> None:
    first, second = served(world, requests=PER_MINUTE), served(world, requests=PER_MINUTE)
    wait = exhaust(member(world, first))
    answer = member(world, second).get("/allied/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(wait))


def test_discovery_and_health_are_never_limited(world: World) -> None:
    client = member(world, served(world, requests=PER_MINUTE))
    exhaust(client)
    for path in ("/taxii2/", "/taxii2", "/healthz", "/readyz"):
        assert {client.get(path).status_code for _ in range(5)} == {200}, path


def test_requests_without_a_member_count_for_nobody(world: World) -> None:
    app = served(world, requests=PER_MINUTE)
    stranger = member(world, app, None)
    guesses = [
        stranger.get("/allied/", headers={"Authorization": f"Bearer guess-{n}"}).status_code
        for n in range(50)
    ]
    assert guesses == [401] * 50
    assert rows(world.service.store, allowance) == 0
    assert member(world, app).get("/allied/").status_code == 200


def test_without_limits_nothing_is_counted(world: World) -> None:
    client = member(world, served(world))
    assert {client.get(address(world)).status_code for _ in range(50)} == {200}
    assert rows(world.service.store, allowance) == 0


# --- with our own client ------------------------------------------------------------------------------


@contextmanager
def listening(app: Flask) -> Iterator[str]:
    """Give the address of a server on loopback that answers from `app`."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("limit", [{"requests": 1}, {"objects": 5}])
def test_our_client_waits_as_it_is_told_and_misses_nothing(world: World, limit: dict[str, int]) -> None:
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        world.clock.wait(seconds)

    app = served(world, **limit)
    with listening(app) as url:
        connection = Connection(HubAuth(world.tokens["us-cert"]), sleep=sleep)
        for _walk in range(3):
            found = [one["id"] for page in pages(connection, url + address(world)) for one in page.objects]
            assert len(found) == len(set(found)) == 60
        connection.close()
    assert pauses
    # A burst is the longest wait, and the client's patience is longer.
    assert sum(pauses) <= 2 * 150
