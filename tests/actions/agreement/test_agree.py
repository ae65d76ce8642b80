"""Who acts on agreements, and what the signature of a party is (policy 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hub.actions.agreement import agree
from hub.actions.operation import administer
from hub.errors import BadSignature, Conflict, Forbidden, Unprocessable
from hub.model import Caller, JsonObject, Kind, Purpose, Scope
from hub.proofs import documents, keys
from tests.named_objects import malware
from tests.world import World, agreement, clause, jwk

DOCUMENT = agreement(clause("US", "KR"))

_ACTS: list[Callable[..., Any]] = [
    agree.propose,
    lambda service, caller, request: agree.sign(service, caller, request, "agreement--1"),
    lambda service, caller, request: agree.terminate(service, caller, request, "agreement--1"),
]


@pytest.mark.parametrize("act", _ACTS, ids=["propose", "sign", "terminate"])
def test_only_a_nations_cert_with_the_govern_scope_acts(world: World, act: Callable[..., Any]) -> None:
    cert = world.account("us-cert")
    request = world.signed(cert.govern_key, "/g", DOCUMENT)
    auditor = administer.add_member(world.service, "auditor", None, Kind.AUDITOR, "auditor")
    everything = frozenset(Scope)
    callers = [
        Caller(cert.caller.member, frozenset({Scope.READ, Scope.SUBMIT})),
        Caller(world.caller("us-agency").member, everything),
        Caller(world.caller("us-partner").member, everything),
        Caller(auditor, everything),
    ]
    for caller in callers:
        with pytest.raises(Forbidden, match="govern"):
            act(world.service, caller, request)


@pytest.mark.parametrize("act", _ACTS, ids=["propose", "sign", "terminate"])
def test_the_request_must_be_signed_by_the_certs_own_agreement_key(
    world: World, act: Callable[..., Any]
) -> None:
    cert = world.account("us-cert")
    for key in (cert.submit_key, world.account("kr-cert").govern_key):
        with pytest.raises(Forbidden, match="purpose agreement"):
            act(world.service, cert.caller, world.signed(key, "/g", DOCUMENT))
    with pytest.raises(BadSignature):
        act(world.service, cert.caller, world.signed(keys.generate("p256"), "/g", DOCUMENT))


def test_it_is_in_force_when_the_last_party_has_signed(world: World) -> None:
    view = world.propose("us-cert", agreement(clause("US", "KR"), clause("KR", "JP")))
    assert (view["state"], view["signed_by"], view["parties"]) == ("proposed", [], ["JP", "KR", "US"])
    for n, member in enumerate(["kr-cert", "us-cert", "jp-cert"]):
        world.accepted("us-cert", malware(str(n)))
        assert not world.sees("kr-cert", malware(str(n)))
        view = world.sign(view, member)
    assert (view["state"], view["signed_by"], view["ended"]) == ("in force", ["JP", "KR", "US"], None)
    assert [event["typ"] for event in view["events"]] == ["sign"] * 3
    assert view["last_event"] == view["events"][-1]["digest"]
    world.accepted("us-cert", malware("x"))
    assert world.sees("kr-cert", malware("x"))
    assert view == agree.show(world.service, world.caller("jp-cert"), view["id"])


def _edited(view: JsonObject) -> JsonObject:
    return {**view, "document": {**view["document"], "clauses": [clause("US", "KR", max_tlp="red")]}}


def test_a_signature_that_is_not_the_partys_own_over_the_whole_is_refused(world: World) -> None:
    view, other = world.propose("us-cert", DOCUMENT), world.propose("us-cert", DOCUMENT)
    world.account("kr-cert")
    header, payload, signature = world.jws("us-cert", view, "sign").split(".")
    refused = [
        world.jws("us-cert", _edited(view), "sign"),
        world.jws("us-cert", other, "sign"),  # the same terms, but another agreement
        world.jws("us-cert", view, "terminate"),
        world.jws("us-cert", view, "sign", previous="0" * 64),
        world.jws("kr-cert", view, "sign"),  # one cert would sign for two
        documents.sign_document(
            {"typ": "sign", "agreement": view["document"]}, world.account("us-cert").govern_key
        ),
        documents.sign_document(
            {"typ": "sign", "agreement": view["document"], "previous": None},
            world.account("us-cert").submit_key,
        ),
        documents.sign_document(
            {"typ": "sign", "agreement": view["document"], "previous": None}, keys.generate("ed25519")
        ),
        f"{header}.{payload}.{'A' * len(signature)}",
        f"{header}.{payload}.",
        "text",
        "",
    ]
    for jws in refused:
        with pytest.raises((Unprocessable, Forbidden)):
            world.step(agree.sign, "us-cert", view["id"], jws)
    account = world.account("us-cert")
    for body in ({}, {"jws": 1}, {"jws": None}, []):
        with pytest.raises(Unprocessable):
            agree.sign(
                world.service, account.caller, world.signed(account.govern_key, "/g", body), view["id"]
            )
    assert agree.show(world.service, account.caller, view["id"]) == view
    assert world.sign(view, "US")["signed_by"] == ["US"]


def test_one_cert_cannot_sign_for_two(world: World) -> None:
    view = world.propose("us-cert", DOCUMENT)
    world.account("kr-cert")
    view = world.sign(view, "US")
    mine = world.jws("us-cert", view, "sign")
    with pytest.raises(Conflict, match="signed this agreement already"):
        world.step(agree.sign, "us-cert", view["id"], mine)
    with pytest.raises(Forbidden, match="the token's own member"):
        world.step(agree.sign, "kr-cert", view["id"], mine)
    assert agree.show(world.service, world.caller("us-cert"), view["id"])["state"] == "proposed"


def test_a_revoked_key_signs_nothing_and_its_successor_does(world: World) -> None:
    view = world.propose("us-cert", DOCUMENT)
    account, new = world.account("us-cert"), keys.generate("p256")
    old_jws = world.jws("us-cert", view, "sign")
    endorsement = documents.endorse(new.public.jwk, account.govern_key)
    administer.register_key(world.service, "us-cert", jwk(new), Purpose.AGREEMENT, endorsement)
    with pytest.raises(BadSignature):
        world.step(agree.sign, "us-cert", view["id"], old_jws)
    with pytest.raises(Unprocessable, match="not in use"):
        agree.sign(world.service, account.caller, world.signed(new, "/g", {"jws": old_jws}), view["id"])
    payload = {"typ": "sign", "agreement": view["document"], "previous": None}
    request = world.signed(new, "/g", {"jws": documents.sign_document(payload, new)})
    assert agree.sign(world.service, account.caller, request, view["id"])["signed_by"] == ["US"]
