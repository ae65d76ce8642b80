"""Requests that are hostile by their size or their shape, up to the limits that the hub states."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson

from tests.stix_objects import TLP, grouping, indicator, malware, note, report, sdo, stix_id

Json = dict[str, Any]

MAX_BODY: Final = 10_485_760
MAX_OBJECT: Final = 2_097_152
URL_BYTES: Final = 8_000


def uuid_of(n: int) -> str:
    """A UUID of version 4 by number, made quickly."""
    return f"{n:08x}-0000-4000-8000-{n:012x}"


def id_of(stix_type: str, n: int) -> str:
    return f"{stix_type}--{uuid_of(n)}"


def envelope(objects: list[Any]) -> bytes:
    return orjson.dumps({"objects": objects})


def address(n: int, **more: Any) -> Json:
    return {"type": "ipv4-addr", "id": id_of("ipv4-addr", n), "value": "198.51.100.1", **more}


def many_small_objects(count: int) -> bytes:
    return envelope([address(n) for n in range(count)])


def filled(make: Callable[[int], Any], limit: int = MAX_BODY, at_most: int = 10_000) -> bytes:
    """An envelope of as many objects, by number, as fit into a body."""
    items: list[bytes] = []
    size = 20
    while len(items) < at_most:
        item = orjson.dumps(make(len(items)))
        size += len(item) + 1
        if size > limit:
            break
        items.append(item)
    return b'{"objects":[' + b",".join(items) + b"]}"


# --- bodies: all but the last of a shape lay the ground ---------------------------------------------------

PATTERN_ROOM: Final = 15_900


def _patterns(shape: str, size: int = PATTERN_ROOM) -> Iterator[bytes]:
    made = PATTERNS[shape](size)
    yield filled(lambda n: indicator(n, pattern=made + f"/*{n:06}*/"))


def _nested_arrays() -> bytes:
    """Arrays in arrays as deep as is taken, beside each other up to the limit of a body."""
    inner = b"[" * 60 + b"]" * 60
    return b'{"objects":[' + b",".join([inner] * (MAX_BODY // 121 - 1)) + b"]}"


def _one_object(**properties: Any) -> bytes:
    return envelope([malware(0, **properties)])


def _references_both_ways(count: int) -> Iterator[bytes]:
    """Groupings that all contain each other, as many references as fit."""
    ids = [stix_id("grouping", n) for n in range(count)]
    yield filled(lambda n: grouping(n, refs=ids[:2_000]), at_most=count)


def _chain(count: int) -> bytes:
    """Groupings each of which contains the next: a level has far to go."""
    return envelope([grouping(n, refs=[stix_id("grouping", n + 1)]) for n in range(count)])


def _chain_backwards(count: int) -> bytes:
    return envelope([grouping(n, refs=[stix_id("grouping", n - 1 if n else count)]) for n in range(count)])


def _star(count: int) -> Iterator[bytes]:
    """One object to which thousands refer, and which refers to thousands; then it changes its level."""
    around = [stix_id("malware", n) for n in range(1, count + 1)]
    yield envelope(
        [
            sdo("malware", 0, tlp="green", refs=around),
            *(malware(n, tlp="green", refs=[stix_id("malware", 0)]) for n in range(1, count + 1)),
        ]
    )
    yield envelope([sdo("malware", 0, version=2, tlp="red", refs=around)])


def _versions(count: int) -> Iterator[bytes]:
    yield envelope([malware(0, version=n) for n in range(1, count + 1)])
    yield envelope([malware(0, version=n) for n in range(count + 1, 2 * count + 1)])


def _versions_in_containers(count: int) -> bytes:
    """Many versions of one object, and many containers of it: their product is the danger."""
    contents = [malware(0, version=n) for n in range(count)]
    return envelope([*contents, *(grouping(n, refs=[stix_id("malware", 0)]) for n in range(count))])


def _creators(count: int) -> bytes:
    people = [sdo("identity", n, name="x") for n in range(count)]
    return envelope([*people, *(malware(n, created_by=stix_id("identity", n)) for n in range(count))])


def _selectors(count: int) -> bytes:
    marking = {"marking_ref": TLP["green"], "selectors": [f"x_list.[{n}]" for n in range(count)]}
    return _one_object(x_list=[1] * count, granular_markings=[marking])


def _long_selectors() -> bytes:
    selector = ".".join(["x_deep"] + ["a"] * 20)
    deep: Json = {}
    for _ in range(20):
        deep = {"a": deep}
    marking = {"marking_ref": TLP["green"], "selectors": [selector] * 40_000}
    return _one_object(x_deep=deep, granular_markings=[marking])


def _granular(count: int) -> bytes:
    markings = [{"marking_ref": TLP["green"], "selectors": ["name"]}] * count
    return _one_object(granular_markings=markings)


def _backtracking() -> bytes:
    """Texts that make a careless regular expression try everything: types, ids, times, labels."""
    bad = ["a" * 250 + "!", "a-" * 120 + "-", "a--" * 80, "a-" * 125]
    times = ["2024-01-01T00:00:00." + "0" * 5_000 + "x", "2" * 5_000, "2024-01-01T00:00:00." + "9" * 5_000]
    items = []
    for n in range(450):
        made = malware(n, labels=["tlp:" + " " * 2_000 + "amber", "tlp" + ":=_-" * 500 + "x"])
        made["type"] = bad[n % 4]
        items.append(made)
        items.append(malware(n, modified=times[n % 3]))
        items.append(indicator(n, valid_from=times[n % 3]))
        items.append({**malware(n), "id": "malware--" + "0" * 5_000})
    return envelope(items)


BODIES: Final[dict[str, Callable[[], Iterator[bytes]]]] = {
    "10,000 small objects": lambda: iter([many_small_objects(10_000)]),
    "10,001 objects": lambda: iter([many_small_objects(10_001)]),
    "3,000,000 zeros as objects": lambda: iter([b'{"objects":[' + b"0," * 3_000_000 + b"0]}"]),
    "3,000,000 empty objects": lambda: iter([b'{"objects":[' + b"{}," * 3_000_000 + b"{}]}"]),
    "10,000 empty objects": lambda: iter([b'{"objects":[' + b"{}," * 9_999 + b"{}]}"]),
    "10,000 numbers": lambda: iter([b'{"objects":[' + b"0," * 9_999 + b"0]}"]),
    "10,000 short ids": lambda: iter([envelope([{"id": f"{n}" * 5} for n in range(10_000)])]),
    "10,000 indicators": lambda: iter([filled(lambda n: indicator(n, id=id_of("indicator", n)))]),
    "one object of 2 MB": lambda: iter([_one_object(description="x" * (MAX_OBJECT - 400))]),
    "one object of 10 MB": lambda: iter([_one_object(description="x" * (MAX_BODY - 400))]),
    "one object of 2 MB in small numbers": lambda: iter([_one_object(x_n=[0] * (MAX_OBJECT // 2 - 400))]),
    "one object of 2 MB in floats": lambda: iter([_one_object(x_n=[0.1] * (MAX_OBJECT // 4 - 400))]),
    "one object of 10 MB in floats": lambda: iter([_one_object(x_n=[0.1] * (MAX_BODY // 4 - 400))]),
    "one object of 2 MB in keys": lambda: iter([_one_object(x_d={f"k{n}": 0 for n in range(180_000)})]),
    "one object of 2 MB in keys not ASCII": lambda: iter(
        [orjson.dumps({"objects": [malware(0, x_d={f"é{n}": 0.5 for n in range(150_000)})]})]
    ),
    "one object of 10 MB in keys": lambda: iter([_one_object(x_d={f"k{n}": 0 for n in range(750_000)})]),
    "nested arrays": lambda: iter([_nested_arrays()]),
    "arrays in arrays in one object": lambda: iter([_one_object(x_a=json.loads("[" * 40 + "]" * 40))]),
    "2 MB of nested arrays in one object": lambda: iter(
        [_one_object(x_a=[json.loads("[" * 40 + "]" * 40)] * 25_000)]
    ),
    "10 MB opening brackets": lambda: iter([b"[" * MAX_BODY]),
    "10 MB of escaped quotes": lambda: iter([b'{"objects":["' + b'\\"' * (MAX_BODY // 2 - 20) + b'"]}']),
    "10 MB of NUL escapes": lambda: iter([b'{"objects":["' + b"\\u0000" * 1_700_000 + b'"]}']),
    "10 MB of one duplicate key": lambda: iter([b'{"objects":[{' + b'"a":1,' * 1_700_000 + b'"b":2}]}']),
    "1,000,000 object_refs": lambda: iter([envelope([report(0, refs=[f"{n:x}" for n in range(1_000_000)])])]),
    "400,000 object_refs in 2 MB": lambda: iter([envelope([report(0, refs=["a"] * 400_000)])]),
    "36,000 object_refs of a report": lambda: iter(
        [envelope([report(0, refs=[id_of("malware", n) for n in range(36_000)])])]
    ),
    "reports of 36,000 refs each": lambda: iter(
        [filled(lambda n: report(n, refs=[id_of("malware", i) for i in range(36_000)]))]
    ),
    "reports of 36,000 other refs each": lambda: iter(
        [filled(lambda n: report(n, refs=[id_of("malware", n * 36_000 + i) for i in range(36_000)]))]
    ),
    "5,000 references each way": lambda: _star(5_000),
    "9,999 references each way": lambda: _star(9_999),
    "groupings that contain each other": lambda: _references_both_ways(5_000),
    "a chain of 5,000 groupings": lambda: iter([_chain(5_000)]),
    "a chain of 10,000 groupings": lambda: iter([_chain(10_000)]),
    "a chain of 2,000 groupings backwards": lambda: iter([_chain_backwards(2_000)]),
    "a chain of 10,000 groupings backwards": lambda: iter([_chain_backwards(10_000)]),
    "2,000 versions and 2,000 containers": lambda: iter([_versions_in_containers(2_000)]),
    "5,000 versions and 5,000 containers": lambda: iter([_versions_in_containers(5_000)]),
    "10,000 versions on 10,000 versions": lambda: _versions(10_000),
    "5,000 identities and namers": lambda: iter([_creators(5_000)]),
    "25,000 object_marking_refs": lambda: iter(
        [_one_object(object_marking_refs=[id_of("marking-definition", n) for n in range(25_000)])]
    ),
    "objects of 25,000 markings each": lambda: iter(
        [
            filled(
                lambda n: malware(
                    n, object_marking_refs=[id_of("marking-definition", i) for i in range(25_000)]
                )
            )
        ]
    ),
    "60,000 selectors": lambda: iter([_selectors(60_000)]),
    "40,000 long selectors": lambda: iter([_long_selectors()]),
    "18,000 granular markings": lambda: iter([_granular(18_000)]),
    "texts to backtrack on": lambda: iter([_backtracking()]),
    "notes of 500 refs": lambda: iter(
        [filled(lambda n: note(n, refs=[id_of("malware", i) for i in range(500)]))]
    ),
    "10 MB of honest patterns": lambda: _patterns("honest"),
    "10,000 honest patterns of 300 bytes": lambda: iter(
        [filled(lambda n: indicator(n, pattern=honest_pattern(n)), at_most=10_000)]
    ),
    "10 MB of OR chains": lambda: _patterns("or chain"),
    "10 MB of nested patterns": lambda: _patterns("nested comparisons"),
    "10 MB of junk patterns": lambda: _patterns("not ASCII"),
    "10 MB of short hostile patterns": lambda: iter(
        [filled(lambda n: indicator(n, pattern="(" * 20 + f"[a:b={n}]" + ")" * 20))]
    ),
}

# --- queries ----------------------------------------------------------------------------------------------


def _listed(name: str, values: Iterator[str] | list[str]) -> str:
    text = ",".join(values)
    return f"{name}={text[:URL_BYTES].rpartition(',')[0]}"


QUERIES: Final[dict[str, str]] = {
    "match[id] as long as a URL": _listed("match[id]", [id_of("ipv4-addr", n) for n in range(200)]),
    "match[id] of nothing": _listed("match[id]", [id_of("tool", n) for n in range(200)]),
    "match[type] as long as a URL": _listed("match[type]", [f"a{n:02}" for n in range(2_500)]),
    "match[version] as long as a URL": _listed(
        "match[version]", [f"20{n:02}-01-01T00:00:00Z" for n in range(100)] * 4
    ),
    "a thousand parameters": "&".join(f"match[id]={n:x}" for n in range(550)),
    "everything at once": _listed("match[version]=all&match[type]=ipv4-addr&match[id]", ["x"] * 3_900),
}

# --- patterns ---------------------------------------------------------------------------------------------


def honest_pattern(n: int) -> str:
    """A pattern of about 300 bytes, as feeds have them."""
    address = f"198.51.{n // 250 % 250}.{n % 250}"
    return (
        f"[domain-name:value = 'host-{n:06}.some-bad-domain.example' OR ipv4-addr:value = '{address}'] "
        f"OR [file:hashes.'SHA-256' = '{n:064x}' AND file:name = 'invoice-{n:06}.pdf.exe'] "
        f"OR [url:value LIKE 'https://host-{n:06}.some-bad-domain.example/%']"
    )


def _joined(unit: str, joint: str, size: int, before: str = "", after: str = "") -> str:
    count = max(1, (size - len(before) - len(after)) // (len(unit) + len(joint)))
    return before + joint.join([unit] * count) + after


PATTERNS: Final[dict[str, Callable[[int], str]]] = {
    "honest": lambda n: _joined("domain-name:value = 'a-long-name.bad.example'", " OR ", n, "[", "]"),
    "or chain": lambda n: _joined("a:b=1", " OR ", n, "[", "]"),
    "and chain": lambda n: _joined("a:b=1", " AND ", n, "[", "]"),
    "chain without an end": lambda n: _joined("a:b=1", " AND ", n, "[", ""),
    "observations": lambda n: _joined("[a:b=1]", " FOLLOWEDBY ", n),
    "observations in parentheses": lambda n: _joined("([a:b=1])", " AND ", n),
    "qualifiers": lambda n: "[a:b=1]" + " WITHIN 5 SECONDS" * ((n - 7) // 17),
    "nested observations": lambda n: _joined("(" * 15 + "[a:b=1]" + ")" * 15, " AND ", n),
    "nested comparisons": lambda n: _joined("(" * 15 + "a:b=1" + ")" * 15, " OR ", n, "[", "]"),
    "deep": lambda n: "(" * ((n - 7) // 2) + "[a:b=1]" + ")" * ((n - 7) // 2),
    "opening parentheses": lambda n: "(" * n,
    "opening brackets": lambda n: "[" * n,
    "set": lambda n: _joined("1", ",", n, "[a:b IN (", ")]"),
    "path": lambda n: "[a:b" + ".b" * (n // 2 - 4) + "=1]",
    "indexes": lambda n: "[a:b" + "[*]" * (n // 3 - 4) + "=1]",
    "string without an end": lambda n: "[a:b='" + "x" * (n - 6),
    "escaped quotes without an end": lambda n: "[a:b='" + r"\'" * (n // 2 - 3),
    "hexadecimals without an end": lambda n: "[a:b=h'" * (n // 7),
    "base64 without an end": lambda n: "[a:b=b'" + "A" * (n - 7),
    "times without an end": lambda n: "t'2024-01-01T00:00:00." + "9" * (n - 22),
    "zeros": lambda n: "[a:b=" + "0" * (n - 5),
    "digits without a point": lambda n: "[a:b=" + "1" * (n - 7) + "x]",
    "comments in comments": lambda n: "/*/" * (n // 3),
    "backslashes": lambda n: "[a:b='" + "\\" * (n - 6),
    "quotes": lambda n: "[a:b=" + "'" * (n - 5),
    "comment without an end": lambda n: "/*" + "*" * (n - 2),
    "comments": lambda n: "/**/" * ((n - 7) // 4) + "[a:b=1]",
    "not ASCII": lambda n: "é" * (n // 2),
    "at signs": lambda n: "@" * n,
    "keywords": lambda n: "AND OR NOT " * (n // 11),
}
