"""`hub serve`: an address that cannot be had is one sentence; what an operator should know is said."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from hub.cli import serve as command
from hub.errors import DamagedDatabase, Unavailable
from hub.web import serving
from tests.cli.conftest import Run
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.ports import free_port


@pytest.fixture
def initialised(run: Run) -> None:
    assert run("init").exit_code == 0


@pytest.mark.parametrize("address", ["8000", "localhost", "127.0.0.1:70000", "::1:80", "unix:", "http://x:1"])
def test_what_is_no_address_is_wrong_usage(run: Run, address: str) -> None:
    result = run("serve", "--bind", address)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: Invalid value for '--bind'" in result.stderr


@pytest.mark.usefixtures("initialised")
def test_an_address_that_cannot_be_had_is_one_sentence_and_starts_nothing(run: Run, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        for address in (taken, "nobody.invalid:8000", "192.0.2.1:8000", f"unix:{tmp_path}/missing/hub.sock"):
            result = run("serve", "--bind", address)
            assert (result.exit_code, result.stdout) == (1, "")
            assert result.stderr.startswith(f"hub: --bind {address}: ")
            assert result.stderr.count("\n") == 1


def test_a_hub_that_was_never_initialised_is_one_sentence(run: Run) -> None:
    result = run("serve", "--bind", f"127.0.0.1:{free_port()}")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "hub init" in result.stderr


class LastingError(Unavailable):
    is_lasting = True


@pytest.mark.usefixtures("initialised")
@pytest.mark.parametrize("kind", [LastingError, DamagedDatabase])
def test_a_trouble_of_the_database_that_will_not_change_stops_the_start(
    run: Run, monkeypatch: pytest.MonkeyPatch, kind: type[Unavailable]
) -> None:
    def refuse(_settings: object) -> None:
        raise kind("the role hub does not exist")

    monkeypatch.setattr(command, "open_service", refuse)
    result = run("serve", "--bind", f"127.0.0.1:{free_port()}")
    assert (result.exit_code, result.stderr) == (1, "hub: the role hub does not exist\n")


@pytest.fixture
def served(run: Run, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """What `hub serve` says on stderr at the address that is the test's parameter, once it serves."""
    assert run("init").exit_code == 0
    host, port, log = request.param, free_port(), tmp_path / "log"
    environ = os.environ | {"HUB_HOME": str(tmp_path), "HUB_ENVIRONMENT": "development"}
    arguments = [sys.executable, "-m", "hub", "serve", "--workers", "1", "--bind", f"{host}:{port}"]
    with log.open("wb") as out:
        process = subprocess.Popen(arguments, env=environ, stdout=out, stderr=out)
    try:
        wait_for(lambda: process.poll() is not None or _is_ready(port), "the hub to serve")
        yield log.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0


def _is_ready(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE_SECONDS).ok
    except requests.RequestException:
        return False


@pytest.mark.parametrize("served", ["127.0.0.1"], indirect=True)
def test_development_is_told(served: str) -> None:
    assert "hub: environment is development" in served
    assert "put a proxy in front" not in served


def test_an_address_that_others_can_reach_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is served here."""
    monkeypatch.setattr(serving.HubServer, "run", lambda _self: None)
    run("init")
    said = run("serve", "--bind", f"0.0.0.0:{free_port()}").stderr
    assert "can be reached from other machines" in said
    assert "put a proxy in front" in said
    assert run("serve", "--bind", f"127.0.0.1:{free_port()}").stderr == ""
