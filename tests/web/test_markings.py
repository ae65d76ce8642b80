"""The markings resource: refusals, then what each kind of member is told over a real hub."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hub.app import create_app
from hub.model import Tlp
from hub.stix.tlp import TLP_IDS
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
    client = create_app(SETTINGS, world.house).test_client()
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


@pytest.mark.parametrize(("kind", "level"), [("partner", "green"), ("agency", "amber"), ("cert", "red")])
def test_at_home_it_is_what_the_kind_of_member_sees(world: World, kind: str, level: str) -> None:
    expected = {"us": UP_TO[level], "kr": [], "jp": [], "released": UP_TO[level]}
    assert told(world, f"us-{kind}") == expected


@pytest.mark.parametrize(
    ("ceiling", "audience", "member", "level"),
    [
        ("green", "cert", "kr-agency", None),
        ("green", "agency", "kr-partner", None),
        ("green", "partner", "kr-partner", "green"),
        ("red", "partner", "kr-partner", "green"),
        ("red", "partner", "kr-agency", "amber"),
        ("red", "agency", "kr-cert", "red"),  # what is addressed to it
        ("clear", "cert", "kr-cert", "clear"),
    ],
)
def test_abroad_it_is_what_agreement_and_clearance_allow(
    world: World, ceiling: str, audience: str, member: str, level: str | None
) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR", ceiling, audience=audience))
    assert told(world, member)["us"] == ([] if level is None else UP_TO[level])
    world.suspend(view, "US")
    assert told(world, member)["us"] == []
