"""A flawed object is set aside alone with its place; of any other the role, level and version are known."""

from __future__ import annotations

import orjson
import pytest

from hub.client import ClientError
from hub.client.input.reading import Item, Role, SetAside
from hub.model import Tlp
from tests.client.input.feeds import BUNDLE, A, B, read

FLAWS = [
    (b'"n":"\\u0000"', "n: it holds a NUL"),
    (b'"n":18446744073709551615', "n: the integer is beyond"),
    (b'"n":' + b"1" * 5000, "n: the integer is beyond"),
    (b'"n":1,"\\u006e":2', "n: the key is given twice"),
    (b'"n":{"a":1,"a":2}', "n/a: the key is given twice"),
    (b'"n":"\\ud800"', "n: it holds half of a surrogate pair"),
    (b'"n":NaN', "n: NaN and Infinity are no JSON"),
    (b'"n":-Infinity', "n: NaN and Infinity are no JSON"),
    (b'"n":1e999', "n: the number is too big"),
    (b'"n":' + b"[" * 70 + b"]" * 70, "n/0/0"),
    (b'"n":' + b"[" * 70_000 + b"]" * 70_000, ": it is nested deeper"),
]


@pytest.mark.parametrize(("flaw", "said"), FLAWS)
@pytest.mark.parametrize(
    ("shape", "line", "pointer"),
    [
        (BUNDLE % (A + b",\n%b,\n" + B), 2, "/objects/1/"),
        (b'\n\n{"objects":\n[%b,\n%%b\n,%b]}' % (A, B), 5, "/objects/1/"),
        (b"[%b,\n%%b\n,%b]" % (A, B), 2, "/1/"),
        (b"[%b,\n%b]" % (BUNDLE % A, BUNDLE % (b"%b,\n" + B)), 2, "/1/objects/0/"),
        (A + b"\n\n%b\n" + B, 3, "/"),
        (BUNDLE % A + b"\n" + BUNDLE % (b"%b," + B), 2, "/objects/0/"),
    ],
)
def test_a_flawed_object_is_set_aside_alone_with_id_place_and_line(
    shape: bytes, line: int, pointer: str, flaw: bytes, said: str
) -> None:
    flawed = b'{"type":"tool","id":"tool--9","created":"2026",%b}' % flaw
    found = read(shape.replace(b"%b", flawed))
    (aside,) = [one for one in found if isinstance(one, SetAside)]
    assert [one.body for one in found if isinstance(one, Item)] == [A, B]
    assert (aside.id, aside.version, aside.names) == ("tool--9", "2026", ())
    place = (pointer[:-1] or "/") if said.startswith(":") else pointer
    assert aside.message.startswith(f"feed line {line} at {place}{said}")


BROKEN = [
    b'"\t"',
    b'"\n"',
    b'"\0"',
    b'"C:\\Windows"',
    b"'x'",
    b"None",
    b"x",
    b"007",
    b"",
    b'"a" "b"',
    b'"a",',
    b"1//",
]


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize(
    ("shape", "place"),
    [
        (BUNDLE % (A + b",\n%b,\n" + B), "line 2 column"),
        (b"[%b,%%b,%b]" % (A, B), "line 1 column"),
        (b"[%b,\n%b]" % (A, BUNDLE % (b"%b," + B)), "line 2 column"),
        (b'{\n"type":"bundle",\n"objects":[\n%b,\n%%b,\n%b]}' % (A, B), "line 5 column"),
    ],
)
def test_an_object_that_is_no_json_is_set_aside_alone(shape: bytes, place: str, broken: bytes) -> None:
    id = b"report--00000000-0000-4000-8000-000000000001"
    found = read(shape.replace(b"%b", b'{"type":"report","id":"%b","n":%b}' % (id, broken)))
    (aside,) = [one for one in found if isinstance(one, SetAside)]
    assert [one.body for one in found if isinstance(one, Item)] == [A, B]
    assert (aside.id, aside.names) == (id.decode(), (id.decode(),))
    assert aside.message.startswith(f"feed {place}")
    assert ": not JSON: " in aside.message


@pytest.mark.parametrize("line", [b"no json", b"# one", b'{"a":"\t"}', b"<html>", b"{'a':1}", b"[1,"])
def test_a_line_that_is_no_json_is_set_aside_alone(line: bytes) -> None:
    id = b"tool--00000000-0000-4000-8000-000000000001"
    before, aside, after = read(b"%b\n%b %b }\n%b\n" % (A, line, id, B))
    assert isinstance(before, Item)
    assert isinstance(aside, SetAside)
    assert isinstance(after, Item)
    assert (before.body, after.body, aside.names) == (A, B, (id.decode(),))
    assert aside.message.startswith("feed line 2 column ")


@pytest.mark.parametrize("kind", [b'"type":"report",', b"", b'"type":"tool","type":"tool",'])
def test_a_flawed_object_that_may_be_a_report_tells_each_id_that_it_may_name(kind: bytes) -> None:
    id = b"tool--00000000-0000-4000-8000-000000000001"
    (aside,) = read(b'{"id":"x",%b"object_refs":["%b"],"n":1e999}' % (kind, id))
    assert isinstance(aside, SetAside)
    assert aside.names == (id.decode(),)


def test_an_object_that_has_no_json_form_is_refused() -> None:
    with pytest.raises(ClientError, match="the object x cannot be written as JSON"):
        Item.of({"id": "x", "n": 2**70})


@pytest.mark.parametrize(
    "value", ["1.5", "-0.0", "1e300", "9007199254740991", "0.1", '"é\\ud83d\\ude00"', "[]", "null"]
)
def test_values_go_out_unchanged(value: str) -> None:
    text = f'{{"z":{value},"a":1}}'
    (item,) = read(text.encode())
    assert isinstance(item, Item)
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
