"""The hub of the demo in a new folder, its members with real keys and tokens, and their agreements."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

import orjson

from hub import files
from hub.actions.operation import administer
from hub.actions.operation.initialise import initialise
from hub.actions.operation.work import work
from hub.actions.service.service import Service
from hub.app import new_service
from hub.client import Hub, HubAuth
from hub.client.agreement.drafts import read_agreement
from hub.errors import HubError
from hub.model import JsonObject, Kind, Purpose, Scope
from hub.proofs import keys
from hub.settings import load

_PATIENCE_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.1
# Invented organisations, in the order of the printed columns.
MEMBERS: Final = {
    "us-cert": ("US", Kind.CERT, "US National Cyber Centre (demo)"),
    "us-agency": ("US", Kind.AGENCY, "US Cyber Agency (demo)"),
    "us-partner": ("US", Kind.PARTNER, "US Energy Company (demo)"),
    "kr-cert": ("KR", Kind.CERT, "Korea Cyber Centre (demo)"),
    "kr-agency": ("KR", Kind.AGENCY, "Korea Cyber Agency (demo)"),
    "kr-partner": ("KR", Kind.PARTNER, "Korea Shipbuilder (demo)"),
    "jp-cert": ("JP", Kind.CERT, "Japan Cyber Centre (demo)"),
    "jp-agency": ("JP", Kind.AGENCY, "Japan Cyber Agency (demo)"),
    "au-cert": ("AU", Kind.CERT, "Australia Cyber Centre (demo)"),
    "in-cert": ("IN", Kind.CERT, "India Cyber Centre (demo)"),
}
# Identities in created_by_ref of the sample. Only their members, and certs of the nation, may use these
# (policy 8).
IDENTITIES: Final = {
    "kr-cert": "identity--1a2b027c-4cf4-4fde-947e-0ac454fb13e9",
    "kr-agency": "identity--84356633-869f-45d0-bd64-b79010fe5fac",
}
AGREEMENTS: Final = ("charter", "us-kr")  # files of config/agreements, concluded at the beginning


@dataclass(frozen=True, slots=True)
class Credentials:
    """The files of a member's token and private keys, of mode 0600, as on a real member's machine."""

    token: Path
    submit_key: Path
    agreement_key: Path  # exists for certs alone


@dataclass(frozen=True, slots=True)
class DemoHub:
    """The hub of the demo. `environ` is the environment of every process of this hub."""

    home: Path
    url: str
    environ: dict[str, str]
    service: Service
    credentials: dict[str, Credentials]

    def member(self, id: str, *, governs: bool = False) -> Hub:
        """Return a client of the member `id`, with its token and one of its keys."""
        # A key serves one purpose: a request signed by a submit key cannot govern.
        credentials = self.credentials[id]
        return Hub(
            self.url,
            credentials.token.read_text(),
            credentials.agreement_key if governs else credentials.submit_key,
        )

    def auth(self, id: str) -> HubAuth:
        """Return the authentication with which an unmodified taxii2-client acts as the member `id`."""
        credentials = self.credentials[id]
        return HubAuth(credentials.token.read_text(), credentials.submit_key)


@contextmanager
def home_folder(chosen: Path | None) -> Iterator[Path]:
    """Yield an empty folder: `chosen`, kept afterwards, or a temporary folder, removed afterwards.

    Raises HubError if `chosen` is not empty: a demo must not change a real hub.
    """
    if chosen is None:
        home = Path(tempfile.mkdtemp(prefix="hub-demo-"))
        try:
            yield home
        finally:
            shutil.rmtree(home, ignore_errors=True)
        return
    files.make_folder(chosen)
    if any(chosen.iterdir()):
        raise HubError(f"{chosen} is not empty: the demo begins in a fresh home; name another folder")
    yield chosen.absolute()


@contextmanager
def start_hub(home: Path, url: str) -> Iterator[DemoHub]:
    """Yield a hub in `home` with the public URL `url` and all members. No process serves the hub yet."""
    # The user's own configuration is left out: `expected.json` was written for the defaults.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    environ |= {"HUB_HOME": str(home), "HUB_PUBLIC_URL": url}
    service = new_service(load(environ))
    try:
        initialise(service)
        credentials = {id: _admit(service, home / "members" / id, id) for id in MEMBERS}
        yield DemoHub(home, url, environ, service, credentials)
    finally:
        service.store.close()


def conclude_agreements(demo_hub: DemoHub) -> dict[str, JsonObject]:
    """Conclude the example agreements over HTTP, with the parties' own keys. Afterwards all are in force.

    Returns the parties' view of each, by the name of its file. Raises HubError for an agreement not in force.
    """
    return {name: conclude(demo_hub, name) for name in AGREEMENTS}


def work_at_once(service: Service) -> None:
    """Do the work of `hub work --once`. Waits up to 60 seconds for a worker that is at work already."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not work(service).is_done:
        if time.monotonic() > deadline:
            raise HubError("the server's workers did not come to an end with their work")
        time.sleep(_PAUSE_SECONDS)


def example(name: str) -> JsonObject:
    """Return one of the example agreements as a document to propose."""
    file = resources.files("hub") / "_config" / "agreements" / f"{name}.toml"
    return read_agreement(file.name, file.read_bytes())


def certs_of(document: JsonObject) -> list[str]:
    """Return the members that sign an agreement: the cert of each party."""
    return [f"{party.lower()}-cert" for party in document["parties"]]


def conclude(demo_hub: DemoHub, name: str) -> JsonObject:
    """Conclude one example agreement, and return the parties' view of the agreement in force.

    Each party signs the document with the digest that the proposer has sent to all.
    """
    document = example(name)
    certs = certs_of(document)
    with demo_hub.member(certs[0], governs=True) as hub:
        view = hub.propose(document)
    digest = view["digest"]
    # `digest`: the client of each party refuses every other document (policy 5).
    for cert in certs:
        with demo_hub.member(cert, governs=True) as hub:
            view = hub.sign(view["id"], digest=digest)
    if view["state"] != "in force":
        raise HubError(f"{name}.toml was signed by every party and is {view['state']}, not in force")
    return view


def _admit(service: Service, folder: Path, id: str) -> Credentials:
    nation, kind, name = MEMBERS[id]
    administer.add_member(service, id, nation, kind, name)
    # Before the first push: until then other members could submit with this created_by_ref (policy 8).
    if id in IDENTITIES:
        administer.register_identity(service, id, IDENTITIES[id])
    # Policy 5: the scope `govern` and agreement keys belong to certs alone.
    scopes = {Scope.READ, Scope.SUBMIT} | ({Scope.GOVERN} if kind is Kind.CERT else set())
    files.make_folder(folder)
    credentials = Credentials(folder / "token", folder / "submit.pem", folder / "agreement.pem")
    _keep(credentials.token, administer.issue_token(service, id, scopes).token.encode())
    _give_key(service, id, credentials.submit_key, Purpose.SUBMIT)
    if kind is Kind.CERT:
        _give_key(service, id, credentials.agreement_key, Purpose.AGREEMENT)
    return credentials


def _give_key(service: Service, id: str, path: Path, purpose: Purpose) -> None:
    key = keys.generate("p256" if purpose is Purpose.AGREEMENT else "ed25519")
    _keep(path, keys.private_pem(key))
    administer.register_key(service, id, orjson.dumps(dict(key.public.jwk)), purpose)


def _keep(path: Path, secret: bytes) -> None:
    with os.fdopen(files.create(path), "wb") as file:
        file.write(secret)
