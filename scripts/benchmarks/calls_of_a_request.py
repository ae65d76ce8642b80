"""The cost of a request in Python calls and CPU time, by phase, beside a bare Flask view in one process.

Requests go through gunicorn's parser, a WSGI application and gunicorn's response, over a pair of sockets in
one thread. The bare view has the same authentication and returns bytes from memory. Counts of Python calls do
not depend on the machine; CPU time is the median of rounds taken by turns.
"""

from __future__ import annotations

import json
import logging
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click
from flask import Flask, Response
from gunicorn.http import get_parser, wsgi
from rich.console import Console
from rich.table import Table

from hub import settings
from hub.actions.access import authenticate
from hub.actions.service.service import Service
from hub.app import create_app
from hub.web import logs
from hub.web.listening import Listener
from hub.web.serving import HubServer
from hub.web.taxii import identity
from tests.stix_objects import malware
from tests.world import World, build, clause

READER: Final = "kr-cert"
PER_POST: Final = 500
TAXII: Final = "application/taxii+json;version=2.1"
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

# The phase of a call is that of the nearest caller named here: a file's ending, and functions of the file.
_PHASES: Final = (
    ("hub/web/request_log.py", (), "request log"),
    ("hub/web/logs.py", (), "request log"),
    ("logging/__init__.py", (), "request log"),
    ("hub/actions/access/rate_limits.py", (), "rate limits"),
    ("hub/actions/access/authenticate.py", ("authenticate",), "authentication"),
    ("hub/web/taxii/identity.py", ("caller",), "authentication"),
    ("hub/web/taxii/negotiation.py", (), "negotiation"),
    ("hub/web/taxii/filters.py", (), "filters"),
    ("hub/web/taxii/backend.py", (), "the hub's backend"),
    ("hub/actions/reading/poll.py", (), "reading"),
    ("hub/web/taxii/resources.py", (), "serialisation"),
    ("hub/web/taxii/encoding.py", (), "serialisation"),
    ("flask_httpauth.py", (), "medallion's views"),
    ("medallion/", (), "medallion's views"),
    ("gunicorn/", (), "WSGI server"),
    ("flask/app.py", ("__call__", "wsgi_app"), "Flask"),
)


@dataclass(frozen=True)
class RequestCost:
    """The cost of one request: Python calls by phase, calls of C functions, and CPU microseconds."""

    calls: Counter[str]
    c_calls: int
    microseconds: float


class Driver:
    """A keep-alive connection to an application behind gunicorn's parser and response."""

    def __init__(self, app: Application, cfg: Any) -> None:
        self._app, self._cfg = app, cfg
        self._client, self._server = socket.socketpair()
        self._parser = get_parser(cfg, self._server, ("127.0.0.1", 1))

    def ask(self, request: bytes) -> bytes:
        """Return the whole answer. A thread empties the connection: an answer may exceed its buffer."""
        self._client.sendall(request)
        received: list[bytes] = []
        reader = threading.Thread(target=lambda: received.append(_answer(self._client)))
        reader.start()
        self.serve()
        reader.join()
        return received[0]

    def serve(self) -> None:
        """Serve one request that has been sent."""
        request = next(self._parser)
        response, environ = wsgi.create(request, self._server, ("127.0.0.1", 1), ("127.0.0.1", 2), self._cfg)
        parts = self._app(environ, response.start_response)
        for part in parts:
            response.write(part)
        response.close()
        if close := getattr(parts, "close", None):
            close()

    def cost(self, request: bytes, rounds: int, each: int) -> RequestCost:
        calls, c_calls = self._counted(request)
        return RequestCost(
            calls, c_calls, statistics.median(self._timed(request, each) for _ in range(rounds))
        )

    def _timed(self, request: bytes, each: int) -> float:
        taken = 0.0
        for _ in range(each):
            with self._drained():
                self._client.sendall(request)
                start = time.thread_time()
                self.serve()
                taken += time.thread_time() - start
        return taken / each * 1_000_000

    def _counted(self, request: bytes) -> tuple[Counter[str], int]:
        counter = _Counter()
        with self._drained():
            self._client.sendall(request)
            sys.setprofile(counter)
            try:
                self.serve()
            finally:
                sys.setprofile(None)
        return counter.calls, counter.c_calls

    @contextmanager
    def _drained(self) -> Iterator[None]:
        """Read the answer in another thread, whose calls and CPU time are not counted."""
        reader = threading.Thread(target=_answer, args=(self._client,))
        reader.start()
        yield
        reader.join()


def _answer(client: socket.socket) -> bytes:
    """Return one answer with its body, by Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += client.recv(262_144)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    parts, size = [body], len(body)
    while size < length:
        parts.append(client.recv(262_144))
        size += len(parts[-1])
    return head + b"\r\n\r\n" + b"".join(parts)


class _Counter:
    """A profile function that counts calls by phase."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.c_calls = 0
        self._stack = ["WSGI server"]

    def __call__(self, frame: FrameType, event: str, _arg: object) -> None:
        if event == "call":
            phase = _phase(frame.f_code.co_filename, frame.f_code.co_name) or self._stack[-1]
            self._stack.append(phase)
            self.calls[phase] += 1
        elif event == "return":
            if len(self._stack) > 1:
                self._stack.pop()
        elif event == "c_call":
            self.c_calls += 1


def _phase(file: str, name: str) -> str | None:
    for ending, names, phase in _PHASES:
        if ending in file and (not names or name in names):
            return phase
    return None


