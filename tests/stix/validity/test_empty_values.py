"""Who does what a sentence says about an empty value is not told to put it back, wherever it stands."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest

from hub.stix.validity import validation
from tests.stix.samples import UUID, WHEN, sdo

MD5 = "0" * 32
SEEN = {"number_observed": 1, "first_observed": WHEN, "last_observed": WHEN}
EMAIL = {
    "type": "email-message",
    "is_multipart": True,
    "additional_header_fields": {"X-Mailer": ["x"]},
    "body_multipart": [{"body": "x", "content_type": "text/plain"}, {"body": "y"}],
}
FILE = {
    "type": "file",
    "hashes": {"MD5": MD5},
    "extensions": {
        "windows-pebinary-ext": {"pe_type": "dll", "sections": [{"name": "x", "hashes": {"MD5": MD5}}]}
    },
}
TRAFFIC = {
    "type": "network-traffic",
    "protocols": ["tcp"],
    "src_ref": f"ipv4-addr--{UUID}",
    "extensions": {
        "http-request-ext": {
            "request_method": "get",
            "request_value": "/",
            "request_header": {"Host": ["x"]},
        },
        "tcp-ext": {"src_flags_hex": "02"},
    },
}
OBJECTS: list[dict[str, Any]] = [
    *({**part, "id": f"{part['type']}--{UUID}"} for part in (EMAIL, FILE, TRAFFIC)),
    *(sdo("observed-data", **SEEN, objects={"0": part, "1": FILE}) for part in (EMAIL, FILE, TRAFFIC)),
    sdo("observed-data", **SEEN, object_refs=[f"file--{UUID}"]),
    sdo("language-content", object_ref=f"file--{UUID}", contents={"ko": {"name": "x"}, "ja": {"name": "y"}}),
    sdo("malware", is_family=False, sample_refs=[f"file--{UUID}"]),
    sdo(
        "tool",
        external_references=[
            {"source_name": "a", "url": "b"},
            {"source_name": "c", "url": "d", "hashes": {"MD5": MD5}},
        ],
        kill_chain_phases=[{"kill_chain_name": "a", "phase_name": "b"}],
        granular_markings=[{"lang": "ko", "selectors": ["name"]}],
        extensions={f"extension-definition--{UUID}": {"extension_type": "property-extension", "abc": [1]}},
    ),
]
_LEFT_OUT = re.compile(
    r"/(\S*) is (?:null|empty|an empty list); (?:leave (?:the property|(?P<name>\S+)) out"
    r"|take (?:it|item (?P<item>\d+) of (?P<of>\S+)) out of the list)"
)
_MUST_STAND = re.compile(r"/(\S*) is (?:null|empty|an empty list), and may not be left out")
_LACKS = re.compile("is missing|lacks a property|may not be left out|must be there")
Path = tuple[str | int, ...]


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in inner:
        yield (*path, step)
        yield from paths(below, (*path, step))


def holder(obj: Any, path: Path) -> Any:
    for step in path[:-1]:
        obj = obj[step]
    return obj


def put(obj: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(obj)
    holder(made, path)[path[-1]] = value
    return made


def without(obj: dict[str, Any], path: Path) -> dict[str, Any]:
    made = copy.deepcopy(obj)
    del holder(made, path)[path[-1]]
    return made


def place_of(obj: dict[str, Any], pointer: str) -> Path:
    """Return the path of a JSON Pointer, with the places in lists as numbers."""
    found: list[str | int] = []
    value: Any = obj
    for token in pointer.split("/"):
        step = int(token) if isinstance(value, list) else token.replace("~1", "/").replace("~0", "~")
        found.append(step)
        value = value[step]
    return tuple(found)


def what_goes(obj: dict[str, Any], told: re.Match[str]) -> Path:
    """Return the path of what the sentence has its reader leave out."""
    path = place_of(obj, told[1])
    last = told["name"] or told["of"]
    end = len(path) - path[::-1].index(last) if last else len(path)
    return path[: end + bool(told["item"])]


def follow(obj: dict[str, Any]) -> None:
    said = validation.fault(obj) or ""
    if told := _MUST_STAND.match(said):
        path = place_of(obj, told[1])
        while len(path) > 1 and len(holder(obj, path)) == 1:
            path = path[:-1]
        assert validation.fault(without(obj, path)), said
    for _ in range(5):
        told = _LEFT_OUT.match(said)
        if told is None:
            break
        obj = without(obj, what_goes(obj, told))
        then = validation.fault(obj) or ""
        assert not _LACKS.search(then), f"{said}, and then {then}"
        said = then


@pytest.mark.parametrize("obj", OBJECTS, ids=lambda obj: obj["type"])
def test_who_follows_the_sentence_on_an_empty_value_is_not_sent_back(obj: dict[str, Any]) -> None:
    assert validation.fault(obj) is None
    for path in paths(obj):
        if path[0] not in ("type", "id", "spec_version"):
            for value in (None, [], {}, [None], [{}], {"a": None}):
                follow(put(obj, path, value))
