"""Redaction of any object: no part above the ceiling is left, and every other is (policy 7)."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.model import Tlp
from hub.stix.derived.redaction import redact
from hub.stix.marking.markings import selector_fault
from hub.stix.validity.validation import fault
from tests.stix.derived.granular import EXTENSION, by_ceiling
from tests.stix.samples import sdo, without
from tests.stix_objects import TLP

LEVELS = {TLP[name]: level for name, level in [
    ("clear", Tlp.CLEAR), ("green", Tlp.GREEN), ("amber", Tlp.AMBER),
    ("amber+strict", Tlp.AMBER_STRICT), ("red", Tlp.RED),
]}  # fmt: skip
KEYS = st.sampled_from(["x_one", "x_two", "x-3", "X_FOUR", EXTENSION])
TREES = st.recursive(
    st.none(),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4) | st.dictionaries(KEYS, inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)
TOP = st.dictionaries(st.sampled_from(["x_one", "x_two", "x_three"]), TREES, min_size=1)
Path = tuple[str, ...]


def numbered(tree: Any, numbers: Iterator[int]) -> Any:
    """The tree with leaves that differ."""
    if isinstance(tree, dict):
        return {key: numbered(value, numbers) for key, value in tree.items()}
    if isinstance(tree, list):
        return [numbered(value, numbers) for value in tree]
    return f"leaf {next(numbers)}"


def nodes(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from nodes(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from nodes(item, (*path, f"[{index}]"))


def leaves(value: Any) -> dict[str, Path]:
    """Every leaf with its path, in the order in which they stand."""
    return {item: path for path, item in nodes(value) if isinstance(item, str)}


def selected(own: dict[str, Any], marking: dict[str, Any]) -> list[set[str]]:
    """For each selector the leaves at or below what it selects."""
    paths = [tuple(selector.split(".")) for selector in marking["selectors"]]
    return [{leaf for leaf, at in leaves(own).items() if at[: len(path)] == path} for path in paths]


@st.composite
def objects(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    own = numbered(draw(TOP), iter(range(1000)))
    selectors = [".".join(path) for path, _ in nodes(own) if path]
    some = st.lists(st.sampled_from(selectors), min_size=1, max_size=4)
    what = st.sampled_from([*({"marking_ref": ref} for ref in LEVELS), {"lang": "en"}])
    markings = draw(st.lists(st.tuples(what, some), min_size=1, max_size=6))
    granular = [{**ref, "selectors": chosen, "x_n": n} for n, (ref, chosen) in enumerate(markings)]
    return own, {**sdo(**own), "granular_markings": granular}


@settings(max_examples=500, deadline=None)
@given(objects(), st.sampled_from(list(Tlp)))
def test_no_leaf_above_the_ceiling_survives_and_every_other_does(made, ceiling):
    own, obj = made
    before = deepcopy(obj)
    above = {
        leaf
        for marking in obj["granular_markings"]
        if LEVELS.get(marking.get("marking_ref"), Tlp.CLEAR) > ceiling
        for below in selected(own, marking)
        for leaf in below
    }

    left = redact(obj, ceiling)

    assert obj == before
    assert left is not None
    assert fault(left) is None
    rest = {name: value for name, value in left.items() if name.startswith("x_")}
    assert list(leaves(rest)) == [leaf for leaf in leaves(own) if leaf not in above]
    for leaf, path in leaves(rest).items():
        assert keys(path) == keys(leaves(own)[leaf])
    assert all(value for _, value in nodes(rest) if isinstance(value, dict | list)) or not rest
    assert without(left, *rest, "granular_markings") == sdo()
    assert followed(rest, left) == expected_markings(own, obj, above)


def keys(path: Path) -> list[str]:
    """The path with the places in lists left open: these move."""
    return ["[]" if component.startswith("[") else component for component in path]


def followed(rest: dict[str, Any], left: dict[str, Any]) -> dict[int, list[set[str]]]:
    for marking in left.get("granular_markings", []):
        assert all(selector_fault(left, selector) is None for selector in marking["selectors"])
    return {marking["x_n"]: selected(rest, marking) for marking in left.get("granular_markings", [])}


def expected_markings(own: dict[str, Any], obj: dict[str, Any], above: set[str]) -> dict[int, list[set[str]]]:
    """Each marking selects what it did as far as that is left; what selects nothing any more is gone."""
    remaining = {
        marking["x_n"]: [below - above for below in selected(own, marking) if below - above]
        for marking in obj["granular_markings"]
    }
    return {n: below for n, below in remaining.items() if below}


@settings(max_examples=200, deadline=None)
@given(objects())
def test_cuts_tell_of_what_redact_gives(made):
    _, obj = made
    found = by_ceiling(obj)
    for ceiling in Tlp:
        left = redact(obj, ceiling)
        assert left is not None
        assert (ceiling in found) == (without(left, "granular_markings") != without(obj, "granular_markings"))
        if ceiling in found:
            levels = [LEVELS.get(each.get("marking_ref")) for each in left.get("granular_markings", [])]
            assert found[ceiling].level == max((level for level in levels if level is not None), default=None)
            assert found[ceiling].level is None or found[ceiling].level <= ceiling
