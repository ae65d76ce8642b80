"""The table is whole: every section is in it, and every test that it names exists."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.standard.table import CLAUSES, Clause

ROOT = Path(__file__).parents[2]
SECTIONS = """
1.6.8.1 1.6.8.2 3.1 3.2 3.3 3.4 3.4.1 3.5 3.6 3.6.1 3.7 3.8 3.9 4.1 4.1.1 4.2 4.2.1 4.3 4.3.1
5.1 5.1.1 5.2 5.2.1 5.3 5.3.1 5.4 5.5 5.6 5.7 5.8 5.8.1
""".split()  # noqa: SIM905


@cache
def functions_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def shown(clause: Clause) -> str:
    return f"{clause.section}: {clause.says}"


@pytest.mark.parametrize("clause", CLAUSES, ids=shown)
def test_every_test_that_a_clause_names_is_there(clause: Clause) -> None:
    for name in clause.held_by:
        path, _, function = name.partition("::")
        assert function.startswith("test_")
        assert function in functions_in(path), name


def test_every_clause_for_a_server_has_a_test_and_no_other_has() -> None:
    assert [shown(one) for one in CLAUSES if (one.binds == "server") is not bool(one.held_by)] == []


def test_every_section_is_there_and_in_order() -> None:
    sections = [clause.section for clause in CLAUSES]
    assert [section for section in SECTIONS if section not in sections] == []
    first_of_each = list(dict.fromkeys(section for section in sections if section in SECTIONS))
    assert first_of_each == SECTIONS
    assert sections == sorted(sections, key=list(dict.fromkeys(sections)).index)


def test_no_clause_is_told_twice() -> None:
    told = [(clause.section, clause.says) for clause in CLAUSES]
    assert len(set(told)) == len(told)
    assert all(clause.says.endswith(".") for clause in CLAUSES)


def test_only_a_server_departs() -> None:
    assert [shown(one) for one in CLAUSES if one.departs and one.binds != "server"] == []
