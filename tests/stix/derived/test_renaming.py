"""Ids exchanged wherever they stand, and texts that give a name or an id away."""

from __future__ import annotations

from copy import deepcopy

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stix2.registry import STIX2_OBJ_MAPS

from hub.stix.derived import renaming
from hub.stix.derived.renaming import (
    ID_CONTRIBUTING,
    ids_in,
    is_value_based,
    may_mention,
    rename,
)
from hub.stix.marking.markings import read_markings
from hub.stix.marking.walking import survey
from hub.stix.validity.schemas import OBSERVABLE_TYPES
from tests.stix.samples import OTHER_UUID, UUID, sdo
from tests.stix_objects import TLP

OWN = f"identity--{UUID}"
CREATOR = f"identity--{OTHER_UUID}"
MARKING = f"marking-definition--{OTHER_UUID}"
EXTENSION = f"extension-definition--{OTHER_UUID}"
NEW = "identity--11111111-1111-4111-8111-111111111111"
NEW_MARKING = "marking-definition--11111111-1111-4111-8111-111111111111"
NEW_EXTENSION = "extension-definition--11111111-1111-4111-8111-111111111111"
NAME_BASED = "28bb3599-77cd-5a82-a950-b5bc3caf07c4"

EVERYWHERE = {
    "created_by_ref": CREATOR,
    "object_marking_refs": [MARKING, TLP["green"]],
    "granular_markings": [
        {"marking_ref": MARKING, "selectors": [f"extensions.{EXTENSION}.x_by", "name"]},
        {"lang": "en", "selectors": [f"extensions.{EXTENSION}"]},
    ],
    "extensions": {EXTENSION: {"extension_type": "property-extension", "x_by": CREATOR}},
    "x_own": [[CREATOR, 1, None, True], {"deep": {CREATOR: EXTENSION}}],
    "description": f"by {CREATOR}",
}


def mentions(obj, names, ids=()):
    """What is mentioned; the quick look at the text must not have ruled it out."""
    found = renaming.mentions(obj, names, ids)
    assert not found or may_mention(orjson.dumps(obj), names, ids)
    return found


def test_the_quick_look_rules_out_what_is_plainly_not_there():
    obj = sdo(description="Of another agency", x_ref=CREATOR)
    assert not may_mention(orjson.dumps(obj), ["us-cyber", "Cyber Command"], [obj["id"], CREATOR])


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"x_by": {CREATOR: 1}}, True),
        ({"x_list": [[{"deep": {CREATOR: []}}]]}, True),
        ({"extensions": {EXTENSION: {"x_by": CREATOR}}}, False),
        ({"x_by": [CREATOR]}, False),
    ],
)
def test_ids_that_are_keys_are_found(properties, expected):
    assert survey(sdo(**properties)).has_id_keys == expected


def test_an_id_is_renamed_wherever_it_stands_whole():
    obj = sdo(**EVERYWHERE)
    before = deepcopy(obj)

    renamed = rename(obj, {CREATOR: NEW, MARKING: NEW_MARKING, EXTENSION: NEW_EXTENSION, "identity--x": "x"})

    assert obj == before
    assert renamed == sdo(
        created_by_ref=NEW,
        object_marking_refs=[NEW_MARKING, TLP["green"]],
        granular_markings=[
            {"marking_ref": NEW_MARKING, "selectors": [f"extensions.{NEW_EXTENSION}.x_by", "name"]},
            {"lang": "en", "selectors": [f"extensions.{NEW_EXTENSION}"]},
        ],
        extensions={NEW_EXTENSION: {"extension_type": "property-extension", "x_by": NEW}},
        x_own=[[NEW, 1, None, True], {"deep": {NEW: NEW_EXTENSION}}],
        description=f"by {CREATOR}",
    )
    assert read_markings(renamed).fault is None
    assert mentions(renamed, [], [CREATOR]) == ["description"]


def test_the_objects_own_id_is_renamed():
    assert rename(sdo(), {OWN: NEW}) == sdo(id=NEW)


def test_two_keys_that_would_become_one_are_refused():
    with pytest.raises(ValueError, match="would become one"):
        rename(sdo(x_dict={CREATOR: 1, NEW: 2}), {CREATOR: NEW})


def test_a_copy_shares_nothing():
    obj = sdo(x_list=[[1]])
    rename(obj, {})["x_list"][0].append(2)
    assert obj == sdo(x_list=[[1]])


