"""No class name is defined twice in hub/, tests/ and scripts/. No name in hub/ and scripts/ is a metaphor."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(file for folder in ("hub", "scripts") for file in (ROOT / folder).rglob("*.py"))
# A reader cannot infer the concept from these words. Each concept has a term of the glossary in its place: a
# record of another nation for a neighbour, a release decision for a verdict, a package or layer for a room.
_WORDS = """
    bench bout circle court desk door drawer fate floor guise house inquiry law neighbour
    scene shelf sight stage stock story trouble verdict
"""
METAPHORS = frozenset(re.findall(r"\w+", _WORDS))
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


class Name(NamedTuple):
    """A class, function or module. `place` is the file, with the line of a class or function."""

    place: str
    kind: str
    name: str


def names(file: Path) -> Iterator[Name]:
    """Yield the module, its packages, and its classes and functions, nested ones too."""
    path = file.relative_to(ROOT)
    yield from (Name(str(path), "module", part) for part in path.with_suffix("").parts)
    for node in ast.walk(ast.parse(file.read_bytes())):
        place = f"{path}:{getattr(node, 'lineno', 1)}"
        if isinstance(node, ast.ClassDef):
            yield Name(place, "class", node.name)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Name(place, "function", node.name)


def parts(name: str) -> list[str]:
    """Return the words of a CamelCase or snake_case name, in lower case."""
    return [part.lower() for part in _PART.findall(name)]


def metaphors(name: str) -> list[str]:
    """Return the metaphors in a name, singular or plural."""
    return [
        part for part in parts(name) if {part, part.removesuffix("s")} & METAPHORS or _y(part) in METAPHORS
    ]


def _y(part: str) -> str:
    return f"{part.removesuffix('ies')}y" if part.endswith("ies") else part


ALL = [name for file in FILES for name in names(file)]
IN_TESTS = [name for file in sorted((ROOT / "tests").rglob("*.py")) for name in names(file)]


def test_no_class_name_is_defined_twice() -> None:
    places: dict[str, list[str]] = {}
    for name in ALL + IN_TESTS:
        if name.kind == "class":
            places.setdefault(name.name, []).append(name.place)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_name_is_a_metaphor() -> None:
    assert [name for name in ALL if metaphors(name.name)] == []


def test_classes_functions_and_modules_of_both_folders_are_collected() -> None:
    assert {(name.place.partition("/")[0], name.kind) for name in ALL} == {
        (folder, kind) for folder in ("hub", "scripts") for kind in ("module", "class", "function")
    }
    assert Counter(name.kind for name in ALL)["class"] > 100


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("VerdictOfCourt", ["verdict", "court"]),
        ("_neighbours_of", ["neighbours"]),
        ("open_inquiries", ["inquiries"]),
        ("HTTPDesk", ["desk"]),
        ("0003_the_law_of_rows", ["law"]),
        ("StageFright2", ["stage"]),
        ("flaw_of", []),  # a whole word alone counts
        ("Stockholm", []),
        ("Benchmark", []),
    ],
)
def test_whole_words_of_a_name_are_compared(name: str, expected: list[str]) -> None:
    assert metaphors(name) == expected
