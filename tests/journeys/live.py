"""A live hub for journeys: a real server with two workers, members with real keys, real agreements."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import requests
from taxii2client.v21 import ApiRoot, Collection

from hub.actions.operation.administer import add_member, issue_token, register_key
from hub.actions.operation.initialise import initialise
from hub.actions.service.service import Service
from hub.app import new_service
from hub.client import Hub, HubAuth
from hub.model import Kind, Purpose, Scope
from hub.proofs import keys
from hub.settings import load
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class LiveAccount:
    """A member with a token and its own keys, as PEM."""

    id: str
    nation: str
    token: str
    submit_key: bytes
    agreement_key: bytes | None


@dataclass
class Live:
    """A running hub and the members that a journey has made."""

    url: str
    service: Service
    environ: Mapping[str, str]
    process: subprocess.Popen[bytes]
    accounts: dict[str, LiveAccount] = field(default_factory=dict)

    def member(self, id: str) -> LiveAccount:
        """Return the account of `us-cert`, `kr-agency`, `jp-partner` … making it when it is new."""
        if id not in self.accounts:
            self.accounts[id] = self._register(id)
        return self.accounts[id]

    def _register(self, id: str) -> LiveAccount:
        nation, kind = id[:2].upper(), Kind(id.split("-")[1].rstrip("2"))
        add_member(self.service, id, nation, kind, f"{nation} {kind} (test)")
        scopes = [Scope.READ, Scope.SUBMIT, *([Scope.GOVERN] if kind is Kind.CERT else [])]
        submit = self._key(id, Purpose.SUBMIT)
        agreement = self._key(id, Purpose.AGREEMENT) if kind is Kind.CERT else None
        return LiveAccount(id, nation, issue_token(self.service, id, scopes).token, submit, agreement)

    def _key(self, id: str, purpose: Purpose) -> bytes:
        key = keys.generate("p256" if purpose is Purpose.AGREEMENT else "ed25519")
        register_key(self.service, id, orjson.dumps(key.public.jwk), purpose)
        return keys.private_pem(key)

    def collection_url(self, alias: str) -> str:
        registry = self.service.registry
        nation = registry.nations.get(alias.upper())  # type: ignore[call-overload]
        id = registry.released_collection_id if nation is None else nation.collection_id
        return f"{self.url}/allied/collections/{id}/"

    def collection(self, id: str, alias: str) -> Collection:
        """Return taxii2-client's own collection, signing and authenticated as the member."""
        account = self.member(id)
        return Collection(self.collection_url(alias), auth=HubAuth(account.token, account.submit_key))

    def api_root(self, id: str) -> ApiRoot:
        return ApiRoot(f"{self.url}/allied/", user=id, password=self.member(id).token)

    def push(self, id: str, objects: Sequence[Any]) -> Any:
        return self.collection(id, id[:2]).add_objects({"objects": list(objects)})

    def get(self, id: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.member(id).token}", **options.pop("headers", {})}
        return requests.get(f"{self.url}{path}", headers=headers, timeout=PATIENCE_SECONDS, **options)

    def agree(self, *nations: str, max_tlp: str = "amber", **terms: Any) -> str:
        """Let the nations agree to share with each other, both ways; return the agreement's id."""
        clauses = [
            {"from": one, "to": [n for n in nations if n != one], "max_tlp": max_tlp, **terms}
            for one in nations
        ]
        document = {
            "title": f"Between {', '.join(nations)}",
            "parties": list(nations),
            "valid_from": "2026-01-01T00:00:00Z",
            "valid_until": "2036-01-01T00:00:00Z",
            "clauses": clauses,
        }
        agreement = self.governor(nations[0]).propose(document)
        for nation in nations:
            agreement = self.governor(nation).sign(agreement["id"], digest=agreement["digest"])
        assert agreement["state"] == "in force"
        return str(agreement["id"])

    def governor(self, nation: str) -> Hub:
        account = self.member(f"{nation.lower()}-cert")
        return Hub(self.url, account.token, account.agreement_key)


@contextmanager
def live_hub(
    database_url: str, home: Path, workers: int = 2, probe: str = "readyz", **settings: str
) -> Iterator[Live]:
    """Give a running hub on this database, with settings by name; its processes are gone afterwards.

    It runs when `probe` answers 200: a hub that is not to be ready is asked for `healthz`.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HUB_")},
        "HUB_HOME": str(home),
        "HUB_DATABASE_URL": database_url,
        "HUB_PUBLIC_URL": url,
        **{f"HUB_{name.upper()}": value for name, value in settings.items()},
    }
    settings = load(environ)
    service = new_service(settings)
    initialise(service)
    command = [sys.executable, "-m", "hub", "serve", "--bind", f"127.0.0.1:{port}", "--workers", str(workers)]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, cwd=home)
    try:
        _wait_until_ready(url, process, home / "server.log", probe)
        yield Live(url, service, environ, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        service.store.close()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path, probe: str = "readyz") -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{url}/{probe}", timeout=60).ok:
                return
        except requests.exceptions.RequestException:
            pass  # nobody listens yet, or whoever does is slow to answer
        time.sleep(_POLL_SECONDS)
    raise AssertionError(f"the server did not become ready: {log.read_text()}")
