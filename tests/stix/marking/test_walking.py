"""References: every id that an object holds as a whole string, and nothing that policy 2.7 leaves out."""

from __future__ import annotations

import pytest

from hub.stix.marking.walking import contains, refers
from tests.stix.samples import OTHER_UUID, UUID, sdo

A = f"malware--{OTHER_UUID}"
B = f"x-own-type--{OTHER_UUID}"
OWN = f"identity--{UUID}"
EXTENSION = f"extension-definition--{OTHER_UUID}"
MARKING = f"marking-definition--{OTHER_UUID}"


@pytest.mark.parametrize(
    "more",
    [
        {"created_by_ref": A},
        {"object_marking_refs": [MARKING]},
        {"granular_markings": [{"marking_ref": MARKING, "selectors": ["name"]}]},
        {"object_refs": [OWN]},
        {"object_refs": [MARKING, EXTENSION], "extensions": {EXTENSION: {}}, "x_keys": {MARKING: 1}},
        {"description": f"see {A}", "x_list": [f"{A}.", f" {A}", f"({A})"]},
        {"x_ref": f"x-{'y' * 211}--{OTHER_UUID}"},
        {"parent_ref": "0", "x_ref": 5, "x_refs": [None, "malware--1", f"malware-{OTHER_UUID}", f"{A} "]},
    ],
)
def test_what_is_no_reference_is_not_followed(more):
    assert refers(sdo(**more)) == frozenset()


@pytest.mark.parametrize(
    "more",
    [
        {"source_ref": A, "target_ref": B},
        {"object_refs": [A, B, A]},
        {"sighting_of_ref": A, "where_sighted_refs": [B]},
        {"objects": {"0": {"src_ref": A}, "1": {"content_refs": [B]}}},
        {"extensions": {"x-ext": {"deep": [[{"x_ref": A}], {"more": {"y_refs": [B]}}]}}},
        {"x_refs": {"one": A, "two": [[B]]}},
        {"x_ref": [A, {"inner": B}]},
        {"description": A, "x_list": [[B]]},
        {"x_by_id": {A: {"deep": [{B: None}]}}},
        {"x_kept": {"type": "bundle", "objects": [{"type": "malware", "id": A, "created_by_ref": B}]}},
        {"objects": {"0": {"type": "malware", "id": A}, "1": {"type": "file", "x": B}}},
        {"created_by_ref": A, "x_authors": [A, B]},  # a second time: no longer its own created_by_ref alone
    ],
)
def test_every_reference_is_found_at_any_depth(more):
    assert refers(sdo(**more)) == {A, B}


def test_an_id_of_250_characters_is_a_reference():
    longest = f"x-{'y' * 210}--{OTHER_UUID}"
    assert len(longest) == 250
    assert refers(sdo(x_ref=longest)) == {longest}


def test_upper_case_ids_are_references_too():
    assert refers(sdo(x_ref=f"malware--{OTHER_UUID.upper()}")) == {f"malware--{OTHER_UUID.upper()}"}


@pytest.mark.parametrize(
    ("object_type", "expected"),
    [
        ("report", {A, B}),
        ("grouping", {A, B}),
        ("note", set()),
        ("opinion", set()),
        ("observed-data", set()),
        ("x-report", set()),
    ],
)
def test_only_reports_and_groupings_contain(object_type, expected):
    own = f"{object_type}--{UUID}"
    assert contains(sdo(object_type, object_refs=[A, own, B])) == expected


def test_a_container_without_members_contains_nothing():
    assert contains(sdo("report")) == frozenset()
