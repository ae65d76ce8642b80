"""Commands run as a user runs them: an operator in a fresh home, a member against a loopback server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from hub.cli import main
from hub.proofs import keys
from tests.client import loopback

Run = Callable[..., Result]


def json_of(result: Result) -> Any:
    """The one JSON value on stdout of a command that succeeded."""
    assert result.exit_code == 0, result.output
    return orjson.loads(result.stdout)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `hub` with these arguments, in a home of its own."""

    def run(*arguments: object, **options: Any) -> Result:
        # A fault of hub's own is raised, and fails the test.
        environ = {"HUB_HOME": str(tmp_path), "HUB_DEBUG": "1", **options.pop("env", {})}
        return CliRunner().invoke(main, [str(a) for a in arguments], env=environ, **options)

    return run


@pytest.fixture
def server() -> Iterator[loopback.Loopback]:
    with loopback.running(keys.generate("ed25519")) as world:
        yield world


@pytest.fixture
def as_member(run: Run, server: loopback.Loopback, tmp_path: Path) -> Run:
    """Run `hub` as a member with a token and a key."""
    pem = tmp_path / "member.pem"
    pem.write_bytes(keys.private_pem(server.key))
    environ = {"HUB_URL": server.url, "HUB_TOKEN": loopback.TOKEN, "HUB_KEY": str(pem)}

    def run_as_member(*arguments: object, **options: Any) -> Result:
        return run(*arguments, env=environ | options.pop("env", {}), **options)

    return run_as_member
