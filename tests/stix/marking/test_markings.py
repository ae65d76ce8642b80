"""Markings are read by id alone, raise and never lower, and a definition cannot lie about TLP."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import stix2

from hub.model import DefinitionKind, Markings, StixId, Tlp
from hub.stix.marking.markings import definition_kind, read_markings, selector_fault
from hub.stix.marking.tlp import (
    TLP_2_EXTENSION,
    TLP_IDS,
    definitions,
    hub_identity,
)
from hub.stix.validity.validation import fault
from tests.stix.samples import OTHER_UUID, UUID, definition, sdo

HUB = StixId(f"identity--{UUID}")
STATEMENT = f"marking-definition--{OTHER_UUID}"
WHITE = "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"
GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
AMBER = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"
STRICT = "marking-definition--826578e1-40ad-459f-bc73-ede076f81f37"
RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
RED_2 = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"


def marked(*refs: str, **more: object) -> Markings:
    return read_markings(sdo(**{"object_marking_refs": list(refs), **more} if refs else more))


def granular(*markings: tuple[str, str]) -> list[dict[str, object]]:
    return [{"marking_ref": ref, "selectors": [selector]} for ref, selector in markings]


# --- the level ------------------------------------------------------------------------------------


def test_an_object_without_markings_has_no_level():
    assert marked() == Markings()


@pytest.mark.parametrize(("marking_id", "level"), TLP_IDS.items())
def test_every_known_id_gives_its_level(marking_id, level):
    assert marked(marking_id) == Markings(tlp=level)


def test_ten_ids_are_known_and_each_level_has_one():
    assert len(TLP_IDS) == 10
    assert set(TLP_IDS.values()) == set(Tlp)


@pytest.mark.parametrize(
    "ref",
    [RED.upper(), RED.replace("5e57", "5E57"), RED + " ", RED[:-1], "TLP:RED", "marking-definition--red"],
)
def test_what_only_resembles_an_id_is_another_marking(ref):
    assert marked(ref) == Markings(others=frozenset({ref}))


@pytest.mark.parametrize(
    ("refs", "level", "remark"),
    [
        (
            [WHITE, AMBER],
            Tlp.AMBER,
            "marked both TLP:CLEAR and TLP:AMBER; the stricter, TLP:AMBER, is enforced",
        ),
        ([RED, GREEN], Tlp.RED, "marked both TLP:GREEN and TLP:RED; the stricter, TLP:RED, is enforced"),
        (
            [STRICT, AMBER],
            Tlp.AMBER_STRICT,
            "marked both TLP:AMBER and TLP:AMBER+STRICT; the stricter, TLP:AMBER+STRICT, is enforced",
        ),
        (
            [GREEN, RED, AMBER],
            Tlp.RED,
            "marked TLP:GREEN, TLP:AMBER and TLP:RED; the strictest, TLP:RED, is enforced",
        ),
        ([RED, RED_2], Tlp.RED, None),
    ],
)
def test_of_two_levels_the_stricter_counts_and_the_submitter_is_told(refs, level, remark):
    assert marked(*refs) == Markings(tlp=level, remark=remark)


@pytest.mark.parametrize(
    ("label", "level"),
    [
        ("tlp:amber+strict", Tlp.AMBER_STRICT),
        ("tlp:amber-strict", Tlp.AMBER_STRICT),
        ("tlp:amber_strict", Tlp.AMBER_STRICT),
        ("TLP:AMBER STRICT", Tlp.AMBER_STRICT),
        ("Tlp:Red", Tlp.RED),
        (" tlp: red ", Tlp.RED),
        ("TLP-RED", Tlp.RED),
        ("tlp:white", Tlp.CLEAR),
        ("tlp:clear", Tlp.CLEAR),
        ("tlp:green", Tlp.GREEN),
        ("tlp:amber", Tlp.AMBER),
        ("red", None),
        ("tlp:", None),
        ("tlp:purple", None),
        ("tlp:redacted", None),
        ("tlp:reda", None),
        ("tlp:amberstrictly", None),
        ("tlp:the red one", None),
        ("amber+strict", None),
        ("not tlp:red", Tlp.RED),
        ("tlp:red2", Tlp.RED),
        ("tlp:amber+\u017ftrict", Tlp.AMBER_STRICT),
        ("tlp:amber, strictly", Tlp.AMBER),
        ('misp:tlp="amber 2 strict"', Tlp.AMBER_STRICT),
        ('misp:tlp="red"', Tlp.RED),
        ("TLP2.0:RED", Tlp.RED),
        ("TLPRED", Tlp.RED),
        ("xtlp=white; tlp=green", Tlp.GREEN),
        ("tlp:green or tlp:amber or tlp:clear", Tlp.AMBER),
        ("\uff34\uff2c\uff30\uff1a\uff32\uff25\uff24", Tlp.RED),  # full-width letters
        ("t\u200bl\u2060p:r\u00ade\ufeffd", Tlp.RED),  # zero-width characters
        ("t\x01l\x7fp:red", Tlp.RED),  # nor does anybody see a control character
        ("\u8a00\u8449tlp\u2462:red\u3002", Tlp.RED),
        ("tlp:red\u8a00", None),  # a letter follows
        ("tlp\U00010107red", Tlp.RED),  # a number that is no digit is no letter either
    ],
)
def test_a_label_that_spells_a_level_raises_and_is_no_marking(label, level):
    assert marked(labels=["malicious", label]) == Markings(raised=level)


def test_a_label_never_lowers_and_the_disagreement_is_told():
    both = marked(RED, labels=["tlp:green"])
    assert (both.tlp, both.raised) == (Tlp.RED, Tlp.GREEN)
    assert both.remark == "marked both TLP:GREEN and TLP:RED; the stricter, TLP:RED, is enforced"
    assert marked(RED, labels=["tlp:red"]).remark is None


# --- granular markings ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markings", "said"),
    [
        (granular((RED, "nothing")), "matches nothing"),
        (granular((RED, "name"), (RED, "labels.[0]")), "matches nothing"),
        (granular((RED, "name..x")), "malformed"),
        ([{"lang": "de", "selectors": ["nothing"]}], "matches nothing"),
        ([{"marking_ref": RED}], "no selectors"),
        ([{"marking_ref": RED, "selectors": []}], "no selectors"),
        ([{"marking_ref": RED, "selectors": "name"}], "no selectors"),
        ([{"marking_ref": RED, "selectors": [5]}], "not a string"),
        ([{"selectors": ["name"]}], "neither marking_ref nor lang"),
        ([{"marking_ref": 5, "selectors": ["name"]}], "neither marking_ref nor lang"),
        (["name"], "not a list of objects"),
        ({}, "not a list of objects"),
        (None, "not a list of objects"),
    ],
)
def test_a_granular_marking_that_cannot_be_followed_is_a_fault(markings, said):
    assert said in (marked(granular_markings=markings).fault or "")


@pytest.mark.parametrize(
    ("markings", "expected"),
    [
        (granular((RED, "name")), Markings(raised=Tlp.RED)),
        (granular((GREEN, "name"), (AMBER, "id")), Markings(raised=Tlp.AMBER)),
        (
            granular((STATEMENT, "name")),
            Markings(others=frozenset({STATEMENT}), parts=frozenset({STATEMENT})),
        ),
        ([{"lang": "de", "selectors": ["name"]}], Markings()),
    ],
)
def test_a_tlp_on_any_part_raises_the_whole(markings, expected):
    assert marked(granular_markings=markings) == expected


def test_a_level_stays_known_beside_a_fault():
    both = marked(granular_markings=granular((RED, "nothing")))
    assert both.raised is Tlp.RED
    assert both.fault


@pytest.mark.parametrize(
    ("part", "remark"),
    [(RED, "marked both TLP:AMBER and TLP:RED; the stricter, TLP:RED, is enforced"), (GREEN, None)],
)
def test_only_a_stricter_part_is_worth_a_remark(part, remark):
    assert marked(AMBER, granular_markings=granular((part, "name"))).remark == remark


def test_other_markings_are_collected_from_both_places():
    other = f"marking-definition--{UUID}"
    both = marked(STATEMENT, AMBER, granular_markings=granular((other, "name")))
    assert both.others == {STATEMENT, other}


# --- submitted definitions --------------------------------------------------------------------------


def tlp_2(word: object) -> dict[str, object]:
    return {TLP_2_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": word}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": WHITE, "definition_type": "tlp", "definition": {"tlp": "red"}}, "another level"),
        ({"id": RED, "definition_type": "tlp", "definition": {"tlp": "white"}}, "another level"),
        ({"id": RED, "name": "TLP:GREEN", "definition": {"tlp": "red"}}, "another level"),
        ({"id": RED, "definition": {"tlp": "red"}, "extensions": tlp_2("green")}, "another level"),
        ({"id": RED, "definition": {"tlp": "purple"}}, "another level"),
        ({"id": RED, "definition": {"tlp": 5}}, "another level"),
        ({"id": RED_2, "extensions": tlp_2(None)}, "another level"),
        ({"id": RED_2, "extensions": {TLP_2_EXTENSION: 5}}, "another level"),
        ({"id": STRICT, "name": "TLP:AMBER"}, "another level"),
        ({"id": STRICT, "x_opencti_definition_type": "TLP", "x_opencti_definition": "TLP:RED"}, "another"),
        ({"id": RED}, "names no TLP level"),
        ({"id": RED, "definition_type": "statement", "definition": {"statement": "x"}}, "names no TLP level"),
        ({"definition_type": "tlp", "definition": {"tlp": "clear"}}, "only under a standard id"),
        ({"definition_type": "TLP"}, "only under a standard id"),
        ({"definition": {"tlp": "green"}}, "only under a standard id"),
        ({"extensions": tlp_2("clear")}, "only under a standard id"),
        ({"name": "TLP:RED"}, "only under a standard id"),
        ({"name": "tlp:amber-strict"}, "only under a standard id"),
        ({"x_opencti_definition": "TLP:RED"}, "only under a standard id"),
        (
            {"definition_type": "statement", "definition": {"statement": "TLP:RED"}},
            "only under a standard id",
        ),
        ({"id": RED.replace("5e57", "5E57"), "definition": {"tlp": "red"}}, "only under a standard id"),
        ({"id": ["x"], "name": "TLP:RED"}, "only under a standard id"),
    ],
)
def test_a_definition_that_lies_about_tlp_fails(changes, said):
    kind, failure = definition_kind(definition(**changes))
    assert kind is None
    assert said in (failure or "")


OPENCTI = {
    "id": STRICT,
    "definition_type": "statement",
    "definition": {"statement": "custom"},
    "x_opencti_definition_type": "TLP",
    "x_opencti_definition": "TLP:AMBER+STRICT",
}


@pytest.mark.parametrize(
    "changes",
    [
        {"id": WHITE, "name": "TLP:CLEAR", "definition_type": "tlp", "definition": {"tlp": "clear"}},
        {"id": WHITE, "definition_type": "TLP", "definition": {"tlp": "TLP:WHITE"}},
        {"id": GREEN, "name": "TLP:GREEN"},
        {
            "id": RED,
            "definition_type": "tlp",
            "definition": {"tlp": "red"},
            "modified": "2025-01-01T00:00:00Z",
        },
        OPENCTI,
    ],
)
def test_a_copy_that_agrees_with_its_id_is_a_copy_however_it_is_spelled(changes):
    obj = definition(**changes)
    assert definition_kind(obj) == (DefinitionKind.TLP_COPY, None)
    assert fault(obj) is None


PAP = {"x_opencti_definition_type": "PAP", "x_opencti_definition": "PAP:RED"}
ACS = {"extension-definition--3a65884d-005a-4290-8335-cb2d778a83ce": {"extension_type": "property-extension"}}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"definition_type": "statement", "definition": {"statement": "© X"}}, DefinitionKind.STATEMENT),
        ({"name": "TLP", **OPENCTI, **PAP, "id": STATEMENT}, DefinitionKind.OTHER),
        (
            {"definition_type": "statement", "definition": {"statement": "x"}, "extensions": ACS},
            DefinitionKind.OTHER,
        ),
        ({"extensions": ACS}, DefinitionKind.OTHER),
        ({"definition_type": "x-own", "definition": {"x": "y"}}, DefinitionKind.OTHER),
        ({"definition_type": 5, "definition": 5, "extensions": [], "name": {}}, DefinitionKind.OTHER),
    ],
)
def test_only_a_plain_statement_is_a_statement(changes, kind):
    assert definition_kind(definition(**changes)) == (kind, None)


def test_other_types_are_no_definitions():
    assert definition_kind(sdo(name="TLP:RED")) == (None, None)


# --- what the hub serves ----------------------------------------------------------------------------


def test_the_hub_serves_a_valid_definition_for_every_known_id():
    served = definitions(HUB)
    assert [obj["id"] for obj in served] == list(TLP_IDS)
    for obj in served:
        assert definition_kind(obj) == (DefinitionKind.TLP_COPY, None)
        assert fault(obj) is None
        assert stix2.parse(obj)["id"] == obj["id"]


@pytest.mark.parametrize("constant", [stix2.TLP_WHITE, stix2.TLP_GREEN, stix2.TLP_AMBER, stix2.TLP_RED])
def test_the_tlp_1_definitions_are_the_standards_own(constant):
    published = dict(stix2.v21.MarkingDefinition(**constant).items())
    served = next(obj for obj in definitions(HUB) if obj["id"] == constant["id"])
    assert stix2.parse(served) == constant
    assert set(served) == set(published) - {"revoked"}


def test_only_the_definition_that_nobody_published_names_the_hub_as_its_author():
    authored = [obj["id"] for obj in definitions(HUB) if "created_by_ref" in obj]
    assert authored == [STRICT]


def test_the_hubs_identity_is_valid():
    made = hub_identity(HUB, datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC))
    assert fault(made) is None
    assert made["created"] == made["modified"] == "2026-01-02T03:04:05.678Z"
    assert (made["name"], made["identity_class"]) == ("Allied threat intelligence hub", "system")


# --- selectors (section 7.2.3.1) ------------------------------------------------------------------------

SELECTED = {
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
    said = selector_fault(SELECTED, selector)
    assert said is not None
    assert "malformed" in said or "not a string" in said
    assert len(said) < 300


@pytest.mark.parametrize("selector", MISSING)
def test_a_selector_that_matches_nothing_is_a_fault(selector):
    assert "matches nothing" in (selector_fault(SELECTED, selector) or "")


@pytest.mark.parametrize("selector", PRESENT)
def test_a_selector_that_is_present_is_none(selector):
    assert selector_fault(SELECTED, selector) is None
