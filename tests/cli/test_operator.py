"""The operator's commands on a real database: what scripts rely on, and what is refused."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.actions.operation.work import WorkReport
from hub.actions.service.service import Service
from hub.cli import admin
from hub.errors import Unavailable
from tests.cli.conftest import Run
from tests.cli.results import json_of


@pytest.fixture
def hub(run: Run) -> Run:
    """Run `hub` where it has been initialised and has one member."""
    assert run("init").exit_code == 0
    added = run("member", "add", "us-cisa", "--nation", "US", "--kind", "cert", "--name", "CISA")
    assert added.exit_code == 0
    return run


def register(hub: Run, file: Path, *more: object, purpose: str = "agreement") -> Any:
    return hub("key", "register", "us-cisa", f"{file}.pub.jwk", "--purpose", purpose, *more)


# --- refusals ---


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("member", "add", "us-2", "--nation", "US", "--kind", "cert", "--name", "Two"), "cert already"),
        (("member", "add", "fr-1", "--nation", "FR", "--kind", "agency", "--name", "Un"), "no nation"),
        (("member", "add", "US:1", "--nation", "US", "--kind", "agency", "--name", "One"), "member id"),
        (("member", "add", "aud", "--nation", "US", "--kind", "auditor", "--name", "A"), "to none"),
        (("member", "suspend", "nobody"), "no member 'nobody'"),
        (("token", "issue", "nobody"), "no member 'nobody'"),
        (("token", "revoke", "nothing"), "no token 'nothing'"),
        (("key", "revoke", "nothing", "--reason", "lost"), "no key 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(
    hub: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    result = hub(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert sentence in result.stderr


def test_short_names_and_domains_are_given_at_first_or_later(hub: Run) -> None:
    names = ("--short-name", "Dawngrid", "--short-name", "\uc0c8\ubcbd", "--domain", "dawngrid.example")
    added = hub(
        "member", "add", "kr-grid", "--nation", "KR", "--kind", "agency", "--name", "Grid", *names, "--json"
    )
    assert json_of(added)["short_names"] == ["Dawngrid", "\uc0c8\ubcbd"]
    assert json_of(added)["domains"] == ["dawngrid.example"]
    changed = hub("member", "alias", "us-cisa", "--short-name", "DG", "--domain", "dg.example")
    assert changed.stdout == "us-cisa is also known as: DG, dg.example.\n"
    assert "DG, dg.example" in hub("member", "list").stdout
    changed = hub("member", "alias", "us-cisa", "--domain", "dg.example", "--remove")
    assert changed.stdout == "us-cisa is also known as: DG.\n"
    nothing = hub("member", "alias", "us-cisa")
    assert (nothing.exit_code, "--short-name or --domain" in nothing.stderr) == (2, True)
    assert {one["id"]: one["short_names"] for one in json_of(hub("member", "list", "--json"))} == {
        "kr-grid": ["Dawngrid", "\uc0c8\ubcbd"],
        "us-cisa": ["DG"],
    }


def test_a_later_agreement_key_needs_the_signature_of_the_one_before(hub: Run, tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("1.pem", "2.pem", "3.pem"))
    hub("keygen", first)
    hub("keygen", second, "--endorse", first, "--alg", "p256")
    hub("keygen", third)
    assert register(hub, first).exit_code == 0
    assert "needs its signature" in register(hub, third).stderr
    endorsement = f"{second}.endorsement.jws"
    assert "another key" in register(hub, third, "--endorsement", endorsement).stderr
    assert register(hub, second, "--endorsement", endorsement).exit_code == 0
    revoked = {key["thumbprint"]: key["revoked"] is not None for key in json_of(hub("key", "list", "--json"))}
    assert sorted(revoked.values()) == [False, True]


def test_a_private_key_is_not_registered(hub: Run, tmp_path: Path) -> None:
    hub("keygen", tmp_path / "k.pem")
    result = hub("key", "register", "us-cisa", tmp_path / "k.pem", "--purpose", "submit")
    assert result.exit_code == 1
    assert "private key" in result.stderr


def test_an_endorsement_that_is_no_text_is_refused(hub: Run, tmp_path: Path) -> None:
    hub("keygen", tmp_path / "k.pem")
    (tmp_path / "e.jws").write_bytes(b"\xff")
    result = register(hub, tmp_path / "k.pem", "--endorsement", tmp_path / "e.jws")
    assert result.exit_code == 1
    assert "compact JWS" in result.stderr


# --- acts ---


def test_init_may_be_repeated(run: Run) -> None:
    first, second = json_of(run("init", "--json")), json_of(run("init", "--json"))
    assert first == second
    assert first["nations"] == ["US", "KR", "JP", "AU", "IN"]


def test_a_member_is_added_listed_suspended_and_resumed(hub: Run) -> None:
    added = json_of(
        hub("member", "add", "kr-1", "--nation", "KR", "--kind", "agency", "--name", "One", "--json")
    )
    assert {"id", "nation", "kind", "identity"} <= added.keys()
    assert (added["id"], added["nation"], added["kind"]) == ("kr-1", "KR", "agency")
    assert json_of(hub("member", "suspend", "kr-1", "--json"))["suspended"] is True
    assert "suspended" in hub("member", "list").stdout
    assert json_of(hub("member", "resume", "kr-1", "--json")) == added
    assert {one["id"] for one in json_of(hub("member", "list", "--json"))} == {"kr-1", "us-cisa"}


def test_an_auditor_has_no_nation(hub: Run) -> None:
    added = json_of(hub("member", "add", "eyes", "--kind", "auditor", "--name", "Eyes", "--json"))
    assert added["nation"] is None


def test_a_token_is_shown_once(hub: Run) -> None:
    issued = json_of(
        hub("token", "issue", "us-cisa", "--scope", "read,submit,govern", "--expires", 30, "--json")
    )
    assert issued.keys() == {"member", "public_id", "token", "scopes", "expires"}
    assert issued["scopes"] == ["govern", "read", "submit"]
    assert issued["expires"].endswith("Z")
    listed = hub("token", "list", "--json")
    assert issued["token"] not in listed.stdout
    assert [one["public_id"] for one in json_of(listed)] == [issued["public_id"]]
    assert issued["public_id"] in hub("token", "list").stdout


def test_a_token_for_a_person_is_the_secret_alone(hub: Run) -> None:
    secret = hub("token", "issue", "us-cisa").stdout
    (listed,) = json_of(hub("token", "list", "--json"))
    assert len(secret.split()) == 1
    assert listed["scopes"] == ["read"]
    issued, expires = (datetime.fromisoformat(listed[name]) for name in ("created", "expires"))
    assert expires - issued == timedelta(days=365)
    assert listed["last_used"] is None


def test_a_revoked_token_says_since_when(hub: Run) -> None:
    public_id = json_of(hub("token", "issue", "us-cisa", "--json"))["public_id"]
    assert hub("token", "revoke", public_id).exit_code == 0
    assert json_of(hub("token", "list", "--json"))[0]["revoked"] is not None


@pytest.mark.parametrize("alg", ["ed25519", "p256"])
def test_a_key_is_made_registered_and_revoked(hub: Run, tmp_path: Path, alg: str) -> None:
    made = json_of(hub("keygen", tmp_path / "k.pem", "--alg", alg, "--json"))
    registered = json_of(register(hub, tmp_path / "k.pem", "--json", purpose="submit"))
    assert (registered["thumbprint"], registered["alg"]) == (made["thumbprint"], made["alg"])
    assert (registered["member"], registered["purpose"]) == ("us-cisa", "submit")
    assert hub("key", "revoke", made["thumbprint"], "--reason", "lost").exit_code == 0
    assert json_of(hub("key", "list", "--json"))[0]["revoked"] is not None
    assert made["thumbprint"] in hub("key", "list").stdout


@pytest.mark.parametrize("start", ["-", "--", "-h", "-r", "--json", "a"])
def test_a_thumbprint_is_one_whatever_it_begins_with(hub: Run, start: str) -> None:
    thumbprint = start.ljust(43, "x")
    refused = hub("key", "revoke", thumbprint, "--reason", "lost")
    assert refused.exit_code == 1, refused.output
    assert refused.stderr == hub("key", "revoke", "--reason", "lost", "--", thumbprint).stderr


@pytest.mark.parametrize("noun", ["token", "key"])
def test_an_empty_list_is_a_list_and_a_sentence(hub: Run, noun: str) -> None:
    assert json_of(hub(noun, "list", "--json")) == []
    assert hub(noun, "list").stdout.startswith(f"There is no {noun} yet")


def test_work_tells_what_it_did(hub: Run) -> None:
    told = json_of(hub("work", "--once", "--json"))
    assert told == {"done": True, "told": 0, "withdrawn": 0, "pruned_nonces": 0, "pruned_tokens": 0}
    assert "nonces forgotten" in hub("work", "--once").stdout


def test_work_goes_on_until_it_is_interrupted(hub: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = iter(
        [WorkReport(is_done=True), Unavailable("away"), WorkReport(is_done=False), KeyboardInterrupt()]
    )

    def once(_service: Service) -> WorkReport:
        found = next(passes)
        if isinstance(found, BaseException):
            raise found
        return found

    monkeypatch.setattr(admin, "work_once", once)
    monkeypatch.setattr(admin, "_WORK_SECONDS", 0)
    result = hub("work")
    assert (result.exit_code, result.stderr) == (130, "hub: away\n")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["0", "Another"]
    assert hub("work", "--json").exit_code == 2


def test_prune_tells_what_it_forgot(hub: Run) -> None:
    assert json_of(hub("prune", "--json")) == {"pruned_nonces": 0, "pruned_tokens": 0}
    assert hub("prune").stdout == "0 nonces forgotten, 0 tokens forgotten.\n"


def test_a_lost_agreement_key_waits_for_its_successor(hub: Run, tmp_path: Path) -> None:
    for name in ("old", "new"):
        hub("keygen", tmp_path / f"{name}.pem")
    public = [tmp_path / f"{name}.pem.pub.jwk" for name in ("old", "new")]
    refused = hub("key", "recover", "us-cisa", public[1], "--reason", "burnt")
    assert (refused.exit_code, "has had no agreement key" in refused.stderr) == (1, True)
    old = json_of(hub("key", "register", "us-cisa", public[0], "--purpose", "agreement", "--json"))
    waits = json_of(hub("key", "recover", "us-cisa", public[1], "--reason", "burnt", "--json"))
    assert (waits["member"], waits["previous"]) == ("us-cisa", old["thumbprint"])
    assert [key["thumbprint"] for key in json_of(hub("key", "list", "--json"))] == [old["thumbprint"]]
    assert hub("key", "revoke", waits["thumbprint"], "--reason", "a mistake").exit_code == 0
    assert hub("key", "revoke", waits["thumbprint"], "--reason", "a mistake").exit_code == 1


@pytest.mark.parametrize("thumbprint", ["-" + "A" * 42, "--" + "A" * 41, "-h" + "A" * 41])
def test_a_thumbprint_that_begins_with_a_hyphen_is_no_option(hub: Run, thumbprint: str) -> None:
    for arguments in ([thumbprint, "--reason", "lost"], ["--reason", "lost", thumbprint]):
        result = hub("key", "revoke", *arguments)
        assert (result.exit_code, f"no key '{thumbprint}'" in result.stderr) == (1, True)


# --- what decides ---


@pytest.fixture
def own_nations(run: Run, tmp_path: Path) -> Path:
    """A configuration of the operator's own, of an initialised hub; its nations.toml."""
    for name in ("hub.toml", "nations.toml"):
        shutil.copy(Path(__file__).parents[2] / "config" / name, tmp_path)
    assert run("init", env=configured(tmp_path)).exit_code == 0
    return tmp_path / "nations.toml"


