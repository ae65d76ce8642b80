"""Agreements: proposed by one, signed by all, ended by any or by the clock (policy 5)."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from hub.actions.agreement import agree, simulate
from hub.actions.operation import administer
from hub.errors import (
    BadJson,
    BadSignature,
    Conflict,
    Forbidden,
    HubError,
    NotFound,
    TooLarge,
    Unprocessable,
)
from hub.model import Caller, JsonObject, Kind, Purpose, Scope, format_instant
from hub.proofs import documents, keys
from hub.rules.agreement import agreements
from tests.named_objects import malware, relation
from tests.world import START, World, agreement, clause, jwk

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


def test_a_replayed_proposal_is_one(world: World) -> None:
    account = world.account("us-cert")
    request = world.signed(account.govern_key, "/g", DOCUMENT)
    agree.propose(world.service, account.caller, request)
    with pytest.raises(BadSignature, match="received before"):
        agree.propose(world.service, account.caller, request)
    assert len(agree.listing(world.service, account.caller)) == 1


# --- signing --------------------------------------------------------------------------------------


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


# --- who knows ------------------------------------------------------------------------------------


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


# --- ending ---------------------------------------------------------------------------------------


def test_termination_works_from_the_next_request_for_all(world: World) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"), clause("KR", "US"))
    world.accepted("us-cert", *(malware(f"u{n}", "amber") for n in range(20)))
    world.accepted("kr-cert", malware("k", "amber"))
    assert len(world.rows("kr-agency")) == 21
    ended = world.terminate(view, "KR")
    assert (ended["state"], ended["ended"]) == ("ended", "terminated by KR")
    assert [len(world.rows(id)) for id in ("kr-agency", "us-agency")] == [1, 20]
    with pytest.raises(Conflict, match="terminated by KR"):
        world.terminate(view, "US")
    with pytest.raises(Conflict, match="has ended"):
        world.sign(view, "US")


def test_another_process_serves_nothing_after_the_termination(world: World) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"))
    world.accepted("us-cert", malware("a"))
    other = world.changed()
    assert other.sees("kr-cert", malware("a"))
    world.terminate(view, "US")
    assert not other.sees("kr-cert", malware("a"))


def test_a_termination_names_the_last_event(world: World) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"))
    for previous in (None, view["events"][0]["digest"], "0" * 64):
        with pytest.raises(Unprocessable, match="last event"):
            world.step(
                agree.terminate, "us-cert", view["id"], world.jws("us-cert", view, "terminate", previous)
            )
    signature = view["events"][-1]["jws"]
    with pytest.raises((Unprocessable, Forbidden)):
        world.step(agree.terminate, "us-cert", view["id"], signature)
    assert world.terminate(view, "US")["ended"] == "terminated by US"


@pytest.mark.parametrize("signers", [[], ["us-cert"]])
def test_what_is_terminated_before_all_signed_never_binds(world: World, signers: list[str]) -> None:
    view = world.propose("us-cert", DOCUMENT)
    world.account("kr-cert")
    for signer in signers:
        view = world.sign(view, signer)
    world.terminate(view, "KR")
    with pytest.raises(Conflict):
        world.sign(view, "KR")
    world.accepted("us-cert", malware("a"))
    assert not world.sees("kr-cert", malware("a"))


def test_it_expires_by_the_clock_without_an_event(world: World) -> None:
    until = START + timedelta(hours=1)
    view = world.agree(["US", "KR"], clause("US", "KR"), valid_until=until)
    world.accepted("us-cert", malware("a"))
    assert world.sees("kr-cert", malware("a"))
    world.clock.wait(hours=1)
    assert not world.sees("kr-cert", malware("a"))
    shown = agree.show(world.service, world.caller("kr-cert"), view["id"])
    assert (shown["state"], shown["ended"], len(shown["events"])) == ("ended", "expired", 2)
    with pytest.raises(Conflict, match="expired"):
        world.terminate(view, "US")


def test_an_expired_proposal_cannot_be_signed(world: World) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"), valid_until=START + timedelta(hours=1), signers=())
    world.clock.wait(hours=1)
    with pytest.raises(Conflict, match="expired"):
        world.sign(view, "US")


def test_it_comes_into_force_by_the_clock(world: World) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"), valid_from=START + timedelta(hours=1))
    assert view["state"] == "proposed"
    world.accepted("us-cert", malware("before"))
    world.clock.wait(hours=1)
    assert agree.show(world.service, world.caller("us-cert"), view["id"])["state"] == "in force"
    world.accepted("us-cert", malware("after"))
    assert world.sees("kr-cert", malware("after"))
    assert not world.sees("kr-cert", malware("before"))


def test_what_another_clause_allows_stays(world: World) -> None:
    first, _ = (
        world.agree(["US", "KR"], clause("US", "KR")),
        world.agree(["US", "KR"], clause("US", "KR", max_tlp="green")),
    )
    world.accepted("us-cert", malware("green"), malware("amber", "amber"))
    world.terminate(first, "US")
    assert world.sees("kr-cert", malware("green"))
    assert not world.sees("kr-cert", malware("amber", "amber"))


@pytest.mark.parametrize("steps_back", [{"seconds": 20}, {"hours": 2}])
def test_a_clock_that_steps_back_mixes_nothing_up(world: World, steps_back: dict[str, float]) -> None:
    edge = relation(malware("nowhere"), malware("later"))
    world.accepted("us-cert", malware("before"), edge)
    view = world.propose("us-cert", DOCUMENT)
    world.account("kr-cert")
    world.clock.set_back(**steps_back)
    for signer in ("us-cert", "kr-cert"):
        view = world.sign(view, signer)
    world.accepted("us-cert", malware("after"), malware("later"))  # the latter lets the edge be judged again
    world.clock.wait(**steps_back)
    assert not world.sees("kr-cert", malware("before"))
    assert not world.sees("kr-cert", edge)
    assert world.sees("kr-cert", malware("after"))


def test_every_refusal_leaves_a_sentence_without_the_others(world: World) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"))
    with pytest.raises(HubError) as refusal:
        world.terminate(view, "JP")
    assert "KR" not in str(refusal.value)
