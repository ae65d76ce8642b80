"""hub keys: which agreement keys the hub gives, and which of them their people have named."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.client.agreement import pins as kept
from hub.proofs import documents, keys
from tests.cli.conftest import Run
from tests.cli.results import json_of
from tests.client.loopback import Loopback, cert

MEMBERS = "/governance/members/"
OLD, NEW = keys.generate("ed25519"), keys.generate("p256")


@pytest.fixture
def as_pinning(as_member: Run, server: Loopback, tmp_path: Path) -> Run:
    """A member whose pins are a file of the test's; KR's cert has had two keys."""
    server.answers["GET", MEMBERS] = {"members": [cert("KR", OLD, NEW), cert("US", server.key)]}

    def run(*arguments: object) -> object:
        return as_member(*arguments, env={"HUB_PINS": str(tmp_path / "pins.json")})

    return run  # type: ignore[return-value]


def known(result: object) -> dict[str, str]:
    return {one["thumbprint"]: one["known"] for one in json_of(result)}  # type: ignore[arg-type]


def test_keys_are_listed_by_what_is_known_of_each(as_pinning: Run, server: Loopback) -> None:
    own = server.key.thumbprint
    assert known(as_pinning("keys", "list", "--json")) == {
        OLD.thumbprint: "not pinned",
        NEW.thumbprint: "not pinned",
        own: "your key",
    }
    assert as_pinning("keys", "pin", "kr-cert", NEW.thumbprint).exit_code == 0
    listed = as_pinning("keys", "list")
    assert listed.exit_code == 1
    assert f"hub keys pin KR {OLD.thumbprint}`, with --add" in listed.stderr
    lines = [line.split() for line in listed.stdout.splitlines()[1:]]
    assert lines[0][:4] == ["KR", "kr-cert", OLD.thumbprint, "2026-02-01T00:00:00Z"]
    assert " ".join(lines[0][4:]) == "another than the pinned key"
    assert lines[1][3:] == ["pinned"]
    assert as_pinning("keys", "pin", "KR", OLD.thumbprint, "--add").exit_code == 0
    assert known(as_pinning("keys", "list", "--json"))[OLD.thumbprint] == "pinned"


def test_a_key_that_the_pinned_one_endorsed_is_known_by_that(as_pinning: Run, server: Loopback) -> None:
    endorsed = cert("KR", OLD, NEW)
    endorsed["agreement_keys"][1]["endorsement"] = documents.endorse(NEW.public.jwk, OLD)
    server.answers["GET", MEMBERS] = {"members": [endorsed, cert("US", server.key)]}
    told = json_of(as_pinning("keys", "pin", "kr", OLD.thumbprint, "--json"))
    assert told == {
        "nation": "KR",
        "pinned": [OLD.thumbprint],
        "given": NEW.thumbprint,
        "known": "endorsed by the pinned key",
    }
    assert as_pinning("keys", "list").exit_code == 0


def test_a_pin_that_is_another_than_the_hubs_key_is_told_at_once(as_pinning: Run) -> None:
    hyphened = "-" + "A" * 42
    told = as_pinning("keys", "pin", "KR", hyphened)
    assert (told.exit_code, told.stdout.startswith(f"KR: {hyphened} is pinned for ")) == (0, True)
    assert f"The hub gives the key {NEW.thumbprint} for KR, and {hyphened} is pinned." in told.stderr


def test_pins_that_would_not_be_found_are_told(as_member: Run, server: Loopback, tmp_path: Path) -> None:
    server.answers["GET", MEMBERS] = {"members": [cert("KR", NEW)]}
    path = tmp_path / "pins.json"
    missing = as_member("keys", "list", env={"HUB_PINS": str(path)})
    assert f"there is no {path} (--pins, HUB_PINS): no key is pinned" in missing.stderr
    kept.pin(path, "https://alias.example", "KR", OLD.thumbprint)
    other = as_member("keys", "list", env={"HUB_PINS": str(path)})
    assert f"no key is pinned for {server.url}, and some are for https://alias.example" in other.stderr


def test_a_nation_of_which_the_hub_gives_no_key_any_more_is_told(as_pinning: Run, server: Loopback) -> None:
    as_pinning("keys", "pin", "KR", NEW.thumbprint)
    server.answers["GET", MEMBERS] = {"members": [cert("US", server.key)]}
    assert "A key is pinned for KR, and the hub gives none." in as_pinning("keys", "list").stderr
    assert as_pinning("keys", "unpin", "kr").exit_code == 0
    assert as_pinning("keys", "list").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("pin", "FR", "A" * 43), "FR is neither a nation nor a cert"),
        (("pin", "kr-agency", "A" * 43), "kr-agency is neither a nation nor a cert"),
        (("pin", "KR", "short"), "is no thumbprint"),
        (("unpin", "KR"), "No key is pinned for KR"),
    ],
)
def test_what_cannot_be_pinned_is_one_sentence(
    as_pinning: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    result = as_pinning("keys", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert sentence in result.stderr
