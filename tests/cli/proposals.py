"""Two certs, a hub that answers falsely between them, and a proposal that both are to sign."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

from hub.proofs import keys
from tests.cli.commands import Commands
from tests.cli.forging import ForgingProxy
from tests.cli.results import json_of
from tests.client.loopback import event
from tests.journeys.live import Live

MEMBERS = "/governance/members/"
AGREEMENTS = "/governance/agreements/"
FILE = """
title = "Between two"
parties = ["US", "KR"]
valid_from = 2026-01-01T00:00:00Z
valid_until = 2126-01-01T00:00:00Z
[[clauses]]
from = "US"
to = ["KR"]
max_tlp = "amber"
[[clauses]]
from = "KR"
to = ["US"]
max_tlp = "green"
types = ["malware"]
[iep]
note = "\\u202Ehidden\\u001B[2J"
"""


class CertCommands(Commands):
    """The commands of a cert; they go to the hub by way of the proxy."""

    def __init__(self, live: Live, nation: str, folder: Path) -> None:
        account = live.member(f"{nation.lower()}-cert")
        assert account.agreement_key is not None
        self.key = keys.read_private(account.agreement_key)
        self.pem = folder / f"{nation}.pem"
        self.pem.write_bytes(account.agreement_key)
        environ = {
            "HUB_URL": live.url,
            "HUB_TOKEN": account.token,
            "HUB_KEY": str(self.pem),
            "HUB_PINS": str(folder / nation / "pins.json"),
        }
        super().__init__(environ)


class Proposal:
    """A proposal that two certs are to sign, and the forging proxy between them and the hub."""

    def __init__(self, live: Live, proxy: ForgingProxy, folder: Path) -> None:
        self.proxy = proxy
        self.us, self.kr = CertCommands(live, "US", folder), CertCommands(live, "KR", folder)
        self.file = folder / "a.toml"
        self.file.write_text(FILE, "utf-8")
        proposed = json_of(self.us.run("agreement", "propose", self.file, "--json"))
        self.id, self.digest, self.document = proposed["id"], proposed["digest"], proposed["document"]

    def sign(self, cert: CertCommands) -> Result:
        return cert.run("agreement", "sign", self.id, "--digest", self.digest)

    def show(self, cert: CertCommands) -> Result:
        return cert.run("agreement", "show", self.id)

    def forge(self, change: Callable[[Any], Any]) -> None:
        """Let the hub's answer for the agreement be changed: in place, or by what `change` returns."""

        def forgery(view: Any) -> Any:
            return change(view) or view

        self.proxy.forge(f"{AGREEMENTS}{self.id}/", forgery)

    def steps(self) -> list[str]:
        """What the hub has really kept of the agreement."""
        self.proxy.forgeries.clear()
        return [
            f"{e['nation']} {e['typ']}"
            for e in json_of(self.us.run("agreement", "show", self.id, "--json"))["events"]
        ]


def swap(nation: str, key: keys.PrivateKey) -> Callable[[Any], Any]:
    """Give another key for a nation, under its own thumbprint."""

    def forgery(answer: Any) -> Any:
        for member in answer["members"]:
            if member["nation"] == nation and member["kind"] == "cert":
                given = {"thumbprint": key.thumbprint, "alg": key.alg, "jwk": key.public.jwk}
                member["agreement_keys"] = [given | {"revoked_at": None, "endorsement": None}]
        return answer

    return forgery


def forged_signature(proposal: Proposal, nation: str) -> keys.PrivateKey:
    """Let the hub give a signature by a key of its own making as that of a nation."""
    forged = keys.generate("ed25519")
    one = event(proposal.document, nation, forged)
    changes = {"events": [one], "signed_by": [nation], "last_event": one["digest"]}
    proposal.proxy.forge(MEMBERS, swap(nation, forged))
    proposal.forge(lambda view: view | changes)
    return forged
