"""What is kept inside an object counts as if it stood on it: levels, markings, ids with capitals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hub.model import StixObject, Tlp
from hub.stix import reading
from hub.stix.derived.redaction import redact
from hub.stix.marking.markings import read_markings
from hub.stix.marking.tlp import TLP_2_EXTENSION
from hub.stix.marking.walking import refers
from tests.stix.samples import MAX_BYTES, OTHER_UUID, UUID, digest, observable, sdo
from tests.stix_objects import TLP

UNKNOWN = f"marking-definition--{OTHER_UUID}"
MALWARE = f"malware--{OTHER_UUID}"
GREEN = [TLP["green"]]


def tlp_2(word: object) -> dict[str, object]:
    return {TLP_2_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": word}}


def in_observed_data(kept: dict[str, Any]) -> dict[str, Any]:
    seen = {"first_observed": "2024-05-01T10:00:00Z", "last_observed": "2024-05-01T10:00:00Z"}
    return sdo("observed-data", **seen, number_observed=1, objects={"0": observable(**kept)})


def in_a_property(kept: dict[str, Any]) -> dict[str, Any]:
    return sdo(x_origin={"type": "malware", "id": MALWARE, **kept})


def in_a_bundle(kept: dict[str, Any]) -> dict[str, Any]:
    return sdo(x_bundle={"type": "bundle", "objects": [{"type": "malware"}, {"type": "malware", **kept}]})


def in_an_extension(kept: dict[str, Any]) -> dict[str, Any]:
    own = f"extension-definition--{OTHER_UUID}"
    return sdo(extensions={own: {"extension_type": "property-extension", "deep": [[kept]]}})


PLACES = [in_observed_data, in_a_property, in_a_bundle, in_an_extension]
Place = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "kept",
    [
        {"labels": ["apt", "tlp:red"]},
        {"labels": "TLP:RED"},
        {"labels": {"handling": ["tlp:red"]}},
        {"object_marking_refs": {"whole": [TLP["red"]]}},
        {"extensions": tlp_2("red")},
        {"object_marking_refs": [TLP["green"], TLP["red"]]},
        {"marking_ref": TLP["red"]},
        {"granular_markings": [{"marking_ref": TLP["red"], "selectors": ["value"]}]},
    ],
)
def test_a_level_at_any_depth_raises_the_whole_and_counts_as_no_marking(place: Place, kept: dict[str, Any]):
    bare, marked = read_markings(place(kept)), read_markings(place(kept) | {"object_marking_refs": GREEN})
    assert (bare.tlp, bare.raised, bare.others, bare.fault) == (None, Tlp.RED, frozenset(), None)
    assert (marked.tlp, marked.raised) == (Tlp.GREEN, Tlp.RED)
    assert marked.remark == "marked both TLP:GREEN and TLP:RED; the stricter, TLP:RED, is enforced"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "kept",
    [
        {"object_marking_refs": [UNKNOWN]},
        {"object_marking_refs": UNKNOWN},
        {"marking_ref": UNKNOWN},
        {"granular_markings": [{"marking_ref": UNKNOWN, "selectors": ["value"]}]},
    ],
)
def test_an_unknown_marking_at_any_depth_is_one_of_a_part(place: Place, kept: dict[str, Any]):
    found = read_markings(place(kept))
    assert (found.others, found.parts) == ({UNKNOWN}, {UNKNOWN})


@pytest.mark.parametrize("word", ["purple", 5, None, {}, ["red"]])
def test_an_extension_that_names_no_level_closes(word: object):
    assert "names no level" in (read_markings(sdo(x_kept={"extensions": tlp_2(word)})).fault or "")


def test_the_extension_on_the_object_itself_raises_and_is_no_marking():
    found = read_markings(sdo(extensions=tlp_2("amber+strict")))
    assert (found.tlp, found.raised, found.fault) == (None, Tlp.AMBER_STRICT, None)


@pytest.mark.parametrize(
    "more",
    [
        {"object_refs": [TLP["red"], UNKNOWN]},
        {"description": TLP["red"], "x_marking": TLP["red"], "x_list": ["tlp:red"]},
        {"x_by_marking": {TLP["red"]: 1}},
        {"extensions": {f"extension-definition--{OTHER_UUID}": {"tlp_2_0": "red"}}},
    ],
)
def test_what_only_names_a_marking_marks_nothing(more: dict[str, Any]):
    found = read_markings(sdo("report", **more))
    assert (found.tlp, found.raised, found.others) == (None, None, frozenset())


# --- redaction ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selector", "is_given"), [("x_kept", True), ("x_kept.labels", True), ("description", False)]
)
def test_what_is_kept_at_a_higher_level_goes_or_nothing_is_given(selector: str, is_given: bool):
    marked = [{"marking_ref": TLP["red"], "selectors": [selector]}]
    obj = sdo(description="x", x_kept={"name": "y", "labels": ["tlp:red"]}, granular_markings=marked)
    assert (redact(obj, Tlp.GREEN) is not None) is is_given


# --- capitals -------------------------------------------------------------------------------------

CAPITALS = MALWARE.replace(OTHER_UUID, OTHER_UUID.upper())


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"x_ref": CAPITALS}, "/x_ref"),
        ({"x_ref": MALWARE.capitalize()}, "/x_ref"),
        ({"x_list": ["a", [CAPITALS]]}, "/x_list/1/0"),
        ({"x_keys": {"a/b": {CAPITALS: 1}}}, f"/x_keys/a~1b/{CAPITALS}"),
        ({"description": CAPITALS}, "/description"),
        ({"created_by_ref": f"identity--{OTHER_UUID.upper()}"}, "/created_by_ref"),
        ({"id": f"identity--{UUID.upper()}"}, "/id"),
        ({"object_marking_refs": [TLP["red"].upper()]}, "/object_marking_refs/0"),
    ],
)
def test_an_id_with_capitals_is_refused_wherever_it_stands(more: dict[str, Any], pointer: str):
    found = reading.read(sdo(**more), 0, MAX_BYTES, digest)
    message = f"{pointer} is a STIX id with capitals, which is another id; write it in lower case"
    assert getattr(found, "message", None) == message


@pytest.mark.parametrize("text", [f"see {CAPITALS}", CAPITALS[:-1], OTHER_UUID.upper(), "A--B", "TLP--RED"])
def test_other_capitals_are_taken(text: str):
    assert isinstance(reading.read(sdo(description=text), 0, MAX_BYTES, digest), StixObject)


# --- cost -----------------------------------------------------------------------------------------


def test_depth_is_no_matter():
    deep: Any = {"labels": ["tlp:red"], "object_marking_refs": [UNKNOWN], "x": MALWARE, "y": CAPITALS}
    for n in range(200_000):
        deep = [deep] if n % 2 else {"x": deep}
    obj = sdo(x_deep=deep)
    assert (read_markings(obj).raised, read_markings(obj).others) == (Tlp.RED, {UNKNOWN})
    assert MALWARE in refers(obj)
    assert reading.read(obj, 0, MAX_BYTES, digest).__class__.__name__ == "Unreadable"


@pytest.mark.parametrize(
    "label",
    ["tlp:" * 500_000, "tlp amberx " * 200_000, "tlp" + "-" * 2_000_000, "\u0315\u0300" * 500_000 + "tlp"],
)
def test_hostile_labels_are_read_in_one_pass(label: str):
    """Anything worse than linear would take minutes."""
    assert read_markings(sdo(labels=[label])).raised is None
