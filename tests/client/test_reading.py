"""What files may look like; and what would not arrive as it was written is refused with its place."""

from __future__ import annotations

import orjson
import pytest

from hub.client import ClientError
from hub.client.reading import Item, containers_first, read_file, read_items

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
        read_items("feed", data)
    assert str(refused.value).startswith(sentence)


def test_an_object_that_has_no_json_form_is_refused() -> None:
    with pytest.raises(ClientError, match="the object x cannot be written as JSON"):
        Item.of({"id": "x", "n": 2**70})


def test_a_file_that_is_missing_is_named() -> None:
    with pytest.raises(ClientError, match="no-such-file cannot be read: No such file"):
        read_file("no-such-file")


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
    assert [item.body for item in read_items("feed", data)] == bodies


@pytest.mark.parametrize(
    "value", ["1.5", "-0.0", "1e300", "9007199254740991", "0.1", '"\\u0000é\\ud83d\\ude00"', "[]", "null"]
)
def test_values_go_out_unchanged(value: str) -> None:
    text = f'{{"z":{value},"a":1}}'
    (item,) = read_items("feed", text.encode())
    assert orjson.loads(item.body) == orjson.loads(text)
    assert list(orjson.loads(item.body)) == ["z", "a"]


def test_containers_go_first_and_the_rest_keeps_its_order() -> None:
    types = ["indicator", "report", "malware", "grouping", "indicator", "note", "report"]
    items = [Item.of({"type": name, "id": str(number)}) for number, name in enumerate(types)]
    assert [item.id for item in containers_first(items)] == ["1", "3", "6", "0", "2", "4", "5"]


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
