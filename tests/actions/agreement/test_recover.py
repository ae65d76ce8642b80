"""A lost agreement key: who can ever get a new one valid, and that nobody can alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from hub.actions.agreement import agree, recover
from hub.actions.checks.check import check
from hub.actions.operation import administer
from hub.errors import (
    BadSignature,
    Conflict,
    Forbidden,
    HubError,
    NotFound,
    Unauthenticated,
    Unprocessable,
)
from hub.model import Caller, JsonObject, Kind, Purpose, Scope
from hub.proofs import documents, keys
from hub.proofs.keys import PrivateKey
from tests.world import World, agreement, clause, jwk

LOST, PARTY, STRANGER = "us-cert", "kr-cert", "jp-cert"


def requested(world: World, new: PrivateKey, member: str = LOST) -> JsonObject:
    """The operator's act; what an auditor is shown of it."""
    recover.request(world.service, member, jwk(new), "the machine burnt")
    return shown(world, new)


def auditor(world: World) -> Caller:
    with suppress(Conflict):
        administer.add_member(world.service, "auditor", None, Kind.AUDITOR, "auditor")
    (member,) = [one for one in administer.list_members(world.service) if one.id == "auditor"]
    return Caller(member, frozenset({Scope.READ}))


def shown(world: World, new: PrivateKey) -> JsonObject:
    found = recover.listing(world.service, auditor(world))
    return next(one for one in found if one["thumbprint"] == new.thumbprint)


def confirmed(
    world: World, by: str, view: JsonObject, key: PrivateKey | None = None, jws: str | None = None
) -> JsonObject:
    """The other act, by default signed as it should be."""
    account = world.account(by)
    signer = key or account.govern_key
    body = {"jws": jws or documents.sign_recovery(view["statement"], signer)}
    return recover.confirm(
        world.service, account.caller, world.signed(signer, "/g", body), str(view["thumbprint"])
    )


def valid(world: World, member: str = LOST) -> list[str]:
    """The agreement keys of a cert that are in use."""
    return [
        key.thumbprint
        for key in administer.list_keys(world.service)
        if (key.member, key.purpose, key.revoked_at) == (member, Purpose.AGREEMENT, None)
    ]


@pytest.fixture
def old(world: World) -> PrivateKey:
    """The key of the US's cert, which has an agreement with KR; JP has one with AU alone."""
    world.agree(["US", "KR"], clause("US", "KR"))
    world.agree(["JP", "AU"], clause("JP", "AU"))
    return world.account(LOST).govern_key


# --- the two acts -----------------------------------------------------------------------------------


def test_the_new_key_is_valid_with_the_second_act_and_the_lost_one_not_any_more(
    world: World, old: PrivateKey
) -> None:
    new = keys.generate("p256")
    view = requested(world, new)
    assert (view["state"], view["member"], view["previous"]) == ("waiting", LOST, old.thumbprint)
    assert valid(world) == [old.thumbprint]
    done = confirmed(world, PARTY, view)
    assert (done["state"], done["confirmed_by"]) == ("confirmed", PARTY)
    assert valid(world) == [new.thumbprint]
    document = agreement(clause("US", "JP"))
    caller = world.caller(LOST)
    with pytest.raises(BadSignature):
        agree.propose(world.service, caller, world.signed(old, "/g", document))
    assert agree.propose(world.service, caller, world.signed(new, "/g", document))["state"] == "proposed"
    assert shown(world, new)["jws"] is not None
    assert check(world.service).faults == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE key_recovery SET statement = NULL",
        "UPDATE key_recovery SET confirmed_by = 'jp-cert'",
        "UPDATE key_recovery SET member = 'kr-cert'",
        "DELETE FROM key_recovery",
    ],
)
def test_a_recovery_that_proves_nothing_any_more_is_found(world: World, old: PrivateKey, damage: str) -> None:
    new = keys.generate("p256")
    confirmed(world, PARTY, requested(world, new))
    with world.service.store.write() as connection:
        connection.execute(text(damage))
    assert [fault.place for fault in check(world.service).faults] == [f"key {new.thumbprint} of {LOST}"]


def test_until_then_it_signs_nothing(world: World, old: PrivateKey) -> None:
    new = keys.generate("p256")
    view = requested(world, new)
    with pytest.raises(BadSignature, match="registered key in use"):
        agree.propose(
            world.service, world.caller(LOST), world.signed(new, "/g", agreement(clause("US", "JP")))
        )
    for purpose in Purpose:
        with pytest.raises(HubError):
            administer.register_key(world.service, LOST, jwk(new), purpose)
    with pytest.raises(NotFound):
        confirmed(world, LOST, view)
    assert valid(world) == [old.thumbprint]


