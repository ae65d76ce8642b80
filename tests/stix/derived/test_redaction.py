"""Redaction: what is left below a ceiling, and what may not be given in part (policy 7, STIX 2.1 7.2.3)."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from hub.model import Redaction, Tlp
from hub.stix.derived.redaction import redact
from hub.stix.marking.markings import selector_fault
from hub.stix.validity.validation import fault
from tests.stix.derived.granular import EXTENSION, by_ceiling, mark, marked
from tests.stix.samples import OTHER_UUID, UUID, indicator, observable, sdo, without
from tests.stix_objects import INFORMATIVE, TLP

CREATOR = f"identity--{OTHER_UUID}"
FIRST, SECOND = f"malware--{UUID}", f"malware--{OTHER_UUID}"
RANDOM = "0e3a4b0c-2b6d-4a53-9b1c-0f6f2ad1b0f5"
NAME_BASED = "28bb3599-77cd-5a82-a950-b5bc3caf07c4"


def bare(obj: dict[str, Any] | None) -> dict[str, Any]:
    """What is left, without the common properties of `sdo`."""
    assert obj is not None
    return without(obj, "type", "spec_version", "id", "created", "modified", "name")


# An object of the shape by which the standard explains its selectors.
VULNERABILITY = {
    "description": "text",
    "labels": ["heartbleed", "has-logo"],
    "external_references": [
        {"source_name": "cve", "external_id": "CVE-2014-0160"},
        {
            "source_name": "other",
            "description": "more",
            "url": "https://other.example",
            "hashes": {"MD5": "0" * 32},
        },
    ],
    "created_by_ref": CREATOR,
    "extensions": {EXTENSION: {"extension_type": "property-extension", "rank": 5, "toxicity": 8}},
    "x_list": [[1, 2], [3]],
    "x_dict": {"key-1": {"inner": [True, {"deep": "value"}]}, "0": "zero", "Key_2": None},
}
X_DICT = VULNERABILITY["x_dict"]
CVE, OTHER = VULNERABILITY["external_references"]

PUBLISHED = [
    ("description", {"description": None}),
    ("labels", {"labels": None}),
    ("labels.[0]", {"labels": ["has-logo"]}),
    ("labels.[1]", {"labels": ["heartbleed"]}),
    ("external_references", {"external_references": None}),
    ("external_references.[0]", {"external_references": [OTHER]}),
    ("external_references.[1]", {"external_references": [CVE]}),
    ("external_references.[1].url", {"external_references": [CVE, without(OTHER, "url")]}),
    ("external_references.[1].hashes", {"external_references": [CVE, without(OTHER, "hashes")]}),
    ("external_references.[1].hashes.MD5", {"external_references": [CVE, without(OTHER, "hashes")]}),
    ("created_by_ref", {"created_by_ref": None}),
    ("extensions", {"extensions": None}),
    (f"extensions.{EXTENSION}", {"extensions": None}),
    (
        f"extensions.{EXTENSION}.rank",
        {"extensions": {EXTENSION: {"extension_type": "property-extension", "toxicity": 8}}},
    ),
    ("x_list.[0].[0]", {"x_list": [[2], [3]]}),
    ("x_list.[1].[0]", {"x_list": [[1, 2]]}),
    ("x_dict.key-1", {"x_dict": {"0": "zero", "Key_2": None}}),
    ("x_dict.0", {"x_dict": without(X_DICT, "0")}),
    ("x_dict.Key_2", {"x_dict": without(X_DICT, "Key_2")}),
    ("x_dict.key-1.inner.[0]", {"x_dict": {**X_DICT, "key-1": {"inner": [{"deep": "value"}]}}}),
    ("x_dict.key-1.inner.[1].deep", {"x_dict": {**X_DICT, "key-1": {"inner": [True]}}}),
]  # fmt: skip


@pytest.mark.parametrize(("selector", "changed"), PUBLISHED)
def test_what_a_selector_selects_is_taken_away_and_nothing_else(selector, changed):
    obj = sdo("vulnerability", **VULNERABILITY)
    given = marked(obj, mark("red", selector))
    before = deepcopy(given)
    expected = {name: value for name, value in {**obj, **changed}.items() if value is not None}

    left = redact(given, Tlp.AMBER_STRICT)

    assert left == expected
    assert given == before
    assert fault(left) is None


@pytest.mark.parametrize(
    ("selector", "expected_level"),
    [("description", Tlp.AMBER_STRICT), ("labels.[1]", None), ("x_list.[0]", None)],
)
def test_what_is_marked_at_the_ceiling_stays(selector, expected_level):
    obj = marked(sdo(**VULNERABILITY), mark("amber+strict", selector))
    assert redact(obj, Tlp.AMBER_STRICT) == redact(obj, Tlp.RED) == obj
    assert Tlp.AMBER_STRICT not in by_ceiling(obj)
    assert set(by_ceiling(obj)) == {Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER}


WHOLE = [
    # what the version is, and how it is to be handled
    (sdo(), "id"),
    (sdo(), "type"),
    (sdo(), "spec_version"),
    (sdo(), "created"),
    (sdo(), "modified"),
    (observable(spec_version="2.1"), "spec_version"),
    (observable(created=sdo()["created"]), "created"),
    (sdo(revoked=True), "revoked"),
    (sdo(object_marking_refs=[TLP["green"]]), "object_marking_refs"),
    (sdo(object_marking_refs=[TLP["green"], INFORMATIVE]), "object_marking_refs.[1]"),
    # required by the schema of the type
    (sdo(), "name"),
    (indicator(), "pattern"),
    (indicator(), "pattern_type"),
    (indicator(), "valid_from"),
    (sdo("report", published=sdo()["created"], object_refs=[FIRST]), "object_refs"),
    (sdo("report", published=sdo()["created"], object_refs=[FIRST]), "object_refs.[0]"),
    (sdo("relationship", relationship_type="uses", source_ref=FIRST, target_ref=SECOND), "target_ref"),
    (sdo("location", latitude=1.5, longitude=2.5, region="x"), "longitude"),  # each needs the other
    (sdo(external_references=[CVE]), "external_references.[0].source_name"),
    (sdo(external_references=[CVE]), "external_references.[0].external_id"),  # the schema wants it of a CVE
    (sdo(extensions=VULNERABILITY["extensions"]), f"extensions.{EXTENSION}.extension_type"),
    # contributing to the id of an observable, whole or in part
    (observable(), "value"),
    (observable(type="file", id=f"file--{UUID}", hashes={"MD5": "0" * 32}, name="x"), "hashes.MD5"),
    (observable(type="file", id=f"file--{UUID}", hashes={"MD5": "0" * 32}, name="x"), "name"),
    (
        observable(
            type="file", id=f"file--{UUID}", name="x", extensions={"pdf-ext": {"version": "1", "pdfid0": "z"}}
        ),
        "extensions.pdf-ext.pdfid0",
    ),
    (
        observable(type="windows-registry-key", id=f"windows-registry-key--{UUID}", key="x",
                   values=[{"name": "a"}, {"name": "b"}]),
        "values.[1]",
    ),
    (observable(type="x-own", id=f"x-own--{NAME_BASED}", x_other=1), "x_other"),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "selector"), WHOLE)
def test_what_may_not_be_given_in_part_is_not_given(obj, selector):
    given = marked(obj, mark("amber", selector))
    assert selector_fault(given, selector) is None
    assert redact(given, Tlp.GREEN) is None
    assert by_ceiling(given) == {}
    assert redact(given, Tlp.AMBER) == given


@pytest.mark.parametrize(
    ("obj", "selector", "gone"),
    [
        (observable(type="file", id=f"file--{UUID}", name="x", size=5), "size", "size"),
        (observable(type="process", id=f"process--{RANDOM}", pid=5, cwd="x"), "cwd", "cwd"),
        (observable(resolves_to_refs=[f"mac-addr--{UUID}"]), "resolves_to_refs.[0]", "resolves_to_refs"),
        (observable(type="x-own", id=f"x-own--{RANDOM}", x_other=1), "x_other", "x_other"),
        (sdo("x-own", id=f"x-own--{NAME_BASED}", x_other=1), "x_other", "x_other"),
        (sdo("campaign", id=f"campaign--{NAME_BASED}", x_other=1), "x_other", "x_other"),
    ],
)
def test_what_does_not_make_the_id_is_taken_away(obj, selector, gone):
    assert redact(marked(obj, mark("amber", selector)), Tlp.GREEN) == without(obj, gone)


LEFT = [
    # a stricter part of a laxer container, and the reverse
    ([mark("green", "x_list"), mark("red", "x_list.[0].[1]")], Tlp.AMBER,
     {"x_list": [[1], [3]], "granular_markings": [mark("green", "x_list")]}),
    ([mark("red", "x_list"), mark("green", "x_list.[0].[1]")], Tlp.AMBER, {}),
    # twice the same part: the stricter counts
    ([mark("red", "labels.[0]"), mark("clear", "labels.[0]")], Tlp.AMBER, {"labels": ["b", "c"]}),
    # a container that loses all that it holds
    ([mark("red", "x_list.[0].[0]", "x_list.[0].[1]", "x_list.[1]")], Tlp.AMBER, {}),
    ([mark("red", "x_list.[0].[0]", "x_list.[0].[1]"), mark("green", "x_list.[0]", "x_list.[1].[0]")],
     Tlp.AMBER,
     {"x_list": [[3]], "granular_markings": [mark("green", "x_list.[0].[0]")]}),
    # later items move, and their markings follow
    ([mark("red", "labels.[0]"), mark("green", "labels.[2]", "labels.[0]", "labels.[1]")], Tlp.AMBER,
     {"labels": ["b", "c"], "granular_markings": [mark("green", "labels.[1]", "labels.[0]")]}),
    ([mark("red", "labels.[0]", "labels.[2]"), mark("green", "labels.[1]"), mark("amber", "labels.[2]")],
     Tlp.AMBER,
     {"labels": ["b"], "granular_markings": [mark("green", "labels.[0]")]}),
    # languages too
    ([mark("red", "labels.[0]", "x_list.[0]"), {"lang": "de", "selectors": ["labels.[1]", "x_list.[0].[1]"]},
      {"lang": "fr", "selectors": ["labels.[0]"]}], Tlp.AMBER,
     {"labels": ["b", "c"], "x_list": [[3]],
      "granular_markings": [{"lang": "de", "selectors": ["labels.[0]"]}]}),
    # each ceiling takes its own
    ([mark("clear", "labels.[0]"), mark("green", "labels.[1]"), mark("amber", "labels.[2]")], Tlp.CLEAR,
     {"labels": ["a"], "granular_markings": [mark("clear", "labels.[0]")]}),
    ([mark("white", "labels.[0]"), mark("green", "labels.[1]"), mark("amber", "labels.[2]")], Tlp.GREEN,
     {"labels": ["a", "b"], "granular_markings": [mark("white", "labels.[0]"), mark("green", "labels.[1]")]}),
]  # fmt: skip


@pytest.mark.parametrize(("markings", "ceiling", "expected"), LEFT)
def test_markings_that_meet_and_lists_that_shrink(markings, ceiling, expected):
    obj = marked(sdo(labels=["a", "b", "c"], x_list=[[1, 2], [3]]), *markings)
    touched = {selector.split(".")[0] for marking in markings for selector in marking["selectors"]}
    untouched = without({"labels": ["a", "b", "c"], "x_list": [[1, 2], [3]]}, *touched)
    assert bare(redact(obj, ceiling)) == {**untouched, **expected}


def test_a_cut_knows_the_level_and_the_references_of_what_is_left():
    obj = marked(
        sdo("campaign", x_refs=[FIRST, SECOND], y_ref=CREATOR, description="x", labels=["tlp:green"]),
        mark("red", "x_refs.[0]"),
        mark("amber", "x_refs.[1]", "description"),
        mark("clear", "y_ref"),
    )
    taken = frozenset({"x_refs.[0]"})
    assert by_ceiling(obj) == {
        Tlp.GREEN: Redaction(
            Tlp.GREEN, Tlp.GREEN, frozenset({CREATOR}), taken | {"x_refs.[1]", "description"}
        ),
        Tlp.AMBER: Redaction(Tlp.AMBER, Tlp.AMBER, frozenset({SECOND, CREATOR}), taken),
        Tlp.AMBER_STRICT: Redaction(Tlp.AMBER_STRICT, Tlp.AMBER, frozenset({SECOND, CREATOR}), taken),
    }


def test_a_container_left_counts_by_its_own_marking():
    obj = marked(sdo(x_list=[1, 2]), mark("amber", "x_list"), mark("red", "x_list.[0]"))
    assert {ceiling: cut.level for ceiling, cut in by_ceiling(obj).items()} == {
        Tlp.CLEAR: None,
        Tlp.GREEN: None,
        Tlp.AMBER: Tlp.AMBER,
        Tlp.AMBER_STRICT: Tlp.AMBER,
    }


@pytest.mark.parametrize(
    "obj",
    [
        sdo(description="x"),
        marked(sdo(description="x"), {"lang": "en", "selectors": ["description"]}),
        marked(sdo(description="x"), mark("clear", "description")),
        marked(sdo(description="x"), mark("red", "description"), mark("red", "labels")),
        marked(sdo(description="x"), mark("red", "description"), mark("red", "description.")),
        marked(sdo(description="x", labels=["x"]), mark("red", "description"),
               {"marking_ref": INFORMATIVE, "selectors": ["labels"]}),
        marked(sdo(description="x"), mark("red", "description"), {"selectors": ["description"]}),
        {**sdo(description="x"), "granular_markings": {}},
    ],
)  # fmt: skip
def test_without_granular_tlp_that_can_be_followed_there_is_no_cut(obj):
    assert by_ceiling(obj) == {}


def test_what_cannot_be_followed_is_not_given():
    assert redact(marked(sdo(description="x"), mark("red", "description", "labels")), Tlp.AMBER) is None
    other = {"marking_ref": INFORMATIVE, "selectors": ["name"]}
    assert redact(marked(sdo(description="x"), mark("red", "description"), other), Tlp.AMBER) is None


@pytest.mark.parametrize(
    "marking",
    [
        mark("amber", "granular_markings"),
        mark("green", "granular_markings.[0].selectors.[0]"),
        {"lang": "en", "selectors": ["granular_markings.[1].lang"]},
    ],
)
def test_markings_that_are_marked_themselves_are_not_followed(marking):
    obj = marked(sdo(description="x"), mark("red", "description"), marking)
    assert selector_fault(obj, marking["selectors"][0]) is None
    assert redact(obj, Tlp.AMBER) is None
    assert by_ceiling(obj) == {}


@pytest.mark.parametrize(
    ("labels", "selector", "ceilings"),
    [
        (["TLP:Amber"], "description", {Tlp.AMBER, Tlp.AMBER_STRICT}),
        (["tlp:red"], "description", set()),
        (["x", "tlp:red"], "labels.[0]", set()),
        (["x", "tlp:red"], "labels.[1]", set()),  # a label that spells a level is not taken away
        (["x", "tlp:amber"], "labels.[1]", set()),
        (["x", "tlp:amber"], "labels", set()),
        (["x", "tlp:green"], "labels.[0]", {Tlp.GREEN, Tlp.AMBER, Tlp.AMBER_STRICT}),
        (["tlp:green", "tlp:amber"], "labels.[0]", {Tlp.AMBER, Tlp.AMBER_STRICT}),  # amber still stands
    ],
)
def test_labels_that_spell_a_level_are_enforced_and_stay(labels, selector, ceilings):
    obj = marked(sdo(labels=labels, description="x"), mark("red", selector))
    assert set(by_ceiling(obj)) == ceilings


def test_what_is_left_shares_nothing_with_the_object():
    obj = marked(sdo(x_dict={"a": [1]}, description="x"), mark("red", "description"), mark("green", "x_dict"))
    before = deepcopy(obj)
    left = redact(obj, Tlp.AMBER)
    left["x_dict"]["a"].append(2)
    left["granular_markings"][0]["selectors"].append("x")
    assert obj == before
