"""A real server process of its own: started, waited for, and stopped again whatever happens."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hub import files
from hub.cli.demo.setup import DemoHub
from hub.cli.signals import end_on_sigterm
from hub.client import ClientError, HubAuth
from hub.client.http.connection import Connection, Patience
from hub.errors import HubError

_CODE: Final = Path(__file__).parents[3]  # the folder of the package
_HOST: Final = "127.0.0.1"
_WORKERS: Final = 2
_READY_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 45.0  # more than gunicorn gives its workers, whom it then ends itself
_PAUSE_SECONDS: Final = 0.1
_LAST_WORDS: Final = 2_000  # characters of the server's log that are shown when it fails


def claim_address() -> tuple[socket.socket, str]:
    """Return a socket that holds an address on loopback, for the server to listen on, and its URL.

    A port that was merely found free could be somebody else's by the time that the server starts.
    """
    claimed = socket.socket()
    claimed.bind((_HOST, 0))
    return claimed, f"http://{_HOST}:{claimed.getsockname()[1]}"


@contextmanager
def serving(demo_hub: DemoHub, claimed: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """Give `hub serve` for the scene, ready; it has ended when the block ends. The socket becomes its own.

    Raises HubError, with the server's last words, when it is not ready within 30 seconds.
    """
    log = demo_hub.home / "server.log"
    bind = f"fd://{claimed.fileno()}"
    command = [sys.executable, "-m", "hub", "serve", "--bind", bind, "--workers", str(_WORKERS)]
    # The same code as this process, whether installed or a checkout.
    environ = demo_hub.environ | {"PYTHONPATH": str(_CODE)}
    with end_on_sigterm(), claimed, os.fdopen(files.create(log), "wb") as words:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            pass_fds=[claimed.fileno()],
            start_new_session=True,  # Ctrl-C is ours to answer
        )
        claimed.close()  # ours alone: who asks while nobody serves is to be refused, not kept waiting
        try:
            _wait_until_ready(demo_hub, process, log)
            yield process
        finally:
            _stop(process)


def _wait_until_ready(demo_hub: DemoHub, process: subprocess.Popen[bytes], log: Path) -> None:
    token = next(iter(demo_hub.credentials.values())).token.read_text()
    connection = Connection(HubAuth(token), patience=Patience(attempts=1))
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            connection.get(f"{demo_hub.url}/readyz/")
        except ClientError:
            time.sleep(_PAUSE_SECONDS)
            continue
        connection.close()
        return
    said = log.read_text(errors="replace")[-_LAST_WORDS:].strip()
    raise HubError(f"the demo's server was not ready within {_READY_SECONDS:.0f} seconds; it said:\n{said}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server with its workers; it gets time to do so in order."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
