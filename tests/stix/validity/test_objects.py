"""Domain, relationship and meta objects are valid when the text of STIX 2.1 says so."""

from __future__ import annotations

import copy

import pytest

from hub.stix.validity import corrections, schemas, validation
from tests.stix.by_the_text import ACCEPTED, REFUSED


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_the_text_allows_passes(name):
    assert validation.fault(ACCEPTED[name]) is None


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_text_forbids_is_refused_with_place_and_remedy(name):
    obj, said = REFUSED[name]
    sentence = validation.fault(obj) or ""
    assert said in sentence
    assert sentence.startswith("/")
    assert len(sentence) < 450


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [5], [[]], [{}], {"x": 5}, {"": None}])
@pytest.mark.parametrize("obj", ACCEPTED.values(), ids=list(ACCEPTED))
def test_any_json_in_any_property_gets_a_sentence_or_passes(obj, value):
    for name in obj.keys() | {"external_references", "granular_markings", "extensions", "lang", "objects"}:
        sentence = validation.fault({**obj, name: value})
        assert sentence is None or sentence.startswith("/")


@pytest.mark.parametrize("correction", corrections.CORRECTIONS, ids=lambda c: f"{c.where} {c.section}")
def test_each_correction_changes_what_is_shipped(correction):
    """So that a package that follows the text one day is noticed."""
    loaded = schemas.packaged()
    folder, name = correction.where.split("/")
    before = copy.deepcopy(loaded[folder][name])
    correction.change(loaded[folder][name])
    assert loaded[folder][name] != before
    assert correction.because
