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
from tests.actions.hubs import Hub, agreement, clause, jwk

LOST, PARTY, STRANGER = "us-cert", "kr-cert", "jp-cert"


def requested(hub: Hub, new: PrivateKey, member: str = LOST) -> JsonObject:
    """The operator's act; what an auditor is shown of it."""
    recover.request(hub.service, member, jwk(new), "the machine burnt")
    return shown(hub, new)


def court(hub: Hub) -> Caller:
    with suppress(Conflict):
        administer.add_member(hub.service, "court", None, Kind.AUDITOR, "court")
    (member,) = [one for one in administer.list_members(hub.service) if one.id == "court"]
    return Caller(member, frozenset({Scope.READ}))


def shown(hub: Hub, new: PrivateKey) -> JsonObject:
    found = recover.listing(hub.service, court(hub))
    return next(one for one in found if one["thumbprint"] == new.thumbprint)


def confirmed(
    hub: Hub, by: str, view: JsonObject, key: PrivateKey | None = None, jws: str | None = None
) -> JsonObject:
    """The other act, by default signed as it should be."""
    account = hub.account(by)
    signer = key or account.govern_key
    body = {"jws": jws or documents.sign_recovery(view["statement"], signer)}
    return recover.confirm(
        hub.service, account.caller, hub.signed(signer, "/g", body), str(view["thumbprint"])
    )


def valid(hub: Hub, member: str = LOST) -> list[str]:
    """The agreement keys of a cert that are in use."""
    return [
        key.thumbprint
        for key in administer.list_keys(hub.service)
        if (key.member, key.purpose, key.revoked_at) == (member, Purpose.AGREEMENT, None)
    ]


@pytest.fixture
def old(hub: Hub) -> PrivateKey:
    """The key of the US's cert, which has an agreement with KR; JP has one with AU alone."""
    hub.agree(clause("US", "KR"))
    hub.agree(clause("JP", "AU"))
    return hub.account(LOST).govern_key


# --- the two acts -----------------------------------------------------------------------------------


def test_the_new_key_is_valid_with_the_second_act_and_the_lost_one_not_any_more(
    hub: Hub, old: PrivateKey
) -> None:
    new = keys.generate("p256")
    view = requested(hub, new)
    assert (view["state"], view["member"], view["previous"]) == ("waiting", LOST, old.thumbprint)
    assert valid(hub) == [old.thumbprint]
    done = confirmed(hub, PARTY, view)
    assert (done["state"], done["confirmed_by"]) == ("confirmed", PARTY)
    assert valid(hub) == [new.thumbprint]
    document = agreement(clause("US", "JP"))
    caller = hub.caller(LOST)
    with pytest.raises(BadSignature):
        agree.propose(hub.service, caller, hub.signed(old, "/g", document))
    assert agree.propose(hub.service, caller, hub.signed(new, "/g", document))["state"] == "proposed"
    assert shown(hub, new)["jws"] is not None
    assert check(hub.service).faults == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE key_recovery SET statement = NULL",
        "UPDATE key_recovery SET confirmed_by = 'jp-cert'",
        "UPDATE key_recovery SET member = 'kr-cert'",
        "DELETE FROM key_recovery",
    ],
)
def test_a_recovery_that_proves_nothing_any_more_is_found(hub: Hub, old: PrivateKey, damage: str) -> None:
    new = keys.generate("p256")
    confirmed(hub, PARTY, requested(hub, new))
    with hub.service.store.write() as connection:
        connection.execute(text(damage))
    assert [fault.place for fault in check(hub.service).faults] == [f"key {new.thumbprint} of {LOST}"]


def test_until_then_it_signs_nothing(hub: Hub, old: PrivateKey) -> None:
    new = keys.generate("p256")
    view = requested(hub, new)
    with pytest.raises(BadSignature, match="registered key in use"):
        agree.propose(hub.service, hub.caller(LOST), hub.signed(new, "/g", agreement(clause("US", "JP"))))
    for purpose in Purpose:
        with pytest.raises(HubError):
            administer.register_key(hub.service, LOST, jwk(new), purpose)
    with pytest.raises(NotFound):
        confirmed(hub, LOST, view)
    assert valid(hub) == [old.thumbprint]


@dataclass(frozen=True)
class Refusal:
    """What another cert sends in place of the right statement."""

    name: str
    jws: Callable[[Hub, JsonObject], str]