@pytest.mark.parametrize(
    "granular", [None, 5, {}, [5], [{}], [{"selectors": "name"}], [{"selectors": [5, None]}]]
)
def test_markings_of_another_form_are_copied(granular):
    obj = sdo(granular_markings=granular)
    assert rename(obj, {CREATOR: NEW}) == obj
    assert mentions(obj, ["nobody"], [CREATOR]) == []


def test_ids_in_finds_each_whole_id():
    assert ids_in(sdo(**EVERYWHERE)) == {OWN, CREATOR, MARKING, EXTENSION, TLP["green"]}


def test_the_contributing_properties_are_those_that_stix2_knows():
    known = {
        name: set(one._id_contributing_properties)
        for name, one in STIX2_OBJ_MAPS["2.1"]["observables"].items()
    }
    assert known == ID_CONTRIBUTING
    assert ID_CONTRIBUTING.keys() == OBSERVABLE_TYPES


@pytest.mark.parametrize(
    ("object_type", "uuid", "expected"),
    [
        ("ipv4-addr", NAME_BASED, True),
        ("file", NAME_BASED.upper(), True),
        ("ipv4-addr", UUID, False),
        ("process", NAME_BASED, False),  # no value makes its id
        ("identity", NAME_BASED, False),
        ("x-own", NAME_BASED, False),
    ],
)
def test_only_an_observable_of_the_standard_has_an_id_of_its_value(object_type, uuid, expected):
    assert is_value_based(f"{object_type}--{uuid}", object_type) is expected


# --- what a text gives away ---------------------------------------------------------------------------

AGENCY = "US agency (One)"


@pytest.mark.parametrize(
    "text",
    [
        "US agency (One)",
        "us agency one",
        "seen by US-Agency  One, in May",
        "US_AGENCY_ONE",
        "us.agency\n\tone",
        "mail@us-agency.one.example",
        "\uff35\uff33 Agency \uff2fne",  # full-width letters
        "US A\u200bge\u00adn\u2060cy One",  # zero-width space, soft hyphen, word joiner
        "US\u00a0agency\u2003one",
        "U\u202eS agency o\ufe0fn\u034fe",  # direction override, variation selector, grapheme joiner
        "US agen\x08cy one",
        "\u201cUS agency\u201d \u2014 one",
    ],
)
def test_a_name_is_met_however_it_is_written(text):
    assert mentions(sdo(description=text), [AGENCY]) == ["description"]


@pytest.mark.parametrize(
    "text", ["US agency", "us agency ones", "bus agency one", "US agency two one", "", "."]
)
def test_other_words_are_not_the_name(text):
    assert mentions(sdo(description=text), [AGENCY]) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("A.*[C]+", "by a c"),
        ("Stra\u00dfe", "STRASSE"),
        ("Se\u0301curite\u0301", "la S\u00c9CURIT\u00c9 nationale"),
        ("\u6771\u4eac", "\u5728 \u6771\u4eac"),
        ("\u092d\u093e\u0930\u0924", "\u092d\u093e\u0930\u0924!"),
        ("\ufb01ve", "FIVE"),
    ],
)
def test_names_of_all_kinds(name, text):
    assert mentions(sdo(description=text), [name]) == ["description"]
    assert mentions(sdo(description="abc"), [name]) == []


