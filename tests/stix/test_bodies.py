"""A text that two readers could take differently is refused, with its place; in a list, one object alone.

In a body that is JSON an object with a flaw fails by itself; a flaw elsewhere refuses the body.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import BadJson, BadRequest, Unprocessable
from hub.json_text import MAX_DEPTH, MAX_INTEGER, end_of, is_json
from hub.model import Unreadable
from hub.stix.bodies import items, loads, objects_of

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


ODD_TEXT = st.text(st.sampled_from('ab"\\{}[],:é\n\0\ud800'), max_size=5)
VALUE = st.recursive(
    st.sampled_from(["1", "null", "-0.5e1", "9007199254740993", "1e999"]) | ODD_TEXT.map(json.dumps),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda some: f"[{' , '.join(some)}]")
        | st.lists(st.tuples(ODD_TEXT, inner), max_size=3).map(
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
            (expected,) = items(loads(alone))
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


# --- one text -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "line 1 column 1"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ("{}".encode("utf-16"), "line 1 column 1"),
        (b'["\xff"]', "line 1 column 3: a byte of another encoding than UTF-8"),
        ('{"name":\n "도구"}'.encode("cp949"), "line 2 column 3: a byte of another encoding"),
        ('["라자루스", "ツール"]'.encode()[:-4] + b'"]', "line 1 column 13: a byte of another encoding"),
        ('["ラザルス"]'.encode("euc_jp"), "line 1 column 3: a byte of another encoding"),
        (b'["\xed\xa0\x80"]', "UTF-8"),
        (b'["\\ud800"]', "surrogate"),
        (b'["\\udc00\\ud800"]', "surrogate"),
        (b"[NaN]", "line 1 column 2"),
        (b"[Infinity]", "line 1 column 2"),
        (b"[-Infinity]", "line 1 column 3"),
        (b"[1e400]", "infinity"),
        (b"[-1e400]", "infinity"),
        (b"[1]x", "line 1 column 4"),
        (b"[1] []", "line 1 column 5"),
        (b"[1]\0", "line 1 column 4"),
        (b"[01]", "leading zero"),
        (b'\n[1,\n "a",}', "line 3 column 6"),
        (b'{"a": 1,}', "trailing comma"),
        (b"{'a': 1}", "line 1 column 2"),
        (b'["\t"]', "control character"),
    ],
)
def test_what_is_no_json_text_is_refused_with_line_and_column(data, said):
    with pytest.raises(BadJson, match=r"^body, line \d+ column \d+: .*; send one UTF-8") as caught:
        loads(data)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("data", "pointer", "said"),
    [
        (b'{"a": 1, "a": 1}', "/a", "given twice"),
        (b'{"a": 1, "\\u0061": 2}', "/a", "given twice"),
        (b'{"a\\/b": 1, "a/b": 2}', "/a~1b", "given twice"),
        (b'{"": 1, "": 2}', "/", "given twice"),
        (b'{"objects": [{}, {"id": 1, "x": [{"y": 0, "y": 0}]}]}', "/objects/1/x/0/y", "given twice"),
        (b"[9007199254740992]", "/0", "2^53-1"),
        (b"[-9007199254740992]", "/0", "2^53-1"),
        (b"[18446744073709551616]", "/0", "2^53-1"),
        (b'{"n": ' + b"9" * 300 + b"}", "/n", "2^53-1"),
        (b'["\\u0000"]', "/0", "NUL"),
        (b'{"a": {"b\\u0000": 1}}', "/a/b\\u0000", "NUL"),
    ],
)
def test_what_is_ambiguous_is_refused_with_its_pointer(data, pointer, said):
    with pytest.raises(BadJson) as caught:
        loads(data)
    assert str(caught.value).startswith(f"body at {pointer}: ")
    assert said in str(caught.value)


def nested(depth: int, opening: str, closing: str, core: str = "1") -> bytes:
    return (opening * depth + core + closing * depth).encode()


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('{"[\\"{": ', "}")])
def test_the_65th_level_is_refused_and_the_64th_is_not(opening, closing):
    loads(nested(MAX_DEPTH, opening, closing))
    for depth in (MAX_DEPTH + 1, 200, 1000, 1024, 100_000):
        with pytest.raises(BadJson, match=r"nested deeper than 64|depth limit|depth exceeded"):
            loads(nested(depth, opening, closing))


def test_depth_counts_the_deepest_branch_of_both_kinds_of_container():
    branch = nested(32, '[{"a":', "}]").decode()
    loads(f"[{', '.join(['[]', '{}', branch[1:-1]] * 50)}]".encode())
    with pytest.raises(BadJson, match="nested deeper"):
        loads(f"[[], {branch}, {{}}]".encode())


@pytest.mark.parametrize(
    "text",
    [
        "[" * 70,
        "]" * 70,
        '"{' * 70,
        "\\" * 70 + "{" * 70,
        '\\"[' * 70,
        '\\\\"[{\\' * 70,
    ],
)
def test_brackets_inside_strings_do_not_nest(text):
    value = [{text: text}, [[text]]]
    assert loads(orjson.dumps(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        b" \r\n\t[ 1 ] \n",
        b'["\\\\u0000"]',  # a backslash and five characters: no NUL
        b'["\\ud83d\\ude00 \xf0\x9f\x98\x80"]',
        b"[9007199254740991, -9007199254740991]",
        b"[1e20, -0.0, 1E-400]",
        b"null",
        b'{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}',
    ],
)
def test_what_every_reader_takes_alike_is_read(data):
    assert loads(data) == json.loads(data)


def test_the_place_is_the_callers_and_long_keys_are_cut():
    with pytest.raises(BadJson, match=r"^agreement, line 1"):
        loads(b"x", "agreement")
    key = b'"' + b"k" * 100_000 + b'"'
    with pytest.raises(BadJson, match=r"^agreement at /kkk") as caught:
        loads(b"{" + key + b":1," + key + b":1}", "agreement")
    assert len(str(caught.value)) < 250


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300)
@given(JSON, st.sampled_from([0, orjson.OPT_INDENT_2]))
def test_a_written_value_is_read_back_unchanged(value, option):
    data = orjson.dumps(value, option=option)
    read = loads(data)
    assert read == value
    assert orjson.dumps(read, option=option) == data  # order and kinds of numbers too
    assert loads(json.dumps(value).encode()) == value


@settings(max_examples=500)
@given(st.binary(max_size=40) | st.text(alphabet='{}[]",:\\u01eE+-. n', max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused_and_nothing_else(data):
    try:
        value = loads(data)
    except BadJson:
        return
    assert value == orjson.loads(data)
