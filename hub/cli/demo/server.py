"""A real server process: started, waited for, and stopped in every case."""

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
_STOP_SECONDS: Final = 45.0  # longer than gunicorn's own limit of 30 s, after which gunicorn ends its workers
_PAUSE_SECONDS: Final = 0.1
_LAST_WORDS: Final = 2_000  # characters of the server's log that are shown when it fails


def claim_address() -> tuple[socket.socket, str]:
    """Return a socket bound to a loopback address, for the server to listen on, and its URL.

    A free port without a socket could be taken by another process before the server starts.
    """
    claimed = socket.socket()
    claimed.bind((_HOST, 0))
    return claimed, f"http://{_HOST}:{claimed.getsockname()[1]}"


@contextmanager
def serving(demo_hub: DemoHub, claimed: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a ready `hub serve` process of the demo's hub. The process takes over the socket.

    The process has ended when the `with` block ends. Raises HubError with the end of the server's log if the
    server is not ready within 30 seconds.
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
        # Only this process's copy is closed. After a failed start a client is then refused, not kept waiting.
        claimed.close()
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
    """End the server with its workers: SIGTERM first, SIGKILL after 45 seconds."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