def configured(folder: Path) -> dict[str, str]:
    return {"HUB_CONFIG": str(folder / "hub.toml")}


def change(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text().replace(old, new, 1))


def test_init_tells_of_another_file_and_applies_it(run: Run, own_nations: Path, tmp_path: Path) -> None:
    joined = ("member", "add", "us-cisa", "--nation", "US", "--kind", "cert", "--name", "CISA")
    assert run(*joined, env=configured(tmp_path)).exit_code == 0
    change(own_nations, 'default_tlp = "amber"', 'default_tlp = "green"')
    for arguments in (("init",), ("member", "list"), ("work", "--once")):
        refused = run(*arguments, env=configured(tmp_path))
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert (
            f"{own_nations}: US.default_tlp: the file says green, the database keeps amber" in refused.stderr
        )
        assert "hub init --apply" in refused.stderr
    done = json_of(run("init", "--apply", "--json", env=configured(tmp_path)))
    assert done["applied"] == [{"key": "US.default_tlp", "from": "amber", "to": "green"}]
    assert done["added_nations"] == []
    assert run("member", "list", env=configured(tmp_path)).exit_code == 0
    assert run("check", env=configured(tmp_path)).exit_code == 0


def test_a_nation_is_added_by_name(run: Run, own_nations: Path, tmp_path: Path) -> None:
    joined = ("member", "add", "us-cisa", "--nation", "US", "--kind", "cert", "--name", "CISA")
    assert run(*joined, env=configured(tmp_path)).exit_code == 0
    with own_nations.open("a") as file:
        file.write(
            '\n[[nations]]\ncode = "NZ"\nname = "New Zealand"\n'
            'collection_id = "a8b0a4b6-51a4-4b8c-9d83-0a53a2f4ffb1"\n'
            'identity_id = "identity--1a1a5b0e-0d0f-4a6e-9d3c-5d7c6f0b2a11"\n'
            'rel_to_id = "marking-definition--2b2b5b0e-0d0f-4a6e-9d3c-5d7c6f0b2a22"\n'
        )
    assert "--add-nation" in run("init", "--apply", env=configured(tmp_path)).stderr
    told = run("init", "--add-nation", "nz", env=configured(tmp_path)).stdout
    assert "nations: NZ, until now nothing." in told
    assert "Restart" in told
    assert "no nation FR" in run("init", "--add-nation", "FR", env=configured(tmp_path)).stderr
    assert run("check", env=configured(tmp_path)).exit_code == 0


def test_an_init_with_a_wrong_file_can_be_undone(run: Run, own_nations: Path, tmp_path: Path) -> None:
    """Until somebody has joined."""
    change(own_nations, "a51e8fd3-952b-43cc-a4fa-95d71869f4df", "0b0e6a2c-6a5b-4d5e-9a55-3a1c39c3a0c1")
    change(own_nations, 'code = "IN"', 'code = "NZ"')
    assert "nobody has joined" in run("init", env=configured(tmp_path)).stderr
    done = json_of(run("init", "--apply", "--json", env=configured(tmp_path)))
    assert done["nations"] == ["US", "KR", "JP", "AU", "NZ"]
    assert run("check", env=configured(tmp_path)).exit_code == 0


def test_an_older_version_does_not_touch_a_newer_database(run: Run, tmp_path: Path) -> None:
    run("init")
    with closing(sqlite3.connect(tmp_path / "var" / "hub.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for arguments in (("init",), ("check",), ("member", "list"), ("serve",)):
        refused = run(*arguments)
        assert refused.exit_code == 1
        assert "newer version of the hub (its schema is 9999" in refused.stderr
        assert "update the hub" in refused.stderr
