"""What a document says in words: every member, in the form that it has, and how two documents differ."""

from __future__ import annotations

from typing import Any

import pytest

from hub.client.agreement import terms

AUDIENCES = {
    "partner": "partners, agencies and the CERT (AMBER: no partners; AMBER+STRICT and RED: the CERT alone)",
    "agency": "agencies and the CERT, no partners (AMBER+STRICT and RED: the CERT alone)",
    "cert": "the CERT alone",
}
GRANULAR = {
    "withhold": "what has a part marked above the ceiling is withheld whole",
    "redact": "parts marked above the ceiling are taken away, the rest is given as another object",
}
ANONYMISE = {
    "none": "the submitting member can be seen",
    "agency": "agencies and partners are hidden, the national CERT appears as creator",
}
CLAUSE: dict[str, Any] = {"from": "US", "to": ["KR"], "max_tlp": "amber"}
DEFAULTS = [
    ("from", "US"),
    ("to", "KR"),
    ("max_tlp", "up to TLP:AMBER"),
    ("audience", f"agency: {AUDIENCES['agency']}"),
    ("types", "every type"),
    ("history", "only what is submitted from its start on"),
    ("granular", f"withhold: {GRANULAR['withhold']}"),
    ("anonymise", f"none: {ANONYMISE['none']}"),
]
DOCUMENT: dict[str, Any] = {
    "id": "agreement--1",
    "hub": "identity--1",
    "title": "One",
    "parties": ["US", "KR"],
    "valid_from": "2026-01-01T00:00:00Z",
    "valid_until": "2028-01-01T00:00:00Z",
    "clauses": [CLAUSE],
}


def said(given: dict[str, Any]) -> list[tuple[str, str]]:
    return [(term.name, term.words) for term in terms.clause(given)]


def test_what_a_clause_leaves_out_is_said() -> None:
    assert said(CLAUSE) == DEFAULTS


@pytest.mark.parametrize(
    ("term", "name", "words"),
    [
        ({"max_tlp": "clear"}, "max_tlp", "up to TLP:CLEAR"),
        ({"max_tlp": "amber+strict"}, "max_tlp", "up to TLP:AMBER+STRICT"),
        ({"max_tlp": "red"}, "max_tlp", "up to TLP:RED, RED only if it is addressed (REL TO)"),
        ({"to": ["KR", "JP"]}, "to", "JP, KR"),
        ({"audience": "partner"}, "audience", f"partner: {AUDIENCES['partner']}"),
        ({"audience": "cert"}, "audience", f"cert: {AUDIENCES['cert']}"),
        ({"types": ["malware", "indicator"]}, "types", "indicator, malware"),
        ({"types": ["malware, tool"]}, "types", '"malware, tool"'),  # one type, and not two
        ({"history": True}, "history", "also what was submitted before"),
        ({"history": False}, "history", "only what is submitted from its start on"),
        ({"granular": "redact"}, "granular", f"redact: {GRANULAR['redact']}"),
        ({"anonymise": "agency"}, "anonymise", f"agency: {ANONYMISE['agency']}"),
        ({"more": {"b": 1, "a": [None]}}, '"more"', '{"a":[null],"b":1}'),
        ({"from\u202e": 1}, '"from\u202e"', "1"),
    ],
)
def test_each_term_is_said_in_words(term: dict[str, Any], name: str, words: str) -> None:
    assert (name, words) in said(CLAUSE | term)
    assert len(said(CLAUSE | term)) == len(DEFAULTS) + (name not in dict(DEFAULTS))


@pytest.mark.parametrize(
    "term",
    [
        {"from": 1},
        {"to": []},
        {"to": "KR"},
        {"max_tlp": "purple"},
        {"max_tlp": None},
        {"audience": None},
        {"audience": ["cert"]},
        {"types": None},
        {"types": [1]},
        {"types": ["tool"] * 101},
        {"types": ["x" * 251]},
        {"history": 1},
        {"granular": "blur"},
        {"anonymise": {}},
    ],
)
def test_what_no_clause_can_say_is_given_as_json_and_is_a_fault(term: dict[str, Any]) -> None:
    (name, value), (odd,) = next(iter(term.items())), [t for t in terms.clause(CLAUSE | term) if t.fault]
    assert (odd.name, odd.words) == (name, terms.as_json(value))


def test_nothing_in_a_document_is_left_out() -> None:
    document = DOCUMENT | {"iep": {"z": {"y": 1}}, "supersedes": "agreement--2", "x-more": [1]}
    words = " ".join(f"{term.name} {term.words}" for _, term in terms.every(document))
    for text in ("One", "KR, US", "2026-01-01T00:00:00Z until 2028-01-01T00:00:00Z", "identity--1"):
        assert text in words
    for text in ('"z" {"y":1}', "supersedes agreement--2", '"x-more" [1]', "up to TLP:AMBER"):
        assert text in words
    assert [place for place, term in terms.every(document) if not term.is_known] == ["the document"]


@pytest.mark.parametrize("name", ["title", "parties", "valid_from", "valid_until", "hub", "clauses"])
@pytest.mark.parametrize("value", [None, 1, "", [], {}, [1], "x"])
def test_a_document_of_any_form_is_said(name: str, value: Any) -> None:
    faults = [term for _, term in terms.every(DOCUMENT | {name: value}) if term.fault]
    is_fine = (name, value) == ("title", "x")
    assert bool(faults) is not is_fine


OTHER = {"from": "KR", "to": ["US"], "max_tlp": "green"}
RED = "up to TLP:RED, RED only if it is addressed (REL TO)"


