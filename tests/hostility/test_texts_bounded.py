"""Texts and keys made to hurt: what an object costs grows with its size, not with the square of it.

Each bound lies some twenty times above what was measured, and what is held against it would take far longer
if a place, an id or a mark were looked for once for each of the others.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from hub.errors import BadJson
from hub.model import StixObject
from hub.proofs import canonical
from hub.stix import bodies, reading
from hub.stix.derived import renaming
from tests.hostility import hostile
from tests.hostility.hostile import id_of
from tests.stix_objects import malware, report

MAX_OBJECT = 2_097_152
NAMES = ("us-agency", "Agency One")


def read(obj: dict[str, Any]) -> StixObject:
    found = reading.read(obj, 0, MAX_OBJECT, canonical.digest, NAMES)
    assert isinstance(found, StixObject)
    return found


def seconds_of(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return time.process_time() - start


@pytest.mark.parametrize(
    ("obj", "limit"),
    [
        (malware(1, description="a" + "\u0315\u0300" * 100_000), 1.0),
        (malware(1, description="a" + "\u0315\u200d\u0300\ufe0f" * 100_000), 1.5),
        (malware(1, x_name="\ufdfa" * 200_000), 10.0),
        (malware(1, x_name="xn--a " * 300_000), 20.0),
        (malware(1, x_name="%41&amp;amp;<a \\x41" * 100_000), 20.0),
        (report(1, refs=[id_of("malware", n) for n in range(20_000)]), 3.0),
        (
            malware(
                1,
                extensions={
                    id_of("extension-definition", n): {"extension_type": "property-extension"}
                    for n in range(10_000)
                },
            ),
            3.0,
        ),
        (malware(1, x_a={"k" * 1_000_000: [0] * 500_000}), 5.0),
    ],
    ids=[
        "marks",
        "marks and what is invisible",
        "long forms",
        "labels of domains",
        "encoded",
        "references",
        "extensions",
        "a long key",
    ],
)
def test_an_object_is_read_in_time_that_grows_with_its_size(obj: dict[str, Any], limit: float) -> None:
    assert seconds_of(lambda: read(obj)) < limit


def test_a_long_key_is_held_once_and_not_for_each_value_below_it() -> None:
    obj = malware(1, x_a={"k" * 10_000: ["a"] * 10_000})
    tracemalloc.start()
    try:
        read(obj)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000  # 10,000 keys of 10,000 characters are five times as much


@pytest.mark.parametrize("flaw", [b'"z":"\\u0000"', b'"z":1,"z":2', b'"z":99999999999999999'])
def test_where_a_flaw_is_costs_no_more_below_a_long_key(flaw: bytes) -> None:
    body = b'{"' + b"k" * 1_000_000 + b'":[' + b"1," * 300_000 + b'{"a":"b"}],' + flaw + b"}"

    def refuse() -> None:
        with pytest.raises(BadJson, match="at /z"):
            bodies.loads(body)

    assert seconds_of(refuse) < 2.0


def test_a_name_that_stands_everywhere_is_named_at_a_few_places_and_these_are_cut() -> None:
    found = read(malware(1, x_a={"k" * 1_000: ["agency one"] * 10_000})).named_at
    assert 0 < len(found) <= 20
    assert max(map(len, found)) < 300


def test_marks_that_a_language_has_are_met_and_thirty_more_hide_no_name() -> None:
    assert renaming.mentions(malware(1, description="age\u0301nt one"), ["ag\u00e9nt"]) == ["description"]
    assert renaming.mentions(malware(1, name="n", description="agent" + "\u0300" * 99 + " one"), ["one"]) == [
        "description"
    ]


def test_an_index_and_a_key_still_make_a_place() -> None:
    obj = malware(1, x_a=[{"b": ["", "by agency one"]}])
    assert list(read(obj).named_at) == ["x_a.[0].b.[1]"]


def test_a_small_object_is_held_in_little_more_than_its_text() -> None:
    """1.2 KB were measured; what orjson writes keeps 4 KB each unless it is copied."""
    items = [hostile.address(n) for n in range(1_000)]
    tracemalloc.start()
    try:
        found = [reading.read(item, 0, MAX_OBJECT, canonical.digest, NAMES) for item in items]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / len(found) < 2_000