GRID = "\uc0c8\ubcbd\uc804\ub825"  # a Korean company in two words of two syllables
RAIL = "\u5317\u6d77\u9244\u9053"  # a Japanese one
METER = "\u30e1\u30fc\u30bf\u30fc"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (GRID, f"{GRID}\uc5d0\uc11c \ud0d0\uc9c0"),  # with particles
        (GRID, f"\uc774 {GRID}\uc774 \ubcf4\uace0"),
        (GRID, f"(\uc8fc){GRID}"),
        (GRID, f"\uc8fc\uc2dd\ud68c\uc0ac{GRID}\uc758"),  # and a word before it
        (GRID, "\uc0c8\ubcbd \uc804\ub825\uc740"),
        (GRID, "\uc0c8 \ubcbd\u00a0\uc804\n\ub825"),
        (f"{GRID[:2]} {GRID[2:]}", f"{GRID}\ub294"),
        (GRID, "\u1109\u1162\ubcbd\uc804\ub825"),  # of single letters
        (GRID, "\uc0c8\u200b\ubcbd\u2060\uc804\ub825"),
        (RAIL, f"\u6628\u65e5{RAIL}\u304c\u5831\u544a\u3057\u305f"),
        (RAIL, "\u5317\u6d77 \u9244\u9053\u3067"),
        (METER, f"\u65b0\u578b{METER}\u3092\u72d9\u3046"),
        (METER, "\uff92\uff70\uff80\uff70\u3092"),  # half-width
        ("\u30ac\u30b9", "\u30ab\u3099\u30b9"),  # the voicing mark apart
        ("Dawngrid", f"Dawngrid\ub294 {GRID[2:]}"),
        ("Dawngrid", "\u6628\u65e5DAWNGRID\u304c"),
        ("dawn-grid", "Dawn Grid\uc5d0\uc11c"),
        ("DG \uc804\ub825", "DG\uc804\ub825\uc758"),
        ("Dawngrid", "D\u00e1wngr\u00efd"),
        ("D\u00e1wngrid", "Dawngrid"),
        ("Dawngrid", "D\u0336a\u0336wngrid"),  # struck through
        ("dawngrid", "x_dawngrid_id"),
        ("dawngrid.example", "https://www.dawngrid.example/a"),
        ("dawngrid.example", "someone@DawnGrid.Example."),
        ("\uc0c8\ubcbd.example", "http://xn--3l3bz7e.example/"),
        ("xn--3l3bz7e.example", "\uc0c8\ubcbd.example\uc758"),
        ("\u0e44\u0e1f\u0e1f\u0e49\u0e32", "\u0e01\u0e32\u0e44\u0e1f\u0e1f\u0e49\u0e32\u0e1d\u0e48"),  # Thai
    ],
)  # fmt: skip
def test_a_name_is_met_as_the_languages_of_the_nations_write_it(name, text):
    assert mentions(sdo(description=text), [name]) == ["description"]
    assert mentions(sdo(x_deep=[{text: 1}]), [name]) == [f"x_deep.[0].{text}"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (GRID, "\uad6d\ub0b4 \uc804\ub825 \uae30\uad00"),  # electricity alone
        (GRID, "\uc0c8\ubcbd\uc5d0 \uc804\ub825"),  # something between
        (RAIL, "\u5317\u6d77\u9053\u3067"),
        ("\u30ac\u30b9", "\u30ab\u30b9"),
        ("Dawngrid", "Dawngrids\ub294"),
        ("Dawngrid", "\u6628\u65e5Dawngrid2"),
        ("KEP", "KEPCO\ub294"),
        ("\u092c\u093f\u091c\u0932\u0940", "\u0930\u0947\u0932 \u0935\u093f\u092d\u093e\u0917"),
        ("dawngrid.example", "dawngrid.test"),
    ],
)
def test_what_only_resembles_a_name_is_none(name, text):
    assert mentions(sdo(description=text), [name]) == []


def test_a_letter_that_folds_into_letter_and_accents_stays_in_its_word():
    assert mentions(sdo(description="\u03b9 \u03b1"), ["\u0390\u03b1"]) == []


@pytest.mark.parametrize("name", ["", "  ", "...", "\u200b"])
def test_a_name_without_letters_is_never_met(name):
    assert mentions(sdo(description="... and  more"), [name]) == []


def test_places_are_paths_in_order():
    obj = sdo(
        name="agency one",
        external_references=[{"source_name": "x"}, {"source_name": "by Agency-One"}],
        x_agency_one=5,
        x_dict={"Agency One": {"note": "agency one"}, "other": [["agency one"], 1]},
        granular_markings=[{"lang": "en", "selectors": ["x_agency_one"]}],
    )
    assert mentions(obj, ["nobody", "Agency One"]) == [
        "external_references.[1].source_name",
        "granular_markings.[0].selectors.[0]",
        "name",
        "x_agency_one",
        "x_dict.Agency One",
        "x_dict.Agency One.note",
        "x_dict.other.[0].[0]",
    ]


def test_an_id_is_no_text_but_its_type_is_a_name():
    obj = sdo(x_ref=f"x-agency-one--{UUID}", y_ref=f"x-other--{OTHER_UUID}")
    assert mentions(obj, ["agency one", OTHER_UUID, "8b6297fe"]) == ["x_ref"]


