"""The server itself: a real gunicorn on loopback, over a real database."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from hub import settings
from hub.actions.operation.initialise import initialise
from hub.actions.service.service import Service
from hub.app import new_service
from hub.errors import Closed, Unavailable
from hub.web import serving
from hub.web.serving import Chores
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port
from tests.web.conftest import IdleStore

SCRIPT = """
    import os, sys
    from flask import Response, request
    from hub import settings
    from hub.app import create_app
    from hub.web import listening, serving

    def factory():
        print("loaded in", os.getpid(), flush=True)
        app = create_app(settings.load(os.environ))

        @app.post("/seen")
        def seen():
            given = [request.headers.get("Content-Digest"), request.scheme, request.environ["RAW_URI"]]
            return Response(f"{given} {len(request.get_data())}")

        return app

    serving.work = lambda service: print("worked in", os.getpid(), flush=True)
    print("started", os.getpid(), flush=True)
    listener = listening.listen(listening.parse(sys.argv[1]))
    serving.HubServer(factory, listener=listener, workers=2, chores_seconds=0.2).run()
"""


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def request(self, method: str, path: str, **options: Any) -> tuple[int, str, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, **options)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", ""), answer.read()
        finally:
            connection.close()

    def pids(self, word: str) -> list[int]:
        lines = self.log.read_text().splitlines()
        return [int(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{word} ")]


def start(home: Path) -> Running:
    port, script, log = free_port(), home / "serve.py", home / "log"
    script.write_text(textwrap.dedent(SCRIPT))
    environ = {**os.environ, "HUB_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    with log.open("wb") as out:
        command = [sys.executable, str(script), f"127.0.0.1:{port}"]
        return Running(subprocess.Popen(command, env=environ, stdout=out, stderr=out, cwd=home), port, log)


def wait_for(what: Callable[[], bool], running: Running) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, running.log.read_text()
        time.sleep(0.05)


def answers(running: Running) -> bool:
    try:
        return running.request("GET", "/readyz")[0] == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("serving")
    service = new_service(settings.load({"HUB_HOME": str(home)}))
    initialise(service)
    service.store.close()
    running = start(home)
    try:
        wait_for(lambda: answers(running), running)
        yield running
    finally:
        running.process.kill()
        running.process.wait()


# --- refusals ---------------------------------------------------------------------------------------


def test_a_server_that_cannot_be_opened_stops_with_one_sentence(tmp_path: Path) -> None:
    """Each of the two workers finds it out, while the master may be ending already."""
    running = start(tmp_path)
    assert running.process.wait(PATIENCE_SECONDS) == 1
    said = running.log.read_text()
    assert len([line for line in said.splitlines() if "run `hub init`" in line]) == 1
    assert "\nhub: " in said
    assert "Traceback" not in said


def test_a_header_with_an_underscore_never_passes_for_a_signed_one(running: Running) -> None:
    headers = {"Content-Digest": "real", "Content_Digest": "forged"}
    assert b"['real', " in running.request("POST", "/seen", body=b"x", headers=headers)[2]
    assert b"[None, " in running.request("POST", "/seen", body=b"x", headers={"Content_Digest": "forged"})[2]


def test_no_header_sets_path_or_scheme(running: Running) -> None:
    headers = {"Script_Name": "/x", "Script-Name": "/x", "Path-Info": "/x", "X-Forwarded-Proto": "https"}
    status, _, body = running.request("POST", "/seen?a=%2b", body=b"x", headers=headers)
    assert (status, b"'http', '/seen?a=%2b'" in body) == (200, True)


@pytest.mark.parametrize(
    "headers",
    [
        {f"X-{n}": "x" for n in range(80)},
        {"X-Long": "x" * 9_000},
        {"Transfer-Encoding": "chunked", "Content-Length": "1"},
    ],
)
def test_what_is_too_much_or_ambiguous_is_refused(running: Running, headers: dict[str, str]) -> None:
    assert 400 <= running.request("GET", "/healthz", headers=headers)[0] < 500


# --- what it does -----------------------------------------------------------------------------------


def test_a_chunked_body_arrives_whole(running: Running) -> None:
    body = running.request("POST", "/seen", body=iter([b"x" * 70_000] * 3), encode_chunked=True)[2]
    assert body.endswith(b" 210000")


def test_a_long_address_fits(running: Running) -> None:
    assert running.request("GET", f"/healthz?next={'x' * 7_000}")[0] == 200


def test_every_worker_opens_the_hub_for_itself_and_does_its_chores(running: Running) -> None:
    wait_for(lambda: len(set(running.pids("worked in"))) == 2, running)
    assert len(set(running.pids("loaded in"))) == 2
    assert not set(running.pids("started")) & set(running.pids("loaded in"))
    assert set(running.pids("worked in")) == set(running.pids("loaded in"))


def test_it_ends_when_told_to(running: Running) -> None:
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(PATIENCE_SECONDS) == 0
    assert "Traceback" not in running.log.read_text()


# --- chores -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Unavailable("locked"), RuntimeError("unforeseen")])
def test_chores_that_fail_are_logged_and_left_to_the_next_pass(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, service: Service, error: Exception
) -> None:
    def fail(_service: Service) -> None:
        raise error

    monkeypatch.setattr(serving, "work", fail)
    with caplog.at_level(logging.WARNING):
        Chores(service, 60).do_once()
    assert str(error) in caplog.text


def test_chores_put_off_for_the_same_reason_are_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, service: Service
) -> None:
    refused = [Closed("closed"), Closed("closed"), Unavailable("away"), None, Unavailable("away")]

    def work(_service: Service) -> None:
        if (refusal := refused.pop(0)) is not None:
            raise refusal

    monkeypatch.setattr(serving, "work", work)
    chores = Chores(service, 60)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            chores.do_once()
    said = [one.getMessage().removeprefix("chores put off: ") for one in caplog.records]
    assert said == ["closed", "away", "away"]


def test_stopping_the_chores_closes_the_database(service: Service, store: IdleStore) -> None:
    chores = Chores(service, 60)
    chores.start()
    chores.stop()
    assert (chores.is_alive(), store.is_closed) == (False, True)
