"""Commands run as a user runs them: an operator in a fresh home, a member against a loopback server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub.cli import main
from hub.proofs import keys
from tests.cli.forging import ForgingProxy, forging_proxy
from tests.cli.proposals import Proposal
from tests.client import loopback
from tests.journeys.live import Live, live_hub

Run = Callable[..., Result]


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


@pytest.fixture(scope="module")
def forging_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, ForgingProxy]]:
    """A real hub, and the forging proxy before the hub."""
    home = tmp_path_factory.mktemp("hub")
    with (
        forging_proxy() as proxy,
        live_hub(f"sqlite:///{home}/hub.db", home, workers=1, public_url=proxy.url) as live,
    ):
        proxy.behind, live.url = live.url, proxy.url
        yield live, proxy


@pytest.fixture
def proposal(forging_hub: tuple[Live, ForgingProxy], tmp_path: Path) -> Proposal:
    """A new proposal, of which no answer is forged yet."""
    live, proxy = forging_hub
    proxy.forgeries.clear()
    return Proposal(live, proxy, tmp_path)
