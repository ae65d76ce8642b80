"""Submissions and filters at the limits that are stated: each has its outcome, and what is good is stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.hostility import hostile
from tests.hostility.door import Door, open_door
from tests.stix_objects import malware

NO_SPLIT = "At most 50000 objects"
TOO_BIG = "the hub takes 2097152; split it"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with open_door(tmp_path) as door:
        yield door


def send(door: Door, name: str) -> tuple[int, Any]:
    """Send all bodies of a shape; return the status of the last, and what it says."""
    for body in hostile.BODIES[name]():
        assert len(body) <= hostile.MAX_BODY
        answer = door.push_bytes("us-agency", body)
    return answer.status_code, orjson.loads(answer.data)


# --- refused whole ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("50,001 objects", 422, NO_SPLIT),
        ("3,000,000 zeros as objects", 422, NO_SPLIT),
        ("3,000,000 empty objects", 422, NO_SPLIT),
        ("10 MB opening brackets", 400, "line 1 column"),
        ("10 MB of NUL escapes", 400, "NUL"),
        ("10 MB of one duplicate key", 400, "twice"),
    ],
)
def test_a_body_that_is_too_much_is_refused_with_the_remedy(
    door: Door, name: str, status: int, said: str
) -> None:
    found, value = send(door, name)
    assert (found, value["http_status"]) == (status, str(status))
    assert said in value["description"]


def test_a_body_is_taken_up_to_its_limit_and_not_beyond(door: Door) -> None:
    start, end = b'{"objects":[' + orjson.dumps(malware(1, tlp="red")) + b"]", b"}"
    whole = start + b" " * (hostile.MAX_BODY - len(start) - len(end)) + end
    assert door.push_bytes("us-agency", whole).status_code == 202
    assert door.push_bytes("us-agency", whole[:-1] + b" }").status_code == 413


# --- refused alone ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("one object of 10 MB", TOO_BIG),
        ("one object of 10 MB in floats", TOO_BIG),
        ("one object of 10 MB in keys", TOO_BIG),
        ("1,000,000 object_refs", TOO_BIG),
        ("400,000 object_refs in 2 MB", "/object_refs"),
        ("50,000 empty objects", "/type is missing"),
        ("10 MB of escaped quotes", "not a JSON object"),
    ],
)
def test_an_object_that_is_too_much_fails_alone(door: Door, name: str, said: str) -> None:
    status, value = send(door, name)
    assert status == 202
    assert value["success_count"] == 0
    assert said in value["failures"][0]["message"]


def test_texts_to_backtrack_on_have_each_their_outcome(door: Door) -> None:
    status, value = send(door, "texts to backtrack on")
    assert status == 202
    assert value["failure_count"] + value["success_count"] == value["total_count"]
    assert value["failure_count"] > 0


@pytest.mark.parametrize(
    "name", ["10 MB of OR chains", "10 MB of nested patterns", "10 MB of honest patterns"]
)
def test_patterns_for_the_parser_pass_up_to_a_limit_and_then_fail_alone(door: Door, name: str) -> None:
    """They end in a comment, which no plain pattern does."""
    status, value = send(door, name)
    assert status == 202
    assert value["success_count"] > 0
    assert "send it in another" in value["failures"][-1]["message"]


# --- accepted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "one object of 2 MB",
        "one object of 2 MB in small numbers",
        "one object of 2 MB in floats",
        "36,000 object_refs of a report",
        "5,000 references each way",
        "25,000 object_marking_refs",
        "60,000 selectors",
        "40,000 long selectors",
        "18,000 granular markings",
    ],
)
def test_what_is_large_and_allowed_is_stored(door: Door, name: str) -> None:
    status, value = send(door, name)
    assert (status, value["failure_count"]) == (202, 0)


# --- filters ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", hostile.QUERIES)
def test_a_query_as_long_as_an_address_is_answered(door: Door, name: str) -> None:
    query = hostile.QUERIES[name]
    assert len(query) > 3_000
    answer = door.get("us-cert", f"{door.objects_path('US')}?{query}")
    assert answer.status_code in {200, 400}
    assert b"Traceback" not in answer.data
