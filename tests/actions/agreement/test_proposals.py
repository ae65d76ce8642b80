"""Proposals of agreements: what is refused, how large one may be, and how many may wait (policy 5)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from hub.actions.agreement import agree, simulate
from hub.errors import BadJson, BadSignature, Conflict, TooLarge, Unprocessable
from hub.model import JsonObject, format_instant
from hub.rules.agreement import agreements
from tests.named_objects import malware
from tests.world import START, World, agreement, clause

DOCUMENT = agreement(clause("US", "KR"))


def _changed(**changes: Any) -> JsonObject:
    return {**DOCUMENT, **changes}


def _with_clause(**changes: Any) -> JsonObject:
    return _changed(clauses=[{**clause("US", "KR"), **changes}])


def _without(key: str) -> JsonObject:
    return {name: value for name, value in DOCUMENT.items() if name != key}


# --- proposals that are refused -------------------------------------------------------------------

_REFUSED: list[tuple[JsonObject, str]] = [
    (_changed(id="agreement--1"), "id, hub"),
    (_changed(hub="identity--1"), "id, hub"),
    (_changed(colour="blue"), "colour"),
    (_with_clause(colour="blue"), "colour"),
    *[(_without(key), key) for key in ("title", "parties", "valid_from", "valid_until", "clauses")],
    (_changed(title=" "), "title"),
    (_changed(title="x" * 201), "title"),
    (_changed(parties=["US"]), "parties"),
    (_changed(parties=["US", "US"]), "twice"),
    (_changed(parties=["US", "XX"]), "parties"),
    (_changed(parties="US"), "parties"),
    (_changed(parties=["JP", "KR"], clauses=[clause("JP", "KR")]), "US proposes"),
    (_changed(valid_until=DOCUMENT["valid_from"]), "valid_until"),
    (_changed(valid_from="2026-01-01"), "valid_from"),
    (_changed(valid_from="2026-01-01T00:00:00"), "valid_from"),
    (_changed(valid_from=1), "valid_from"),
    (_changed(clauses=[]), "clauses"),
    (_changed(clauses={}), "clauses"),
    (_changed(clauses=["US"]), "clause 1"),
    (_changed(iep="amber"), "iep"),
    (_changed(supersedes="agreement--1"), "supersedes"),
    (_with_clause(**{"from": "JP"}), "clause 1, from"),
    (_with_clause(to=["JP"]), "clause 1, to"),
    (_with_clause(to=["US"]), "with itself"),
    (_with_clause(to=[]), "clause 1, to"),
    (_with_clause(max_tlp="purple"), "max_tlp"),
    (_with_clause(max_tlp=None), "max_tlp"),
    (_with_clause(audience="auditor"), "audience"),
    (_with_clause(types=[]), "types"),
    (_with_clause(types="malware"), "types"),
    (_with_clause(history="yes"), "history"),
    (_with_clause(granular="blur"), "granular"),
    (_with_clause(anonymise="partner"), "anonymise"),
]


def test_a_document_that_cannot_be_kept_is_refused_with_its_place(world: World) -> None:
    for document, place in _REFUSED:
        with pytest.raises(Unprocessable) as refusal:
            world.propose("us-cert", document)
        assert place in str(refusal.value), document
    with pytest.raises(Unprocessable):
        world.propose("us-cert", [DOCUMENT])  # type: ignore[arg-type]
    assert agree.listing(world.service, world.caller("us-cert")) == []


def test_defaults_spelled_out_are_taken(world: World) -> None:
    world.propose("us-cert", _with_clause(history=False, granular="withhold", anonymise="none"))


def _sized(count: int) -> bytes:
    """The document as JSON of exactly so many bytes."""
    text = json.dumps(_changed(iep={"notes": ""})).encode()
    return text.replace(b'"notes": ""', b'"notes": "' + b"x" * (count - len(text)) + b'"')


@pytest.mark.parametrize(
    ("body", "is_taken"),
    [
        (_sized(65_000), True),
        (_sized(65_536), False),  # what the hub adds counts as well
        (_sized(65_537), False),
        (_sized(9_900_000), False),
        (json.dumps(DOCUMENT).encode() + b" " * 65_536, False),
        # Short as sent, and long in the form that is signed.
        (json.dumps(_changed(iep={"n": [1e20] * 3_500})).replace("1e+20", "1e20").encode(), False),
    ],
    ids=["65000", "65536", "65537", "9.9 MB", "spaces", "floats"],
)
def test_a_document_has_at_most_64_kb(world: World, body: bytes, is_taken: bool) -> None:
    account = world.account("us-cert")
    if is_taken:
        view = agree.propose(world.service, account.caller, world.signed(account.govern_key, "/g", body))
        assert world.terminate(view, "US")["state"] == "ended"
        return
    with pytest.raises(TooLarge, match="at most 65536 bytes"):
        agree.propose(world.service, account.caller, world.signed(account.govern_key, "/g", body))
    with pytest.raises(TooLarge):
        simulate.simulate(world.service, account.caller, body)


# --- proposals that wait --------------------------------------------------------------------------


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most three proposals of a nation may wait: a hundred take long."""
    monkeypatch.setattr(agree, "MAX_WAITING_PROPOSALS", 3)


