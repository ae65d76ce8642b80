"""The markings resource: refusals, then what each kind of member is told over a real hub."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hub.actions.operation import administer
from hub.app import create_app
from hub.model import Scope, Tlp
from hub.stix.marking.tlp import TLP_IDS
from tests.stix_objects import malware
from tests.web.conftest import SETTINGS, TAXII, Web, said
from tests.world import World, build, clause

PATH = "/allied/markings/"


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = build(database_url, codes=("US", "KR", "JP"))
    yield made
    made.close()


def told(world: World, member: str) -> dict[str, list[str]]:
    """The levels by the alias of the collection."""
    client = create_app(SETTINGS, world.service).test_client()
    answer = client.get(PATH, headers={"Authorization": f"Bearer {world.tokens[member]}"})
    assert (answer.status_code, answer.content_type) == (200, TAXII)
    entries: list[dict[str, Any]] = said(answer)["markings"]
    for entry in entries:
        labels = [TLP_IDS[id].label for id in entry.get("marking_definitions", [])]
        assert set(labels) == set(entry.get("levels", []))
        assert [] not in entry.values()
    return {entry["alias"]: entry.get("levels", []) for entry in entries}


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "status"), [(None, 401), ("wrong", 401), ("us-writes", 403)])
def test_who_does_not_read_is_refused_in_the_form_of_taxii(client: Web, key: str | None, status: int) -> None:
    client.key = key
    answer = client.get(PATH)
    assert (answer.status_code, answer.content_type) == (status, TAXII)


def test_what_cannot_be_answered_in_that_form_is_406(client: Web) -> None:
    assert client.get(PATH, headers={"Accept": "text/html"}).status_code == 406


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_it_is_only_read(client: Web, method: str) -> None:
    assert client.open(PATH, method=method).status_code == 405


def test_another_root_has_none(client: Web) -> None:
    assert client.get("/elsewhere/markings/").status_code == 404


@pytest.mark.parametrize("key", ["audit-key", "ops-key"])
def test_who_belongs_to_no_nation_is_told_nothing(client: Web, key: str) -> None:
    client.key = key
    assert said(client.get(PATH)) == {}


def test_what_may_not_be_seen_changes_nothing(world: World) -> None:
    before = {member: told(world, member) for member in ("kr-cert", "us-partner")}
    world.push("us-agency", malware(tlp="red"))
    world.agree(["US", "JP"], clause("US", "JP", "red"))
    assert {member: told(world, member) for member in before} == before


# --- what is told ---------------------------------------------------------------------------------

UP_TO = {level.label: [lower.label for lower in Tlp if lower <= level] for level in Tlp}


@pytest.mark.parametrize(("kind", "level"), [("partner", "green"), ("agency", "amber")])
def test_who_sees_no_agreement_is_told_what_its_kind_may_see_whatever_is_agreed(
    world: World, kind: str, level: str
) -> None:
    """Nobody but certs learns that an agreement exists, nor that there is none (policy 5)."""
    expected = dict.fromkeys(("us", "kr", "jp", "released"), UP_TO[level])
    assert told(world, f"kr-{kind}") == expected
    world.agree(["US", "KR"], clause("US", "KR", "red", audience="partner"))
    assert told(world, f"kr-{kind}") == expected


def test_a_cert_that_does_not_govern_is_told_as_any_member(world: World) -> None:
    issued = administer.issue_token(world.service, "kr-cert", [Scope.READ])
    world.tokens["kr-cert"] = issued.token
    expected = dict.fromkeys(("us", "kr", "jp", "released"), UP_TO["red"])
    assert told(world, "kr-cert") == expected
    world.agree(["US", "KR"], clause("US", "KR", "green"))
    assert told(world, "kr-cert") == expected


def test_at_home_a_cert_sees_every_level(world: World) -> None:
    assert told(world, "us-cert") == {"us": UP_TO["red"], "kr": [], "jp": [], "released": UP_TO["red"]}


@pytest.mark.parametrize(
    ("ceiling", "audience", "level"),
    [
        ("green", "cert", "green"),
        ("red", "agency", "red"),  # what is addressed to it
        ("clear", "partner", "clear"),
    ],
)
def test_abroad_a_cert_sees_what_agreements_allow(
    world: World, ceiling: str, audience: str, level: str
) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR", ceiling, audience=audience))
    assert told(world, "kr-cert")["us"] == UP_TO[level]
    world.suspend(view, "US")
    assert told(world, "kr-cert")["us"] == []