@dataclass(frozen=True)
class Refusal:
    """What another cert sends in place of the right statement."""

    name: str
    jws: Callable[[World, JsonObject], str]


def _altered(**changes: str) -> Callable[[World, JsonObject], str]:
    return lambda world, view: documents.sign_recovery(
        {**view["statement"], **changes}, world.account(PARTY).govern_key
    )


REFUSALS = [
    Refusal("another member", _altered(member="in-cert")),
    Refusal("another key", _altered(thumbprint="A" * 43)),
    Refusal("another lost key", _altered(previous="A" * 43)),
    Refusal("another hub", _altered(hub="identity--1")),
    Refusal("more", _altered(more="x")),
    Refusal("by its submit key", lambda h, v: documents.sign_recovery(v["statement"], _submit_key(h))),
    Refusal("by a stranger", lambda h, v: documents.sign_recovery(v["statement"], _key(h, STRANGER))),
    Refusal("by the lost key", lambda h, v: documents.sign_recovery(v["statement"], _key(h, LOST))),
    Refusal("as a document", lambda h, v: documents.sign_document(v["statement"], _key(h, PARTY))),
    Refusal("text", lambda _h, _v: "text"),
]


def _key(world: World, member: str) -> PrivateKey:
    return world.account(member).govern_key


def _submit_key(world: World) -> PrivateKey:
    return world.account(PARTY).submit_key


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: one.name)
def test_only_the_statement_itself_by_the_certs_own_key_counts(
    world: World, old: PrivateKey, refusal: Refusal
) -> None:
    new = keys.generate("p256")
    view = requested(world, new)
    with pytest.raises((Unprocessable, Forbidden)):
        confirmed(world, PARTY, view, jws=refusal.jws(world, view))
    assert valid(world) == [old.thumbprint]
    confirmed(world, PARTY, view)
    assert valid(world) == [new.thumbprint]


def test_what_is_over_cannot_be_confirmed(world: World, old: PrivateKey) -> None:
    first, second, third = (keys.generate("p256") for _ in range(3))
    views = [requested(world, first), requested(world, second)]  # the second takes the first back
    with pytest.raises(NotFound):
        confirmed(world, PARTY, views[0])
    administer.revoke_key(world.service, second.thumbprint, "a mistake")
    with pytest.raises(NotFound):
        confirmed(world, PARTY, views[1])
    with pytest.raises(Conflict):
        requested(world, second)
    view = requested(world, third)
    world.clock.wait(days=30)
    with pytest.raises(NotFound):
        confirmed(world, PARTY, view)
    states = [one["state"] for one in recover.listing(world.service, auditor(world))]
    assert states == ["withdrawn", "withdrawn", "lapsed"]
    assert valid(world) == [old.thumbprint]


def test_a_key_that_was_found_again_needs_no_other(world: World, old: PrivateKey) -> None:
    new, successor = keys.generate("p256"), keys.generate("p256")
    view = requested(world, new)
    endorsement = documents.endorse(successor.public.jwk, old)
    administer.register_key(world.service, LOST, jwk(successor), Purpose.AGREEMENT, endorsement)
    with pytest.raises(Conflict, match="another agreement key since"):
        confirmed(world, PARTY, view)
    assert valid(world) == [successor.thumbprint]


def test_a_confirmation_is_on_its_way_no_longer_than_its_sender_may_act(
    world: World, old: PrivateKey
) -> None:
    view = requested(world, keys.generate("p256"))
    administer.suspend_member(world.service, PARTY)
    with pytest.raises(Unauthenticated):
        confirmed(world, PARTY, view)
    assert valid(world) == [old.thumbprint]


def test_what_the_operator_cannot_ask_for_is_refused(world: World, old: PrivateKey) -> None:
    world.account("us-agency")
    administer.add_member(world.service, "in-cert", "IN", Kind.CERT, "no key yet")
    new = keys.generate("p256")
    for member, key, error in [
        ("nobody", new, NotFound),
        ("us-agency", new, Unprocessable),
        ("in-cert", new, Unprocessable),
        (LOST, old, Conflict),
        (LOST, world.account(PARTY).govern_key, Conflict),
    ]:
        with pytest.raises(error):
            recover.request(world.service, member, jwk(key), "lost")
    for reason in ("", " ", "x" * 501):
        with pytest.raises(Unprocessable):
            recover.request(world.service, LOST, jwk(new), reason)


# --- who may ----------------------------------------------------------------------------------------


