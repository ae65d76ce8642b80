"""What a document says in words: every member, in the form that it has, and how two documents differ."""

from __future__ import annotations

from typing import Any

import pytest

from hub.client import terms
from hub.client.terms import ANONYMISE, AUDIENCES, GRANULAR

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
    is_fine = (name, value) in [("title", "x"), ("hub", "x"), ("clauses", [])]
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
