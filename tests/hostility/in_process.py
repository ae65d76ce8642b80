"""A hub in process behind its real web application, and members who sign whatever is put into their hands."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from flask import Flask
from werkzeug.test import Client, TestResponse

from hub import settings
from hub.app import create_app
from hub.model import HttpRequest, NationCode, Purpose
from hub.proofs import requests
from tests.world import URL, World, build, key_of

TAXII = "application/taxii+json;version=2.1"
JSON = "application/json"


@dataclass
class InProcessHub:
    """The way in to a world of two nations over HTTP, as the server would call it."""

    world: World
    app: Flask
    client: Client
    _nonces: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def objects_path(self, nation: str) -> str:
        registry = self.world.service.registry
        return f"/allied/collections/{registry.nations[NationCode(nation)].collection_id}/objects/"

    def signed(self, member: str, path: str, body: bytes, **options: Any) -> dict[str, str]:
        """Return the header fields of a POST of `body` that is signed and authenticated as it should be."""
        purpose = Purpose.AGREEMENT if path.startswith("/governance/") else Purpose.SUBMIT
        headers = {"content-type": options.get("content_type", TAXII)}
        method = options.get("method", "POST")
        request = HttpRequest(method, URL + path, headers if body else {}, body)
        nonce = f"hostile-{next(self._nonces):020}"
        key = key_of(member, purpose)
        added = requests.sign(request, key, created=self.world.clock(), nonce=nonce)
        return {**request.headers, **added, "Authorization": f"Bearer {self.world.tokens[member]}"}

    def post(self, member: str, path: str, body: bytes, **options: Any) -> TestResponse:
        headers = self.signed(member, path, body, **options)
        return self.client.post(path, data=body, headers=headers)

    def push(self, member: str, *objects: Any) -> TestResponse:
        """Submit anything as the objects of an envelope, to the member's own nation."""
        return self.push_bytes(member, orjson.dumps({"objects": objects}))

    def push_bytes(self, member: str, body: bytes) -> TestResponse:
        return self.post(member, self.objects_path(member[:2].upper()), body)

    def get(self, member: str, path: str, headers: Mapping[str, str] | None = None) -> TestResponse:
        token = {"Authorization": f"Bearer {self.world.tokens[member]}"}
        return self.client.get(path, headers={**token, **(headers or {})})


@contextmanager
def in_process_hub(folder: Path) -> Iterator[InProcessHub]:
    """Give a fresh world on SQLite in `folder`, without limits of rate."""
    url, kinds = f"sqlite:///{folder / 'hub.db'}", ("cert", "agency")
    world = build(url, codes=("KR", "US"), kinds=kinds, require_signature=True)
    try:
        app = create_app(settings.load({}), world.service)
        yield InProcessHub(world, app, app.test_client())
    finally:
        world.close()
