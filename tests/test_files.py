"""Whatever the umask: files of the server's side are 0600, folders 0700; wider ones are told and left."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import files
from hub.store.database.connection import Store
from tests.cli.conftest import Run, run
from tests.cli.results import json_of

__all__ = ["run"]

UNIT = Path(__file__).parents[1] / "deploy" / "hub.service"


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def _modes(folder: Path) -> dict[str, int]:
    """The mode of everything below a folder, by its path."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in folder.rglob("*")}


def _wide(folder: Path) -> dict[str, str]:
    found = _modes(folder)
    return {
        name: oct(mode)
        for name, mode in found.items()
        if mode != (files.FOLDER_MODE if (folder / name).is_dir() else files.FILE_MODE)
    }


def test_everything_that_the_operators_commands_make_is_its_owners_alone(
    umask: int, run: Run, tmp_path: Path
) -> None:
    for command in (
        ("init",),
        ("member", "add", "us-cisa", "--nation", "US", "--kind", "cert", "--name", "CISA"),
        ("token", "issue", "us-cisa"),
        ("backup", tmp_path / "copy"),
        ("restore", tmp_path / "copy", "--yes"),
        ("check",),
    ):
        done = run(*command)
        assert done.exit_code == 0, done.output
    assert {"var", "var/hub.db", "var/secrets", "var/secrets/token-pepper", "copy"} <= _modes(tmp_path).keys()
    assert _wide(tmp_path) == {}


def test_a_restore_where_there_is_no_database_makes_one_for_its_owner_alone(
    umask: int, run: Run, tmp_path: Path
) -> None:
    assert run("init").exit_code == 0
    assert run("backup", tmp_path / "copy").exit_code == 0
    for path in (tmp_path / "var").glob("hub.db*"):
        path.unlink()
    assert run("restore", tmp_path / "copy", "--yes").exit_code == 0
    assert _wide(tmp_path) == {}


def test_a_private_key_is_its_owners_alone(umask: int, run: Run, tmp_path: Path) -> None:
    assert run("keygen", tmp_path / "key.pem").exit_code == 0
    assert _modes(tmp_path)["key.pem"] == 0o600


def test_what_sqlite_keeps_beside_the_file_has_its_mode(umask: int, tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'a' / 'b' / 'hub.db'}")
    store.migrate()
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO lease VALUES ('x', 1)")
        assert {"a/b/hub.db", "a/b/hub.db-wal", "a/b/hub.db-shm"} <= _modes(tmp_path).keys()
        assert _wide(tmp_path) == {}
    store.close()


def test_wide_files_are_told_by_check_and_init_and_left(run: Run, tmp_path: Path) -> None:
    assert run("init").exit_code == 0
    var = tmp_path / "var"
    wide = {var / "hub.db": 0o644, var / "secrets": 0o755, var / "secrets" / "cursor-key": 0o640}
    for path, mode in wide.items():
        path.chmod(mode)
    told = run("init")
    assert told.exit_code == 0
    checked = run("check", "--json")
    assert checked.exit_code == 1
    for path, mode in wide.items():
        remedy = f"chmod {'700' if path.is_dir() else '600'} {path}"
        sentence = f"has mode {mode:04o}: others of this machine may use it; {remedy}"
        assert f"hub: {path} {sentence}" in told.stderr
        assert f'"what": "{sentence}"' in checked.stdout
        assert stat.S_IMODE(path.stat().st_mode) == mode
        path.chmod(0o700 if path.is_dir() else 0o600)
    for path in var.glob("hub.db-*"):
        path.chmod(0o600)
    assert json_of(run("check", "--json"))["faults"] == []
    assert run("init").stderr == ""


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o755)
    files.make_folder(tmp_path / "there" / "new")
    assert _modes(tmp_path) == {"there": 0o755, "there/new": 0o700}
    files.ensure(tmp_path / "there" / "file")
    with pytest.raises(FileExistsError):
        files.make_folder(tmp_path / "there" / "file")


def test_a_new_file_never_takes_the_place_of_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        files.create(tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()


# --- the unit -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "UMask=0077",
        "StateDirectory=hub",
        "StateDirectoryMode=0700",
        "NoNewPrivileges=true",
        "ProtectSystem=strict",
    ],
)
def test_the_unit_keeps_what_the_hub_writes_to_its_user(line: str) -> None:
    assert line in UNIT.read_text(encoding="utf-8").splitlines()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    text = re.sub(r"(?m)^(ExecStart(?:Pre)?)=.*", r"\1=/bin/true", UNIT.read_text(encoding="utf-8"))
    (tmp_path / "hub.service").write_text(text)
    for arguments in (["verify"], ["security", "--offline=true", "--threshold=25"]):
        command = ["systemd-analyze", *arguments, str(tmp_path / "hub.service")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
