"""What is not STIX 2.1 is refused with the property and the remedy; real feeds pass whole."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from hub.stix.validity import validation
from tests.stix.samples import OTHER_UUID, UUID, definition, indicator, observable, real, sdo, without

LATER = "2024-05-01T10:00:00.001Z"
MARKING = f"marking-definition--{OTHER_UUID}"
EXTENSION = f"extension-definition--{UUID}"
STATEMENT = {"definition_type": "statement", "definition": {"statement": "x"}}


def relationship(**more: Any) -> dict[str, Any]:
    ends = {"relationship_type": "uses", "source_ref": f"malware--{UUID}", "target_ref": f"tool--{UUID}"}
    return without(sdo("relationship", **{**ends, **more}), "name")


REFUSED = [
    # the type
    (without(sdo(), "type"), "/type is missing"),
    (sdo(type=5), "/type is missing or not a string"),
    (sdo("bundle", objects=[]), "/type is bundle"),
    (sdo("Identity"), "/type 'Identity' is no STIX type"),
    (sdo("x"), "no STIX type name"),
    (sdo("x--y"), "no STIX type name"),
    (sdo("x_y_z"), "no STIX type name"),
    (sdo("x-own\n"), "no STIX type name"),
    (sdo("x" * 251), "no STIX type name"),
    # the version of the standard
    (without(sdo(), "spec_version"), "STIX 2.1 only; write \"spec_version\": \"2.1\" in each object"),
    (without(relationship(), "spec_version"), "STIX 2.1 only"),
    (without(definition(**STATEMENT), "spec_version"), "STIX 2.1 only"),
    (without(sdo("x-own"), "spec_version"), "STIX 2.1 only"),
    (without(sdo("x-own"), "spec_version", "modified"), "STIX 2.1 only"),
    ({"Event": {"info": "x", "Attribute": []}}, "/type is missing: this is an event of MISP; export it as"),
    ({"response": [{"Event": {}}]}, "/type is missing: this is an event of MISP"),
    ({"name": "x"}, "/type is missing or not a string; every STIX object has one, for example"),
    (sdo(spec_version="2.0"), '/spec_version is "2.0", and the hub takes STIX 2.1 only'),
    (sdo(spec_version=2.1), "/spec_version is 2.1, and"),
    (sdo(spec_version=None), "/spec_version is null, and"),
    (observable(spec_version="2.0"), '/spec_version is "2.0", and'),
    # the id
    (without(sdo(), "id"), "/id is missing"),
    (sdo(id=5), "/id is missing or not a string"),
    (sdo(id=f"malware--{UUID}"), "/id does not begin with 'identity--'"),
    (sdo(id=UUID), "/id does not begin with"),
    (sdo(id="identity--1"), "RFC 4122 UUID"),
    (sdo(id=f"identity--{UUID}x"), "RFC 4122 UUID"),
    (sdo(id=f"identity--{UUID}\n"), "RFC 4122 UUID"),
    (sdo(id=f"identity--{UUID.replace('-', '')}"), "RFC 4122 UUID"),
    (sdo(id="identity--00000000-0000-0000-0000-000000000000"), "RFC 4122 UUID"),
    (sdo(id="identity--" + "1" * 300), "/id is longer than 250"),
    (without(observable(), "id"), "/id is missing"),
    # instants
    (sdo(created="2024-13-01T00:00:00.000Z"), "/created"),
    (sdo(created="2024-02-30T00:00:00.000Z"), "/created is "),
    (sdo(modified="2025-02-29T00:00:00.000Z"), "/modified is "),
    (sdo(modified="2024-05-01T10:00:00.000+00:00"), "/modified"),
    (sdo(modified="2016-12-31T23:59:60.000Z"), "/modified is "),
    (sdo(modified="2024-05-01T10:00:00." + "0" * 20 + "Z"), "/modified is "),
    (sdo(created=LATER), "/modified is earlier than created"),
    (sdo(modified="2024-05-01T09:59:59.999Z"), "/modified is earlier than created"),
    (sdo(created=5), "/created"),
    (without(sdo(), "created"), "/created is missing; add it"),
    (without(sdo(), "modified"), "/modified is missing; add it"),
    (without(sdo("x-own"), "created"), "/created is missing; add it"),
    (observable(modified="yesterday"), "/modified is "),
    (definition(**STATEMENT, created="2024-02-30T00:00:00Z"), "/created is "),
    # the schema of the type
    (without(sdo(), "name"), "/name is missing; add it"),
    (sdo(name=5), "/name has the wrong JSON type: it is the number 5 and must be a string"),
    (sdo(labels=[]), "/labels is an empty list; leave the property out"),
    (sdo(contact_information=None), "/contact_information"),
    (sdo(x_own=None), "/x_own is null; leave the property out"),
    (sdo(X_OWN=1), "/X_OWN is no name of a property"),
    (sdo(confidence=101), "/confidence"),
    (sdo(revoked="yes"), "/revoked has the wrong JSON type"),
    (sdo(object_marking_refs=["TLP:RED"]), "/object_marking_refs/0 is \"TLP:RED\": this is no id"),
    (sdo(external_references=[{"url": "https://example.com"}]), "/external_references/0"),
    (sdo(extensions={"anything": {}}), "/extensions/anything is empty"),
    (sdo(extensions={EXTENSION: {"x": 1}}), "extension_type is missing"),
    (sdo(severity="high"), "/severity is a reserved name"),
    (sdo(granular_markings=[{"selectors": ["name"]}]), "/granular_markings/0"),
    (
        sdo(granular_markings=[{"marking_ref": MARKING, "lang": "de", "selectors": ["name"]}]),
        "/granular_markings/0",
    ),
    (sdo(granular_markings=[{"marking_ref": f"identity--{UUID}", "selectors": ["name"]}]), "marking_ref"),
    (sdo(granular_markings=[{"marking_ref": MARKING, "selectors": [5]}]), "/granular_markings/0/selectors/0"),
    (without(relationship(), "target_ref"), "/target_ref is missing; add it"),
    (without(observable(), "value"), "/value is missing; add it"),
    (definition(), "/"),
    (definition(definition_type="statement", definition={}), "/"),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "said"), REFUSED)
def test_what_is_not_stix_21_is_refused_with_its_place(obj, said):
    sentence = validation.fault(obj)
    assert said in (sentence or "")
    assert sentence is not None
    assert sentence.startswith("/")
    assert len(sentence) < 450


ACCEPTED = [
    sdo(),
    sdo(id=f"identity--{UUID.upper()}"),
    sdo(modified="2024-05-01T10:00:00.000001Z"),
    sdo(x_own={"deep": [1, {"more": True}]}, x_mitre_domains=["ics-attack"]),
    sdo("x-own-type", x_own=1),
    sdo("x-mitre-tactic"),
    sdo("future-type"),
    sdo("x" * 200),
    sdo(granular_markings=[{"lang": "de", "selectors": ["name"]}]),
    sdo(granular_markings=[{"marking_ref": MARKING, "selectors": ["hashes.MD5", "no such..thing"]}]),
    sdo("language-content", object_ref=f"malware--{UUID}", contents={"de": {"name": "x"}}),
    sdo("report", published="2024-05-01T10:00:00Z", object_refs=[f"malware--{OTHER_UUID}"]),
    relationship(),
    observable(),
    observable(spec_version="2.1"),
    observable(x_own="y"),
    {"type": "x-own-observable", "id": f"x-own-observable--{UUID}", "value": 1},
    definition(**STATEMENT),
    definition(**STATEMENT, created="2017-06-01T00:00:00Z"),
    definition(extensions={EXTENSION: {"extension_type": "property-extension", "x_own": 1}}),
]


@pytest.mark.parametrize("obj", ACCEPTED, ids=lambda obj: str(obj["type"])[:30])
def test_what_real_feeds_need_passes(obj):
    assert validation.fault(obj) is None


def test_a_sentence_is_short_whatever_the_object_holds():
    huge = "x" * 100_000
    for obj in (
        sdo(type=huge),
        sdo(confidence=huge),
        sdo(**{huge.upper(): 1}),
        sdo(x_own={"y": 1}, labels=huge),
    ):
        assert len(validation.fault(obj) or "") in range(10, 450)


# --- real data --------------------------------------------------------------------------------------

VALID = ("attack-ics-18.1", "report-apt1", "report-unit42-konni", "report-cisa-aa23-325a")


def shipped_reports() -> list[Path]:
    spec = find_spec("stix2validator")
    assert spec is not None
    assert spec.submodule_search_locations
    reports = Path(spec.submodule_search_locations[0], "schemas-2.1", "examples", "threat-reports")
    return sorted(reports.glob("*.json"))


@pytest.mark.parametrize("path", [*real(*VALID), *shipped_reports()], ids=lambda path: path.stem)
def test_every_object_of_a_real_report_passes(path):
    objects = json.loads(path.read_bytes())["objects"]
    assert objects
    assert [sentence for obj in objects if (sentence := validation.fault(obj))] == []


@pytest.mark.parametrize("path", real("report-unit42-konni-stix20"), ids=lambda path: path.stem)
def test_every_object_of_a_stix_20_report_is_refused_as_such(path):
    objects = json.loads(path.read_bytes())["objects"]
    assert {(validation.fault(obj) or "")[:40] for obj in objects} == {
        "/spec_version is missing: this is STIX 2"
    }


@pytest.mark.parametrize(
    ("obj", "needs", "not_needed"),
    [
        (without(indicator(labels=["x"]), "pattern_type"), ["pattern_type", "indicator_types"], "millisec"),
        (without(indicator(), "pattern_type"), ["pattern_type"], "labels"),
        (sdo("malware", created="2016-05-01T10:00:00Z"), ["is_family", "milliseconds in created,"], "labels"),
        (sdo("tool", created="2016-05-01T10:00:00Z", modified="2016-05-01T10:00:00.1Z", labels=["x"]),
         ["tool_types", "milliseconds in created and modified"], "is_family"),
        (sdo("identity"), ["in the bundle"], "also has"),
    ],
)  # fmt: skip
def test_a_stix_20_object_hears_what_it_needs_besides_and_no_more(obj, needs, not_needed):
    said = validation.fault(without(obj, "spec_version")) or ""
    assert all(need in said for need in needs)
    assert not_needed not in said
    assert "elevator" not in said


# --- patterns: see test_patterns; here only which ones are looked at ----------------------------------


@pytest.mark.parametrize(
    ("more", "is_refused"),
    [
        ({"pattern": "no pattern"}, True),
        ({"pattern": "no pattern", "pattern_version": "2.1"}, True),
        ({"pattern": "no pattern", "pattern_version": "2.0"}, True),
        ({"pattern": "no pattern", "pattern_type": "yara"}, False),
        ({}, False),
    ],
)
def test_only_a_stix_pattern_is_held_against_the_grammar(more, is_refused):
    assert ("no STIX pattern" in (validation.fault(indicator(**more)) or "")) is is_refused
