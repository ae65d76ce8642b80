"""The operator's acts on the hub's own machine: members, identities, tokens and keys."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from hub.actions.service.service import Service
from hub.errors import Conflict, NotFound, Unprocessable
from hub.model import (
    HUB,
    Kind,
    Member,
    MemberId,
    NationCode,
    Purpose,
    RegisteredKey,
    Scope,
    StixId,
)
from hub.proofs import documents, keys, tokens
from hub.rules.claims import Registered
from hub.store.agreement import agreements
from hub.store.database.connection import Connection
from hub.store.ledger import ledgers
from hub.store.members import members, recoveries
from hub.store.members.members import StoredToken

_MEMBER_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")
_IDENTITY: Final = re.compile(r"identity--[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DOMAIN: Final = re.compile(r"[^\W_][^\s/@:*.]{0,250}(?:\.[^\s/@:*.]{1,250}){1,20}\.?")
_MAX_NAME: Final = 200
_MAX_NAMES: Final = 50
_MIN_LETTERS: Final = 2
_MAX_REASON: Final = 500
TOKEN_DAYS: Final = 365


# --- members ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OtherNames:
    """Further names of a member, for anonymising: kept at home like the member's name (policy 7)."""

    short_names: Sequence[str] = ()
    domains: Sequence[str] = ()

    def checked(self) -> OtherNames:
        """Return the names without surrounding white space, each once.

        Raises Unprocessable for an unusable name.
        """
        for domain in self.domains:
            if not _DOMAIN.fullmatch(domain.strip()):
                raise Unprocessable(
                    f"{domain!r} cannot be a domain; write it like agency.example, without https://, *. or @."
                )
        return OtherNames(_checked("short name", self.short_names), _checked("domain", self.domains))


def add_member(
    service: Service,
    id: str,
    nation: str | None,
    kind: Kind,
    name: str,
    others: OtherNames | None = None,
) -> Member:
    """Register a member and return the member.

    Raises Unprocessable for an unusable id, nation or name, Conflict for a used id and for a second cert of a
    nation (policy 1).
    """
    _check_member(service, id, nation, kind, name)
    code = None if nation is None else NationCode(nation)
    # A cert has its nation's configured identity, every other member a random identity of its own.
    identity = StixId(f"identity--{uuid.uuid4()}")
    if kind is Kind.CERT and code is not None:
        identity = service.registry.nations[code].identity_id
    others = OtherNames() if others is None else others.checked()
    new = replace(
        Member(MemberId(id), code, kind, name, identity),
        short_names=tuple(others.short_names),
        domains=tuple(others.domains),
    )
    with service.store.write(when_closed=True) as connection:
        # INVARIANT: under this lock a nation never gets two certs at once.
        ledgers.hold_nations(connection)
        existing = members.members(connection)
        cert = next((m for m in existing if m.kind is Kind.CERT and m.nation == code), None)
        if kind is Kind.CERT and cert is not None:
            raise Conflict(f"{code} has its cert already: {cert.id}. A nation has exactly one.")
        if not members.add_member(connection, new, service.store.now(connection)):
            raise Conflict(f"There is a member {id} already; choose another id.")
    return new


def register_identity(service: Service, id: str, identity: str) -> Member:
    """Register one more identity of a member (policy 1), and return the member. Repeating changes nothing.

    The operator does so when the nation's cert asks for it, as for a first key. Members of one nation may
    share an identity. Raises NotFound for an unknown member, Unprocessable for an unusable identity, and
    Conflict for an identity of another nation.
    """
    if not _IDENTITY.fullmatch(identity):
        raise Unprocessable("The identity must be the id of a STIX identity, in lower case: identity--UUID.")
    if identity in service.registry.public_sources:
        raise Unprocessable("A public source of the configuration belongs to nobody; it is never registered.")
    if identity == service.registry.hub_identity_id:
        raise Unprocessable("This is the hub's own identity; nobody else speaks as it.")
    with service.store.write(when_closed=True) as connection:
        # INVARIANT: under this lock no two nations register one identity at once (policy 8).
        ledgers.hold_nations(connection)
        found = _identified(connection, id)
        registered = Registered.of(service.registry, members.members(connection))
        owner = registered.nations.get(StixId(identity), found.nation)
        if owner != found.nation:
            raise Conflict(f"The identity is registered in {owner}; an identity belongs to one nation.")
        if identity != found.identity:
            members.add_identity(connection, found.id, StixId(identity), service.store.now(connection))
        return _identified(connection, id)


