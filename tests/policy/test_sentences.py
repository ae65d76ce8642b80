"""Every sentence of the policy is shown by a case, or held by a test elsewhere: see sentences.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.policy.cases import FOLDER, all_cases

Json = dict[str, Any]
ROOT = FOLDER.parents[1]
SENTENCES: list[Json] = tomllib.loads((FOLDER / "sentences.toml").read_text())["sentence"]
SAYS = {case.says for case in all_cases()}


def named(field: str) -> list[str]:
    return [name for sentence in SENTENCES for name in sentence.get(field, [])]


def test_every_sentence_is_shown_or_held_or_said_to_be_absent() -> None:
    ways = {"cases", "held", "absent"}
    assert [s for s in SENTENCES if not any(s.get(way) for way in ways)] == []
    assert [s for s in SENTENCES if not {"policy", "sentence", "claim"} <= s.keys()] == []
    assert [s for s in SENTENCES if s.keys() - {"policy", "sentence", "claim"} - ways] == []


def test_every_case_that_is_named_is_there_and_every_case_is_named() -> None:
    assert sorted({*named("cases")} - SAYS) == []
    assert sorted(SAYS - {*named("cases")}) == []


def test_every_test_that_is_named_is_there() -> None:
    assert [name for name in named("held") if not _is_there(name)] == []


def test_sentences_are_counted_without_a_gap_in_each_paragraph() -> None:
    paragraphs: dict[str, list[int]] = {}
    for sentence in SENTENCES:
        paragraphs.setdefault(sentence["policy"], []).append(sentence["sentence"])
    assert {name for name, numbers in paragraphs.items() if not _is_gapless(numbers)} == set()


def test_no_two_entries_of_a_paragraph_claim_the_same() -> None:
    claims = [(sentence["policy"], sentence["claim"]) for sentence in SENTENCES]
    assert sorted({claim for claim in claims if claims.count(claim) > 1}) == []


def test_every_paragraph_with_cases_has_its_sentences() -> None:
    assert sorted({case.policy for case in all_cases()} - {s["policy"] for s in SENTENCES} - SIMULATED) == []


def test_the_charter_lets_all_five_share_in_every_direction_up_to_green() -> None:
    charter = tomllib.loads((ROOT / "config" / "agreements" / "charter.toml").read_text())
    parties = {"US", "KR", "JP", "AU", "IN"}
    assert {*charter["parties"]} == parties
    assert {clause["from"]: {*clause["to"]} for clause in charter["clauses"]} == {
        nation: parties - {nation} for nation in parties
    }
    assert {clause["max_tlp"] for clause in charter["clauses"]} == {"green"}
    assert not any("types" in clause for clause in charter["clauses"])


# Simulating is told of with what it simulates.
SIMULATED = {"5 simulation"}


def _is_there(name: str) -> bool:
    file, _, test = name.partition("::")
    path = Path(ROOT, file)
    return path.is_file() and f"def {test}(" in path.read_text()


def _is_gapless(numbers: Iterable[int]) -> bool:
    found = [*numbers]
    return found == sorted(found) and {*found} == {*range(1, max(found) + 1)}
