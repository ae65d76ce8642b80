"""Deletion (policy 8): who may, what it does to every reader, and what stays as evidence."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from hub.actions.checks import check
from hub.actions.submission import delete, submit
from hub.errors import BadSignature, Forbidden, NotFound
from hub.model import VersionFilter, version_key
from hub.proofs import requests
from hub.store.members import members
from hub.store.schema.tables import (
    content,
    deletion,
    object_version,
    release,
    submission_body,
)
from tests.actions.pausing import Pause
from tests.stix_objects import (
    definition,
    identity,
    indicator,
    malware,
    observable,
    relationship,
    report,
    stamp,
    stix_id,
)
from tests.world import EVERY_VERSION, NEWEST, START, World, build, clause

FIRST = frozenset({VersionFilter.FIRST})
OBJECT = stix_id("indicator")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """US shares up to AMBER with KR; everything is signed."""
    world = build(database_url, require_signature=True)
    world.agree(["US", "KR"], clause("US", "KR", "amber"))
    world.clock.wait()
    yield world
    world.close()


def keys(*versions: int) -> dict[str, Any]:
    found = {key for n in versions if (key := version_key(stamp(n)))}
    return {"selections": frozenset(), "versions": frozenset(found)}


def table(world: World, *columns: Any) -> list[Any]:
    with world.service.store.read() as connection:
        return list(connection.execute(select(*columns)))


def versions(world: World, member: str) -> list[str]:
    return [seen.version for seen in world.see(member) if seen.id == OBJECT]


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


# --- which versions, and what the others become ---------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({}, []),
        ({"selections": EVERY_VERSION}, []),
        ({"selections": NEWEST}, [1, 2]),
        ({"selections": FIRST}, [2, 3]),
        ({"selections": FIRST | NEWEST}, [2]),
        (keys(2), [1, 3]),
        (keys(1, 3), [2]),
        ({"selections": NEWEST, "versions": keys(1)["versions"]}, [2]),
    ],
)
def test_the_filters_say_which_versions(world: World, filters: dict[str, Any], left: list[int]) -> None:
    for n in (1, 2, 3):
        world.push("us-agency", indicator(tlp="green", version=n))
    world.delete("us-agency", OBJECT, **filters)
    assert sorted(versions(world, "kr-cert")) == [stamp(n) for n in left]
    newest = [row.version for row in world.released("kr-cert", NEWEST)]
    assert newest == [stamp(n) for n in left[-1:]]


def test_a_version_that_becomes_the_newest_is_news_to_who_comes_back(world: World) -> None:
    world.push("us-agency", indicator(tlp="green", version=1))
    world.push("us-agency", indicator(tlp="green", version=2))
    pollers = {reader: world.follow(reader) for reader in ("kr-cert", "us-partner")}
    for poller in pollers.values():
        poller.poll()
    world.clock.wait()
    world.delete("us-agency", OBJECT, **keys(2))
    for poller in pollers.values():
        last = poller.last
        (row,) = poller.poll()
        assert (row.id, row.version) == (OBJECT, stamp(1))
        assert last is not None
        assert row.date_added > last


def test_a_deleted_version_goes_on_restricting_earlier_ones(world: World) -> None:
    world.push("us-agency", indicator(tlp="green", version=1))
    world.push("us-agency", indicator(tlp="red", version=2))
    world.delete("us-agency", OBJECT, **keys(2))
    assert versions(world, "us-agency") == [stamp(1)]
    assert versions(world, "us-cert") == [stamp(1)]
    assert not versions(world, "kr-cert")
    assert not versions(world, "us-partner")


def test_a_relationship_is_judged_by_the_deleted_object_as_it_stood(world: World) -> None:
    world.push("us-agency", malware(1, tlp="green"), malware(2, tlp="red"))
    world.push(
        "us-agency",
        relationship(1, tlp="green", refs=[stix_id("malware", 1)]),
        relationship(2, tlp="green", refs=[stix_id("malware", 2)]),
    )
    for n in (1, 2):
        world.delete("us-agency", stix_id("malware", n))
    assert world.ids("kr-cert") == {stix_id("relationship", 1)}
    world.push("us-agency", relationship(3, tlp="green", refs=[stix_id("malware", 1)]))
    world.push("us-agency", relationship(4, tlp="green", refs=[stix_id("malware", 2)]))
    assert world.ids("kr-cert") == {stix_id("relationship", 1), stix_id("relationship", 3)}


def test_a_deleted_report_goes_on_tightening_what_it_names(world: World) -> None:
    world.push("us-agency", report(tlp="red", refs=[OBJECT]))
    world.delete("us-agency", stix_id("report"))
    world.push("us-agency", indicator())
    assert not world.ids("kr-cert")


def test_an_identity_is_not_tightened_when_one_that_names_it_goes(world: World) -> None:
    author = stix_id("identity", 1)
    world.push("us-agency", identity(1))
    world.push("us-agency", indicator(tlp="green", created_by=author), malware(tlp="red", created_by=author))
    assert author in world.ids("kr-cert")
    world.delete("us-agency", OBJECT)
    assert author in world.ids("kr-cert")


def test_an_identity_is_no_laxer_when_nobody_is_left_who_names_it(world: World) -> None:
    author = stix_id("identity", 1)
    world.push("us-agency", identity(1), indicator(tlp="red", created_by=author))
    world.delete("us-agency", OBJECT)
    assert not world.ids("kr-cert")
    assert author not in world.ids("us-agency2")
    world.push("us-agency", malware(tlp="green", created_by=author))
    assert author in world.ids("kr-cert")


def test_a_deleted_identity_stood_as_its_namers_let_it_then(world: World) -> None:
    author, relation = stix_id("identity", 1), stix_id("relationship")
    world.push("us-agency", identity(1), indicator(tlp="red", created_by=author))
    world.push("us-agency", relationship(tlp="green", refs=[author]))
    world.delete("us-agency", author)
    assert relation not in world.ids("kr-cert")
    world.push("us-agency", malware(tlp="green", created_by=author))
    assert relation not in world.ids("kr-cert")


def test_a_deleted_closed_object_stays_closed(world: World) -> None:
    mark, relation = stix_id("marking-definition", 3), stix_id("relationship")
    world.push("us-agency", malware(tlp="green", marks=[mark]))
    world.push("us-agency", relationship(tlp="green", refs=[stix_id("malware")]))
    world.delete("us-agency", stix_id("malware"))
    world.push("us-agency", definition(3))
    assert relation not in world.ids("kr-cert")


def test_what_contains_a_deleted_object_later_tightens_it_no_more(world: World) -> None:
    world.push("us-agency", malware())
    world.push("us-agency", relationship(tlp="green", refs=[stix_id("malware")]))
    world.delete("us-agency", stix_id("malware"))
    world.push("us-agency", report(tlp="red", refs=[stix_id("malware")]))
    assert stix_id("relationship") in world.ids("kr-cert")
    assert not check.check(world.service).faults


def test_revoking_after_a_deletion_keeps_the_deleted_versions_level(world: World) -> None:
    world.push("us-agency", indicator(tlp="red", version=1))
    world.delete("us-agency", OBJECT)
    world.push("us-agency", indicator(version=2, revoked=True))
    assert versions(world, "us-cert") == [stamp(2)]
    assert not versions(world, "kr-cert")


# --- what may come after --------------------------------------------------------------------------


def test_a_deleted_version_is_never_accepted_again(world: World) -> None:
    world.push("us-agency", indicator(tlp="green", version=2))
    world.delete("us-agency", OBJECT)
    for again in (indicator(tlp="green", version=2), indicator(tlp="amber", version=2)):
        (outcome,) = world.push("us-agency", again).outcomes
        assert not outcome.succeeded
        assert outcome.message is not None
        assert outcome.message.startswith("deleted on 2026-03-01T12:00:")
    assert not versions(world, "us-agency")


@pytest.mark.parametrize("version", [1, 3])
def test_another_version_is_accepted_and_seen(world: World, version: int) -> None:
    world.push("us-agency", indicator(tlp="green", version=2))
    world.delete("us-agency", OBJECT)
    (outcome,) = world.push("us-agency", indicator(tlp="green", version=version)).outcomes
    assert outcome.succeeded
    assert versions(world, "kr-cert") == [stamp(version)]


def test_an_observable_may_be_submitted_again_as_new_content(world: World) -> None:
    world.push("us-agency", observable(tlp="green"))
    world.delete("us-agency", stix_id("domain-name"))
    assert not world.ids("kr-cert")
    world.clock.wait()
    (outcome,) = world.push("us-agency", observable(tlp="green")).outcomes
    assert outcome.succeeded
    (seen,) = [seen for seen in world.see("kr-cert") if seen.id == stix_id("domain-name")]
    assert '"value":"host0.example"' in seen.body.replace(" ", "")


def test_another_member_holding_the_same_content_keeps_it(world: World) -> None:
    world.push("us-agency", indicator(tlp="green"))
    world.push("us-agency2", indicator(tlp="green"))
    world.delete("us-agency", OBJECT)
    (seen,) = [seen for seen in world.see("kr-cert") if seen.id == OBJECT]
    assert "bad.example" in seen.body
    world.delete("us-agency2", OBJECT)
    assert {bytes(body) for body, at in table(world, content.c.body, content.c.erased_at) if at} == {b""}


def test_erased_content_that_comes_again_is_there_again(world: World) -> None:
    world.push("us-agency", indicator(tlp="green"))
    world.delete("us-agency", OBJECT)
    world.push("us-agency2", indicator(tlp="green"))
    (seen,) = [seen for seen in world.see("kr-cert") if seen.id == OBJECT]
    assert "bad.example" in seen.body


@pytest.mark.parametrize("deleted", [{}, keys(2)])
def test_a_copy_of_a_deleted_object_is_not_passed_on(world: World, deleted: dict[str, Any]) -> None:
    world.agree(["KR", "JP"], clause("KR", "JP", "amber"))
    world.clock.wait()
    world.push("us-agency", indicator(tlp="green", version=1), indicator(tlp="amber", version=2))
    world.delete("us-agency", OBJECT, **deleted)
    (outcome,) = world.push("kr-agency", indicator(tlp="amber", version=3)).outcomes
    assert outcome.message == "received from US; only US may share it."
    world.push("us-agency", indicator(tlp="green", version=4))
    (outcome,) = world.push("kr-agency", indicator(tlp="amber", version=3)).outcomes
    assert not outcome.succeeded  # it was once shown above GREEN


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
    held = Pause(monkeypatch, submit, "renewed")
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
