"""In a body that is JSON an object with a flaw fails by itself; a flaw elsewhere refuses the body."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import BadJson, BadRequest, Unprocessable
from hub.json_text import end_of, is_json
from hub.model import Unreadable
from hub.stix import strict
from hub.stix.envelopes import items, objects_of

GOOD = b'{"id":"a--1","x":[1,"]}{",{"y":"\\""}]}'
WHEN = "2026-01-01T00:00:00Z"


def body(*objects: bytes, before: bytes = b"", after: bytes = b"") -> bytes:
    return b'{ "type": "bundle"%b,\n "objects" : [ %b ] %b}\n' % (before, b" ,\n ".join(objects), after)


@pytest.mark.parametrize(
    ("flawed", "pointer", "said"),
    [
        (b'{"id":"b--2","created":"%b","name":"a\\u0000b"}', "/name", "NUL"),
        (b'{"id":"b--2","created":"%b","a\\u0000":1}', "/a\\u0000", "NUL"),
        (b'{"id":"b--2","created":"%b","x_q":18446744073709551615}', "/x_q", "2^53-1"),
        (b'{"id":"b--2","created":"%b","x_q":' + b"9" * 6000 + b"}", "/x_q", "2^53-1"),
        (b'{"id":"b--2","created":"%b","x":[{"n":1,"\\u006e":2}]}', "/x/0/n", "given twice"),
        (b'{"id":"b--2","created":"%b","x":"\\ud800"}', "/x", "surrogate"),
        (b'{"id":"b--2","created":"%b","\\udc00":1}', "/\\udc00", "surrogate"),
        (b'{"id":"b--2","created":"%b","x":-1e400}', "/x", "too big for a double"),
        (
            b'{"id":"b--2","created":"%b","x":' + b"[" * 62 + b"]" * 62 + b"}",
            "/x/0/0",
            "deeper than 64",
        ),
        (b'{"id":"b--2","created":"%b","x":' + b"[" * 900 + b"]" * 900 + b"}", "/x/0/0", "deeper than 64"),
        (b'{"id":"b--2","created":"%b","x":' + b"[" * 90_000 + b"]" * 90_000 + b"}", "", "deeper than 64"),
    ],
)
def test_an_object_with_a_flaw_is_set_aside_with_its_id_and_place(flawed: bytes, pointer: str, said: str):
    flawed = flawed.replace(b"%b", WHEN.encode())
    one, other, last = objects_of(body(GOOD, flawed, GOOD), 3)
    assert one == last == orjson.loads(GOOD)
    assert isinstance(other, Unreadable)
    assert (other.id, other.version) == ("b--2", WHEN)
    assert other.message.startswith(f"at /objects/1{pointer}")
    assert said in other.message
    other.message.encode()


@pytest.mark.parametrize(
    ("flawed", "id"),
    [
        (b'{"id":"b--2","id":"b--3"}', "(item 0)"),
        (b'{"id":"b--2","\\u0069d":"b--2"}', "(item 0)"),
        (b'{"id":"b--2\\u0000"}', "(item 0)"),
        (b'{"id":"\\ud800"}', "(item 0)"),
        (b'{"id":9007199254740993}', "(item 0)"),
        (b'{"id":["b--2"],"n":1e999}', "(item 0)"),
        (b'{"id":"' + b"x" * 251 + b'","n":1e999}', "(item 0)"),
        (b'{"x":{"id":"c--1"},"n":1e999}', "(item 0)"),
        (b'{"x":{"id":"c--1","id":"c--2"},"id":"b--2"}', "b--2"),
        (b'{"\\u0069\\u0064":"b--2","n":1e999}', "b--2"),
        (b"9007199254740993", "(item 0)"),
        (b'"\\u0000"', "(item 0)"),
        (b'[{"id":"b--2"},1e999]', "(item 0)"),
    ],
)
def test_the_id_of_a_flawed_object_is_told_where_it_has_one_meaning(flawed: bytes, id: str):
    (made,) = objects_of(body(flawed), 1)
    assert isinstance(made, Unreadable)
    assert made.id == id


@pytest.mark.parametrize(
    "text",
    [
        body(b'{"a":"\\u0000"}', after=b',"objects":[]'),  # a list behind the list
        body(b'{"a":"\\u0000"}', after=b',"obj\\u0065cts":[%b]' % GOOD),
        body(b'{"a":"\\u0000"}', before=b',"objects":1'),
        body(b'{"a":"\\u0000"}', before=b',"type":"bundle"'),
        body(b'{"a":"\\u0000"}', before=b',"n":9007199254740993'),
        body(b'{"a":"\\u0000"}', before=b',"x":"\\ud800"'),
        body(GOOD, before=b',"x\\u0000":1'),
        body(GOOD, after=b',"x":1e999'),
        b"[" + body(b'{"a":"\\u0000"}') + b"]",
        b'{"a":"\\u0000"}',
        b'{"objects":{"a":"\\u0000"}}',
    ],
)
def test_a_flaw_beside_the_objects_refuses_the_body(text: bytes):
    with pytest.raises(BadJson):
        objects_of(text, 9)


@pytest.mark.parametrize(
    "broken",
    [
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1,}',
        b'{"a":1 "b":2}',
        b"{a:1}",
        b"{'a':1}",
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\t"}',
        b'{"a":"\\x"}',
        b'{"a":[1}]',
        b'{"a":01}',
        b'{"a":1.}',
        b'{"a":tru}',
        b'{"a":1}//',
        b"1 2",
        b"," + GOOD,
        b"[" * 90_000 + b"]" * 89_999 + b"}",
        b'{"a":' * 90_000 + b"}" * 90_000,
    ],
)
def test_what_is_no_json_refuses_the_body_beside_whatever_flaw(broken: bytes):
    for objects in ([broken], [b'{"a":"\\u0000"}', broken], [broken, b'{"a":1,"a":2}']):
        with pytest.raises(BadJson):
            objects_of(body(*objects), 9)
    with pytest.raises(BadJson):
        objects_of(body(b'{"a":"\\ud800"}') + broken + b"x", 9)


def test_more_than_are_taken_are_refused_flawed_or_not():
    for objects in ([GOOD] * 3, [b'{"a":"\\ud800"}'] * 3):
        assert len(objects_of(body(*objects), 3)) == 3
        with pytest.raises(Unprocessable, match="At most 2 objects"):
            objects_of(body(*objects), 2)


TEXT = st.text(st.sampled_from('ab"\\{}[],:é\n\0\ud800'), max_size=5)
VALUE = st.recursive(
    st.sampled_from(["1", "null", "-0.5e1", "9007199254740993", "1e999"]) | TEXT.map(json.dumps),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda some: f"[{' , '.join(some)}]")
        | st.lists(st.tuples(TEXT, inner), max_size=3).map(
            lambda pairs: "{" + ",\n".join(f"{json.dumps(key)}: {value}" for key, value in pairs) + "}"
        )
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.lists(VALUE, min_size=1, max_size=5))
def test_each_object_is_read_as_if_it_had_come_alone(values: list[str]):
    made = objects_of(b'{"objects":[%b]}' % ",".join(values).encode(), 9)
    assert len(made) == len(values)
    for value, one in zip(values, made, strict=True):
        alone = b'{"objects":[%b]}' % value.encode()
        try:
            (expected,) = items(strict.loads(alone))
        except BadJson:
            assert isinstance(one, Unreadable)
        else:
            assert one == expected


@settings(max_examples=500)
@given(
    st.lists(st.sampled_from(["{", "}", "[", "]", ",", ":", '"a"', '"objects"', "1e999 ", "1", " ", "nul"]))
)
def test_any_text_is_read_or_refused_and_taken_for_json_as_orjson_does(pieces: list[str]):
    data = "".join(pieces).encode()
    try:
        orjson.loads(data.replace(b"e999", b"e0"))
        is_one = True
    except orjson.JSONDecodeError:
        is_one = False
    assert is_json(data) is is_one
    if is_one:
        start = len(data) - len(data.lstrip())
        assert end_of(data, start) == len(data.rstrip())
    for text in (data, b'{"objects":[%b]}' % data):
        with suppress(BadJson, BadRequest, Unprocessable):
            objects_of(text, 100)


@pytest.mark.parametrize(
    "flawed",
    [
        b'{"a":"\\u0000"}',
        b'{"a":1e999}',
        b'{"a":1,"a":2}',
        b'{"a":' + b"[" * 300 + b"]" * 300 + b"}",
        b"[" * 2_000 + b"]" * 2_000,
        b'"\\ud800"',
    ],
)
def test_many_flaws_cost_in_proportion_to_the_bytes(flawed: bytes):
    def seconds(size: int) -> float:
        text = body(*[flawed] * (size // len(flawed)))
        began = time.process_time()
        objects_of(text, size)
        return time.process_time() - began

    seconds(20_000)
    assert seconds(1_600_000) < 40 * max(seconds(200_000), 0.01)
