"""The strict reader refuses every text that two readers could take differently, and says where."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import BadJson
from hub.stix.strict import MAX_DEPTH, MAX_INTEGER, loads


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
