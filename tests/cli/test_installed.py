"""What the wheel brings: the command, the configuration, the samples, types; and nothing of the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.installed import build_wheel, environ


def run(command: Path, home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [command, *arguments], cwd=home, env=environ(home), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_has_all_that_is_no_code(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path)
    assert wheel.name.startswith("allied_hub-")
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("py.typed", "_config/hub.toml", "_config/nations.toml", "_config/agreements/charter.toml"):
        assert f"hub/{name}" in names
    assert [name for name in names if name.startswith(("tests/", "scripts/"))] == []


def test_the_installed_command_knows_its_name_and_makes_a_hub(
    installed_commands: Path, tmp_path: Path
) -> None:
    hub = installed_commands / "hub"
    assert run(hub, tmp_path, "--version") == "hub, version 1.0.0\n"
    assert "On the hub's own machine" in run(hub, tmp_path, "--help")
    assert "The hub is ready for US, KR, JP, AU, IN" in run(hub, tmp_path, "init")
    assert (tmp_path / "var" / "hub.db").exists()
    place = run(installed_commands / "python", tmp_path, "-c", "import hub; print(hub.__file__)")
    assert Path(place.strip()).is_relative_to(installed_commands.parent)


@pytest.mark.parametrize(
    ("expression", "said"),
    [('Hub("u", "t").poll', "def ("), ("HubAuth", "hub.client.http.auth.HubAuth")],
)
def test_programs_that_use_the_library_see_its_types(
    installed_commands: Path, tmp_path: Path, expression: str, said: str
) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        f"from hub.client import Hub, HubAuth\nreveal_type({expression})\nHub(1, 2, 3, 4, 5)\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file="]
    command += ["--python-executable", str(installed_commands / "python"), "--cache-dir", str(tmp_path / "c")]
    done = subprocess.run(
        [*command, str(program)],
        cwd=tmp_path,
        env=environ(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert said in done.stdout, done.stdout
    assert "Too many positional arguments" in done.stdout
    assert "import-untyped" not in done.stdout