# --- the two applications -------------------------------------------------------------------------


def bare(service: Service, answers: dict[str, bytes]) -> Flask:
    """Return a Flask application that authenticates like the hub, and answers from memory."""
    app = Flask("bare")
    identity.install(app, service)
    for name, answer in answers.items():

        def view(answer: bytes = answer) -> Response:
            identity.caller()
            return Response(answer, content_type=TAXII)

        app.add_url_rule(f"/{name}/", endpoint=name, view_func=view)
    return app


def _world(home: str, objects: int) -> World:
    world = build(f"sqlite:///{home}/hub.db")
    world.agree(["US", "KR"], clause("US", "KR", "green"))
    for n in range(0, objects, PER_POST):
        made = [malware(i, tlp="green", description="x" * 900) for i in range(n, min(n + PER_POST, objects))]
        world.push("us-cert", *made)
    return world


def _requests(world: World, hub: Driver) -> dict[str, str]:
    """Return the target of each workload."""
    registry = world.service.registry
    base = f"/allied/collections/{registry.nations['US'].collection_id}"  # type: ignore[index]
    page = json.loads(hub.ask(_request(world, f"{base}/manifest/?limit=1000")).partition(b"\r\n\r\n")[2])
    listed = page["objects"]
    return {
        "TAIL": f"{base}/objects/?added_after={listed[-1]['date_added']}",
        "TAIL10": f"{base}/objects/?added_after={listed[-11]['date_added']}",
        "GET": f"{base}/objects/{listed[len(listed) // 2]['id']}/",
        "page": f"{base}/objects/?limit=1000",
        "manifest": f"{base}/manifest/?limit=1000",
    }


def _request(world: World, target: str) -> bytes:
    token = world.tokens[READER]
    head = f"GET {target} HTTP/1.1\r\nHost: hub.example\r\nUser-Agent: bench\r\nAccept: {TAXII}\r\n"
    return f"{head}Authorization: Bearer {token}\r\n\r\n".encode()


def measure(rounds: int, each: int, objects: int, *, without_database: bool) -> dict[str, list[RequestCost]]:
    """Return the costs of each workload: the bare view's and the hub's."""
    log = logging.FileHandler("/dev/null")
    log.setFormatter(logs.LineFormatter())
    logging.getLogger("hub").handlers = [log]
    logging.getLogger("hub").setLevel(logging.INFO)
    logging.getLogger("hub").propagate = False
    with tempfile.TemporaryDirectory() as home:
        world = _world(home, objects)
        cfg = HubServer(lambda: Flask("none"), listener=Listener(0, is_exposed=False), workers=1).cfg
        hub = Driver(create_app(settings.load({"HUB_HOME": home}), world.service), cfg)
        targets = _requests(world, hub)
        requests = {name: _request(world, target) for name, target in targets.items()}
        answers = {name: hub.ask(request).partition(b"\r\n\r\n")[2] for name, request in requests.items()}
        plain = Driver(bare(world.service, answers), cfg)
        if without_database:
            _remember_callers()
        found: dict[str, list[RequestCost]] = {}
        for name, request in requests.items():
            bare_request = _request(world, f"/{name}/")
            plain.ask(bare_request)
            hub.ask(request)
            found[name] = [plain.cost(bare_request, rounds, each), hub.cost(request, rounds, each)]
        world.close()
    return found


def _remember_callers() -> None:
    """Let authentication cost one look-up in a dictionary, so that everything else is seen alone."""
    known: dict[str | None, Any] = {}
    real = authenticate.authenticate

    def remembered(service: Service, member: str | None, token: str | None) -> Any:
        if token not in known:
            known[token] = real(service, member, token)
        return known[token]

    authenticate.authenticate = remembered


@click.command(context_settings={"show_default": True})
@click.option("--rounds", default=5)
@click.option("--each", default=40, help="Requests of a round.")
@click.option("--objects", default=1_000)
@click.option("--without-authentication", is_flag=True, help="Authenticate from memory in both.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
def main(rounds: int, each: int, objects: int, without_authentication: bool, file: Path | None) -> None:
    """Print the calls and the CPU time of requests, by phase."""
    found = measure(rounds, each, objects, without_database=without_authentication)
    table = Table(title="One request: Python calls by phase, and CPU time")
    table.add_column("")
    for name in found:
        table.add_column(f"{name}\nbare", justify="right")
        table.add_column("\nhub", justify="right")
    costs = [cost for pair in found.values() for cost in pair]
    for phase in dict.fromkeys(phase for cost in costs for phase in cost.calls):
        table.add_row(phase, *(f"{cost.calls[phase]:,}" for cost in costs))
    table.add_row("all Python calls", *(f"{cost.calls.total():,}" for cost in costs), style="bold")
    table.add_row("calls of C functions", *(f"{cost.c_calls:,}" for cost in costs))
    table.add_row("CPU µs", *(f"{cost.microseconds:,.0f}" for cost in costs), style="bold")
    ratios = [f"{one.microseconds / other.microseconds:.2f}" for one, other in found.values()]
    table.add_row("bare / hub (CPU)", *(cell for ratio in ratios for cell in ("", ratio)))
    Console(width=150).print(table)
    if file is not None:
        figures = {
            name: {
                kind: {"calls": dict(cost.calls), "c_calls": cost.c_calls, "cpu_us": cost.microseconds}
                for kind, cost in zip(("bare", "hub"), pair, strict=True)
            }
            for name, pair in found.items()
        }
        file.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
