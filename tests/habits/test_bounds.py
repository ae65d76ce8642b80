"""Bounds of dependencies are true: the lowest lock has each lowest version, the other lock lies within."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = [Requirement(text) for text in PROJECT["dependencies"]]
FOR_TESTS = [Requirement(text) for text in PROJECT["optional-dependencies"]["dev"]]


def pinned(lock: str) -> dict[str, Version]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {name: Version(version) for name, version in re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", text)}


def lowest(requirement: Requirement) -> Version:
    return min(Version(part.version) for part in requirement.specifier if part.operator in {">=", "=="})


def numbers(version: Version) -> tuple[int, ...]:
    """The release without zeros at its end: 1.13 is 1.13.0."""
    found = list(version.release)
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)


@pytest.mark.parametrize("requirement", [*NEEDED, *FOR_TESTS], ids=str)
def test_the_lowest_version_is_the_one_that_is_tested(requirement: Requirement) -> None:
    tested = pinned("requirements-lowest.lock")[requirement.name]
    assert numbers(tested)[: len(numbers(lowest(requirement)))] == numbers(lowest(requirement))


@pytest.mark.parametrize("requirement", [*NEEDED, *FOR_TESTS], ids=str)
def test_the_locked_version_lies_within_the_bounds(requirement: Requirement) -> None:
    assert pinned("requirements.lock")[requirement.name] in requirement.specifier


@pytest.mark.parametrize("requirement", NEEDED, ids=str)
def test_what_breaks_with_a_major_version_ends_before_it(requirement: Requirement) -> None:
    is_bounded = any(part.operator in {"<", "=="} for part in requirement.specifier)
    assert is_bounded or requirement.name == "cryptography"  # a new major every half year, and none broke


def test_the_distribution_has_a_name_of_its_own() -> None:
    assert (PROJECT["name"], PROJECT["scripts"]) == ("allied-hub", {"hub": "hub.cli:main"})
