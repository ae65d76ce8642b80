"""The limit of a hub in Python: a bare Flask app under the server settings of `hub serve`.

It returns the hub's own answers from memory, after the hub's own check of tokens. A POST is verified as the
hub verifies it, and stored nowhere.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response, request

from hub.model import HttpRequest, RegisteredKey
from hub.proofs import requests, tokens
from hub.web.listening import listen, parse
from hub.web.serving import HubServer

_RECEIPT: Final = b'{"id":"2d086da7-4bdc-4f91-900e-d77486753710","status":"complete"}'


@dataclass
class Recorded:
    """The answers of a hub by path and query, and what is needed to check tokens and signatures."""

    url: str
    pepper: bytes
    answers: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)  # status, media type, body
    digests: dict[str, bytes] = field(default_factory=dict)  # of tokens, by public id
    keys: dict[str, RegisteredKey] = field(default_factory=dict)


class BareServer(HubServer):
    """gunicorn with the settings of `hub serve`, over another application and without the hub's chores."""

    def load(self) -> Any:
        return self._factory()


def application(recorded: Recorded) -> Flask:
    """Return the app with one view for everything."""
    app = Flask("bare", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 1 << 30

    def answer(path: str) -> Response:
        del path
        if not _is_known(recorded.digests, recorded.pepper):
            return Response(status=401)
        if request.method == "POST":
            message = HttpRequest(
                "POST", recorded.url + request.environ["RAW_URI"], dict(request.headers), request.get_data()
            )
            requests.verify(message, recorded.keys.get, datetime.now(UTC))
            return Response(_RECEIPT, 202, content_type="application/taxii+json;version=2.1")
        status, media_type, body = recorded.answers[request.environ["RAW_URI"]]
        return Response(body, status, content_type=media_type)

    app.add_url_rule("/<path:path>", view_func=answer, methods=["GET", "POST"])
    return app


def _is_known(digests: Mapping[str, bytes], pepper: bytes) -> bool:
    given = request.authorization
    text = (given.token if given is not None else None) or ""
    known = digests.get(tokens.parse(text) or "", bytes(32))
    return tokens.matches(tokens.digest(pepper, text), known)


def serve(folder: Path, address: str, workers: int) -> None:
    """Serve the answers kept in `folder` until a signal ends the process."""
    recorded = pickle.loads((folder / "recorded").read_bytes())
    BareServer(lambda: application(recorded), listener=listen(parse(address)), workers=workers).run()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
