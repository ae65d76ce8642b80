"""A key pair: never over another file, never readable by others, named by its thumbprint."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.client import HubAuth
from hub.client.http.auth import load_key
from hub.errors import HubError
from hub.proofs import documents, keys
from tests.cli.conftest import Run
from tests.cli.results import json_of
from tests.cli.terminal import at_a_terminal

MINE_ALONE = 0o600
VARIABLE = "HUB_KEY_PASSPHRASE_FILE"


@pytest.mark.parametrize("taken", ["k.pem", "k.pem.pub.jwk", "k.pem.endorsement.jws"])
def test_nothing_is_overwritten_and_nothing_half_made(run: Run, tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_bytes(b"mine")
    result = run("keygen", tmp_path / "k.pem")
    assert result.exit_code == 1
    assert "never overwritten" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_bytes() == b"mine"


def test_only_a_private_key_endorses(run: Run, tmp_path: Path) -> None:
    (tmp_path / "old.pem").write_bytes(b"no key")
    result = run("keygen", tmp_path / "k.pem", "--endorse", tmp_path / "old.pem")
    assert result.exit_code == 1
    assert not (tmp_path / "k.pem").exists()


@pytest.mark.parametrize(("alg", "named"), [("ed25519", keys.ED25519), ("p256", keys.P256)])
def test_the_pair_is_one_key_and_the_private_half_is_mine_alone(
    run: Run, tmp_path: Path, alg: str, named: str
) -> None:
    made = json_of(run("keygen", tmp_path / "k.pem", "--alg", alg, "--json"))
    private = keys.read_private((tmp_path / "k.pem").read_bytes())
    public = keys.read_public((tmp_path / "k.pem.pub.jwk").read_bytes())
    assert made["thumbprint"] == private.thumbprint == public.thumbprint
    assert made["alg"] == public.alg == named
    assert (tmp_path / "k.pem").stat().st_mode & 0o777 == MINE_ALONE


def test_a_person_gets_the_thumbprint(run: Run, tmp_path: Path) -> None:
    printed = run("keygen", tmp_path / "k.pem").stdout.strip()
    assert printed == keys.read_private((tmp_path / "k.pem").read_bytes()).thumbprint


def test_the_old_key_endorses_the_new_one(run: Run, tmp_path: Path) -> None:
    run("keygen", tmp_path / "old.pem")
    run("keygen", tmp_path / "new.pem", "--endorse", tmp_path / "old.pem")
    new = keys.read_private((tmp_path / "new.pem").read_bytes())
    old = keys.read_private((tmp_path / "old.pem").read_bytes())
    written = (tmp_path / "new.pem.endorsement.jws").read_text("ascii").strip()
    assert written == documents.endorse(new.public.jwk, old)


# --- a passphrase ------------------------------------------------------------------------------


def passphrase_file(
    folder: Path, text: str = "correct horse é\nbattery\n", mode: int = 0o600
) -> dict[str, str]:
    path = folder / "passphrase"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return {VARIABLE: str(path)}


@pytest.mark.parametrize("alg", ["ed25519", "p256"])
def test_a_key_is_encrypted_with_the_first_line_of_a_file(run: Run, tmp_path: Path, alg: str) -> None:
    environ = passphrase_file(tmp_path)
    made = json_of(run("keygen", tmp_path / "k.pem", "--alg", alg, "--passphrase", "--json", env=environ))
    pem = (tmp_path / "k.pem").read_bytes()
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in pem
    for given in ("correct horse é", "correct horse é".encode(), lambda: "correct horse é"):
        assert load_key(tmp_path / "k.pem", given).thumbprint == made["thumbprint"]
        HubAuth("token", pem, passphrase=given)
    for passphrase, sentence in (("other", "not that of the private key"), (None, "is encrypted")):
        with pytest.raises(HubError, match=sentence):
            load_key(tmp_path / "k.pem", passphrase)
    with pytest.raises(HubError, match="has at most"):
        load_key(pem, "x" * 1_024)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "empty first line"), ("\n", "empty first line"), ("x" * 2_000, "1 to 1023 bytes")],
)
def test_no_key_is_made_with_what_is_no_passphrase(
    run: Run, tmp_path: Path, text: str, sentence: str
) -> None:
    result = run("keygen", tmp_path / "k.pem", "--passphrase", env=passphrase_file(tmp_path, text))
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert not (tmp_path / "k.pem").exists()


def test_a_passphrase_needs_a_file_or_a_terminal(run: Run, tmp_path: Path) -> None:
    result = run("keygen", tmp_path / "k.pem", "--passphrase")
    assert (result.exit_code, "no terminal" in result.stderr, VARIABLE in result.stderr) == (1, True, True)
    result = run("keygen", tmp_path / "k.pem", "--passphrase", env={VARIABLE: str(tmp_path / "missing")})
    assert (result.exit_code, "cannot be read" in result.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_others_can_read_is_told(run: Run, tmp_path: Path) -> None:
    result = run("keygen", tmp_path / "k.pem", "--passphrase", env=passphrase_file(tmp_path, mode=0o644))
    assert (result.exit_code, "can be read by others" in result.stderr) == (0, True)


def test_an_encrypted_key_endorses_too(run: Run, tmp_path: Path) -> None:
    environ = passphrase_file(tmp_path)
    run("keygen", tmp_path / "old.pem", "--passphrase", env=environ)
    assert "has a passphrase" in run("keygen", tmp_path / "k.pem", "--endorse", tmp_path / "old.pem").stderr
    assert run("keygen", tmp_path / "k.pem", "--endorse", tmp_path / "old.pem", env=environ).exit_code == 0


def test_on_a_terminal_a_passphrase_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    command = ("keygen", tmp_path / "k.pem", "--passphrase")
    status, output = at_a_terminal({}, ["secret one\n", "secret one\n"], *command)
    assert (status, "secret" in output) == (0, False)
    assert load_key(tmp_path / "k.pem", "secret one").thumbprint in output


def test_a_passphrase_is_asked_for_where_the_key_is_used(tmp_path: Path) -> None:
    pem = keys.private_pem(keys.generate("ed25519"), b"secret")
    (tmp_path / "k.pem").write_bytes(pem)
    environ = {"HUB_URL": "http://127.0.0.1:1", "HUB_TOKEN": "x", "HUB_KEY": str(tmp_path / "k.pem")}
    status, output = at_a_terminal(environ, ["wrong\n"], "push", "us", "-")
    assert (status, "not that of the private key" in output) == (1, True)


def test_without_a_terminal_a_key_with_a_passphrase_is_a_sentence(as_member: Run, tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_bytes(keys.private_pem(keys.generate("ed25519"), b"secret"))
    result = as_member("agreement", "list", "--key", tmp_path / "k.pem")
    assert result.exit_code == 1
    assert f"k.pem has a passphrase: name a file that holds it ({VARIABLE})" in result.stderr
    result = as_member(
        "agreement", "list", "--key", tmp_path / "k.pem", env=passphrase_file(tmp_path, "wrong")
    )
    assert "not that of the private key" in result.stderr
