"""Each fault of `scripts/mutants` fits the code: the old text occurs once, and the tests exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.mutants import ROOT, Mutant, mutants
from tests.mutants.__main__ import copy_of_the_checkout

MUTANTS = mutants()


def test_each_fault_has_a_name_of_its_own() -> None:
    names = [each.name for each in MUTANTS]
    assert [name for name in names if names.count(name) > 1] == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_changes_the_code_as_it_is(mutant: Mutant) -> None:
    mutated = mutant.put_into((ROOT / mutant.file).read_text())
    assert mutant.old != mutant.new
    ast.parse(mutated)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_tests_that_have_to_fail_exist(mutant: Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        file, *names = re.sub(r"\[.*", "", test).split("::")
        text = (ROOT / file).read_text()
        assert all(re.search(rf"(def|class) {name}\b", text) for name in names), test


def test_the_copy_holds_what_is_a_link_in_the_checkout(tmp_path: Path) -> None:
    assert (copy_of_the_checkout(tmp_path) / "hub/_config/hub.toml").is_file()