def remove_identity(service: Service, id: str, identity: str) -> Member:
    """Remove a further identity of a member, and return the member.

    Objects submitted with this creator are relayed from then on (policy 8). Raises NotFound for an identity
    that the member does not have, Unprocessable for the identity of its account.
    """
    with service.store.write(when_closed=True) as connection:
        # Stored objects stay: a claim is judged by the identities registered at the time (policy 8).
        found = _identified(connection, id)
        if identity == found.identity:
            raise Unprocessable("This identity came with the account and stays with it.")
        if not members.remove_identity(connection, found.id, StixId(identity)):
            raise NotFound(f"{id} does not speak as {identity}; see `hub member list --json`.")
        return _identified(connection, id)


def _identified(connection: Connection, id: str) -> Member:
    found = members.find_member(connection, id)
    if found is None:
        raise NotFound(f"There is no member {id}; see `hub member list`.")
    if found.nation is None:
        raise Unprocessable("Auditors and operators submit nothing, and speak as nobody.")
    return found


def _check_member(service: Service, id: str, nation: str | None, kind: Kind, name: str) -> None:
    if not _MEMBER_ID.fullmatch(id) or id == HUB:
        raise Unprocessable(f"{id!r} cannot be a member id: use 2 to 63 of a-z, 0-9 and hyphens, not `hub`.")
    if (kind.clearance is None) != (nation is None):
        raise Unprocessable("A cert, agency or partner belongs to a nation; an auditor or operator to none.")
    if nation is not None and nation not in service.registry.nations:
        known = ", ".join(service.registry.nations)
        raise Unprocessable(f"{nation!r} is no nation of this hub; use one of {known}.")
    if not name.strip() or len(name) > _MAX_NAME:
        raise Unprocessable(f"The name must have 1 to {_MAX_NAME} characters.")


def alias_member(service: Service, id: str, others: OtherNames, *, remove: bool = False) -> Member:
    """Add further names of a member, or remove such names, from the next submission on.

    Adding a present name changes nothing. Raises NotFound for an unknown member and for a name to remove that
    the member does not have, Unprocessable for an unusable name.
    """
    with service.store.write(when_closed=True) as connection:
        member = _member(connection, id)
        before = OtherNames(member.short_names, member.domains)
        found = _without(before, others, id) if remove else _with(before, others)
        members.set_names(connection, member.id, found.short_names, found.domains)
    return replace(member, short_names=tuple(found.short_names), domains=tuple(found.domains))


def _with(before: OtherNames, others: OtherNames) -> OtherNames:
    new = others.checked()  # present names were checked when added
    found = OtherNames(
        tuple(dict.fromkeys((*before.short_names, *new.short_names))),
        tuple(dict.fromkeys((*before.domains, *new.domains))),
    )
    for names in (found.short_names, found.domains):
        _check_count(names)
    return found


def _without(before: OtherNames, others: OtherNames, id: str) -> OtherNames:
    return OtherNames(
        _left(before.short_names, others.short_names, f"{id} has no short name"),
        _left(before.domains, others.domains, f"{id} has no domain"),
    )


def _left(known: Sequence[str], gone: Sequence[str], sentence: str) -> tuple[str, ...]:
    taken = {name.strip() for name in gone}
    if missing := taken.difference(known):
        raise NotFound(f"{sentence} {min(missing)!r}; `hub member list` shows what it is known as.")
    return tuple(name for name in known if name not in taken)


def _check_count(names: Collection[str]) -> None:
    if len(names) > _MAX_NAMES:
        raise Unprocessable(f"A member has at most {_MAX_NAMES} of each kind of name, not {len(names)}.")