@pytest.mark.parametrize(
    ("former", "document", "differences"),
    [
        ({}, {}, []),
        ({}, {"clauses": [CLAUSE | {"audience": "agency", "history": False}]}, []),  # by default
        ({}, {"parties": ["KR", "US"]}, []),
        ({}, {"supersedes": "agreement--2"}, []),
        ({}, {"title": "Two"}, ["title: was One; is Two"]),
        ({}, {"iep": {"a": 1}}, ['iep, "a": was absent; is 1']),
        ({"x": 1}, {}, ['"x": was 1; is absent']),
        (
            {},
            {"clauses": [CLAUSE | {"max_tlp": "red"}]},
            [f"clause 1, max_tlp: was up to TLP:AMBER; is {RED}"],
        ),
        ({}, {"clauses": [CLAUSE | {"y": 2}]}, ['clause 1, "y": was absent; is 2']),
        ({}, {"clauses": [CLAUSE, OTHER]}, ["clause 2: is new, KR → US, up to TLP:GREEN"]),
        ({}, {"clauses": [CLAUSE, CLAUSE]}, ["clause 2: is new, US → KR, up to TLP:AMBER"]),
        (
            {"clauses": [OTHER, CLAUSE]},
            {},
            [
                "clause 1 of the former: is gone, KR → US, up to TLP:GREEN",
                "clause 1: unchanged (was clause 2)",
            ],
        ),
        (
            {"clauses": [CLAUSE, OTHER]},
            {"clauses": [OTHER, CLAUSE | {"types": ["tool"]}]},
            [
                "clause 2 (was clause 1), types: was every type; is tool",
                "clause 1: unchanged (was clause 2)",
            ],
        ),
        (
            {},
            {"clauses": [CLAUSE | {"to": ["JP"]}]},
            [
                "clause 1: is new, US → JP, up to TLP:AMBER",
                "clause 1 of the former: is gone, US → KR, up to TLP:AMBER",
            ],
        ),
    ],
)
def test_two_documents_differ_term_by_term(
    former: dict[str, Any], document: dict[str, Any], differences: list[str]
) -> None:
    assert terms.differences(DOCUMENT | former, DOCUMENT | document) == differences


@pytest.mark.parametrize(
    "term",
    [
        {"from": "us"},
        {"from": "U\u0405"},  # a Cyrillic letter
        {"from": "US "},
        {"from": "\uff35\uff33"},
        {"to": ["kr"]},
        {"to": ["KR", "KR"]},
        {"to": ["KR, JP"]},
        {"to": ["KR\u200b"]},
        {"max_TLP": "red"},
        {"to ": ["JP"]},
        {"max-tlp": "red"},
        {"t\u043e": ["JP"]},
        {"history\u3164": True},
        {"\uff48istory": True},
    ],
)
def test_what_may_be_read_as_something_else_is_at_fault(term: dict[str, Any]) -> None:
    assert any(one.fault for one in terms.clause(CLAUSE | term))


@pytest.mark.parametrize(
    ("change", "is_fine"),
    [
        ({"title": "한미 위협정보 공유"}, True),
        ({"title": "x" * 201}, False),
        ({"title": " \u2003"}, False),
        ({"parties": ["US", "KR", "US"]}, False),
        ({"parties": ["us", "KR"]}, False),
        ({"Clauses": []}, False),
        ({"hub": "identity--1\u2028clause 2: US"}, False),
        ({"supersedes": "agreement--1 "}, False),
        ({"valid_until": "2028-01-01T09:00:00+09:00"}, True),
        ({"valid_until": "2028-01-01T00:00:00"}, False),
        ({"valid_until": "2028-W01-1T00:00:00Z"}, False),
        ({"valid_until": "20280101T000000Z"}, False),
        ({"valid_until": "2028-02-30T00:00:00Z"}, False),
        ({"valid_until": "9999-12-31T23:00:00-09:00"}, False),
        ({"valid_until": "２028-01-01T00:00:00Z"}, False),  # noqa: RUF001
    ],
)
def test_members_of_the_document_are_as_an_agreement_has_them_or_at_fault(
    change: dict[str, Any], is_fine: bool
) -> None:
    assert any(term.fault for _, term in terms.every(DOCUMENT | change)) is not is_fine


def test_a_time_with_another_offset_is_said_in_utc_too() -> None:
    found = terms.head(DOCUMENT | {"valid_until": "2028-01-01T09:00:00+09:00"})
    assert "until 2028-01-01T09:00:00+09:00 (2028-01-01T00:00:00Z)" in dict(f[:2] for f in found)["valid"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, None),
        ({"clauses": [CLAUSE, CLAUSE | {"to": ["KR", "JP"]}]}, "In clause 2, JP is not among the parties."),
        ({"clauses": [CLAUSE | {"from": "JP"}]}, "In clause 1, JP is not among the parties."),
        ({"clauses": [CLAUSE | {"to": ["KR", "US"]}]}, "In clause 1, US would share with itself."),
        ({"clauses": [CLAUSE] * 101}, "has 101 clauses, and an agreement has at most 100"),
        ({"iep": {"x": "y" * 65_536}}, "and an agreement has at most 65536."),
        ({"supersedes": "agreement--1"}, "supersedes itself"),
        ({"clauses": [None, 1, {"from": ["US"], "to": {}}], "parties": 5}, "US is not among the parties"),
    ],
)
def test_what_no_agreement_says_is_told(change: dict[str, Any], sentence: str | None) -> None:
    found = list(terms.contradictions(DOCUMENT | change))
    assert any(sentence in one for one in found) if sentence else not found
