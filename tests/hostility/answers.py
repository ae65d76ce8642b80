"""Sends a request as gunicorn would give the request to the application, and checks the rules for answers."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from werkzeug.datastructures import Headers
from werkzeug.test import run_wsgi_app

from tests.hostility.in_process import TAXII, InProcessHub

NOT_TAXII = {"governance", "healthz", "readyz", "metrics", "log"}  # anything else could be an API root


@dataclass(repr=False)
class AnswerChecker:
    """Sends requests to the application as gunicorn would, and holds every answer against the rules."""

    hub: InProcessHub
    counts: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)

    def send(
        self, group: str, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> int:
        """Return the status of the answer, which keeps every rule there is for answers."""
        target = quote(target, safe=_TARGET)  # gunicorn takes no other characters
        raw_path, _, query = target.partition("?")
        path = unquote_to_bytes(raw_path).decode("latin-1")
        environ = _environ(method, target, path, query, headers, body)
        parts, status_line, answered = run_wsgi_app(self.hub.app, environ)
        status = int(status_line.split()[0])
        self.counts[group] += 1
        self.statuses[status] += 1
        self._check(method, path, status, answered, b"".join(parts))
        return status

    def _check(self, method: str, path: str, status: int, headers: Headers, data: bytes) -> None:
        assert 200 <= status < 500
        assert not 300 <= status < 400
        assert b"Traceback" not in data
        assert headers["Cache-Control"] == "no-store"
        if status == 401:
            assert headers.getlist("WWW-Authenticate")
        if method == "HEAD" or (status < 400 and not data):
            return
        if headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        said = json.loads(data)
        if status < 400:
            return
        first = path.encode("latin-1").decode("utf-8", "replace").lstrip("/").partition("/")[0]
        if first not in NOT_TAXII:
            assert headers["Content-Type"] == TAXII, path
            assert said["title"]
            assert said["http_status"] == str(status)
        else:
            assert headers["Content-Type"] == "application/problem+json", path
            assert said["title"]
            assert said["status"] == status


_TARGET = "".join(chr(n) for n in range(0x21, 0x7F))


def _environ(
    method: str, target: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "RAW_URI": target,
        "SERVER_NAME": "hub.example",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if body or method in {"POST", "PUT"}:
        environ["CONTENT_LENGTH"] = str(len(body))
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return environ
