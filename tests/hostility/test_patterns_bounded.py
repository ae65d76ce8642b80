"""Patterns: what the grammar of OASIS takes is taken, nothing else is, and none takes long."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stix2patterns.exceptions import ParseException
from stix2patterns.v21.pattern import Pattern

from hub.model import Unreadable
from hub.proofs import canonical
from hub.stix import bodies, reading
from hub.stix.values.patterns import MAX_BYTES, MAX_NESTING, pattern_fault
from tests.hostility.hostile import PATTERNS, honest_pattern
from tests.stix_objects import indicator

MAX_OBJECT = 2_097_152
MAX_SECONDS = 0.5


def nested(depth: int) -> str:
    return "[" + "(" * depth + "a:b != h'ab'" + ")" * depth + "]"


def parses(text: str) -> bool:
    """Tell whether the parser that is generated from the grammar takes `text`."""
    try:
        Pattern(text)
    except ParseException:
        return False
    return True


def follows_the_grammar(text: str) -> bool:
    """Tell whether the hub takes the syntax of `text`, whatever it says about hashes and qualifiers."""
    return not (pattern_fault(text) or "").startswith("/pattern is no STIX pattern")


# --- refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [MAX_NESTING + 1, 100, 1_000, 7_000])
def test_deeper_nesting_than_is_stated_is_refused_whatever_the_stack_allows(depth: int) -> None:
    assert pattern_fault(nested(MAX_NESTING)) is None
    assert f"nests deeper than {MAX_NESTING}" in (pattern_fault(nested(depth)) or "")


@pytest.mark.parametrize("name", PATTERNS)
def test_every_hostile_shape_has_an_answer(name: str) -> None:
    fault = pattern_fault(PATTERNS[name](1_000))
    assert fault is None or fault.startswith("/pattern ")
    assert len(fault or "") < 300


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a:b = 'x", '1:7: a value is expected, not "\'x"'),
        ("[a:b = 1", "1:8: AND, OR or ] is expected, not the end"),
        ("[a:b = 1]\n AND\n  [c = 1]", "3:5: : is expected, not '='"),
        ("[a:b = 1] x", "1:10: the end is expected, not 'x'"),
        ("[a:b IN (1,)]", "1:11: a value is expected, not ')'"),
        ("[a:b LIKE 1]", "1:10: a string is expected, not '1'"),
        ("[a:b = 1] WITHIN -1 SECONDS", "1:17: fraction or integer is expected, not '-1'"),
    ],
)
def test_a_refusal_says_where_and_what_is_missing(text: str, said: str) -> None:
    assert said in (pattern_fault(text) or "")


# --- what it costs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PATTERNS)
def test_no_shape_of_a_pattern_takes_long(name: str) -> None:
    """8 ms were measured for the costliest; the generated parser takes minutes for some."""
    text = PATTERNS[name](MAX_BYTES)
    start = time.process_time()
    pattern_fault(text)
    assert time.process_time() - start < MAX_SECONDS


def test_patterns_are_read_whatever_stood_before_them_in_the_submission() -> None:
    text = "[a:b = 1" + " OR a:b = h'ab'" * 900 + "]"
    found = bodies.items({"objects": [indicator(n, pattern=text + f"/*{n}*/") for n in range(100)]})
    made = [reading.read(item, n, MAX_OBJECT, canonical.digest) for n, item in enumerate(found)]
    assert not [one for one in made if isinstance(one, Unreadable)]


# --- the same language as the grammar of OASIS ---------------------------------------------------------

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


PLAIN = [
    *(honest_pattern(n) for n in range(3)),
    "[ipv4-addr:value = '198.51.100.1/32' OR ipv4-addr:value='203.0.113.33/32']",
    "[file:hashes.'SHA-256' MATCHES '^aec0' AND file:size >= 25.5]",
    "([a:b = 1] FOLLOWEDBY [c:d NOT LIKE 'x%']) WITHIN 300 SECONDS REPEATS 5 TIMES",
    "[a:dst_ref.type = 'ipv4-addr'] START t'2024-01-01T00:00:00Z' STOP t'2024-01-02T00:00:00.5Z'",
    "[file:hashes.MD5 IN ('a', 'b') AND (a:b[0].c != true OR a:b[*].c <> -5)]",
    "[domain-name:value = '위협.example' AND url:value = 'it\\'s \\\\ here']",
    "  [ ( a:'b-c' == t'2024-01-01T00:00:00Z' ) ]\n",
]
ODD = [
    "[NOT EXISTS a:b]", "[EXISTS a:b[-1]]", "[NOT a:b = 1]", "[a:b IN ()]", "[a:b IN (1,)]", "[a:b NOT = 1]",
    "[a:b=+1]", "[a:b=-.5]", "[a:b=+.5]", "[a:b=1.]", "[a:b=01]", "[a:b=0 1]", "[a:b.5=1]", "[a-b:c-d=1]",
    "[a:b=h'']", "[a:b=h'a']", "[a:b=b'']", "[a:b=b'YQ==']", "[a:b=b'YWI=']", "[a:b=b'YWJj']", "[a:b=b'YW']",
    "[a:b=b'====']", "[a:b=t'2024-01-01T00:00:60Z']", "[a:b=t'2024-01-01T00:00:61Z']", "[a:b > true]",
    "[a:b=1]WITHIN 5SECONDS", "[a:b=1] WITHIN +.5 SECONDS", "[a:b=1] REPEATS 1.5 TIMES", "[a:b<>1]",
    "/* c */[a:b=1]// end", "[a:b=1]/* c", "[a:b=1]//\nx", "[a:b=1]\x85\u3000", "[a:b=1]\u200b", "[a:LAST=1]",
    "[a:b MATCHES h'ab']", "[a:b=1] AND ([c:d=2])", "[([a:b=1])]", "[a:b=1 FOLLOWEDBY c:d=2]", "[a:b[1.5]=1]",
]  # fmt: skip


@settings(max_examples=1_000)
@given(pattern=_pattern, at=st.integers(0, 200), cut=st.integers(0, 2), piece=_PIECES)
def test_a_text_is_a_pattern_just_where_the_generated_parser_takes_it(
    pattern: str, at: int, cut: int, piece: str
) -> None:
    for text in (pattern, pattern[:at] + piece + pattern[at + cut :]):
        assert follows_the_grammar(text) == parses(text), text


@pytest.mark.parametrize("text", [*PLAIN, *ODD])
def test_a_form_that_is_rarely_sent_is_judged_as_the_generated_parser_does(text: str) -> None:
    assert follows_the_grammar(text) == parses(text)