def test_it_is_for_a_party_to_an_agreement_and_where_there_is_none_for_any_other_nation(world: World) -> None:
    for member in (LOST, PARTY, STRANGER):
        world.account(member)
    view = world.propose("jp-cert", agreement(clause("US", "JP")))  # who proposes is no party to anything yet
    world.sign(view, "JP")
    ours = world.agree(["US", "KR"], clause("US", "KR"))
    first = requested(world, keys.generate("p256"))
    with pytest.raises(NotFound):
        confirmed(world, STRANGER, first)
    assert recover.listing(world.service, world.caller(STRANGER)) == []
    assert [one["state"] for one in recover.listing(world.service, world.caller(PARTY))] == ["waiting"]
    world.terminate(ours, PARTY)
    assert confirmed(world, STRANGER, first)["confirmed_by"] == STRANGER
    assert [one["state"] for one in recover.listing(world.service, world.caller(STRANGER))] == ["confirmed"]
    assert recover.listing(world.service, world.caller(PARTY)) == []
    assert [one["state"] for one in recover.listing(world.service, world.caller(LOST))] == ["confirmed"]


def test_others_are_told_of_none(world: World, old: PrivateKey) -> None:
    view = requested(world, keys.generate("p256"))
    reads = Caller(world.caller(PARTY).member, frozenset({Scope.READ}), world.caller(PARTY).token)
    for caller in (world.caller("us-agency"), world.caller("kr-agency"), reads):
        with pytest.raises(Forbidden):
            recover.listing(world.service, caller)
        request = world.signed(world.account(PARTY).govern_key, "/g", {"jws": "x"})
        with pytest.raises(Forbidden):
            recover.confirm(world.service, caller, request, view["thumbprint"])
    sentences = set()
    for thumbprint in (view["thumbprint"], "A" * 43, "x", "\0"):
        with pytest.raises(NotFound) as refusal:
            confirmed(world, STRANGER, {**view, "thumbprint": thumbprint})
        sentences.add(str(refusal.value))
    assert len(sentences) == 1


# --- nobody alone -----------------------------------------------------------------------------------

ACTORS = ("operator", LOST, "us-agency", PARTY, STRANGER)


def _operates(world: World, wanted: PrivateKey, with_: set[str]) -> None:
    """Everything that the operator can try, with the secrets of those who help."""
    endorsers = [wanted, *(world.account(one).govern_key for one in with_ if one.endswith("-cert"))]
    endorsers += [world.account(one).submit_key for one in with_ if one in world.callers]
    for endorsement in [None, *(documents.endorse(wanted.public.jwk, key) for key in endorsers)]:
        with suppress(HubError):
            administer.register_key(world.service, LOST, jwk(wanted), Purpose.AGREEMENT, endorsement)
    with suppress(HubError):
        recover.request(world.service, LOST, jwk(wanted), "lost")


def _confirms(world: World, actor: str, wanted: PrivateKey, with_: set[str]) -> None:
    """Everything that a member can try at the hub's door, with every key that the helpers have."""
    account = world.account(actor)
    statement = {
        "typ": "recover",
        "hub": world.service.registry.hub_identity_id,
        "member": LOST,
        "nation": "US",
        "thumbprint": wanted.thumbprint,
        "previous": world.account(LOST).govern_key.thumbprint,
    }
    owned = [wanted, *(world.account(one).submit_key for one in with_)]
    owned += [world.account(one).govern_key for one in with_ if one.endswith("-cert")]
    scopes = frozenset(Scope) if actor.endswith("-cert") else account.caller.scopes
    caller = Caller(account.caller.member, scopes, account.caller.token)
    for key, signer in itertools.product(owned, owned):
        body = {"jws": documents.sign_recovery(statement, signer)}
        with suppress(HubError):
            recover.confirm(world.service, caller, world.signed(key, "/g", body), wanted.thumbprint)


_COALITIONS = [
    frozenset(found) for size in range(1, len(ACTORS) + 1) for found in itertools.combinations(ACTORS, size)
]


@pytest.mark.parametrize("coalition", _COALITIONS, ids=lambda found: "+".join(sorted(found)))
def test_a_key_gets_valid_only_by_the_operator_and_a_party_or_by_the_one_before(
    world: World, old: PrivateKey, coalition: frozenset[str]
) -> None:
    """Whoever joins, in whatever order they act: never the operator alone, a cert alone, the same nation."""
    for actor in ACTORS[1:]:
        world.account(actor)
    wanted = keys.generate("p256")
    members = set(coalition) - {"operator"}
    for _ in range(2):  # what comes first may need what comes later
        for actor in sorted(coalition):
            if actor == "operator":
                _operates(world, wanted, members)
            else:
                _confirms(world, actor, wanted, members)
    by_succession = {"operator", LOST} <= coalition  # whose old key is not lost
    by_recovery = {"operator", PARTY} <= coalition
    assert (wanted.thumbprint in valid(world)) == (by_succession or by_recovery)
    assert len(valid(world)) == 1
    assert check(world.service).faults == []