def _altered(**changes: str) -> Callable[[Hub, JsonObject], str]:
    return lambda hub, view: documents.sign_recovery(
        {**view["statement"], **changes}, hub.account(PARTY).govern_key
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


def _key(hub: Hub, member: str) -> PrivateKey:
    return hub.account(member).govern_key


def _submit_key(hub: Hub) -> PrivateKey:
    return hub.account(PARTY).submit_key


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: one.name)
def test_only_the_statement_itself_by_the_certs_own_key_counts(
    hub: Hub, old: PrivateKey, refusal: Refusal
) -> None:
    new = keys.generate("p256")
    view = requested(hub, new)
    with pytest.raises((Unprocessable, Forbidden)):
        confirmed(hub, PARTY, view, jws=refusal.jws(hub, view))
    assert valid(hub) == [old.thumbprint]
    confirmed(hub, PARTY, view)
    assert valid(hub) == [new.thumbprint]


def test_what_is_over_cannot_be_confirmed(hub: Hub, old: PrivateKey) -> None:
    first, second, third = (keys.generate("p256") for _ in range(3))
    views = [requested(hub, first), requested(hub, second)]  # the second takes the first back
    with pytest.raises(NotFound):
        confirmed(hub, PARTY, views[0])
    administer.revoke_key(hub.service, second.thumbprint, "a mistake")
    with pytest.raises(NotFound):
        confirmed(hub, PARTY, views[1])
    with pytest.raises(Conflict):
        requested(hub, second)
    view = requested(hub, third)
    hub.clock.forward(days=30)
    with pytest.raises(NotFound):
        confirmed(hub, PARTY, view)
    states = [one["state"] for one in recover.listing(hub.service, court(hub))]
    assert states == ["withdrawn", "withdrawn", "lapsed"]
    assert valid(hub) == [old.thumbprint]


def test_a_key_that_was_found_again_needs_no_other(hub: Hub, old: PrivateKey) -> None:
    new, successor = keys.generate("p256"), keys.generate("p256")
    view = requested(hub, new)
    endorsement = documents.endorse(successor.public.jwk, old)
    administer.register_key(hub.service, LOST, jwk(successor), Purpose.AGREEMENT, endorsement)
    with pytest.raises(Conflict, match="another agreement key since"):
        confirmed(hub, PARTY, view)
    assert valid(hub) == [successor.thumbprint]


def test_a_confirmation_is_on_its_way_no_longer_than_its_sender_may_act(hub: Hub, old: PrivateKey) -> None:
    view = requested(hub, keys.generate("p256"))
    administer.suspend_member(hub.service, PARTY)
    with pytest.raises(Unauthenticated):
        confirmed(hub, PARTY, view)
    assert valid(hub) == [old.thumbprint]


def test_what_the_operator_cannot_ask_for_is_refused(hub: Hub, old: PrivateKey) -> None:
    hub.account("us-agency")
    administer.add_member(hub.service, "in-cert", "IN", Kind.CERT, "no key yet")
    new = keys.generate("p256")
    for member, key, error in [
        ("nobody", new, NotFound),
        ("us-agency", new, Unprocessable),
        ("in-cert", new, Unprocessable),
        (LOST, old, Conflict),
        (LOST, hub.account(PARTY).govern_key, Conflict),
    ]:
        with pytest.raises(error):
            recover.request(hub.service, member, jwk(key), "lost")
    for reason in ("", " ", "x" * 501):
        with pytest.raises(Unprocessable):
            recover.request(hub.service, LOST, jwk(new), reason)


# --- who may ----------------------------------------------------------------------------------------


def test_it_is_for_a_party_to_an_agreement_and_where_there_is_none_for_any_other_nation(hub: Hub) -> None:
    for member in (LOST, PARTY, STRANGER):
        hub.account(member)
    view = hub.propose("jp-cert", agreement(clause("US", "JP")))  # who proposes is no party to anything yet
    hub.sign("jp-cert", view)
    ours = hub.agree(clause("US", "KR"))
    first = requested(hub, keys.generate("p256"))
    with pytest.raises(NotFound):
        confirmed(hub, STRANGER, first)
    assert recover.listing(hub.service, hub.caller(STRANGER)) == []
    assert [one["state"] for one in recover.listing(hub.service, hub.caller(PARTY))] == ["waiting"]
    hub.terminate(PARTY, ours)
    assert confirmed(hub, STRANGER, first)["confirmed_by"] == STRANGER
    assert [one["state"] for one in recover.listing(hub.service, hub.caller(STRANGER))] == ["confirmed"]
    assert recover.listing(hub.service, hub.caller(PARTY)) == []
    assert [one["state"] for one in recover.listing(hub.service, hub.caller(LOST))] == ["confirmed"]