def _checked(what: str, names: Collection[str]) -> tuple[str, ...]:
    """Return the names without surrounding white space, each once."""
    found = tuple(dict.fromkeys(name.strip() for name in names))
    _check_count(found)
    for name in found:
        # A single letter is in every text: anonymising would withhold every object (policy 7).
        if len(name) > _MAX_NAME or sum(map(str.isalnum, name)) < _MIN_LETTERS:
            raise Unprocessable(
                f"{name!r} cannot be a {what}: use {_MIN_LETTERS} letters or digits or more, "
                f"and at most {_MAX_NAME} characters."
            )
    return found


def list_members(service: Service) -> list[Member]:
    """Return every member, by id."""
    with service.store.read(when_closed=True) as connection:
        return members.members(connection)


def suspend_member(service: Service, id: str) -> Member:
    """Suspend a member: its tokens and keys are invalid at once, for running requests too; or NotFound."""
    return _set_suspended(service, id, is_suspended=True)


def resume_member(service: Service, id: str) -> Member:
    """Make a suspended member's tokens and keys valid again; NotFound for an unknown member."""
    return _set_suspended(service, id, is_suspended=False)


def _set_suspended(service: Service, id: str, *, is_suspended: bool) -> Member:
    with service.store.write(when_closed=True) as connection:
        # INVARIANT: `admit` reads under the same lock: after this commit no request of the member is
        # accepted.
        agreements.hold_for_change(connection)
        member = _member(connection, id)
        members.set_suspended(connection, member.id, service.store.now(connection) if is_suspended else None)
    return replace(member, is_suspended=is_suspended)


def _member(connection: Connection, id: str) -> Member:
    member = members.find_member(connection, id)
    if member is None:
        raise NotFound(f"There is no member {id!r}; `hub member list` shows them.")
    return member


# --- tokens -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token with its secret: shown once, and stored nowhere."""

    member: MemberId
    public_id: str
    token: str
    scopes: frozenset[Scope]
    expires: datetime


def issue_token(
    service: Service, member_id: str, scopes: Collection[Scope], expires_days: int = TOKEN_DAYS
) -> IssuedToken:
    """Issue a token of a member; the token expires after `expires_days`, a year by default.

    Raises NotFound, and Unprocessable for scopes not permitted to the member's kind.
    """
    # The database has a keyed digest alone: a copy of the database gives nobody a token.
    token = tokens.compose(secrets.token_bytes(tokens.RANDOM_BYTES))
    digest = tokens.digest(service.secrets.pepper, token.text)
    with service.store.write(when_closed=True) as connection:
        member = _member(connection, member_id)
        _check_scopes(member, scopes)
        now = service.store.now(connection)
        expires = now + timedelta(days=expires_days)
        stored = StoredToken(token.public_id, member.id, digest, frozenset(scopes), now, expires, None)
        members.add_token(connection, stored)
    return IssuedToken(member.id, token.public_id, token.text, frozenset(scopes), expires)


def _check_scopes(member: Member, scopes: Collection[Scope]) -> None:
    if not scopes:
        raise Unprocessable("A token needs at least one scope of read, submit, govern.")
    if Scope.SUBMIT in scopes and member.kind.clearance is None:
        raise Unprocessable(
            f"{member.id} is an {member.kind.value} and submits nothing; leave out the scope submit."
        )
    if Scope.GOVERN in scopes and member.kind is not Kind.CERT:
        raise Unprocessable(f"{member.id} is no cert; the scope govern belongs to a nation's cert alone.")


def list_tokens(service: Service) -> list[StoredToken]:
    """Return every token without its secret."""
    with service.store.read(when_closed=True) as connection:
        return members.tokens(connection)


