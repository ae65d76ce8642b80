"""Granular marking selectors: what they reach, and what they do not (STIX 2.1 section 7.2.3.1)."""

from __future__ import annotations

import pytest

from hub.stix.selectors import selector_fault

OBJECT = {
    "id": "file--1",
    "name": "a name",
    "labels": ["one", "two"],
    "defanged": False,
    "hashes": {"MD5": "…", "SHA-256": "…"},
    "extensions": {
        "windows-pebinary-ext": {"sections": [{"name": "a"}, {"name": "b", "x_more": {"y_1": []}}]}
    },
    "x_matrix": [[1, 2], [3, [4]]],
    "x_null": None,
    "additional_header_fields": {"X-Originating-IP": ["198.51.100.1"], "0": {"1": 1}},
}

MALFORMED = [
    "", ".", "..", " ", "name.", ".name", "name..x", "[0]", "[0].name", "labels[0]", "labels.[0", "labels.0]",
    "labels.[]", "labels.[-1]", "labels.[+1]", "labels.[00]", "labels.[01]", "labels.[1.0]", "labels.[ 0]",
    "labels.[\u0660]", "labels.[0]x", "labels.[a]", "labels.[*]", "labels.[" + "9" * 5000 + "]", "na me",
    "näme", "name\n", "$.name", "/name", "name/x", "labels.*", "hashes.'MD5'", "x" * 251, 5, None, True,
    ["name"], {},
]  # fmt: skip

MISSING = [
    "description", "Name", "labels.[2]", "labels.[999999999]", "labels.one", "labels.0", "name.[0]", "name.x",
    "hashes.md5", "hashes.SHA256", "hashes.[0]", "defanged.x", "x_matrix.[1].[1].[1]", "x_matrix.[0].[0].[0]",
    "extensions.windows-pebinary-ext.sections.name", "extensions.windows_pebinary_ext", "x_null.x",
    "additional_header_fields.X-Originating-IP.[1]", "additional_header_fields.[0]", "keys", "__class__",
]  # fmt: skip

PRESENT = [
    "id", "name", "labels", "labels.[0]", "labels.[1]", "defanged", "hashes", "hashes.MD5", "hashes.SHA-256",
    "extensions.windows-pebinary-ext", "extensions.windows-pebinary-ext.sections.[1].name",
    "extensions.windows-pebinary-ext.sections.[1].x_more.y_1", "x_matrix.[1].[1].[0]", "x_matrix.[0].[1]",
    "x_null", "additional_header_fields.X-Originating-IP.[0]", "additional_header_fields.0.1",
]  # fmt: skip


@pytest.mark.parametrize("selector", MALFORMED)
def test_a_malformed_selector_is_a_fault(selector):
    said = selector_fault(OBJECT, selector)
    assert said is not None
    assert "malformed" in said or "not a string" in said
    assert len(said) < 300


@pytest.mark.parametrize("selector", MISSING)
def test_a_selector_that_matches_nothing_is_a_fault(selector):
    assert "matches nothing" in (selector_fault(OBJECT, selector) or "")


@pytest.mark.parametrize("selector", PRESENT)
def test_a_selector_that_is_present_is_none(selector):
    assert selector_fault(OBJECT, selector) is None
