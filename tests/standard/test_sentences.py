"""sentences.toml is whole: every section is in the file, and every test that the file names exists."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.standard.sentences import SENTENCES, StandardSentence

ROOT = Path(__file__).parents[2]
SECTIONS = """
1.6.8.1 1.6.8.2 3.1 3.2 3.3 3.4 3.4.1 3.5 3.6 3.6.1 3.7 3.8 3.9 4.1 4.1.1 4.2 4.2.1 4.3 4.3.1
5.1 5.1.1 5.2 5.2.1 5.3 5.3.1 5.4 5.5 5.6 5.7 5.8 5.8.1
""".split()  # noqa: SIM905


@cache
def functions_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def shown(sentence: StandardSentence) -> str:
    return f"{sentence.section}: {sentence.says}"


@pytest.mark.parametrize("sentence", SENTENCES, ids=shown)
def test_every_test_that_a_sentence_names_is_there(sentence: StandardSentence) -> None:
    for name in sentence.held_by:
        path, _, function = name.partition("::")
        assert function.startswith("test_")
        assert function in functions_in(path), name


def test_every_sentence_for_a_server_has_a_test_and_no_other_has() -> None:
    assert [shown(one) for one in SENTENCES if (one.binds == "server") is not bool(one.held_by)] == []


def test_every_section_is_there_and_in_order() -> None:
    sections = [sentence.section for sentence in SENTENCES]
    assert [section for section in SECTIONS if section not in sections] == []
    first_of_each = list(dict.fromkeys(section for section in sections if section in SECTIONS))
    assert first_of_each == SECTIONS
    assert sections == sorted(sections, key=list(dict.fromkeys(sections)).index)


def test_no_sentence_is_told_twice() -> None:
    told = [(sentence.section, sentence.says) for sentence in SENTENCES]
    assert len(set(told)) == len(told)
    assert all(sentence.says.endswith(".") for sentence in SENTENCES)


def test_only_a_server_departs() -> None:
    assert [shown(one) for one in SENTENCES if one.departs and one.binds != "server"] == []