def revoke_token(service: Service, public_id: str) -> None:
    """Revoke a token at once, for running requests too; NotFound for an unknown token."""
    with service.store.write(when_closed=True) as connection:
        # INVARIANT: `admit` reads under the same lock, as for `suspend_member`.
        agreements.hold_for_change(connection)
        if not members.revoke_token(connection, public_id, service.store.now(connection)):
            raise NotFound(f"There is no token {public_id!r}; `hub token list` shows them.")


# --- keys ---------------------------------------------------------------------------------------


def register_key(
    service: Service, member_id: str, data: bytes, purpose: Purpose, endorsement: str | None = None
) -> RegisteredKey:
    """Register a member's public key, as JWK or PEM, for one purpose.

    The operator registers a cert's first agreement key. A later agreement key needs `endorsement`, a JWS by
    the key before, and replaces that key (policy 5). Raises NotFound, Unprocessable for an unusable key, and
    Conflict for a known key.
    """
    public = keys.read_public(data)
    with service.store.write(when_closed=True) as connection:
        now = service.store.now(connection)
        # INVARIANT: the key before is revoked here, and `admit` reads keys under the same lock.
        agreements.hold_for_change(connection)
        member = _member(connection, member_id)
        _check_purpose(member, purpose)
        new = RegisteredKey(public.thumbprint, member.id, purpose, public.alg, public.jwk, now)
        if purpose is Purpose.AGREEMENT:
            _replace_agreement_key(connection, member, public, endorsement, now)
        # A key that waits for confirmation must not become valid by the operator alone.
        if recoveries.find(connection, public.thumbprint):
            raise Conflict(f"The key {public.thumbprint} was to follow a lost one; make another.")
        if not members.add_key(connection, new, endorsement):
            raise Conflict(
                f"The key {public.thumbprint} is registered already; a key has one member and one purpose."
            )
    return new


def _check_purpose(member: Member, purpose: Purpose) -> None:
    if purpose is Purpose.AGREEMENT and member.kind is not Kind.CERT:
        raise Unprocessable(f"{member.id} is no cert; agreement keys belong to a nation's cert alone.")
    if purpose is Purpose.SUBMIT and member.kind.clearance is None:
        raise Unprocessable(f"{member.id} is an {member.kind.value} and submits nothing.")


def _replace_agreement_key(
    connection: Connection, member: Member, new: keys.PublicKey, endorsement: str | None, now: datetime
) -> None:
    """Revoke the agreement key before, if the key has signed the new key (policy 5)."""
    earlier = [key for key in members.keys(connection, member.id) if key.purpose is Purpose.AGREEMENT]
    if not earlier:
        return  # a first key is valid at the operator's word; every nation can see its thumbprint (policy 5)
    previous = earlier[-1]
    if endorsement is None:
        raise Unprocessable(
            f"{member.id} has an agreement key already ({previous.thumbprint}); a later one needs its "
            "signature: `hub keygen FILE --endorse OLDKEY`, then `--endorsement FILE.endorsement.jws`. If it "
            "is lost: `hub key recover`."
        )
    documents.verify_endorsement(endorsement, new, previous)
    members.revoke_key(connection, previous.thumbprint, f"succeeded by {new.thumbprint}", now)


def list_keys(service: Service) -> list[RegisteredKey]:
    """Return every key, revoked ones too."""
    with service.store.read(when_closed=True) as connection:
        return members.keys(connection)


def revoke_key(service: Service, thumbprint: str, reason: str) -> None:
    """Revoke a key at once, or withdraw a key that waits for confirmation; NotFound for an unknown key.

    Requests and agreements accepted with the key before stay valid.
    """
    if not reason.strip() or len(reason) > _MAX_REASON:
        raise Unprocessable(f"Give a reason of 1 to {_MAX_REASON} characters.")
    with service.store.write(when_closed=True) as connection:
        # INVARIANT: `admit` reads under the same lock, as for `suspend_member`.
        agreements.hold_for_change(connection)
        now = service.store.now(connection)
        is_known = members.revoke_key(connection, thumbprint, reason, now)
        if not is_known and not recoveries.withdraw(connection, thumbprint, now):
            raise NotFound(f"There is no key {thumbprint!r}; `hub key list` shows them.")
