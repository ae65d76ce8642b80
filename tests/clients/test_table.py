"""The table of lines, traps and products against the tests that there really are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.clients.table import LINES, PRODUCTS, TRAPS

FOLDER = Path(__file__).parent


def named_tests(name: str) -> set[str]:
    tree = ast.parse((FOLDER / name).read_text(encoding="utf-8"))
    return {
        one.name
        for one in ast.walk(tree)
        if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")
    }


def test_every_line_is_in_the_table() -> None:
    assert sorted(LINES) == list(range(1, 26))


@pytest.mark.parametrize("number", LINES)
def test_every_line_is_held_by_a_test_that_has_its_number(number: int) -> None:
    _, name = LINES[number]
    assert [one for one in named_tests(name) if one.startswith(f"test_line_{number}_")]


def test_every_trap_and_no_other_has_its_tests() -> None:
    held = [one for names in TRAPS.values() for one in names]
    assert len(held) == len(set(held))
    files = sorted(path.name for path in FOLDER.glob("test_traps_of_*.py"))
    assert set(held) == {one for name in files for one in named_tests(name)}


def test_every_numbered_test_is_of_a_line_in_its_file() -> None:
    for path in FOLDER.glob("test_lines_*.py"):
        numbers = {
            int(match[1]) for one in named_tests(path.name) if (match := re.match(r"test_line_(\d+)_", one))
        }
        assert {LINES[number][1] for number in numbers} == {path.name}
        assert len(named_tests(path.name)) >= len(numbers) > 0


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_product_says_where_it_is_known_from_and_is_held_to_a_full_poll(product: str) -> None:
    text = (FOLDER / PRODUCTS[product]).read_text(encoding="utf-8")
    assert re.search(r"Sources?:|From ", ast.get_docstring(ast.parse(text)) or "")
    assert [one for one in named_tests(PRODUCTS[product]) if one.endswith("what_a_full_poll_gives")]
