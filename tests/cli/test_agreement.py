"""`hub agreement`, `explain` and what else a member asks of the hub, as commands over a loopback server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from hub.client.agreement.reviewing import digest_of
from hub.proofs import keys
from tests.cli.conftest import Run
from tests.cli.results import json_of
from tests.client.loopback import AGREEMENT, TOKEN, Loopback, event, view

LIST = "/governance/agreements/"
ONE = f"{LIST}{AGREEMENT}/"
DOCUMENT = {
    "id": AGREEMENT,
    "hub": "identity--1",
    "title": "Between two \x1b[2Jnations",
    "parties": ["KR", "US"],
    "valid_from": "2026-01-01T00:00:00Z",
    "valid_until": "2128-01-01T00:00:00Z",
    "clauses": [{"from": "US", "to": ["KR"], "max_tlp": "amber", "types": ["malware"]}],
}
VIEW = view(DOCUMENT)
DIGEST = digest_of(DOCUMENT)


def test_an_agreement_is_proposed_from_toml(as_member: Run, server: Loopback, tmp_path: Path) -> None:
    document = {"title": "One", "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2128-01-01T00:00:00Z"}
    document |= {"parties": ["US", "KR"], "clauses": DOCUMENT["clauses"]}
    server.answers["POST", LIST] = view(document | {"id": AGREEMENT, "hub": "identity--1"})
    file = tmp_path / "a.toml"
    file.write_text(
        'title = "One"\nparties = ["US", "KR"]\nvalid_from = 2026-01-01T00:00:00Z\n'
        "valid_until = 2128-01-01T09:00:00+09:00\n"
        '[[clauses]]\nfrom = "US"\nto = ["KR"]\nmax_tlp = "amber"\ntypes = ["malware"]\n',
        "utf-8",
    )
    told = json_of(as_member("agreement", "propose", file, "--json"))
    assert (told["id"], told["digest"], told["findings"]) == (
        *(AGREEMENT, digest_of(document | {"id": AGREEMENT, "hub": "identity--1"}), []),
    )
    assert orjson.loads(server.to(LIST, "POST")[0].body) == document


def test_a_file_that_is_no_agreement_is_refused(as_member: Run, server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("valid_from = 2026-01-01\n", "utf-8")
    result = as_member("agreement", "propose", tmp_path / "a.toml")
    assert result.exit_code == 1
    assert "write date, time and offset" in result.stderr
    assert server.seen == []


@pytest.mark.parametrize(("act", "path"), [("sign", "signatures/"), ("terminate", "termination/")])
def test_an_agreement_is_signed_and_terminated(as_member: Run, server: Loopback, act: str, path: str) -> None:
    done = event(DOCUMENT, "US", server.key, act)
    more = {"events": [done], "last_event": done["digest"], "signed_by": ["US"] if act == "sign" else []}
    server.answers["GET", ONE] = VIEW
    server.answers["POST", ONE + path] = view(DOCUMENT, **more)
    told = json_of(as_member("agreement", act, AGREEMENT, "--digest", DIGEST, "--json"))
    assert (told["id"], told["digest"], told["document"]) == (AGREEMENT, DIGEST, DOCUMENT)


def test_a_step_that_was_taken_is_told_where_nothing_can_be_printed(server: Loopback, tmp_path: Path) -> None:
    done = event(DOCUMENT, "US", server.key, "terminate")
    server.answers["GET", ONE] = VIEW
    server.answers["POST", f"{ONE}termination/"] = view(DOCUMENT, events=[done], last_event=done["digest"])
    (tmp_path / "member.pem").write_bytes(keys.private_pem(server.key))
    own = {"HUB_URL": server.url, "HUB_TOKEN": TOKEN, "HUB_KEY": str(tmp_path / "member.pem")}
    command = [sys.executable, "-m", "hub", "agreement", "terminate", AGREEMENT]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            command, env=os.environ | own, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert ended.returncode == 1
    assert f"Your 'terminate' of {AGREEMENT} was taken".encode() in ended.stderr


def test_signing_without_a_key_is_refused(as_member: Run, server: Loopback) -> None:
    server.answers["GET", ONE] = VIEW
    result = as_member("agreement", "sign", AGREEMENT, "--digest", DIGEST, env={"HUB_KEY": ""})
    assert result.exit_code == 1
    assert "HUB_KEY" in result.stderr


def test_a_key_that_the_hub_does_not_know_is_told_so(
    as_member: Run, server: Loopback, tmp_path: Path
) -> None:
    server.answers["GET", ONE] = VIEW
    (tmp_path / "other.pem").write_bytes(keys.private_pem(keys.generate("ed25519")))
    key = ("--key", tmp_path / "other.pem")
    result = as_member("agreement", "sign", AGREEMENT, "--digest", DIGEST, *key)
    assert result.exit_code == 1
    assert "does not have your key" in result.stderr
    assert server.to("/signatures/", "POST") == []


def test_agreements_are_shown_to_people_without_steering_their_terminal(
    as_member: Run, server: Loopback
) -> None:
    signed = event(DOCUMENT, "US", server.key)
    ended = event(DOCUMENT, "US", server.key, "terminate", signed)
    is_ended = {"state": "ended", "ended": "terminated by US", "signed_by": ["US"]}
    over = view(DOCUMENT, events=[signed, ended], last_event=ended["digest"], **is_ended)
    server.answers["GET", ONE], server.answers["GET", LIST] = over, {"agreements": [over]}
    shown, listed = as_member("agreement", "show", AGREEMENT), as_member("agreement", "list")
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "ended (terminated by US)" in shown.stdout
    assert "clause 1: US → KR\n  max_tlp     up to TLP:AMBER\n  audience    agency: " in shown.stdout
    assert "  types       malware\n" in shown.stdout
    assert "  KR  has to sign\n" in shown.stdout
    assert f"signed on {signed['at']} with {server.key.thumbprint} (your key); verified" in shown.stdout
    for text in (shown.stdout, listed.stdout):
        assert "\\x1b[2Jnations" in text
        assert "\x1b" not in text
    assert json_of(as_member("agreement", "list", "--json")) == [over]
    server.answers["GET", LIST] = {"agreements": []}
    assert as_member("agreement", "list").stdout == "There is none that this account may see.\n"


LINE = {
    "origin": "US",
    "recipient": "KR",
    "type": "malware",
    "tlp": "amber",
    "clearance": "agency",
    "count": 7,
}


def test_a_simulation_tells_what_would_cross_at_once_from_then_on_and_in_the_last_days(
    as_member: Run, server: Loopback, tmp_path: Path
) -> None:
    file = tmp_path / "a.toml"
    file.write_text(
        '[[clauses]]\nfrom = "US"\nto = ["KR"]\nmax_tlp = "amber"\ntypes = ["malware"]\n', "utf-8"
    )
    example = {"change": "released", "origin": "US", "recipient": "KR", "object": "malware--1\x1b"}
    nothing: dict[str, object] = {"released": [], "withdrawn": [], "examples": []}
    recent = {"days": 30, "since": "2026", "released": [LINE]}
    server.answers["POST", "/governance/simulations/"] = nothing | {"recent": recent}
    said = as_member("agreement", "simulate", file).stdout
    at_once = "What would change at once, of what has been submitted already:\n"
    assert f"{at_once}Nothing would be released or withdrawn.\n" in said
    assert "clause 1: US → KR, up to TLP:AMBER; malware; agency: " in said
    before, _, after = said.partition("had it been in force for the last 30 days")
    assert "as it is marked now:" in after
    assert " ".join(after.splitlines()[-1].split()) == "+ US → KR malware TLP:AMBER agency and above 7"
    assert "TLP:AMBER agency and above" not in before
    told = {
        "released": [LINE],
        "withdrawn": [LINE],
        "examples": [example],
        "recent": recent | {"released": []},
    }
    server.answers["POST", "/governance/simulations/"] = told
    said = as_member("agreement", "simulate", file).stdout
    assert "for example released: US → KR malware--1\\x1b\n" in said
    assert said.endswith("as it is marked now:\nNothing.\n")
    assert json_of(as_member("agreement", "simulate", file, "--json")) == told
    server.answers["POST", "/governance/simulations/"] = told | {"recent": recent}  # with history
    assert as_member("agreement", "simulate", file).stdout.endswith("marked now:\nThe same as at once.\n")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"released": 1, "withdrawn": [], "examples": []},
        {"released": [], "withdrawn": [], "examples": [], "recent": 5},
        {"released": [{}], "withdrawn": [{"tlp": 1}], "examples": [{}], "recent": {"released": [{}]}},
    ],
)
def test_a_simulation_in_another_form_is_no_traceback(
    as_member: Run, server: Loopback, tmp_path: Path, answer: object
) -> None:
    (tmp_path / "a.toml").write_text("clauses = 5\n", "utf-8")
    server.answers["POST", "/governance/simulations/"] = answer
    result = as_member("agreement", "simulate", tmp_path / "a.toml")
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("views", [[{}], [{"parties": 5, "signed_by": "x", "title": {}}]])
def test_a_list_of_agreements_in_another_form_is_no_traceback(
    as_member: Run, server: Loopback, views: object
) -> None:
    server.answers["GET", LIST] = {"agreements": views}
    assert as_member("agreement", "list").exit_code == 0


@pytest.mark.parametrize("new", ["A" * 43, "-h" + "A" * 41])
def test_another_nations_new_key_is_listed_and_confirmed(as_member: Run, server: Loopback, new: str) -> None:
    path = "/governance/recoveries/"
    statement = {"typ": "recover", "hub": "h", "member": "us-cert", "nation": "US", "previous": "B" * 43}
    one = {
        "thumbprint": new,
        "member": "us-cert",
        "state": "waiting",
        "requested_at": "2026",
        "reason": "x\x1b",
    }
    server.answers["GET", path] = {"recoveries": [one | {"statement": statement | {"thumbprint": new}}]}
    assert as_member("recovery", "list").stdout.splitlines()[1].split() == [
        *(new, "us-cert", "waiting", "2026", "x\\x1b")
    ]
    server.answers["POST", f"{path}{new}/confirmation/"] = one | {"previous": "B" * 43}
    told = as_member("recovery", "confirm", "us-cert", new)
    assert told.stdout == f"{new} is valid for us-cert; {'B' * 43} is revoked.\n"
    assert as_member("recovery", "confirm", "kr-cert", new).exit_code == 1