def _refused(world: World) -> bool:
    try:
        world.propose("us-cert", DOCUMENT)
    except Conflict as refusal:
        return "terminate one of them" in str(refusal)
    return False


def test_a_hundred_proposals_of_a_nation_may_wait() -> None:
    assert agreements.MAX_WAITING_PROPOSALS == 100


@pytest.mark.usefixtures("three")
def test_a_nations_proposals_that_wait_are_bounded(world: World) -> None:
    views = [world.propose("us-cert", DOCUMENT) for _ in range(3)]
    assert _refused(world)
    assert len(agree.listing(world.service, world.caller("us-cert"))) == 3
    world.propose("kr-cert", DOCUMENT)  # another nation's are counted apart
    world.sign(views[0], "US")
    assert _refused(world)  # its own signature is not what they wait for
    world.sign(views[0], "KR")
    assert not _refused(world)
    assert _refused(world)
    world.sign(views[1], "KR")  # waits for its proposer alone
    assert not _refused(world)
    assert _refused(world)
    world.terminate(views[2], "KR")
    assert not _refused(world)
    assert _refused(world)


@pytest.mark.usefixtures("three")
def test_what_has_lapsed_or_expired_waits_no_more(world: World) -> None:
    view = world.propose("us-cert", DOCUMENT)
    world.clock.wait(days=1)
    for _ in range(2):
        world.propose("us-cert", _changed(valid_until=format_instant(START + timedelta(days=2))))
    assert _refused(world)
    world.clock.wait(days=1)
    assert not _refused(world)
    assert not _refused(world)
    assert _refused(world)
    assert view["lapses_at"].startswith("2026-05-30T12:00")  # 90 days after START
    world.clock.wait(days=88)
    assert not _refused(world)
    shown = agree.show(world.service, world.caller("us-cert"), view["id"])
    assert (shown["state"], shown["ended"]) == ("ended", "lapsed")
    for act in (world.sign, world.terminate):
        with pytest.raises(Conflict, match=r"has ended \(lapsed\); propose a new one"):
            act(view, "US")


@pytest.mark.usefixtures("three")
def test_of_two_proposals_at_once_the_last_that_may_wait_is_one(world: World) -> None:
    for _ in range(2):
        world.propose("us-cert", DOCUMENT)
    with ThreadPoolExecutor(4) as pool:
        refused = [one.result(60) for one in [pool.submit(_refused, world) for _ in range(4)]]
    assert sorted(refused) == [False, True, True, True]


def test_what_all_have_signed_does_not_lapse(world: World) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"))
    assert view["lapses_at"] is None
    world.clock.wait(days=100)
    world.accepted("us-cert", malware("a"))
    assert world.sees("kr-cert", malware("a"))


def test_a_body_that_is_no_json_is_refused(world: World) -> None:
    account = world.account("us-cert")
    with pytest.raises(BadJson):
        agree.propose(world.service, account.caller, world.signed(account.govern_key, "/g", b'{"a":1,"a":2}'))


def test_a_replayed_proposal_is_one(world: World) -> None:
    account = world.account("us-cert")
    request = world.signed(account.govern_key, "/g", DOCUMENT)
    agree.propose(world.service, account.caller, request)
    with pytest.raises(BadSignature, match="received before"):
        agree.propose(world.service, account.caller, request)
    assert len(agree.listing(world.service, account.caller)) == 1
