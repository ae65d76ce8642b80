"""Observables are judged by the text of STIX 2.1: what it allows passes, what it forbids does not."""

from __future__ import annotations

import copy
import json
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import stix2
import stix2.exceptions

from hub.stix.validity import validation
from hub.stix.validity.observable_schemas import CORRECTIONS
from hub.stix.validity.schemas import OBSERVABLE_TYPES
from hub.stix.values.hashes import hash_fault
from tests.stix.observable_samples import ACCEPTED, NOT_READ, sco
from tests.stix.refused_observable_samples import REFUSED
from tests.stix.samples import UUID, real
from tests.stix.validity.test_validation import VALID, shipped_reports


@pytest.mark.parametrize("obj", [*ACCEPTED, *(obj for obj, _ in NOT_READ)], ids=lambda obj: str(obj)[:60])
def test_what_the_text_allows_passes(obj):
    assert validation.fault(obj) is None


@pytest.mark.parametrize(("obj", "place", "said"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_the_text_forbids_is_refused_with_its_place_and_an_example(obj, place, said):
    sentence = validation.fault(obj) or ""
    assert sentence.startswith(place)
    assert said in sentence
    assert len(sentence) < 450


def read(obj: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stix2.parse(obj, allow_custom=True)


@pytest.mark.parametrize("obj", ACCEPTED, ids=lambda obj: str(obj)[:60])
def test_python_stix2_reads_what_the_hub_accepts(obj):
    read(obj)


JUNK = ("", 0, -1, 1.5, True, None, [], {}, ["x"], {"": "y"}, "ab\n", "2016-12-31T23:59:60Z", [[]])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield (*path, key)
        yield from places(part, (*path, key))


def changed(obj: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    copied = copy.deepcopy(obj)
    place = copied
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return copied


@pytest.mark.parametrize(
    "obj", [obj for obj in ACCEPTED if obj["type"] != "observed-data"], ids=lambda obj: str(obj)[:60]
)
def test_python_stix2_reads_whatever_junk_the_hub_lets_through(obj):
    for path in places(obj):
        for junk in JUNK:
            mutant = changed(obj, path, junk)
            if validation.fault(mutant) is None:
                read(mutant)


@pytest.mark.parametrize("path", [*real(*VALID), *shipped_reports()], ids=lambda path: path.stem)
def test_python_stix2_reads_the_observables_and_indicators_of_real_reports(path):
    for obj in json.loads(path.read_bytes())["objects"]:
        if obj["type"] in OBSERVABLE_TYPES | {"indicator", "observed-data"}:
            assert validation.fault(obj) is None
            read(obj)


@pytest.mark.parametrize(("obj", "why"), NOT_READ, ids=lambda value: str(value)[:60])
def test_python_stix2_still_refuses_what_it_is_known_to(obj, why):
    """When one of these begins to be read, its line goes to those above."""
    with pytest.raises((stix2.exceptions.STIXError, ValueError, AttributeError)):
        read(obj)


def test_every_correction_says_why_and_where_in_the_text():
    assert all(correction.why and correction.section for correction in CORRECTIONS)


@pytest.mark.parametrize("text", ["a" * 500_000, "3:" + "a" * 500_000, "T1" + "0" * 500_000], ids=len)
@pytest.mark.parametrize("algorithm", ["MD5", "SSDEEP", "TLSH"])
def test_no_length_of_a_hash_takes_long(algorithm, text):
    began = time.process_time()
    assert hash_fault(algorithm, text)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("piece", ["a", "a.", "a-", "\\", '"', "x-1", ":*", "1:", "@", "한"])
def test_no_length_of_a_value_takes_long(piece):
    text = piece * (500_000 // len(piece))
    began = time.process_time()
    for obj in (
        sco("software", name="x", languages=[text]), sco("software", name="x", cpe="cpe:2.3:a:" + text),
        sco("domain-name", value=text), sco("email-addr", value='"' + text),
        sco("url", value="x:" + text + " "),
        sco("ipv6-addr", value=text), sco("windows-registry-key", key="HKLM\\" + text),
    ):  # fmt: skip
        assert len(validation.fault(obj) or "") < 450
    assert time.process_time() - began < 5


def test_an_observable_of_a_type_of_its_own_keeps_its_references():
    assert validation.fault({"type": "x-own", "id": f"x-own--{UUID}", "src_ref": "0"}) is None