def test_others_are_told_of_none(hub: Hub, old: PrivateKey) -> None:
    view = requested(hub, keys.generate("p256"))
    reads = Caller(hub.caller(PARTY).member, frozenset({Scope.READ}), hub.caller(PARTY).token)
    for caller in (hub.caller("us-agency"), hub.caller("kr-agency"), reads):
        with pytest.raises(Forbidden):
            recover.listing(hub.service, caller)
        request = hub.signed(hub.account(PARTY).govern_key, "/g", {"jws": "x"})
        with pytest.raises(Forbidden):
            recover.confirm(hub.service, caller, request, view["thumbprint"])
    sentences = set()
    for thumbprint in (view["thumbprint"], "A" * 43, "x", "\0"):
        with pytest.raises(NotFound) as refusal:
            confirmed(hub, STRANGER, {**view, "thumbprint": thumbprint})
        sentences.add(str(refusal.value))
    assert len(sentences) == 1


# --- nobody alone -----------------------------------------------------------------------------------

ACTORS = ("operator", LOST, "us-agency", PARTY, STRANGER)


def _operates(hub: Hub, wanted: PrivateKey, with_: set[str]) -> None:
    """Everything that the operator can try, with the secrets of those who help."""
    endorsers = [wanted, *(hub.account(one).govern_key for one in with_ if one.endswith("-cert"))]
    endorsers += [hub.account(one).submit_key for one in with_ if one in hub.accounts]
    for endorsement in [None, *(documents.endorse(wanted.public.jwk, key) for key in endorsers)]:
        with suppress(HubError):
            administer.register_key(hub.service, LOST, jwk(wanted), Purpose.AGREEMENT, endorsement)
    with suppress(HubError):
        recover.request(hub.service, LOST, jwk(wanted), "lost")


def _confirms(hub: Hub, actor: str, wanted: PrivateKey, with_: set[str]) -> None:
    """Everything that a member can try at the hub's door, with every key that the helpers have."""
    account = hub.account(actor)
    statement = {
        "typ": "recover",
        "hub": hub.service.registry.hub_identity_id,
        "member": LOST,
        "nation": "US",
        "thumbprint": wanted.thumbprint,
        "previous": hub.account(LOST).govern_key.thumbprint,
    }
    owned = [wanted, *(hub.account(one).submit_key for one in with_)]
    owned += [hub.account(one).govern_key for one in with_ if one.endswith("-cert")]
    scopes = frozenset(Scope) if actor.endswith("-cert") else account.caller.scopes
    caller = Caller(account.caller.member, scopes, account.caller.token)
    for key, signer in itertools.product(owned, owned):
        body = {"jws": documents.sign_recovery(statement, signer)}
        with suppress(HubError):
            recover.confirm(hub.service, caller, hub.signed(key, "/g", body), wanted.thumbprint)


_COALITIONS = [
    frozenset(found) for size in range(1, len(ACTORS) + 1) for found in itertools.combinations(ACTORS, size)
]


@pytest.mark.parametrize("coalition", _COALITIONS, ids=lambda found: "+".join(sorted(found)))
def test_a_key_gets_valid_only_by_the_operator_and_a_party_or_by_the_one_before(
    hub: Hub, old: PrivateKey, coalition: frozenset[str]
) -> None:
    """Whoever joins, in whatever order they act: never the operator alone, a cert alone, the same nation."""
    for actor in ACTORS[1:]:
        hub.account(actor)
    wanted = keys.generate("p256")
    members = set(coalition) - {"operator"}
    for _ in range(2):  # what comes first may need what comes later
        for actor in sorted(coalition):
            if actor == "operator":
                _operates(hub, wanted, members)
            else:
                _confirms(hub, actor, wanted, members)
    by_succession = {"operator", LOST} <= coalition  # whose old key is not lost
    by_recovery = {"operator", PARTY} <= coalition
    assert (wanted.thumbprint in valid(hub)) == (by_succession or by_recovery)
    assert len(valid(hub)) == 1
    assert check(hub.service).faults == []
