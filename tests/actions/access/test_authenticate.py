"""Who is asking: one answer for every way to fail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.actions.access.authenticate import authenticate, reader
from hub.actions.operation import administer
from hub.errors import Forbidden, Unauthenticated
from hub.model import Caller, Clearance, Kind, Reader, Scope
from tests.world import World


def test_a_token_names_its_member_and_scopes(world: World) -> None:
    account = world.account("us-agency")
    for member_id in (None, "us-agency"):
        assert authenticate(world.service, member_id, account.token) == account.caller


def test_every_failure_is_the_same_sentence(world: World) -> None:
    good, other = world.account("us-cert").token, world.account("kr-cert").token
    public, _, secret = good.partition(".")
    expired = administer.issue_token(world.service, "us-cert", [Scope.READ], expires_days=1)
    revoked = administer.issue_token(world.service, "us-cert", [Scope.READ])
    administer.revoke_token(world.service, revoked.public_id)
    suspended = world.account("jp-cert").token
    administer.suspend_member(world.service, "jp-cert")
    assert authenticate(world.service, None, expired.token)
    world.clock.wait(days=1)
    failures = [
        *[
            (None, token)
            for token in (None, "", "x", public, secret, good + "A", good.upper(), "é" * 53, "\udc00")
        ],
        (None, f"{other.partition('.')[0]}.{secret}"),
        (None, f"{'a' * 10}.{secret}"),
        ("kr-cert", good),
        ("", good),
        ("nobody", good),
        ("us-cert", None),
        (None, expired.token),
        (None, revoked.token),
        (None, suspended),
        ("jp-cert", suspended),
    ]
    sentences = set()
    for member_id, token in failures:
        with pytest.raises(Unauthenticated) as refusal:
            authenticate(world.service, member_id, token)
        sentences.add(str(refusal.value))
    assert len(sentences) == 1
    assert authenticate(world.service, None, good)


def test_a_token_serves_until_before_the_instant_in_which_it_expires(world: World) -> None:
    world.account("us-cert")
    issued = administer.issue_token(world.service, "us-cert", [Scope.READ], expires_days=1)
    (ends,) = [t.expires_at for t in administer.list_tokens(world.service) if t.public_id == issued.public_id]
    assert ends is not None
    world.service.store.clock = lambda: ends - timedelta(microseconds=1)
    assert authenticate(world.service, None, issued.token)
    world.service.store.clock = lambda: ends
    with pytest.raises(Unauthenticated):
        authenticate(world.service, None, issued.token)


def test_the_secret_is_nowhere_in_the_database(world: World) -> None:
    token = world.account("us-cert").token
    secret = token.partition(".")[2]
    assert all(secret not in repr(stored) for stored in administer.list_tokens(world.service))


@pytest.mark.parametrize(
    ("id", "clearance"),
    [("us-cert", Clearance.CERT), ("us-agency", Clearance.AGENCY), ("us-partner", Clearance.PARTNER)],
)
def test_a_nations_member_reads_with_its_kinds_clearance(world: World, id: str, clearance: Clearance) -> None:
    assert reader(world.caller(id)) == Reader(id, "US", clearance)


@pytest.mark.parametrize("kind", [Kind.AUDITOR, Kind.OPERATOR])
def test_auditors_and_operators_read_no_objects(world: World, kind: Kind) -> None:
    member = administer.add_member(world.service, "one", None, kind, "one")
    with pytest.raises(Forbidden, match="do not read objects"):
        reader(Caller(member, frozenset(Scope)))


def test_reading_needs_the_read_scope(world: World) -> None:
    with pytest.raises(Forbidden, match="read scope"):
        reader(Caller(world.caller("us-cert").member, frozenset({Scope.SUBMIT, Scope.GOVERN})))
