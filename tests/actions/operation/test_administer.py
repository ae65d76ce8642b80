"""The operator's acts: what they do, and what they refuse."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from hub.actions.access.authenticate import authenticate
from hub.actions.operation import administer
from hub.actions.operation.administer import OtherNames
from hub.actions.operation.initialise import initialise
from hub.errors import Conflict, NotFound, Unauthenticated, Unprocessable
from hub.model import Kind, Nation, NationCode, Purpose, Scope, StixId, VersionFilter
from hub.proofs import documents, keys
from tests.named_objects import identifier, malware
from tests.world import World, clause, jwk

# --- the hub --------------------------------------------------------------------------------------


def test_initialising_again_changes_nothing(world: World) -> None:
    query = replace(world.query("us-cert"), selections=frozenset({VersionFilter.ALL}))
    before = world.drain(query)
    assert len(before) == 16  # the hub's identity, ten definitions of TLP and five of REL TO
    initialise(world.service)
    assert world.drain(query) == before


def test_a_sixth_nation_is_one_more_entry(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    world.accepted("us-cert", malware("a"))
    nations = dict(world.service.registry.nations)
    code = NationCode("NZ")
    nations[code] = Nation(
        code,
        "New Zealand",
        "a8b0a4b6-51a4-4b8c-9d83-0a53a2f4ffb1",
        StixId(identifier("identity", "NZ")),
        StixId(identifier("marking-definition", "REL TO NZ")),
    )
    six = world.changed(registry=replace(world.service.registry, nations=nations))
    initialise(six.service, add=[code])
    assert len(six.drain(six.query("nz-cert"))) == 17
    six.agree(["US", "NZ"], clause("US", "NZ"))
    six.accepted("us-cert", malware("b"))
    assert six.readers(malware("b"), ["nz-cert", "kr-cert"]) == ["nz-cert", "kr-cert"]
    assert six.readers(malware("a"), ["nz-cert", "kr-cert"]) == ["kr-cert"]


# --- members --------------------------------------------------------------------------------------

_REFUSED_MEMBERS = [
    ("US-CERT", "US", Kind.CERT, "name"),
    ("a", "US", Kind.CERT, "name"),
    ("a:b", "US", Kind.CERT, "name"),
    ("-ab", "US", Kind.CERT, "name"),
    ("x" * 64, "US", Kind.CERT, "name"),
    ("hub", "US", Kind.CERT, "name"),
    ("", "US", Kind.CERT, "name"),
    ("ok", None, Kind.CERT, "name"),
    ("ok", "US", Kind.AUDITOR, "name"),
    ("ok", "US", Kind.OPERATOR, "name"),
    ("ok", "XX", Kind.AGENCY, "name"),
    ("ok", "us", Kind.AGENCY, "name"),
    ("ok", "US", Kind.AGENCY, " "),
    ("ok", "US", Kind.AGENCY, "x" * 201),
]


def test_members_that_cannot_be_are_refused(world: World) -> None:
    for arguments in _REFUSED_MEMBERS:
        with pytest.raises(Unprocessable):
            administer.add_member(world.service, *arguments)
    assert administer.list_members(world.service) == []


def test_a_member_has_other_names_until_they_are_taken_away(world: World) -> None:
    first = OtherNames([" Dawngrid ", "\uc0c8\ubcbd", "Dawngrid"], ["dawngrid.example"])
    added = administer.add_member(world.service, "kr-grid", "KR", Kind.AGENCY, "Grid", first)
    assert added.names == ("kr-grid", "Grid", "Dawngrid", "\uc0c8\ubcbd", "dawngrid.example")
    assert administer.list_members(world.service) == [added]
    token = administer.issue_token(world.service, "kr-grid", [Scope.READ]).token
    assert authenticate(world.service, None, token).member == added
    more = administer.alias_member(
        world.service, "kr-grid", OtherNames(["DG", "Dawngrid"], ["\uc0c8\ubcbd.kr."])
    )
    assert more.short_names == ("Dawngrid", "\uc0c8\ubcbd", "DG")
    assert more.domains == ("dawngrid.example", "\uc0c8\ubcbd.kr.")
    gone = OtherNames(["Dawngrid", " DG"], ["dawngrid.example"])
    left = administer.alias_member(world.service, "kr-grid", gone, remove=True)
    assert (left.short_names, left.domains) == (("\uc0c8\ubcbd",), ("\uc0c8\ubcbd.kr.",))
    assert administer.list_members(world.service) == [left]
    assert authenticate(world.service, None, token).member == left
    for unknown in (OtherNames(["DG"]), OtherNames([], ["dawngrid.example"])):
        with pytest.raises(NotFound, match="member list"):
            administer.alias_member(world.service, "kr-grid", unknown, remove=True)


def test_names_that_were_added_one_after_another_are_counted_together(world: World) -> None:
    world.account("us-agency")
    administer.alias_member(world.service, "us-agency", OtherNames([f"name {n}" for n in range(50)]))
    with pytest.raises(Unprocessable, match="at most 50"):
        administer.alias_member(world.service, "us-agency", OtherNames(["one more"]))


@pytest.mark.parametrize(
    "domain", ["https://agency.example", "*.agency.example", "a@agency.example", "example"]
)
def test_what_is_no_domain_is_refused_with_the_remedy(world: World, domain: str) -> None:
    world.account("us-agency")
    with pytest.raises(Unprocessable, match=r"like agency\.example"):
        administer.alias_member(world.service, "us-agency", OtherNames((), [domain]))


@pytest.mark.parametrize("name", ["", " ", "x", "...", "\uc0c8", "x" * 201])
def test_a_name_that_would_be_met_everywhere_or_nowhere_is_refused(world: World, name: str) -> None:
    world.account("us-agency")
    for others in (OtherNames([name]), OtherNames((), [name]), OtherNames([f"name {n}" for n in range(51)])):
        with pytest.raises(Unprocessable):
            administer.alias_member(world.service, "us-agency", others)
        with pytest.raises(Unprocessable):
            administer.add_member(world.service, "us-other", "US", Kind.AGENCY, "Other", others)
    with pytest.raises(NotFound):
        administer.alias_member(world.service, "nobody", OtherNames())


def test_a_nation_has_one_cert_and_an_id_one_member(world: World) -> None:
    world.account("us-cert")
    with pytest.raises(Conflict, match="US has its cert"):
        administer.add_member(world.service, "us-second", "US", Kind.CERT, "second")
    with pytest.raises(Conflict, match="us-cert"):
        administer.add_member(world.service, "us-cert", "KR", Kind.AGENCY, "other")
    world.account("us-agency")
    world.account("us-agency-2")
    assert [member.id for member in administer.list_members(world.service)] == [
        "us-agency",
        "us-agency-2",
        "us-cert",
    ]


def test_a_certs_identity_is_its_nations(world: World) -> None:
    assert world.caller("us-cert").member.identity == world.service.registry.nations["US"].identity_id


def test_suspension_and_resumption(world: World) -> None:
    account = world.account("us-agency")
    assert administer.suspend_member(world.service, "us-agency").is_suspended
    assert administer.list_members(world.service)[0].is_suspended
    with pytest.raises(Unauthenticated):
        authenticate(world.service, None, account.token)
    assert not administer.resume_member(world.service, "us-agency").is_suspended
    assert authenticate(world.service, None, account.token) == account.caller


@pytest.mark.parametrize(
    "act",
    [
        lambda service: administer.suspend_member(service, "nobody"),
        lambda service: administer.resume_member(service, "nobody"),
        lambda service: administer.issue_token(service, "nobody", [Scope.READ]),
        lambda service: administer.revoke_token(service, "aaaaaaaaaa"),
        lambda service: administer.register_key(
            service, "nobody", jwk(keys.generate("p256")), Purpose.SUBMIT
        ),
        lambda service: administer.revoke_key(service, "x" * 43, "lost"),
    ],
)
def test_what_is_not_there_is_not_found(world: World, act: Any) -> None:
    with pytest.raises(NotFound):
        act(world.service)


# --- tokens ---------------------------------------------------------------------------------------


def test_scopes_that_a_kind_cannot_have_are_refused(world: World) -> None:
    for id in ("us-cert", "us-agency", "us-partner"):
        world.account(id)
    administer.add_member(world.service, "auditor", None, Kind.AUDITOR, "auditor")
    administer.add_member(world.service, "ops", None, Kind.OPERATOR, "ops")
    refused = [("us-cert", [])]
    refused += [(id, [Scope.GOVERN]) for id in ("us-agency", "us-partner", "auditor", "ops")]
    refused += [(id, [Scope.SUBMIT]) for id in ("auditor", "ops")]
    for id, scopes in refused:
        with pytest.raises(Unprocessable):
            administer.issue_token(world.service, id, scopes)
    administer.issue_token(world.service, "us-cert", list(Scope))
    administer.issue_token(world.service, "auditor", [Scope.READ])


def test_a_revoked_token_stops_and_the_others_do_not(world: World) -> None:
    account = world.account("us-cert")
    second = administer.issue_token(world.service, "us-cert", [Scope.READ])
    administer.revoke_token(world.service, second.public_id)
    administer.revoke_token(world.service, second.public_id)
    with pytest.raises(Unauthenticated):
        authenticate(world.service, None, second.token)
    assert authenticate(world.service, None, account.token)


# --- keys -----------------------------------------------------------------------------------------


def test_a_key_has_one_member_and_one_purpose(world: World) -> None:
    key = world.account("us-cert").submit_key
    world.account("us-agency")
    for id, purpose in [
        ("us-cert", Purpose.SUBMIT),
        ("us-cert", Purpose.WITNESS),
        ("us-agency", Purpose.SUBMIT),
    ]:
        with pytest.raises(Conflict, match="registered already"):
            administer.register_key(world.service, id, jwk(key), purpose)
    administer.revoke_key(world.service, key.thumbprint, "lost")
    with pytest.raises(Conflict):
        administer.register_key(world.service, "us-cert", jwk(key), Purpose.SUBMIT)


def test_keys_go_to_whom_they_fit(world: World) -> None:
    world.account("us-agency")
    administer.add_member(world.service, "auditor", None, Kind.AUDITOR, "auditor")
    for id, purpose in [
        ("us-agency", Purpose.AGREEMENT),
        ("auditor", Purpose.SUBMIT),
        ("auditor", Purpose.AGREEMENT),
    ]:
        with pytest.raises(Unprocessable):
            administer.register_key(world.service, id, jwk(keys.generate("ed25519")), purpose)


@pytest.mark.parametrize("data", [b"", b"{}", b"text", json.dumps({"kty": "oct", "k": "AAAA"}).encode()])
def test_what_is_no_usable_key_is_refused(world: World, data: bytes) -> None:
    world.account("us-cert")
    with pytest.raises(Unprocessable):
        administer.register_key(world.service, "us-cert", data, Purpose.SUBMIT)


def test_a_later_agreement_key_needs_the_signature_of_the_one_before(world: World) -> None:
    old, new, stranger = world.account("us-cert").govern_key, keys.generate("p256"), keys.generate("p256")
    for endorsement in (
        None,
        "text",
        documents.endorse(stranger.public.jwk, old),
        documents.endorse(new.public.jwk, stranger),
        documents.endorse(new.public.jwk, new),
        documents.endorse(new.public.jwk, world.account("us-cert").submit_key),
        documents.endorse(new.public.jwk, world.account("kr-cert").govern_key),
    ):
        with pytest.raises(Unprocessable):
            administer.register_key(world.service, "us-cert", jwk(new), Purpose.AGREEMENT, endorsement)
    administer.register_key(
        world.service, "us-cert", jwk(new), Purpose.AGREEMENT, documents.endorse(new.public.jwk, old)
    )
    stored = {key.thumbprint: key for key in administer.list_keys(world.service)}
    assert stored[old.thumbprint].revoked_at is not None
    assert stored[new.thumbprint].revoked_at is None


def test_a_revoked_agreement_key_endorses_no_successor(world: World) -> None:
    old, new = world.account("us-cert").govern_key, keys.generate("p256")
    administer.revoke_key(world.service, old.thumbprint, "stolen")
    for endorsement in (None, documents.endorse(new.public.jwk, old)):
        with pytest.raises(Unprocessable):
            administer.register_key(world.service, "us-cert", jwk(new), Purpose.AGREEMENT, endorsement)


def test_a_revocation_has_a_reason_and_keeps_its_first_date(world: World) -> None:
    key = world.account("us-cert").submit_key
    for reason in ("", " ", "x" * 501):
        with pytest.raises(Unprocessable):
            administer.revoke_key(world.service, key.thumbprint, reason)
    dates = []
    for reason in ("lost", "again"):
        administer.revoke_key(world.service, key.thumbprint, reason)
        (stored,) = [k for k in administer.list_keys(world.service) if k.thumbprint == key.thumbprint]
        dates.append(stored.revoked_at)
    assert dates[0] == dates[1] is not None
