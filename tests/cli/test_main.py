"""The whole command line: what is offered, how refusals end, and that help tells the truth."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from hub.cli import _COMMANDS, main
from tests.cli.conftest import Run

REFUSED_BY_THE_DOOR = 2


def commands() -> list[tuple[str, ...]]:
    """Every command and subcommand, as words."""
    found: list[tuple[str, ...]] = []
    context = click.Context(main)
    for name in _COMMANDS:
        command = main.get_command(context, name)
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, sub) for sub in command.commands]
    return found


def test_what_is_offered_is_what_works() -> None:
    assert {" ".join(words) for words in commands()} == {
        "init", "serve", "demo", "work", "check", "prune", "backup", "restore", "keygen", "push", "poll",
        "member", "member add", "member list", "member suspend", "member resume",
        "member alias", "member identity",
        "token", "token issue", "token list", "token revoke",
        "key", "key register", "key list", "key revoke",
        "key recover", "recovery", "recovery list", "recovery confirm",
        "keys", "keys list", "keys pin", "keys unpin",
        "explain", "disclosures", "status", "submissions", "delete", "collections",
        "epoch", "epoch show", "epoch open",
        "agreement", "agreement propose", "agreement sign", "agreement list", "agreement show",
        "agreement suspend", "agreement resume", "agreement simulate", "agreement terminate",
    }  # fmt: skip


@pytest.mark.parametrize("words", [(), *commands()], ids=" ".join)
def test_every_command_has_help(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("push",),
        ("push", "us", "x.json"),  # no token
        ("poll", "us", "--token", "t", "--verify"),
        ("poll", "us", "--token", "t", "--follow", "0"),
        ("poll", "us", "--token", "t", "--json", "--state", "s.json"),
        ("member", "add", "x", "--kind", "king", "--name", "X"),
        ("token", "issue", "x", "--scope", "read,rule"),
        ("token", "issue", "x", "--expires", "0"),
        ("key", "register", "x", "no-such-file", "--purpose", "submit"),
        ("key", "revoke", "x"),
        ("keygen", "x", "--alg", "rsa"),
        ("agreement", "suspend", "x"),
        ("serve", "--workers", "0"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == REFUSED_BY_THE_DOOR
    assert result.stdout == ""
    assert "Error:" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("member", "list", "--json"),  # before `hub init`
        ("work", "--once", "--json"),
        ("poll", "us", "--token", "t", "--url", "http://user:secret@host"),
        ("poll", "us", "--token", "two words"),
        ("push", "us", "x.json", "--token", "t", "--key", "no-such-key"),
    ],
    ids=" ".join,
)
def test_a_refusal_is_one_sentence_on_stderr_and_ends_with_1(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("hub: ")
    assert result.stderr.count("\n") == 1


def test_a_file_that_cannot_be_used_is_named_without_a_traceback(run: Run, tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "key.pem"
    result = run("keygen", missing)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "missing/key.pem cannot be written: No such file or directory" in result.stderr


@pytest.mark.parametrize(
    ("closed", "said"), [(">&-", b"hub: Bad file descriptor\n"), ("2>&-", b""), ("<&- >&- 2>&-", b"")]
)
def test_what_cannot_be_printed_is_no_success_and_no_traceback(
    tmp_path: Path, closed: str, said: bytes
) -> None:
    key = tmp_path / "new.pem"  # made first, it would get the number of what is closed
    line = f'exec "{sys.executable}" -m hub keygen "{key}" --json {closed}'
    found = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=False)
    assert (found.returncode, found.stderr) == (0 if closed == "2>&-" else 1, said)
    assert key.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert key.read_bytes().endswith(b"-----END PRIVATE KEY-----\n")


def test_python_m_hub_is_hub(tmp_path: Path) -> None:
    environ = os.environ | {"HUB_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "hub", "member", "list"]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("hub: ")
    assert "hub init" in done.stderr
