"""Deletion (policy 8): who may, what stays as evidence, and what happens at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hub.actions.checks import check
from hub.actions.submission import delete, submit
from hub.errors import BadSignature, Forbidden, NotFound
from hub.proofs import requests
from hub.store.members import members
from hub.store.schema.tables import content, deletion, object_version, release, submission_body
from tests.actions.deleting import OBJECT, keys, signing_nations, table, versions
from tests.actions.pausing import Pause, without_turns
from tests.stix_objects import indicator, malware, relationship, stamp, stix_id
from tests.world import START, World, clause


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    yield from signing_nations(database_url)


# --- who may ------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["us-agency2", "us-partner"])
def test_another_member_that_sees_the_object_may_not_delete_it(world: World, member: str) -> None:
    world.push("us-agency", indicator(tlp="green"))
    with pytest.raises(Forbidden, match="Only the member that submitted"):
        world.delete(member, OBJECT)
    assert world.ids(member) == {OBJECT}


def test_another_member_that_does_not_see_it_is_told_what_it_would_be_told_of_nothing(world: World) -> None:
    world.push("us-agency", indicator(tlp="red"))
    told = []
    for id in (OBJECT, stix_id("indicator", 77)):
        with pytest.raises(NotFound) as refused:
            world.delete("us-agency2", id)
        told.append(str(refused.value))
    assert told[0] == told[1]


def test_another_nation_may_not_delete_it(world: World) -> None:
    world.push("us-agency", indicator(tlp="green"))
    with pytest.raises(Forbidden):
        world.delete("kr-cert", OBJECT, origin="US")


@pytest.mark.parametrize("member", ["us-agency", "us-cert"])
def test_its_submitter_and_its_nations_cert_delete_it_for_everybody(world: World, member: str) -> None:
    world.push("us-agency", indicator(tlp="green"))
    world.delete(member, OBJECT)
    assert all(OBJECT not in world.ids(reader) for reader in ("us-agency", "us-cert", "kr-cert"))
    with pytest.raises(NotFound):
        world.delete(member, OBJECT)


def test_an_agency_deletes_its_own_record_and_the_cert_every_one_of_the_id(world: World) -> None:
    for member in ("us-agency", "us-agency2", "us-cert"):  # what all relay from one creator (policy 8)
        world.push(member, indicator(tlp="green", x_by=member, created_by=stix_id("identity", 50)))
    world.delete("us-agency", OBJECT)
    assert len(versions(world, "kr-cert")) == 2
    world.delete("us-cert", OBJECT)
    assert not versions(world, "us-agency2")


def test_a_signed_deletion_counts_once(world: World) -> None:
    world.push("us-agency", indicator(1, tlp="green"))
    signed = []
    original = requests.sign

    def keep(*arguments: Any, **options: Any) -> dict[str, str]:
        signed.append(original(*arguments, **options))
        return signed[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests, "sign", keep)
        world.delete("us-agency", stix_id("indicator", 1))
        with pytest.raises(BadSignature, match="received before"):
            world.delete("us-agency", stix_id("indicator", 1))


def test_a_refused_deletion_leaves_nothing(world: World) -> None:
    world.push("us-agency", indicator(tlp="green"))
    before = table(world, release)
    with pytest.raises(NotFound):
        world.delete("us-agency", OBJECT, **keys(9))
    with pytest.raises(NotFound):
        world.delete("us-agency", OBJECT, spec_versions=frozenset({"2.0"}))
    assert table(world, release) == before
    assert not table(world, deletion)


# --- what stays -----------------------------------------------------------------------------------


def test_content_goes_and_rows_positions_and_digests_stay(world: World) -> None:
    world.push("us-agency", indicator(tlp="green"))
    before = {(r.recipient, r.position): r.date_added for r in table(world, release)}
    (digest,) = [bytes(c.digest) for c in table(world, content) if c.body.find(b"bad.example") >= 0]
    world.delete("us-agency", OBJECT)
    rows = table(world, release)
    assert {(r.recipient, r.position): r.date_added for r in rows} == before
    assert all(r.withdrawn_at is not None for r in rows if r.stix_id == OBJECT)
    (erased,) = [c for c in table(world, content) if c.erased_at is not None]
    assert (bytes(erased.digest), bytes(erased.body)) == (digest, b"")


def test_the_raw_body_goes_with_the_last_of_its_objects(world: World) -> None:
    world.push("us-agency", indicator(1, tlp="green"), indicator(2, tlp="green"))
    world.delete("us-agency", stix_id("indicator", 1))
    assert len(table(world, submission_body)) == 1
    world.delete("us-agency", stix_id("indicator", 2))
    assert not table(world, submission_body)


def test_what_is_deleted_comes_back_in_no_raw_body(world: World) -> None:
    world.push("us-agency", malware(1, tlp="red"))
    world.push("us-agency", malware(1, tlp="red"), malware(2, tlp="green"))
    world.push("us-agency2", malware(1, tlp="red"), malware(2, tlp="green"))
    assert len(table(world, submission_body)) == 3
    world.delete("us-agency", stix_id("malware", 1))
    assert len(table(world, submission_body)) == 1
    world.push("us-agency", malware(1, tlp="red"), malware(3, tlp="green"))
    assert len(table(world, submission_body)) == 1
    assert not check.check(world.service).faults


def test_the_deletion_is_proved_by_its_signature(world: World) -> None:
    world.push("us-agency", indicator(tlp="green"))
    world.clock.wait()
    world.delete("us-cert", OBJECT)
    (row,) = table(world, deletion)
    assert (row.member, row.origin, row.stix_id) == ("us-cert", "US", OBJECT)
    assert row.requested_at > START.timestamp() * 1_000_000
    assert '"@method": DELETE' in row.signature_base
    assert OBJECT in row.signature_base
    with world.service.store.read() as connection:
        key = members.find_key(connection, row.thumbprint)
    assert key is not None
    assert key.member == "us-cert"
    ((deletion_id, at),) = {
        (v.deletion_id, v.deleted_at) for v in table(world, object_version) if v.stix_id == OBJECT
    }
    assert (deletion_id, at) == (row.id, row.requested_at)


# --- races ------------------------------------------------------------------------------------------


def test_a_deletion_that_is_being_decided_holds_nobody_up_and_is_decided_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.push("us-agency", indicator(tlp="green", version=1))
    without_turns(monkeypatch)
    held = Pause(monkeypatch, delete, "decide")

    def others() -> None:
        world.push("us-agency", indicator(tlp="green", version=2), relationship(tlp="green", refs=[OBJECT]))
        world.terminate(world.agree(["US", "JP"], clause("US", "JP", "green")), "JP")
        assert versions(world, "kr-cert") == [stamp(1), stamp(2)]

    held.while_held(lambda: world.delete("us-agency", OBJECT), others)
    assert not versions(world, "us-agency")
    assert world.ids("kr-cert") == {stix_id("relationship")}


def test_what_was_decided_before_a_deletion_is_decided_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that is repeated is gone when the submission comes to its commit."""
    world.push("us-agency", indicator(tlp="green", version=1))
    without_turns(monkeypatch)
    held = Pause(monkeypatch, submit, "decide")
    repeat = indicator(tlp="green", version=1)
    receipt = held.while_held(
        lambda: world.push("us-agency", repeat), lambda: world.delete("us-agency", OBJECT)
    )
    (outcome,) = receipt.outcomes
    assert not outcome.succeeded
    assert "deleted" in (outcome.message or "")
    assert check.check(world.service).faults == []


def test_deletions_and_pushes_that_race_leave_the_ledgers_whole(world: World) -> None:
    for n in range(6):
        world.push("us-agency", indicator(n, tlp="green", version=1), indicator(n, tlp="green", version=2))
    poller = world.follow("kr-cert")

    def act(n: int) -> None:
        if n % 2:
            world.delete("us-agency", stix_id("indicator", n // 2), **keys(2))
        else:
            world.push("us-agency", indicator(n // 2, tlp="green", version=3))

    with ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(act, n) for n in range(12)]
        while not all(future.done() for future in futures):
            poller.poll()
        for future in futures:
            future.result()
    poller.poll()
    held = {(row.id, row.version) for row in poller.received}
    full = {(seen.id, seen.version) for seen in world.see("kr-cert")}
    assert full == {(stix_id("indicator", n), stamp(v)) for n in range(6) for v in (1, 3)}
    assert full <= held
    positions = sorted(r.position for r in table(world, release) if r.recipient == "KR")
    assert positions == list(range(1, len(positions) + 1))