@pytest.mark.parametrize(
    "text",
    [
        f"see {CREATOR}.",
        f"https://hub.example/{CREATOR}/x",
        f"({CREATOR.upper()})",
        OTHER_UUID,
        f"id {OTHER_UUID}",
        f"00000000-0000-0000-0000-0000{OTHER_UUID}",
        f"identity--{OTHER_UUID[:5]}\u200b{OTHER_UUID[5:]}",
        f'by "{CREATOR}',  # as it stands whole in the JSON text
        CREATOR.replace(OTHER_UUID, OTHER_UUID.upper()),  # whole, but `rename` would miss it
    ],
)
def test_an_id_within_a_text_is_met(text):
    assert mentions(sdo(description=text), [], [CREATOR]) == ["description"]


@pytest.mark.parametrize("text", [CREATOR, f"see {OWN}", f"malware--{OTHER_UUID}", f"see {OTHER_UUID[:-1]}"])
def test_whole_ids_and_other_ids_are_not_met(text):
    assert mentions(sdo(description=text), [], [CREATOR]) == []


def test_an_id_in_a_selector_is_whole():
    assert mentions(sdo(**{**EVERYWHERE, "description": "x"}), [], [CREATOR, EXTENSION, MARKING]) == []


@pytest.mark.parametrize(
    "part", ["a ", "0", "0000-", "a-", "\u200b", "agency ", "\uac00", "\uac00 ", "\u0315\u0300"]
)
def test_hostile_text_is_read_in_one_pass(part):
    """Anything worse than linear would take minutes."""
    text = part * (2_000_000 // len(part))
    names = ["agency " * 50 + "b", "a " * 500 + "b", "\uac00" * 500 + "b", "\uac00 " * 50 + "c"]
    assert mentions(sdo(description=text), names, [CREATOR]) == []


def test_many_ids_in_a_large_object_are_counted_in_one_pass():
    ids = [f"malware--{n:08x}-0000-4000-8000-000000000000" for n in range(20_000)]
    assert not may_mention(orjson.dumps(sdo(x_refs=ids)), ["agency one"], ids)


# --- whatever the object ------------------------------------------------------------------------------

KNOWN = [
    f"{kind}--{OTHER_UUID[:-1]}{n}"
    for kind in ("identity", "malware", "extension-definition")
    for n in range(3)
]
FRESH = [id.replace(OTHER_UUID[:8], "ffffffff") for id in KNOWN]
KEYS = st.sampled_from(["x_one", "x_two", *KNOWN])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["text", *KNOWN]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
)
SELECTORS = st.lists(st.lists(KEYS, min_size=1).map(".".join))


@settings(max_examples=300, deadline=None)
@given(VALUES, SELECTORS, st.permutations(FRESH), st.integers(0, len(KNOWN)))
def test_renaming_back_gives_the_original(value, selectors, fresh, count):
    obj = sdo(id=KNOWN[0], x_more=value, granular_markings=[{"lang": "en", "selectors": selectors}])
    ids = dict(zip(KNOWN[:count], fresh, strict=False))

    renamed = rename(obj, ids)

    assert rename(renamed, {new: old for old, new in ids.items()}) == obj
    assert ids_in(renamed) == {ids.get(id, id) for id in ids_in(obj)}
    assert not any(id in component for id in ids for s in renamed["granular_markings"][0]["selectors"]
                   for component in s.split("."))  # fmt: skip
    assert mentions(renamed, [], ids) == []


WORDS = st.text(st.characters(categories=["Ll", "Lu", "Nd"], max_codepoint=0x24F), min_size=1, max_size=6)
GAPS = st.text(st.sampled_from(" \t\n-_.,;:!?()[]{}/\\|*+^$'\"\u00a0\u2014"), min_size=1, max_size=4)
NOISE = st.text(st.sampled_from("\u200b\u200d\u2060\u00ad\ufeff\u202a"), max_size=2)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=4), st.data())
def test_what_is_planted_is_met(words, data):
    name = data.draw(GAPS).join(words)
    change = data.draw(st.sampled_from([str.upper, str.lower, str.title, str.swapcase, str]))
    hidden = [data.draw(NOISE).join(change(word)) for word in words]
    text = hidden[0] + "".join(data.draw(GAPS) + word for word in hidden[1:])
    text = f"{data.draw(WORDS)}{data.draw(GAPS)}{text}{data.draw(GAPS)}{data.draw(WORDS)}"

    assert "x_deep.[0].note" in mentions(sdo(x_deep=[{"note": text}]), [name])
