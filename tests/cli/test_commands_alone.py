"""The path of the README with commands alone: keys, tokens, an agreement, a push, a poll, an ending."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.cli.commands import Commands
from tests.journeys.live import Live, live_hub

AGREEMENT = """
title = "Between two"
parties = ["US", "KR"]
valid_from = 2026-01-01T00:00:00Z
valid_until = 2036-01-01T00:00:00Z
[[clauses]]
from = "US"
to = ["KR"]
max_tlp = "amber"
"""
AMBER = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    home = tmp_path_factory.mktemp("hub")
    with live_hub(f"sqlite:///{home}/hub.db", home, workers=1) as hub:
        yield hub


@pytest.fixture
def operator(live: Live) -> Commands:
    return Commands({name: value for name, value in live.environ.items() if name.startswith("HUB_")})


def enter(operator: Commands, live: Live, folder: Path, nation: str) -> Commands:
    """Register a nation's cert as the README does; its commands have a token and keys in `folder`."""
    id = f"{nation.lower()}-office"
    operator.json("member", "add", id, "--nation", nation, "--kind", "cert", "--name", id)
    for purpose in ("submit", "agreement"):
        pem = folder / f"{id}-{purpose}.pem"
        operator.json("keygen", pem)
        operator.json("key", "register", id, f"{pem}.pub.jwk", "--purpose", purpose)
    token = operator.json("token", "issue", id, "--scope", "read,submit,govern")["token"]
    return Commands({"HUB_URL": live.url, "HUB_TOKEN": token, "HUB_KEY": str(folder / f"{id}-submit.pem")})


def indicator(number: int) -> dict[str, Any]:
    at = "2026-02-01T00:00:00.000Z"
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--00000000-0000-4000-8000-{number:012d}",
        "created": at,
        "modified": at,
        "valid_from": at,
        "pattern": "[file:name = 'a']",
        "pattern_type": "stix",
        "object_marking_refs": [AMBER],
    }


def test_a_nation_shares_by_agreement_until_it_ends(live: Live, operator: Commands, tmp_path: Path) -> None:
    us, kr = (enter(operator, live, tmp_path, nation) for nation in ("US", "KR"))
    file = tmp_path / "agreement.toml"
    file.write_text(AGREEMENT, "utf-8")
    keys = {cert: ("--key", tmp_path / f"{id}-office-agreement.pem") for cert, id in ((us, "us"), (kr, "kr"))}

    proposed = us.json("agreement", "propose", file, *keys[us])
    assert (proposed["state"], proposed["signed_by"]) == ("proposed", [])
    us.json("agreement", "sign", proposed["id"], "--document", file, *keys[us])
    signed = kr.json("agreement", "sign", proposed["id"], "--digest", proposed["digest"], *keys[kr])
    assert (signed["state"], signed["signed_by"]) == ("in force", ["KR", "US"])
    assert [view["id"] for view in kr.json("agreement", "list")] == [proposed["id"]]

    lines = b"".join(orjson.dumps(indicator(number)) + b"\n" for number in range(3))
    assert us.json("push", "us", "-", input=lines)["succeeded"] == 3
    assert us.json("push", "us", "-", input=lines)["succeeded"] == 3  # again: nothing changes

    files = ("--state", tmp_path / "state.json", "--out", tmp_path / "kr.jsonl", "--type", "indicator")
    assert kr.json("poll", "us", *files)["objects"] == 3
    assert kr.json("poll", "us", *files)["objects"] == 0
    polled = [orjson.loads(line) for line in (tmp_path / "kr.jsonl").read_bytes().splitlines()]
    assert polled == [indicator(number) for number in range(3)]

    ended = us.json("agreement", "terminate", proposed["id"], *keys[us])
    assert (ended["state"], ended["ended"]) == ("ended", "terminated by US")
    assert kr.run("poll", "us").stdout == ""


def test_the_hub_says_who_may_push_where(live: Live, operator: Commands, tmp_path: Path) -> None:
    jp = enter(operator, live, tmp_path, "JP")
    refused = jp.run("push", "us", "-", input=orjson.dumps(indicator(9)))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "not yours to write" in refused.stderr


def test_a_signature_by_the_wrong_key_is_refused_by_the_hub(
    live: Live, operator: Commands, tmp_path: Path
) -> None:
    au = enter(operator, live, tmp_path, "AU")
    wrong = tmp_path / "au-office-agreement.pem"  # registered, for another purpose
    refused = au.run("push", "au", "-", "--key", wrong, input=orjson.dumps(indicator(9)))
    assert refused.exit_code == 1
    assert "HTTP 40" in refused.stderr
