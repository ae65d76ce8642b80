"""What patterns may cost: the plain ones nearly nothing, all others together no more than is stated."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stix2patterns.exceptions import ParseException
from stix2patterns.v21.pattern import Pattern

from hub.model import Unreadable
from hub.proofs import canonical
from hub.stix import reading
from hub.stix.patterns import MAX_BYTES, MAX_NESTING, parsing_bytes, pattern_fault
from hub.stix.reading import MAX_PARSING_BYTES
from tests.hostility.hostile import PATTERNS, honest_pattern
from tests.stix_objects import indicator, malware

MAX_OBJECT = 2_097_152


def nested(depth: int) -> str:
    return "[" + "(" * depth + "a:b != h'ab'" + ")" * depth + "]"


def read(items: list[Any]) -> list[Any]:
    found = reading.items({"objects": items})
    return [reading.read(item, n, MAX_OBJECT, canonical.digest) for n, item in enumerate(found)]


# --- refusals ---------------------------------------------------------------------------------------


def test_too_much_pattern_text_in_one_submission_fails_object_by_object() -> None:
    text = "[a:b = 1" + " OR a:b = h'ab'" * 900 + "]"
    count = 2 * MAX_PARSING_BYTES // len(text)
    made = read([*(indicator(n, pattern=text + f"/*{n}*/") for n in range(count)), malware(1)])
    refused = [one for one in made if isinstance(one, Unreadable)]
    assert 0 < len(refused) < count
    assert all("too much pattern text in one submission" in one.message for one in refused)
    assert made[0].id == indicator(0)["id"]
    assert made[-1].id == malware(1)["id"]
    assert refused[-1].id == indicator(count - 1)["id"]
    (again,) = read([indicator(count - 1, pattern=text + f"/*{count - 1}*/")])
    assert not isinstance(again, Unreadable)


def test_what_still_fits_is_taken_after_what_did_not() -> None:
    text = "[a:b = h'" + "ab" * 8_000 + "']"
    big = [indicator(n, pattern=text) for n in range(MAX_PARSING_BYTES // len(text) + 1)]
    *_, refused, small = read([*big, indicator(99, pattern="[a:b = h'ab']")])
    assert isinstance(refused, Unreadable)
    assert not isinstance(small, Unreadable)


@pytest.mark.parametrize("depth", [MAX_NESTING + 1, 100, 1_000, 7_000])
def test_deeper_nesting_than_is_stated_is_refused_whatever_the_stack_allows(depth: int) -> None:
    assert pattern_fault(nested(MAX_NESTING)) is None
    assert f"nests deeper than {MAX_NESTING}" in (pattern_fault(nested(depth)) or "")


@pytest.mark.parametrize("name", PATTERNS)
def test_every_hostile_shape_has_an_answer(name: str) -> None:
    pattern = PATTERNS[name](1_000)
    fault = pattern_fault(pattern)
    assert fault is None or fault.startswith("/pattern is no STIX pattern: ")
    assert parsing_bytes(pattern) in (0, len(pattern.encode()))


def test_a_pattern_too_long_is_not_parsed_and_takes_nothing() -> None:
    assert parsing_bytes("(" * (MAX_BYTES + 1)) == 0


# --- what passes ------------------------------------------------------------------------------------


def test_ten_thousand_honest_indicators_of_300_bytes_pass_and_none_is_parsed() -> None:
    patterns = [honest_pattern(n) for n in range(10_000)]
    assert min(map(len, patterns)) > 290
    assert sum(map(parsing_bytes, patterns)) == 0
    made = read([indicator(n, pattern=pattern) for n, pattern in enumerate(patterns[:200])])
    assert not [one for one in made if isinstance(one, Unreadable)]


def test_what_is_marked_is_still_the_same_json_value() -> None:
    items = [indicator(n, pattern="(" * MAX_BYTES) for n in range(40)]
    found = reading.items({"objects": items})
    assert found == items
    assert list(map(orjson.dumps, found)) == list(map(orjson.dumps, items))
    assert list(map(canonical.digest, found)) == list(map(canonical.digest, items))


@pytest.mark.parametrize(
    "pattern",
    [
        "[ipv4-addr:value = '198.51.100.1/32' OR ipv4-addr:value='203.0.113.33/32']",
        "[file:hashes.'SHA-256' MATCHES '^aec0' AND file:size >= 25.5]",
        "([a:b = 1] FOLLOWEDBY [c:d NOT LIKE 'x%']) WITHIN 300 SECONDS REPEATS 5 TIMES",
        "[a:dst_ref.type = 'ipv4-addr'] START t'2024-01-01T00:00:00Z' STOP t'2024-01-02T00:00:00.5Z'",
        "[file:hashes.MD5 IN ('a', 'b') AND (a:b[0].c != true OR a:b[*].c <> -5)]",
        "[domain-name:value = '위협.example' AND url:value = 'it\\'s \\\\ here']",
        "  [ ( a:'b-c' == t'2024-01-01T00:00:00Z' ) ]\n",
    ],
)
def test_what_feeds_send_is_plain(pattern: str) -> None:
    assert parsing_bytes(pattern) == 0
    Pattern(pattern)


# --- plain patterns are a part of the grammar ---------------------------------------------------------

_LITERALS = [
    "1", "0", "-0", "-7", "1.5", "0.0", "1.", "01", "'x'", "''", "'\\''", "'\\\\'", "'\\x'",
    "'a [b:c=1] d'", "true", "false", "True", "t'2024-01-01T00:00:00Z'", "t'2024-02-31T23:59:59.123Z'",
    "t'2024-13-01T00:00:00Z'", "t'2024-01-01T24:00:00Z'", "h'ab'", "b'YQ=='", "'é'", "x",
]  # fmt: skip
_NAMES = [
    "b", "b_c", "MD5", "AND", "OR", "NOT", "LAST", "IN", "'x-y'", "''", "b-c", "_x", "true", "false",
    "ANDx", "SECONDS", "b.c", "b[0]", "b[*]", "b[00]", "b.'x'.d[3].e", "b.AND", "b[-1]", "b[1].true",
    "b..c", "b[]",
]  # fmt: skip
_TYPES = [
    "a",
    "ipv4-addr",
    "a_b",
    "x-y-",
    "true",
    "false",
    "t",
    "b",
    "h",
    "a1",
    "A",
    "AND",
    "true-x",
    "falsey",
    "1a",
    "-a",
]
_OPERATORS = [
    "=", "!=", "==", "<>", "<", ">", "<=", ">=", "=!", " LIKE ", " MATCHES ", " ISSUBSET ", " ISSUPERSET ",
    " IN ", " NOT LIKE ", " NOT IN ", " NOT = ", " LIKE", " NOT MATCHES", "IN", " like ",
]  # fmt: skip
_QUALIFIERS = [
    "", " WITHIN 5 SECONDS", " WITHIN 0 SECONDS", " REPEATS 2 TIMES", " REPEATS 0 TIMES",
    " WITHIN 1.5 SECONDS", " START t'2024-01-01T00:00:00Z' STOP t'2024-01-01T00:00:00.5Z'",
    " START '2024' STOP '2025'", "WITHIN 5 SECONDS", " REPEATS 2 TIMES WITHIN 3 SECONDS",
    " REPEATS -1 TIMES",
]  # fmt: skip
_SPACES = st.sampled_from(["", "", "", " ", " ", "\t", "\r\n", "\f", "\v", "\x00", "\x01"])
_JOINTS = st.sampled_from([" AND ", " OR ", "\tOR\n", " FOLLOWEDBY ", "AND", " AND", " and "])
_PIECES = st.sampled_from(
    ["", "'", "(", ")", "[", "]", " ", "\\", "x", ".", ":", "1", "/*", "*/", "//", "\0", "\x01"]
)

Text = st.SearchStrategy[str]


def _joined(*parts: Text) -> Text:
    return st.tuples(*parts).map("".join)


def _grown(inner: Text, end: Text) -> Text:
    group = _joined(st.just("("), _SPACES, inner, _SPACES, st.just(")"), end)
    return _joined(inner, _JOINTS, inner) | group


_one = st.sampled_from(_LITERALS)
_argument = _one | st.lists(_one, max_size=3).map(lambda items: "(" + ", ".join(items) + ")")
_comparison = _joined(
    st.sampled_from(_TYPES),
    st.just(":"),
    st.sampled_from(_NAMES),
    _SPACES,
    st.sampled_from(_OPERATORS),
    _SPACES,
    _argument,
)
_comparisons = st.recursive(_comparison, lambda inner: _grown(inner, st.just("")), max_leaves=4)
_qualifier = st.sampled_from(_QUALIFIERS)
_observation = _joined(st.just("["), _SPACES, _comparisons, _SPACES, st.just("]"), _qualifier)
_pattern = _joined(
    _SPACES, st.recursive(_observation, lambda inner: _grown(inner, _qualifier), max_leaves=3), _SPACES
)


@settings(max_examples=2_000)
@given(pattern=_pattern, at=st.integers(0, 200), cut=st.integers(0, 2), piece=_PIECES)
def test_whatever_is_plain_is_also_taken_by_the_parser(pattern: str, at: int, cut: int, piece: str) -> None:
    for text in (pattern, pattern[:at] + piece + pattern[at + cut :]):
        if parsing_bytes(text) == 0:
            try:
                Pattern(text)
            except ParseException as error:
                raise AssertionError(f"{text!r} is taken for plain: {error}") from error
