"""A hub that answers falsely: a proxy on loopback between a member and a real hub alters the answers."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from tests.patience import PATIENCE_SECONDS

Forgery = Callable[[Any], Any]  # what was answered, as JSON; it may be changed in place
_KEPT = {"authorization", "content-type", "accept", "content-digest", "signature", "signature-input"}


@dataclass
class ForgingProxy:
    """A proxy at `url`, before the hub at `behind`. `forgeries` are by method and end of the path.

    Each forgery alters the answer to every request to its path; `asked` are the requests that came.
    """

    url: str = ""
    behind: str = ""
    forgeries: dict[tuple[str, str], Forgery] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def forge(self, path: str, forgery: Forgery, method: str = "GET") -> None:
        self.forgeries[method, path] = forgery

    def of_view(self, agreement_id: str, **changes: Any) -> None:
        """Let the hub's view of an agreement say something else."""
        self.forge(f"/agreements/{agreement_id}/", lambda view: view | copy.deepcopy(changes))

    def answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, str, bytes]:
        path = target.partition("?")[0]
        self.asked.append((method, path))
        # The hub calls itself by the proxy's address, so that signatures hold.
        sent = {name: value for name, value in headers.items() if name.lower() in _KEPT}
        found = requests.request(
            method, f"{self.behind}{target}", headers=sent, data=body, timeout=PATIENCE_SECONDS
        )
        content, kind = found.content, found.headers.get("Content-Type", "")
        for (forged_method, end), forgery in self.forgeries.items():
            if forged_method == method and path.endswith(end) and found.ok:
                content = json.dumps(forgery(json.loads(content))).encode()  # however deep
        return found.status_code, kind, content


@contextmanager
def forging_proxy() -> Iterator[ForgingProxy]:
    """Give a proxy that serves at its `url` as soon as `behind` is set."""
    proxy = ForgingProxy()

    class ForgingHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, kind, content = proxy.answer(self.command, self.path, dict(self.headers.items()), body)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._serve
            raise AttributeError(name)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), ForgingHandler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
