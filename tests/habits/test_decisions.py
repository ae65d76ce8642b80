"""The decisions of hub/README.md are short, have lasting labels, and are cited by their code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "hub/README.md").read_text(encoding="utf-8").split("\n## Decisions\n")[1].split("\n## ")[0]
DECISIONS = re.split(r"\n(?=- |### )", SECTION)[1:]
LABEL = re.compile(r"- \*\*\[([a-z0-9]+(?:-[a-z0-9]+)*)\]\*\* \S")
# One label or several: (hub/README: shown-by-rows, row-in-place).
CITATION = re.compile(r"hub/README: ([a-z0-9-]+(?:, [a-z0-9-]+)*)")
BOUND = ("hub", "deploy", "config", "scripts", "tests")
MAX_LINES, MAX_CHARACTERS = 3, 110


def decisions() -> Iterator[str]:
    yield from (text.strip() for text in DECISIONS if text.startswith("- "))


def labels() -> list[str]:
    return [found[1] for text in decisions() if (found := LABEL.match(text))]


def citations() -> dict[str, set[str]]:
    """Return the cited labels of each file with citations."""
    found: dict[str, set[str]] = {}
    for path in (path for folder in BOUND for path in (ROOT / folder).rglob("*") if path.is_file()):
        if path.suffix != ".pyc" and path.name != "README.md" and path != Path(__file__):
            cited = CITATION.findall(path.read_text(encoding="utf-8", errors="ignore"))
            if cited:
                found[str(path.relative_to(ROOT))] = {label for each in cited for label in each.split(", ")}
    return found


def test_each_decision_has_a_label_of_its_own() -> None:
    assert [text for text in decisions() if not LABEL.match(text)] == []
    assert [label for label, n in Counter(labels()).items() if n > 1] == []


def test_each_decision_says_its_question_and_its_choice_in_three_lines() -> None:
    assert [text for text in decisions() if " \u2013 " not in text.replace("\n ", "")] == []
    assert [text for text in decisions() if len(text.splitlines()) > MAX_LINES] == []
    assert [line for line in SECTION.splitlines() if len(line) > MAX_CHARACTERS] == []


def test_code_names_each_decision_that_binds_it_and_no_other() -> None:
    cited = citations()
    assert set(labels()) - set().union(*cited.values()) == set(), "binds no code: cite it there, or delete it"
    unknown = {file: named - set(labels()) for file, named in cited.items()}
    assert {file: named for file, named in unknown.items() if named} == {}
