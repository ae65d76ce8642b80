"""The members of a hub: their tokens, their keys, and the requests that they sign."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hub.actions.operation import administer
from hub.actions.service.service import Service
from hub.model import Caller, HttpRequest, Kind, MemberId, NationCode, Purpose, Scope, StixId
from hub.proofs import keys, requests
from hub.proofs.keys import PrivateKey
from hub.store.members import members
from tests.world.clock import Clock

URL = "https://hub.example"
TAXII = "application/taxii+json;version=2.1"


@cache
def key_of(member: str, purpose: Purpose) -> PrivateKey:
    """A member's key, drawn once per session."""
    return keys.generate("p256" if purpose is Purpose.AGREEMENT else "ed25519")


def jwk(key: PrivateKey) -> bytes:
    """The public key, as the operator registers it."""
    return json.dumps(dict(key.public.jwk)).encode()


def cert(nation: str) -> str:
    """The id of a nation's cert; the id of a member is returned as it is."""
    return nation if "-" in nation else f"{nation.lower()}-cert"


@dataclass(frozen=True)
class Account:
    """A member as a test acts for it: the caller of its requests, and its secrets."""

    caller: Caller
    token: str
    submit_key: PrivateKey
    agreement_key: PrivateKey | None

    @property
    def govern_key(self) -> PrivateKey:
        assert self.agreement_key is not None, "only certs have one"
        return self.agreement_key


@dataclass
class Members:
    """The service and its members; `account` registers a member that is named for the first time."""

    service: Service
    clock: Clock
    callers: dict[str, Caller] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    _nonces: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def account(self, member: str) -> Account:
        """A member by its id: nation and kind, and a number if there are several, as in `us-agency2`."""
        if member not in self.callers:
            self.enrol(member)
        caller = self.callers[member]
        governs = key_of(member, Purpose.AGREEMENT) if caller.member.kind is Kind.CERT else None
        return Account(caller, self.tokens[member], key_of(member, Purpose.SUBMIT), governs)

    def caller(self, member: str) -> Caller:
        return self.account(member).caller

    def enrol(self, member: str) -> None:
        """Register the member with a token for all that its kind does, and with its keys."""
        code, name = member.split("-")[:2]
        kind = Kind(name.rstrip("0123456789"))
        added = administer.add_member(self.service, member, code.upper(), kind, member.upper())
        scopes = {Scope.READ, Scope.SUBMIT} | ({Scope.GOVERN} if kind is Kind.CERT else set())
        token = administer.issue_token(self.service, member, scopes)
        for purpose in (Purpose.SUBMIT, Purpose.AGREEMENT) if kind is Kind.CERT else (Purpose.SUBMIT,):
            administer.register_key(self.service, member, jwk(key_of(member, purpose)), purpose)
        self.tokens[member] = token.token
        self.callers[member] = Caller(added, frozenset(scopes), token.public_id, self.clock.now)

    def new_key(self, member: str, purpose: Purpose) -> PrivateKey:
        """Register another key of the member's."""
        key = keys.generate("ed25519")
        administer.register_key(self.service, member, jwk(key), purpose)
        return key

    def nation_of(self, member: str) -> NationCode:
        nation = self.caller(member).member.nation
        assert nation is not None
        return nation

    def identity_of(self, member: str) -> str:
        """The identity of a member, which is the creator of what it makes."""
        return self.caller(member).member.identity

    def nation_identity(self, nation: str) -> str:
        """The identity of a nation, which is that of its cert."""
        return self.service.registry.nations[NationCode(nation)].identity_id

    def rel_to(self, *nations: str) -> list[str]:
        """The markings that address an object to the nations (policy 6)."""
        return [self.service.registry.nations[NationCode(code)].rel_to_id for code in nations]

    def share_identity(self, id: str, *sharers: str) -> None:
        """Register one identity to several members, as the operator does on request of their certs."""
        with self.service.store.write() as connection:
            for member in sharers:
                members.add_identity(connection, MemberId(member), StixId(id), self.clock())

    def collection_path(self, nation: NationCode) -> str:
        return f"/allied/collections/{self.service.registry.nations[nation].collection_id}/objects/"

    def signed(self, key: PrivateKey, path: str, document: Any, nonce: str | None = None) -> HttpRequest:
        """A POST of the document, or of its bytes, signed with the key."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.with_signature(HttpRequest("POST", URL + path, {"content-type": TAXII}, body), key, nonce)

    def with_signature(self, request: HttpRequest, key: PrivateKey, nonce: str | None = None) -> HttpRequest:
        nonce = nonce or f"nonce-{next(self._nonces):020}"
        fields = requests.sign(request, key, created=self.clock(), nonce=nonce)
        return HttpRequest(request.method, request.url, {**request.headers, **fields}, request.body)
