"""`--mark` changes what carries no TLP level, and nothing else."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.client.input.reading import Item, marked_item
from hub.model import StixObject, Tlp
from hub.model.tlp_ids import TLP_2_EXTENSION, TLP_2_IDS, TLP_IDS
from hub.proofs import canonical
from hub.stix import reading
from tests.stix_objects import malware, observable, stix_id

STATEMENT = stix_id("marking-definition", 5)
GREEN = next(id for id, level in TLP_2_IDS.items() if level is Tlp.GREEN)
RED = next(id for id, level in TLP_2_IDS.items() if level is Tlp.RED)
OBJECT = {"type": "indicator", "id": "indicator--1"}


def after(value: Any) -> Any:
    return orjson.loads(marked_item(Item.of(value), Tlp.GREEN).body)


@pytest.mark.parametrize(
    "value",
    [
        *({**OBJECT, "object_marking_refs": [id]} for id in TLP_IDS),
        {**OBJECT, "object_marking_refs": [STATEMENT, RED]},
        {**OBJECT, "labels": ["tlp:amber+strict"]},
        {**OBJECT, "labels": ["\uff34\uff2c\uff30\uff1aRED"]},
        {**OBJECT, "labels": ["t\u200blp red"]},
        {**OBJECT, "labels": ['misp:tlp="red"']},
        {**OBJECT, "labels": ["t\u0301lp:red"]},
        {**OBJECT, "labels": ["t\u115flp:red"]},
        {**OBJECT, "labels": ["tl\ufe0fp:red"]},
        {**OBJECT, "labels": ["tlp\u034f:red"]},
        {**OBJECT, "labels": ["t\u0000lp:red"]},
        {**OBJECT, "labels": ["\u24e3\u24db\u24df:red"]},
        {**OBJECT, "extensions": {TLP_2_EXTENSION: {"tlp_2_0": "red"}}},
        {**OBJECT, "granular_markings": [{"marking_ref": RED, "selectors": ["name"]}]},
        {**OBJECT, "x": [{"object_marking_refs": [RED]}]},
        {**OBJECT, "x": {"labels": ["tlp:red"]}},
        {**OBJECT, "object_marking_refs": "not a list"},
        {**OBJECT, "type": "marking-definition"},
        {**OBJECT, "type": "extension-definition"},
        {**OBJECT, "type": 1},
        {"id": "x"},
        [1],
        "text",
        None,
    ],
)
def test_what_has_a_level_or_takes_none_is_not_changed(value: Any) -> None:
    assert after(value) == value


@pytest.mark.parametrize(
    "value",
    [
        OBJECT,
        {**OBJECT, "type": "ipv4-addr"},
        {**OBJECT, "type": "relationship"},
        {**OBJECT, "type": "language-content"},
        {**OBJECT, "labels": ["malware", "amber"]},
        {**OBJECT, "object_refs": [RED]},  # it holds the definition, and is not marked by it
        {**OBJECT, "extensions": {stix_id("extension-definition"): {"a": 1}}},
    ],
)
def test_what_carries_none_is_marked(value: dict[str, Any]) -> None:
    assert after(value) == {**value, "object_marking_refs": [GREEN]}


def test_a_statement_stays_beside_the_level() -> None:
    value = {**OBJECT, "object_marking_refs": [STATEMENT]}
    assert after(value) == {**OBJECT, "object_marking_refs": [STATEMENT, GREEN]}


def test_a_marked_name_is_no_name_whose_level_a_container_settles() -> None:
    item = marked_item(Item.of({"type": "malware", "id": "malware--1"}), Tlp.RED)
    assert (item.level, item.is_unmarked, item.role.name) == (Tlp.RED, False, "PART")


LABELS = st.lists(
    st.one_of(
        st.text(alphabet="TtLlPpREDred:-\u200b\uff34\uff2c\uff30 ", max_size=9),
        st.sampled_from(["tlp:red", "TLP2.0:AMBER", "tlp amber strict", "red", "misc"]),
    ),
    max_size=3,
)


@given(labels=LABELS, deep=st.booleans(), base=st.sampled_from([malware(1), observable()]))
def test_what_the_hub_reads_a_level_in_is_never_marked(
    labels: list[str], deep: bool, base: dict[str, Any]
) -> None:
    value = base | ({"x_kept": {"labels": labels}} if deep else {"labels": labels})
    read = reading.read(value, 0, 1_000_000, canonical.digest, ())
    if isinstance(read, StixObject) and (read.markings.tlp, read.markings.raised) != (None, None):
        assert not Item.of(value).is_unmarked
