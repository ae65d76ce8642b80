"""Agreements from a member's side: what is signed is what the hub showed, and only under its own id."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.client import ClientError, Hub
from hub.client.agreement.drafts import read_agreement
from hub.client.agreement.reviewing import digest_of
from hub.proofs import documents, keys
from tests.client.loopback import AGREEMENT, TOKEN, Loopback, event, view

LIST = "/governance/agreements/"
ONE = f"{LIST}{AGREEMENT}/"
PROPOSED = {
    "title": "One",
    "parties": ["KR", "US"],
    "valid_from": "2026-01-01T00:00:00Z",
    "valid_until": "2128-01-01T00:00:00Z",
    "clauses": [{"from": "US", "to": ["KR"], "max_tlp": "amber"}],
}
DOCUMENT = PROPOSED | {"id": AGREEMENT, "hub": "identity--1"}
VIEW = view(DOCUMENT)
DIGEST = digest_of(DOCUMENT)


def signed(server: Loopback, path: str) -> dict[str, Any]:
    """The payload of the signature that reached the server, verified."""
    (seen,) = server.to(path, "POST")
    payload, _ = documents.verify_document(orjson.loads(seen.body)["jws"], server.registered)
    return payload


# --- reading agreements from TOML ---


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        (b"\xff", "a.toml: not UTF-8"),
        (b"title = ", "a.toml: not TOML"),
        (b"valid_from = 2026-01-01", "a.toml: valid_from: write date, time and offset"),
        (b"valid_from = 12:00:00", "a.toml: valid_from: write date, time and offset"),
        (b"valid_from = 2026-01-01T00:00:00", "a.toml: valid_from: a time without an offset: write Z"),
        (b"[iep]\nx = [1, 2026-01-01]", "a.toml: iep, x 2: write date"),
        (b"[iep]\nx = nan", "a.toml: iep, x: nan is no number"),
        (b"[iep]\nx = -inf", "a.toml: iep, x: -inf is no number"),
        (b"[iep]\nx = 9007199254740992", "a.toml: iep, x: an integer beyond"),
        (b"x = " + b"9" * 5_000, "a.toml: not TOML"),
        (b"x = " + b"[" * 5_000 + b"]" * 5_000, "a.toml: nested too deeply"),
        (b"x" + b".x" * 5_000 + b" = 1", "a.toml: nested too deeply"),
        (b"valid_from = 0001-01-01T00:00:00+23:59", "a.toml: valid_from: the time lies beyond"),
        (b'{"a": 1, "a": 2}', "a.toml: the key 'a' appears twice"),
        (b'{"a": 9007199254740993}', "a.toml: the integer 9007199254740993 is beyond"),
        (b'{"a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", "a.toml: not JSON"),
    ],
)
def test_what_has_no_exact_json_form_is_refused_with_its_place(toml: bytes, sentence: str) -> None:
    with pytest.raises(ClientError) as refused:
        read_agreement("a.toml", toml)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("toml", "text"),
    [
        (b"2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        (b"2026-01-01 09:00:00+09:00", "2026-01-01T00:00:00Z"),
        (b"2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00.500000Z"),
    ],
)
def test_times_become_text_in_utc(toml: bytes, text: str) -> None:
    assert read_agreement("a.toml", b"valid_from = " + toml) == {"valid_from": text}


def test_everything_else_stays_as_it_is() -> None:
    toml = b'title = "x"\nparties = ["US"]\n[[clauses]]\nhistory = true\n[iep]\nn = 1\nf = 0.5\n'
    clauses = [{"history": True}]
    expected = {"title": "x", "parties": ["US"], "clauses": clauses, "iep": {"n": 1, "f": 0.5}}
    assert read_agreement("a.toml", toml) == expected


# --- refusals ---


@pytest.mark.parametrize("id", ["", "a/b", "../members", "a?b", "a#b", "a b", "é", "%2e"])
def test_an_id_that_would_lead_elsewhere_is_refused(member: Hub, server: Loopback, id: str) -> None:
    with pytest.raises(ClientError, match="no agreement id"):
        member.agreement(id)
    assert server.seen == []


@pytest.mark.parametrize(
    "answer",
    [
        VIEW | {"id": "agreement--other"},
        VIEW | {"document": DOCUMENT | {"id": "agreement--other"}},
        VIEW | {"document": "text"},
        {"id": AGREEMENT},
    ],
)
@pytest.mark.parametrize("act", ["sign", "terminate"])
def test_another_document_than_was_asked_for_is_not_signed(
    member: Hub, server: Loopback, act: str, answer: Any
) -> None:
    server.answers["GET", ONE] = answer
    with pytest.raises(ClientError, match="nothing was signed"):
        getattr(member, act)(AGREEMENT, digest=DIGEST)
    assert server.to("/", "POST") == []


@pytest.mark.parametrize("act", ["sign", "suspend", "resume", "terminate"])
def test_a_document_with_another_digest_than_was_named_is_not_signed(
    member: Hub, server: Loopback, act: str
) -> None:
    server.answers["GET", ONE] = VIEW
    read = digest_of(DOCUMENT | {"title": "Another"})
    with pytest.raises(ClientError, match="another document than the one you mean"):
        getattr(member, act)(AGREEMENT, digest=read)
    assert server.to("/", "POST") == []


def test_without_a_key_nothing_is_changed(server: Loopback) -> None:
    server.answers["GET", ONE] = VIEW
    with Hub(server.url, TOKEN) as hub:
        with pytest.raises(ClientError, match="agreement key"):
            hub.sign(AGREEMENT, digest=DIGEST)
        with pytest.raises(ClientError, match="agreement key"):
            hub.propose({})
    assert server.to(LIST, "POST") == []


def test_a_proposal_whose_answer_was_lost_is_not_made_twice(
    member: Hub, server: Loopback, pauses: list[float]
) -> None:
    server.fail(LIST, None)
    with pytest.raises(ClientError, match="whether it was done is not known: look"):
        member.propose(PROPOSED)
    assert len(server.to(LIST, "POST")) == 1
    assert pauses == []


def test_a_busy_hub_has_done_nothing_and_is_asked_again(member: Hub, server: Loopback) -> None:
    server.answers["POST", LIST] = VIEW
    server.fail(LIST, (503, {"Retry-After": "1"}, b""))
    assert member.propose(PROPOSED)["digest"] == DIGEST
    assert len(server.to(LIST, "POST")) == 2


def test_a_problem_is_told_in_its_own_words(member: Hub, server: Loopback) -> None:
    problem = {"title": "Unprocessable content", "detail": "parties: FR is no nation", "status": 422}
    server.fail(LIST, (422, {"Content-Type": "application/problem+json"}, problem))
    with pytest.raises(ClientError, match=r"parties: FR is no nation \(HTTP 422\)") as refused:
        member.propose({})
    assert refused.value.status == 422


@pytest.mark.parametrize("answer", [{"agreements": {}}, {"agreements": ["text"]}])
def test_a_list_that_is_none_is_refused(member: Hub, server: Loopback, answer: Any) -> None:
    server.answers["GET", LIST] = answer
    with pytest.raises(ClientError, match="answer cannot be read: `agreements"):
        member.agreements()


EXPLANATIONS = "/governance/explanations/"
DISCLOSURES = "/governance/disclosures/"


@pytest.mark.parametrize(
    "answer", [{}, {"decisions": ["text"]}, {"records": {}}, {"records": [{"decisions": 1}]}]
)
def test_an_explanation_that_is_none_is_refused(member: Hub, server: Loopback, answer: Any) -> None:
    server.answers["GET", EXPLANATIONS] = answer
    with pytest.raises(ClientError, match="cannot be read"):
        member.explain("malware--1")


# --- acts ---


def test_a_question_goes_out_with_what_was_given_alone(member: Hub, server: Loopback) -> None:
    server.answers["GET", EXPLANATIONS] = {"object": "malware--1", "decisions": []}
    server.answers["GET", DISCLOSURES] = {"disclosures": [{"member": "kr-cert"}]}
    member.explain("malware--1")
    assert member.explain("malware--1", "2026-01-01T00:00:00Z", "KR")["decisions"] == []
    assert member.disclosures("malware--1") == [{"member": "kr-cert"}]
    assert [seen.query for seen in server.to(EXPLANATIONS)] == [
        {"object": ["malware--1"]},
        {"object": ["malware--1"], "version": ["2026-01-01T00:00:00Z"], "to": ["KR"]},
    ]
    assert server.to(DISCLOSURES)[0].query == {"object": ["malware--1"]}


def test_lists_and_views_come_as_the_hub_gives_them(member: Hub, server: Loopback) -> None:
    server.answers["GET", LIST] = {"agreements": [VIEW]}
    server.answers["GET", ONE] = VIEW
    server.answers["GET", "/governance/members/"] = {"members": [{"id": "us-cisa"}]}
    assert member.agreements() == [VIEW]
    assert member.agreement(AGREEMENT) == VIEW
    assert member.members() == [{"id": "us-cisa"}]


def test_a_proposal_goes_out_as_the_document(member: Hub, server: Loopback) -> None:
    server.answers["POST", LIST] = VIEW
    assert member.propose(PROPOSED)["document"] == DOCUMENT
    assert orjson.loads(server.to(LIST, "POST")[0].body) == PROPOSED


@pytest.mark.parametrize("act", ["propose", "simulate"])
def test_what_is_nested_deeper_than_can_be_written_is_a_sentence(member: Hub, act: str) -> None:
    document = read_agreement("a.json", b'{"a":' * 300 + b"1" + b"}" * 300)
    with pytest.raises(ClientError, match="the agreement cannot be written as JSON"):
        getattr(member, act)(document)


def test_signing_covers_the_whole_document(member: Hub, server: Loopback, key: keys.PrivateKey) -> None:
    server.answers["GET", ONE] = VIEW
    server.answers["POST", f"{ONE}signatures/"] = view(DOCUMENT, events=[event(DOCUMENT, "US", key)])
    assert member.sign(AGREEMENT, digest=DIGEST)["document"] == DOCUMENT
    assert signed(server, "/signatures/") == {"typ": "sign", "agreement": DOCUMENT, "previous": None}


def test_terminating_covers_the_document_and_the_event_before(
    member: Hub, server: Loopback, key: keys.PrivateKey
) -> None:
    signed_by_us = event(DOCUMENT, "US", key)
    shown = view(DOCUMENT, events=[signed_by_us], signed_by=["US"], last_event=signed_by_us["digest"])
    ended = event(DOCUMENT, "US", key, "terminate", signed_by_us)
    server.answers["GET", ONE] = shown
    server.answers["POST", f"{ONE}termination/"] = shown | {"events": [signed_by_us, ended]}
    member.terminate(AGREEMENT)
    previous = signed_by_us["digest"]
    assert signed(server, "/termination/") == {
        "typ": "terminate",
        "agreement": DOCUMENT,
        "previous": previous,
    }


# --- another nation's lost key ---

RECOVERIES = "/governance/recoveries/"
NEW = "A" * 43
STATEMENT = {
    "typ": "recover",
    "hub": "identity--1",
    "member": "us-cert",
    "nation": "US",
    "thumbprint": NEW,
    "previous": "B" * 43,
}


def test_a_key_is_confirmed_as_its_own_people_named_it(member: Hub, server: Loopback) -> None:
    server.answers["GET", RECOVERIES] = {"recoveries": [{"thumbprint": NEW, "statement": STATEMENT}]}
    path = f"{RECOVERIES}{NEW}/confirmation/"
    server.answers["POST", path] = {"state": "confirmed"}
    assert member.confirm_recovery("us-cert", NEW) == {"state": "confirmed"}
    (seen,) = server.to(path, "POST")
    payload, _ = documents.verify_recovery(orjson.loads(seen.body)["jws"], server.registered)
    assert payload == STATEMENT


@pytest.mark.parametrize(
    ("shown", "told", "sentence"),
    [
        ([], ("us-cert", NEW), "waits for your confirmation"),
        ([STATEMENT], ("us-cert", "C" * 43), "waits for your confirmation"),
        ([STATEMENT], ("jp-cert", NEW), "nothing was signed"),
        ([{**STATEMENT, "member": "jp-cert"}], ("us-cert", NEW), "nothing was signed"),
        ([{**STATEMENT, "thumbprint": "C" * 43}], ("us-cert", NEW), "nothing was signed"),
        ([{**STATEMENT, "typ": "sign"}], ("us-cert", NEW), "nothing was signed"),
        ([{**STATEMENT, "more": 1}], ("us-cert", NEW), "nothing was signed"),
        ([None], ("us-cert", NEW), "nothing was signed"),
    ],
)
def test_what_the_hub_shows_otherwise_is_not_signed(
    member: Hub, server: Loopback, shown: list[Any], told: tuple[str, str], sentence: str
) -> None:
    listed = [{"thumbprint": NEW, "statement": one} for one in shown]
    server.answers["GET", RECOVERIES] = {"recoveries": listed}
    with pytest.raises(ClientError, match=sentence):
        member.confirm_recovery(*told)
    assert not [seen for seen in server.seen if seen.method == "POST"]
