"""A key pair: never over another file, never readable by others, named by its thumbprint."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.proofs import documents, keys
from tests.cli.conftest import Run, json_of

MINE_ALONE = 0o600


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
