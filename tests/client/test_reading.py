"""What files may look like; and what would not arrive as it was written is refused with its place."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import orjson
import pytest

from hub.client import ClientError
from hub.client.reading import Item, Role, opened, read_items
from hub.model import Tlp

A, B = b'{"id":"a","type":"t"}', b'{"id":"b","type":"t"}'


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "feed: the file is empty"),
        (b" \n\n", "feed: the file is empty"),
        (b"{", "feed: not JSON"),
        (b"[{}]", "feed: expected a bundle"),
        (b'"text"', "feed: expected a bundle"),
        (b'{"objects":{}}', "feed: `objects` is not a list"),
        (A + b"\nno json\n", "feed line 2: not JSON"),
        (A + b"\n\n" + b'{"a":1,"a":2}', "feed line 3: the key 'a' appears twice"),
        (b'{"objects":[{"x":{"a":1,"\\u0061":2}}]}', "feed: the key 'a' appears twice"),
        (b'{"a":9007199254740992}', "feed: the integer 9007199254740992 is beyond"),
        (b'{"a":-9007199254740992}', "feed: the integer -9007199254740992 is beyond"),
        (b'{"a":' + b"1" * 300 + b"}", "feed: the integer 11111111111111111111 is beyond"),
        (b'{"a":' + b"1" * 5000 + b"}", "feed: not JSON"),
        (b'{"a":NaN}', "feed: not JSON"),
        (b'{"a":1e999}', "feed: not JSON"),
        (b'{"a":"\\ud800"}', "feed: not JSON"),
        (b'{"a":"\xff"}', "feed: not JSON"),
        (b'\xef\xbb\xbf{"a":1}', "feed: not JSON"),
        (b'{"a":' * 3000 + b"1" + b"}" * 3000, "feed: "),
    ],
)
def test_what_would_not_arrive_as_written_is_refused_with_its_place(data: bytes, sentence: str) -> None:
    with pytest.raises(ClientError) as refused:
        list(read_items("feed", io.BytesIO(data)))
    assert str(refused.value).startswith(sentence)


def test_an_object_that_has_no_json_form_is_refused() -> None:
    with pytest.raises(ClientError, match="the object x cannot be written as JSON"):
        Item.of({"id": "x", "n": 2**70})


def test_a_file_that_is_missing_is_named() -> None:
    sentence = "no-such-file cannot be read: No such file"
    with pytest.raises(ClientError, match=sentence), opened("no-such-file"):
        pytest.fail("it was opened")


@pytest.mark.parametrize(
    ("data", "bodies"),
    [
        (b'{"type":"bundle","id":"bundle--1","objects":[%b,%b]}' % (A, B), [A, B]),
        (b'{"more":false,"objects":[%b]}' % A, [A]),
        (b'{"type":"bundle","objects":[]}', []),
        (A, [A]),
        (b'{\n  "id": "a",\n  "type": "t"\n}\n', [A]),
        (A + b"\n" + B + b"\n", [A, B]),
        (A + b"\r\n\r\n" + B, [A, B]),
        (b'{"objects":[1,"x",null]}', [b"1", b'"x"', b"null"]),  # for the hub to refuse, one by one
    ],
)
def test_a_bundle_an_envelope_an_object_and_lines_give_their_objects_in_order(
    data: bytes, bodies: list[bytes]
) -> None:
    assert [item.body for item in read_items("feed", io.BytesIO(data))] == bodies


@pytest.mark.parametrize(
    "value", ["1.5", "-0.0", "1e300", "9007199254740991", "0.1", '"\\u0000é\\ud83d\\ude00"', "[]", "null"]
)
def test_values_go_out_unchanged(value: str) -> None:
    text = f'{{"z":{value},"a":1}}'
    (item,) = read_items("feed", io.BytesIO(text.encode()))
    assert orjson.loads(item.body) == orjson.loads(text)
    assert list(orjson.loads(item.body)) == ["z", "a"]


RED, WHITE = (
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
)
OTHER = "marking-definition--00000000-0000-4000-8000-000000000001"
DERIVED = "00000000-0000-5000-8000-000000000001"


@pytest.mark.parametrize(
    ("value", "role"),
    [
        ({"type": "report"}, Role.CONTAINER),
        ({"type": "grouping", "object_marking_refs": [RED]}, Role.CONTAINER),
        ({"type": "marking-definition"}, Role.DEFINITION),
        ({"type": "extension-definition"}, Role.DEFINITION),
        ({"type": "malware"}, Role.NAME),
        ({"type": "malware", "object_marking_refs": [OTHER], "labels": ["tlp:red"]}, Role.NAME),
        ({"type": "malware", "object_marking_refs": [RED]}, Role.PART),
        ({"type": "domain-name", "id": f"domain-name--{DERIVED}"}, Role.NAME),
        ({"type": "domain-name", "id": "domain-name--00000000-0000-4000-8000-000000000001"}, Role.PART),
        ({"type": "x-own", "id": f"x-own--{DERIVED}"}, Role.PART),
        ({"type": "indicator"}, Role.PART),
        ({"type": ["report"]}, Role.PART),
        ("no object", Role.PART),
    ],
)
def test_what_an_object_is_among_containers(value: object, role: Role) -> None:
    assert Item.of(value).role is role


@pytest.mark.parametrize(
    ("markings", "level", "has_others"),
    [
        (None, None, False),
        ([WHITE], Tlp.CLEAR, False),
        ([WHITE, RED], Tlp.RED, False),
        ([OTHER], None, True),
        ([WHITE, OTHER], Tlp.CLEAR, True),
        (RED, None, False),
        ([7, {}], None, False),
    ],
)
def test_a_level_is_that_of_the_strictest_marking(
    markings: object, level: Tlp | None, has_others: bool
) -> None:
    item = Item.of({"type": "report", "object_marking_refs": markings})
    assert (item.level, item.has_others) == (level, has_others)


def test_a_container_names_each_id_once_and_nothing_else_does() -> None:
    refs = ["a", "b", "a", 7]
    assert Item.of({"type": "report", "object_refs": refs}).names == ("a", "b")
    assert Item.of({"type": "observed-data", "object_refs": refs}).names == ()
    assert Item.of({"type": "report", "object_refs": "a"}).names == ()


def test_of_lines_one_at_a_time_is_in_memory(tmp_path: Path) -> None:
    path, line = tmp_path / "lines", b'{"type":"t","text":"%b"}\n' % (b"x" * 10_000)
    path.write_bytes(line * 2_000)  # 20 MB
    tracemalloc.start()
    with opened(path) as file:
        count = sum(1 for _ in read_items("feed", file))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 2_000
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("value", "version"),
    [
        ({"modified": "2", "created": "1"}, "2"),
        ({"created": "1"}, "1"),
        ({}, ""),
        ({"modified": 5}, ""),
        ("no object", ""),
    ],
)
def test_the_version_is_modified_else_created(value: object, version: str) -> None:
    assert Item.of(value).version == version
