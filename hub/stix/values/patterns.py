"""Checks an indicator's pattern against the STIX pattern grammar in one pass (STIX 2.1 section 9).

The language is OASIS's STIXPattern.g4. The parser generated from this grammar takes time quadratic in a
hostile text. Here every character is read a bounded number of times. Repetitions are possessive: a regular
expression never backtracks. The first character outside any token ends the reading. The tests compare this
parser with the generated parser.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Final, NoReturn

from hub.stix.values.hashes import hash_fault
from hub.stix.values.places import short

_Kinds = Container[str]

MAX_BYTES: Final = 16_384  # of UTF-8; the standard sets no bound
MAX_NESTING: Final = 20  # parentheses open at once, lists of values aside
_MAX_SHOWN: Final = 40

# INVARIANT: every repetition is possessive (`*+`, `++`) or bounded. Only a comment's repetition is lazy:
# without the end of the comment the reading stops.
_BASE64: Final = "[A-Za-z0-9+/]"
_TOKEN: Final = re.compile(
    r"(?P<skipped>[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]++"
    r"|/\*(?s:.*?)\*/|//[^\r\n]*+)"
    r"|(?P<time>t'[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]++)?+Z')"
    r"|(?P<hex>h'(?:[0-9A-Fa-f]{2})*+')"
    rf"|(?P<binary>b'(?!')(?:{_BASE64}{{4}})*+(?:{_BASE64}{{3}}=|{_BASE64}{{2}}==)?+')"
    r"|(?P<string>'(?:[^'\\]++|\\['\\])*+')"
    r"|(?P<hyphenated>[A-Za-z_][A-Za-z0-9_]*+-[A-Za-z0-9_-]*+)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*+)"
    r"|(?P<fraction>\+?[0-9]*+\.[0-9]++)"
    r"|(?P<below_zero>-[0-9]*+\.[0-9]++)"
    # The grammar reads 01 as two numbers, and two numbers never follow each other.
    r"|(?P<integer>\+?(?:0|[1-9][0-9]*+)(?![0-9]))"
    r"|(?P<negative>-(?:0|[1-9][0-9]*+)(?![0-9]))"
    r"|(?P<equality>==?|!=|<>)"
    r"|(?P<order>[<>]=?)"
    r"|(?P<sign>[\[\]().,:*])"
    r"|(?P<unknown>(?s:.))"  # else a search would try the next token at every character: quadratic time
)
_ESCAPED: Final = re.compile(r"\\(['\\])")
_KEYWORDS: Final = {
    **{
        word: word
        for word in (
            "AND", "OR", "NOT", "FOLLOWEDBY", "LIKE", "MATCHES", "ISSUPERSET", "ISSUBSET", "EXISTS", "LAST",
            "IN", "START", "STOP", "SECONDS", "WITHIN", "REPEATS", "TIMES",
        )
    },
    "true": "boolean",
    "false": "boolean",
}  # fmt: skip

_NUMBERS: Final = frozenset({"fraction", "below_zero", "integer", "negative"})
_ORDERABLE: Final = _NUMBERS | {"string", "time", "hex", "binary"}
_LITERALS: Final = _ORDERABLE | {"boolean"}
_TYPES: Final = frozenset({"name", "hyphenated"})
_KEYS: Final = frozenset({"name", "string"})
_INDEXES: Final = frozenset({"integer", "negative", "*"})
_WHOLE_VALUES: Final = {"equality", "order", "IN", "ISSUPERSET", "ISSUBSET"}  # LIKE and MATCHES take parts
_HASHES: Final = frozenset({"hashes", "file_header_hashes"})
_TEXT_OPERATORS: Final = frozenset({"LIKE", "MATCHES", "ISSUPERSET", "ISSUBSET"})
_COMPARISON_OPERATORS: Final = frozenset({"AND", "OR"})
_OBSERVATION_OPERATORS: Final = _COMPARISON_OPERATORS | {"FOLLOWEDBY"}
# The tokens after each qualifier's first word (STIX 2.1 section 9.5.1).
_QUALIFIERS: Final = {
    "START": ({"time"}, {"STOP"}, {"time"}),
    "WITHIN": ({"integer", "fraction"}, {"SECONDS"}),
    "REPEATS": ({"integer"}, {"TIMES"}),
}
# Expectations with a known remedy for a frequent mistake.
_AN_OBSERVATION: Final = "an observation in brackets"
_A_PROPERTY: Final = "a property"
_A_VALUE: Final = "a value"
_AN_INDEX: Final = "an index or *"
_A_LIST: Final = "("
_A_TIME: Final = "time"


def pattern_fault(pattern: str) -> str | None:
    """Return why `pattern` is no STIX pattern, as a sentence with line (from 1) and column (from 0), or None.

    The grammar is STIX 2.1's, a superset of 2.0's. Beyond the syntax, a compared hash has the form of its
    algorithm (2.7), also in a list of IN, and an observation in brackets has at most one qualifier of each
    kind. Bounds: 16 KB, and 20 open parentheses, without the parentheses of lists.
    """
    # Not checked: whether types, properties and values of a pattern exist; regular expressions of MATCHES;
    # the order of START and STOP. Custom types are permitted, and the hub evaluates no pattern.
    if len(pattern) > MAX_BYTES or len(pattern.encode(errors="replace")) > MAX_BYTES:
        return f"/pattern is longer than {MAX_BYTES} bytes; split the indicator"
    parser = _Parser(pattern)
    try:
        parser.pattern()
    except _FaultError as fault:
        remedy = fault.remedy or "correct it"
        return f"/pattern is no STIX pattern: {fault}; {remedy} (STIX 2.1 section 9)"
    return f"/pattern at {parser.refused}" if parser.refused else None


class _FaultError(ValueError):
    """The text is no pattern. The message names place and reason; `remedy` is the right text, if known."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class _Parser:
    """Reads the tokens of a text from left to right. Each method takes the tokens of its name, or raises."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._kinds, self._starts, self._ends = _tokens(text)
        self._next = 0
        self._open = 0
        self.refused = ""  # the first fault against the text of the standard alone: the grammar permits more

    def pattern(self) -> None:
        self._observations()
        self._take({"end"}, "the end")

    def _observations(self) -> None:
        self._observation()
        while self._may_take(_OBSERVATION_OPERATORS):
            self._observation()

    def _observation(self) -> None:
        bracket = self._take({"[", "("}, _AN_OBSERVATION)
        if bracket == "[":
            self._comparisons()
            self._take({"]"}, "AND, OR or ]")
        else:
            self._enter()
            self._observations()
            self._leave("AND, OR, FOLLOWEDBY or )")
        seen: set[str] = set()
        while word := self._may_take(_QUALIFIERS.keys()):
            if bracket == "[" and word in seen:
                self._refuse(
                    self._next - 1, f"a second {word}; put the observation and the first in parentheses"
                )
            seen.add(word)
            for kinds in _QUALIFIERS[word]:
                self._take(kinds, " or ".join(sorted(kinds)))

    def _comparisons(self) -> None:
        self._comparison()
        while self._may_take(_COMPARISON_OPERATORS):
            self._comparison()

    def _comparison(self) -> None:
        if self._may_take({"("}):
            self._enter()
            self._comparisons()
            self._leave("AND, OR or )")
        elif self._kinds[self._next] in {"NOT", "EXISTS"}:
            self._may_take({"NOT"})
            self._take({"EXISTS"}, "EXISTS")
            self._path()
        else:
            algorithm = self._path()
            first = self._next
            is_whole = self._test() in _WHOLE_VALUES
            if algorithm and is_whole:
                self._hashes(algorithm, first)

    def _path(self) -> str:
        """Return the last key if a key before is a dictionary of hashes, or an empty text."""
        self._take(_TYPES, "an object path")
        self._take({":"}, ":")
        self._take(_KEYS, _A_PROPERTY)
        keys = [self._text_of(self._next - 1)]
        while step := self._may_take({".", "["}):
            if step == ".":
                self._take(_KEYS, _A_PROPERTY)
                keys.append(self._text_of(self._next - 1))
            else:
                self._take(_INDEXES, _AN_INDEX)
                self._take({"]"}, "]")
        return keys[-1] if _HASHES.intersection(keys[:-1]) else ""

    def _hashes(self, algorithm: str, first: int) -> None:
        """Check the values from the token `first` up to the next token."""
        for token in range(first, self._next):
            kind = self._kinds[token]
            if kind == "string":
                said = hash_fault(algorithm, self._text_of(token))
            elif kind in _LITERALS and hash_fault(algorithm, ""):  # an algorithm whose form is known
                said = f"a value of {algorithm} is no string; write the hash between single quotes"
            else:
                continue
            if said:
                self._refuse(token, said)

    def _test(self) -> str:
        self._may_take({"NOT"})
        operator = self._take({"equality", "order", "IN", *_TEXT_OPERATORS}, "a comparison operator")
        if operator == "IN":
            self._list()
        elif operator == "equality":
            self._take(_LITERALS, _A_VALUE)
        elif operator == "order":
            self._take(_ORDERABLE, "a value that has an order")
        else:
            self._take({"string"}, "a string")
        return operator

    def _list(self) -> None:
        self._take({"("}, _A_LIST)
        if self._may_take({")"}):
            return
        self._take(_LITERALS, _A_VALUE)
        while self._take({",", ")"}, ", or )") == ",":
            self._take(_LITERALS, _A_VALUE)

    # --- tokens ---------------------------------------------------------------------------------

    def _enter(self) -> None:
        # INVARIANT: the parser recurses only below an open parenthesis: the depth is MAX_NESTING at most.
        self._open += 1
        if self._open > MAX_NESTING:
            self._fail(self._next - 1, f"it nests deeper than {MAX_NESTING} parentheses")

    def _leave(self, expected: str) -> None:
        self._take({")"}, expected)
        self._open -= 1

    def _may_take(self, kinds: _Kinds) -> str:
        kind = self._kinds[self._next]
        if kind not in kinds:
            return ""
        self._next += 1
        return kind

    def _take(self, kinds: _Kinds, expected: str) -> str:
        kind = self._kinds[self._next]
        if kind not in kinds:
            self._fail(self._next, f"{expected} is expected, not {self._shown()}", self._hint(expected))
        self._next += 1
        return kind

    def _text_of(self, token: int) -> str:
        """Return the text of a token: the text between its quotes, if the token has quotes."""
        text = self._text[self._starts[token] : self._ends[token]]
        if not text.endswith("'"):
            return text
        return _ESCAPED.sub(r"\1", text[text.index("'") + 1 : -1])

    def _shown(self) -> str:
        start = self._starts[self._next]
        if self._kinds[self._next] == "end":
            return "the end"
        text = self._text[start : self._starts[self._next + 1]].rstrip()
        return repr(short(text, _MAX_SHOWN))

    def _hint(self, expected: str) -> str:
        start, end = self._starts[self._next], self._ends[self._next]
        if self._kinds[self._next] == "unknown":
            end = start + 2
        before = self._next - 1
        follows_text = self._kinds[before : before + 1] == ["string"] and self._ends[before] == start
        found = self._text[start : min(end, start + _MAX_SHOWN)]
        return _hint(expected, self._kinds[self._next], found, follows_text=follows_text)

    def _fail(self, token: int, why: str, remedy: str = "") -> NoReturn:
        raise _FaultError(f"{self._place(token)}: {why}", remedy)

    def _refuse(self, token: int, why: str) -> None:
        self.refused = self.refused or f"{self._place(token)}: {why}"

    def _place(self, token: int) -> str:
        start = self._starts[token]
        line = self._text.count("\n", 0, start) + 1
        return f"{line}:{start - self._text.rfind(chr(10), 0, start) - 1}"


def _tokens(text: str) -> tuple[list[str], list[int], list[int]]:
    """Return the kinds, starts and ends of the tokens, up to the end or the first unknown character."""
    kinds, starts, ends = [], [], []
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or ""
        if kind == "skipped":
            continue
        if kind == "name":
            kind = _KEYWORDS.get(found[0], kind)
        elif kind == "sign":
            kind = found[0]
        kinds.append(kind)
        starts.append(found.start())
        ends.append(found.end())
        if kind == "unknown":
            break
    kinds.append("end")
    starts.append(len(text))
    ends.append(len(text))
    return kinds, starts, ends


# --- remedies ---------------------------------------------------------------------------------------

_QUOTES: Final = frozenset('"`\u201c\u201d\u2018\u2019\u00b4')
_TEXT_KINDS: Final = frozenset({"string", "unknown"})


def _hint(expected: str, kind: str, found: str, *, follows_text: bool) -> str:
    """Return the remedy for a token of this kind and text in place of `expected`, or an empty text.

    `follows_text`: the token directly follows the closing quote of a text.
    """
    said = ""
    if found[:1] in _QUOTES:
        said = "write texts between single quotes, as 'example'"
    elif kind == "unknown" and found.startswith("'"):
        said = r"end the text with a single quote, and write a backslash in it as \\ and a quote as \'"
    elif follows_text and kind in {"name", "hyphenated", "integer", "unknown"}:
        said = r"write a single quote within a text as \'"
    elif found.upper() in _KEYWORDS and found not in _KEYWORDS:
        said = f"write {found.upper()} in capitals"
    elif found in {"&&", "&", "||", "|"}:
        said = f"write {'AND' if '&' in found else 'OR'}"
    elif expected == _AN_OBSERVATION:
        said = "write for example [ipv4-addr:value = '198.51.100.4']"
    elif expected == _A_PROPERTY and kind == "hyphenated":
        said = f"put a name with a hyphen between single quotes, as '{found}'"
    elif expected == _AN_INDEX and kind in _TEXT_KINDS:
        said = "write a key behind a full stop, as hashes.'SHA-256'"
    elif expected == _A_VALUE and kind in {"name", "hyphenated"}:
        said = f"put a text between single quotes, as '{found}'"
    elif expected == _A_TIME:
        said = "write a time as t'2024-02-29T12:00:00Z'"
    elif expected == _A_LIST:
        said = "put the values of a list between parentheses, as ('a', 'b')"
    return said
