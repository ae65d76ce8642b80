"""Who may know of agreements: their parties and auditors, with the scope govern (policy 5)."""

from __future__ import annotations

import json

import pytest

from hub.actions.agreement import agree, simulate
from hub.actions.operation import administer
from hub.errors import Forbidden, HubError, NotFound
from hub.model import Caller, Kind, Purpose, Scope
from hub.proofs import documents, keys
from tests.world import World, agreement, clause

DOCUMENT = agreement(clause("US", "KR"))


def test_others_never_learn_that_it_exists(world: World) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"))
    answers = set()
    for id in (view["id"], "agreement--00000000-0000-4000-8000-000000000000", "", "x"):
        with pytest.raises(NotFound) as refusal:
            agree.show(world.service, world.caller("jp-cert"), id)
        answers.add(str(refusal.value))
        for typ, act in (("sign", agree.sign), ("terminate", agree.terminate)):
            with pytest.raises(NotFound) as refusal:
                world.step(act, "jp-cert", id, world.jws("jp-cert", view, typ, view["last_event"]))
            answers.add(str(refusal.value))
    assert len(answers) == 1
    assert agree.listing(world.service, world.caller("jp-cert")) == []


def test_agreements_are_read_with_the_govern_scope_alone(world: World) -> None:
    """One sentence for whoever lacks it, of whatever nation and about whatever id: nothing is looked up."""
    view = world.agree(["US", "KR"], clause("US", "KR"))
    operator = administer.add_member(world.service, "ops", None, Kind.OPERATOR, "ops")
    member = world.caller("us-cert").member
    without = [Caller(member, scopes) for scopes in (frozenset({Scope.READ}), frozenset({Scope.SUBMIT}))]
    others = [world.caller(id) for id in ("us-agency", "kr-partner", "jp-agency")]
    body = json.dumps(DOCUMENT).encode()
    answers = set()
    for caller in [*without, *others, Caller(operator, frozenset({Scope.READ}))]:
        for id in (view["id"], "agreement--00000000-0000-4000-8000-000000000000", "x"):
            with pytest.raises(Forbidden) as refusal:
                agree.show(world.service, caller, id)
            answers.add(str(refusal.value))
        with pytest.raises(Forbidden) as refusal:
            agree.listing(world.service, caller)
        answers.add(str(refusal.value))
        with pytest.raises(Forbidden, match="govern"):
            simulate.simulate(world.service, caller, body)
    assert answers == {
        "Agreements are read by a nation's cert, with a token of scope govern, and by auditors."
    }


def test_parties_see_their_own_and_auditors_all(world: World) -> None:
    ours, theirs = (
        world.agree(["US", "KR"], clause("US", "KR")),
        world.propose("jp-cert", agreement(clause("JP", "IN"))),
    )
    member = administer.add_member(world.service, "auditor", None, Kind.AUDITOR, "auditor")
    auditor = Caller(member, frozenset({Scope.READ}))
    for cert in ("us-cert", "kr-cert"):
        assert agree.listing(world.service, world.caller(cert)) == [ours]
    assert agree.listing(world.service, world.caller("in-cert")) == [theirs]
    assert agree.listing(world.service, auditor) == [ours, theirs]
    assert agree.show(world.service, auditor, theirs["id"]) == theirs


def test_participants_are_the_certs_and_ones_own_nation(world: World) -> None:
    for id in ("us-cert", "us-partner", "kr-cert", "kr-agency"):
        world.account(id)
    seen = {entry["id"]: entry for entry in agree.participants(world.service, world.caller("us-partner"))}
    assert set(seen) == {"us-cert", "us-partner", "kr-cert"}
    assert seen["kr-cert"]["agreement_key"] == world.account("kr-cert").govern_key.thumbprint
    assert seen["us-partner"]["agreement_key"] is None
    assert seen["us-partner"]["agreement_keys"] == []
    (given,) = seen["kr-cert"]["agreement_keys"]
    assert given["jwk"] == world.account("kr-cert").govern_key.public.jwk
    assert (given["revoked_at"], given["endorsement"]) == (None, None)


def test_participants_are_told_of_the_keys_that_a_cert_has_had(world: World) -> None:
    old, new = world.account("kr-cert").govern_key, keys.generate("ed25519")
    endorsement = documents.endorse(new.public.jwk, old)
    jwk = json.dumps(new.public.jwk).encode()
    administer.register_key(world.service, "kr-cert", jwk, Purpose.AGREEMENT, endorsement)
    (seen,) = [
        e for e in agree.participants(world.service, world.caller("us-partner")) if e["id"] == "kr-cert"
    ]
    assert seen["agreement_key"] == new.thumbprint
    first, second = seen["agreement_keys"]
    assert (first["thumbprint"], first["endorsement"]) == (old.thumbprint, None)
    assert first["revoked_at"] is not None
    assert (second["thumbprint"], second["endorsement"]) == (new.thumbprint, endorsement)


def test_every_refusal_leaves_a_sentence_without_the_others(world: World) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"))
    with pytest.raises(HubError) as refusal:
        world.terminate(view, "JP")
    assert "KR" not in str(refusal.value)
