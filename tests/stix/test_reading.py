"""From a body to objects: one bad item never takes the good ones down, and nothing is rewritten."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import BadRequest, Unprocessable
from hub.model import DefinitionKind, JsonObject, Markings, StixObject, Tlp, Unreadable
from hub.stix import bodies, reading
from hub.stix.marking.tlp import TLP_IDS, definitions
from tests.stix.samples import (
    MAX_BYTES,
    OTHER_UUID,
    UUID,
    WHEN,
    definition,
    digest,
    indicator,
    observable,
    real,
    sdo,
    without,
)  # fmt: skip

RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
ACS = "extension-definition--3a65884d-005a-4290-8335-cb2d778a83ce"


def read(item: object, index: int = 0, max_object_bytes: int = MAX_BYTES) -> StixObject | Unreadable:
    return reading.read(item, index, max_object_bytes, digest)


def understood(item: JsonObject) -> StixObject:
    made = read(item)
    assert isinstance(made, StixObject), made
    return made


# --- the list ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "error", "said"),
    [
        ([], BadRequest, "not a JSON object"),
        (None, BadRequest, "not a JSON object"),
        ("objects", BadRequest, "not a JSON object"),
        ({}, BadRequest, "has no objects"),
        (sdo(), BadRequest, "has no objects"),
        ({"objects": None}, BadRequest, "not a list"),
        ({"objects": sdo()}, BadRequest, "not a list"),
        ({"objects": "x"}, BadRequest, "not a list"),
        ({"objects": []}, Unprocessable, "empty"),
    ],
)
def test_a_body_without_a_list_of_objects_is_refused(document, error, said):
    with pytest.raises(error, match=said):
        bodies.items(document)


@pytest.mark.parametrize("beside", [{}, {"more": False}, {"type": "bundle", "id": f"bundle--{UUID}"}])
def test_envelopes_and_bundles_alike_give_their_objects(beside):
    assert bodies.items({**beside, "objects": [1, None]}) == [1, None]


# --- one item -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("item", [None, True, 0, 1.5, "x", [], [sdo()]])
def test_an_item_that_is_no_object_is_named_by_its_place(item):
    assert read(item, 7) == Unreadable(
        "(item 7)", None, "the item is not a JSON object; every STIX object is one"
    )


@pytest.mark.parametrize(
    ("item", "stix_id", "version"),
    [
        ({}, "(item 3)", None),
        ({"id": 5, "modified": 5}, "(item 3)", None),
        ({"id": "", "created": None}, "(item 3)", None),
        ({"id": "x" * 251, "modified": "x" * 41}, "(item 3)", None),
        ({"id": "anything", "created": "c"}, "anything", "c"),
        (sdo(spec_version="2.0", created="c"), f"identity--{UUID}", WHEN),
    ],
)
def test_an_unreadable_object_keeps_what_name_it_has(item, stix_id, version):
    made = read(item, 3)
    assert isinstance(made, Unreadable)
    assert (made.id, made.version) == (stix_id, version)
    assert made.message


def test_an_object_over_the_limit_is_refused_with_both_sizes():
    size = len(orjson.dumps(sdo()))
    assert isinstance(read(sdo(), max_object_bytes=size), StixObject)
    made = read(sdo(), max_object_bytes=size - 1)
    assert isinstance(made, Unreadable)
    assert made.message == f"the object has {size} bytes, and the hub takes {size - 1}; split it"


def test_a_lie_about_tlp_is_said_before_the_schema_speaks():
    made = read(definition(definition_type="tlp", definition={"tlp": "red"}))
    assert isinstance(made, Unreadable)
    assert "only under a standard id" in made.message


@pytest.mark.parametrize("more", [{"object_marking_refs": ["x--"]}, {"granular_markings": [{"lang": "de"}]}])
def test_markings_that_are_no_stix_are_refused(more):
    assert isinstance(read(sdo(**more)), Unreadable)


def test_a_marking_id_that_is_too_long_for_an_id_is_refused():
    made = read(sdo(object_marking_refs=[f"marking-{'x' * 240}--{UUID}"]))
    assert isinstance(made, Unreadable)
    assert "it must name marking-definition" in made.message


def nested(depth: int) -> JsonObject:
    value: JsonObject = {}
    for _ in range(depth):
        value = {"x_deep": value}
    return value


@pytest.mark.parametrize("value", [2**70, "\ud800", {5: 1}, {"\ud800": 1}, nested(5000), object(), b"x"])
def test_what_no_json_text_can_spell_is_refused_and_not_raised(value):
    assert isinstance(read(sdo(x_own=value)), Unreadable)


def test_what_the_strict_reader_lets_through_is_never_too_deep():
    assert isinstance(read(bodies.loads(orjson.dumps(sdo(x_own=nested(60))))), StixObject)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
BASES = [
    sdo(),
    indicator(),
    observable(),
    definition(),
    sdo("report", object_refs=[]),
    *definitions("identity--x"),
]
NAMES = sorted(
    {name for base in BASES for name in base} | {"granular_markings", "labels", "object_marking_refs"}
)


@settings(max_examples=300)
@given(JSON, st.integers(0, 10))
def test_read_never_raises_on_any_json(item, index):
    assert isinstance(read(item, index), StixObject | Unreadable)


@settings(max_examples=1000)
@given(st.sampled_from(BASES), st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3), st.data())
def test_read_never_raises_on_an_object_with_anything_in_its_properties(base, changes, data):
    removed = data.draw(st.sets(st.sampled_from(sorted(base)), max_size=2))
    made = read({**without(base, *removed), **changes})
    assert isinstance(made, StixObject | Unreadable)
    assert made.id


# --- what is understood -------------------------------------------------------------------------------


def test_an_object_is_read_with_all_that_the_rules_need():
    malware, marking = f"malware--{OTHER_UUID}", f"marking-definition--{OTHER_UUID}"
    creator = f"identity--{OTHER_UUID}"
    item = sdo(
        "report",
        modified="2024-05-01T10:00:00.120Z",
        published=WHEN,
        object_refs=[malware],
        created_by_ref=creator,
        revoked=True,
        object_marking_refs=[RED, marking],
    )
    assert read(item) == StixObject(
        id=f"report--{UUID}",
        type="report",
        version="2024-05-01T10:00:00.120Z",
        version_key="2024-05-01T10:00:00.12",
        has_spec_version=True,
        revoked=True,
        body=orjson.dumps(item),
        digest=digest(item),
        markings=Markings(tlp=Tlp.RED, others=frozenset({marking})),
        refers=frozenset({malware}),
        contains=frozenset({malware}),
        creator=creator,
        created="2024-05-01T10:00:00",
    )


def test_an_observable_has_no_version_and_may_lack_a_spec_version():
    made = understood(observable())
    assert (made.version, made.version_key, made.has_spec_version) == (None, None, False)


def test_without_modified_the_version_is_created():
    made = understood(definition(definition_type="statement", definition={"statement": "x"}))
    assert made.version == WHEN
    assert made.definition is DefinitionKind.STATEMENT


def test_a_definition_names_its_extensions():
    extensions = {ACS: {"extension_type": "property-extension", "x_own": 1}}
    made = understood(definition(extensions=extensions))
    assert (made.definition, made.definition_extensions) == (DefinitionKind.OTHER, {ACS})
    assert understood(sdo(extensions=extensions)).definition_extensions == frozenset()


def test_a_selector_that_matches_nothing_closes_but_does_not_refuse():
    made = understood(sdo(granular_markings=[{"marking_ref": RED, "selectors": ["nothing"]}]))
    assert made.markings.raised is Tlp.RED
    assert made.markings.fault


@pytest.mark.parametrize("marking_id", TLP_IDS)
def test_the_standard_definitions_are_read_as_copies(marking_id):
    served = next(obj for obj in definitions(f"identity--{UUID}") if obj["id"] == marking_id)
    assert understood(served).definition is DefinitionKind.TLP_COPY


@pytest.mark.parametrize(
    "item",
    [
        sdo(x_z=1, x_a=2, x_float=1.0, x_small=1e-7, x_text="é\u2028\\/"),
        sdo(modified="2024-05-01T10:00:00.000000Z"),
        observable(x_own=[-0.0, 9007199254740991, True]),
    ],
)
def test_the_body_is_the_submitted_value_in_its_own_order(item):
    made = understood(item)
    assert json.loads(made.body) == item
    assert list(json.loads(made.body)) == list(item)
    assert made.body.decode() == json.dumps(item, ensure_ascii=False, separators=(",", ":")).replace(
        "1e-07", "1e-7"
    )


VALID = ("attack-ics-18.1", "report-apt1", "report-unit42-konni", "report-cisa-aa23-325a")


@pytest.mark.parametrize("path", real(*VALID), ids=lambda path: path.stem)
def test_every_object_of_a_real_report_is_understood(path):
    objects = bodies.items(bodies.loads(path.read_bytes()))
    made = [understood(item) for item in objects]
    assert all(one.markings.fault is None and one.markings.remark is None for one in made)
    assert [bodies.loads(one.body) for one in made] == objects


@pytest.mark.parametrize("path", real("report-unit42-konni-stix20"), ids=lambda path: path.stem)
def test_no_object_of_a_stix_20_report_is(path):
    made = [read(item) for item in bodies.items(bodies.loads(path.read_bytes()))]
    assert {type(one) for one in made} == {Unreadable}
    assert all(isinstance(one, Unreadable) and one.version and "--" in one.id for one in made)
