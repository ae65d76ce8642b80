"""More than ten thousand generated requests: each is answered as its address speaks, and never with 5xx."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.model import Purpose
from hub.proofs import documents
from tests.hostility.answers import AnswerChecker
from tests.hostility.in_process import JSON, TAXII, InProcessHub, in_process_hub
from tests.hostility.vocabulary import (
    AGREEMENT_LEAVES,
    ENDPOINTS,
    FIELDS,
    INSERTS,
    JSON_PIECES,
    KEYS,
    LEAVES,
    MATCH,
    METHODS,
    NAMES,
    OBJECTS,
    SEEDS,
    SIGNATURE_PIECES,
    SIGNED_FIELDS,
    VALUES,
)
from tests.stix_objects import malware, stix_id
from tests.world import clause, key_of

SEED = st.integers(0, 2**64)
COUNTS = {"addresses": 4_000, "signatures": 2_000, "bytes": 1_500, "objects": 1_800, "governance": 1_400}


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnswerChecker]:
    folder: Path = tmp_path_factory.mktemp("generated")
    with in_process_hub(folder) as hub:
        hub.world.agree(["US", "KR"], clause("US", "KR", "amber"), clause("KR", "US", "amber"))
        hub.push("us-agency", *OBJECTS)
        yield AnswerChecker(hub)


def test_together_they_are_more_than_ten_thousand() -> None:
    assert sum(COUNTS.values()) >= 10_000


# --- addresses: paths, queries, methods and header fields -------------------------------------------------


def _basic(text: str | bytes) -> str:
    return "Basic " + base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def credentials(hub: InProcessHub) -> list[str | None]:
    """Every scheme with and without what it needs; the good ones often enough to get further."""
    tokens = hub.world.tokens
    agency, cert = tokens["us-agency"], tokens["us-cert"]
    good = [f"Bearer {agency}", f"bEaReR {cert}", f"Token {tokens['kr-cert']}", _basic(f"us-cert:{cert}")]
    bad = [
        None, "", " ", "Bearer", "Bearer ", "Bearer x", f"Bearer {agency}x", f"Bearer {agency[:-1]}",
        f"Bearer  {agency}", f"Bearer {agency}, Bearer {cert}", "Bearer \xff\xfe", "Bearer " + "a" * 8_000,
        agency, f"Digest {agency}", "Digest username=\"x\", realm=\"", "Negotiate AAAA", "Basic", "Basic =",
        "Basic ====", "Basic AAA", _basic("us-cert"), _basic(":"), _basic(f":{cert}"),
        _basic(f"kr-cert:{cert}"), _basic(b"\xff\xfe:\xff"), _basic(f"us-cert:{cert}\0"), _basic("a" * 5_000),
        _basic("\0:\0"), "Signature keyId=x", "AWS4-HMAC-SHA256 x", ",",
    ]  # fmt: skip
    return [*(good * 16), *bad]


def _mutated_path(draw: Random) -> str:
    path = draw.choice(ENDPOINTS)
    for _ in range(draw.choice([0, 0, 0, 1, 1, 2, 4])):
        at = draw.randrange(len(path) + 1)
        cut = draw.choice([0, 0, 1, 3])
        path = path[:at] + draw.choice(INSERTS) + path[at + cut :]
    return path[:8_000]


def _query(draw: Random) -> str:
    pairs = [f"{draw.choice(NAMES)}={draw.choice(VALUES)}" for _ in range(draw.choice([0, 0, 1, 1, 2, 3, 6]))]
    if draw.random() < 0.05:
        pairs += [f"{draw.choice(MATCH)}={n}" for n in range(draw.choice([10, 600]))]
    return draw.choice(["&", "&", "&", "&&", ";"]).join(pairs)[:8_000]


def _fields(draw: Random) -> dict[str, str]:
    names = draw.sample(sorted(FIELDS), draw.choice([0, 0, 1, 1, 2, 4]))
    return {name: draw.choice(FIELDS[name]) for name in names}


@settings(max_examples=COUNTS["addresses"] // 10)
@given(seed=SEED)
def _addresses(checker: AnswerChecker, seed: int) -> None:
    draw = Random(seed)
    known = credentials(checker.hub)
    for _ in range(10):
        query = _query(draw)
        target = _mutated_path(draw) + (f"?{query}" if query else "")
        method, fields, given_ = draw.choice(METHODS), _fields(draw), draw.choice(known)
        if given_ is not None:
            fields["Authorization"] = given_
        body = draw.choice([b"", b"{}", b"\xff", b'{"objects":[{}]}']) if method != "GET" else b""
        checker.send("addresses", method, target, fields, body)


# --- signatures ------------------------------------------------------------------------------------------


def _mutated_text(draw: Random, text: str, pieces: list[str]) -> str:
    for _ in range(draw.choice([1, 1, 2, 5])):
        start = draw.randrange(len(text) + 1)
        end = min(len(text), start + draw.choice([0, 0, 1, 1, 4, 30]))
        piece = draw.choice([draw.choice(pieces), "", text[end:start], text[start:end] * 2])
        text = text[:start] + piece + text[end:]
    return text


@settings(max_examples=COUNTS["signatures"] // 10)
@given(seed=SEED)
def _signatures(checker: AnswerChecker, seed: int) -> None:
    draw = Random(seed)
    for _ in range(10):
        path = draw.choice([checker.hub.objects_path("US"), "/governance/agreements/"])
        body = orjson.dumps({"objects": [malware(draw.randrange(50), tlp="red")]})
        kind = TAXII if path.startswith("/allied") else JSON
        headers = checker.hub.signed("us-cert", path, body, content_type=kind)
        for name in draw.sample(SIGNED_FIELDS, draw.choice([0, 1, 1, 1, 2, 4])):
            headers[name] = _mutated_text(draw, headers[name], SIGNATURE_PIECES)
        if draw.random() < 0.1:
            headers.pop(draw.choice(SIGNED_FIELDS))
        checker.send("signatures", draw.choice(["POST"] * 9 + ["DELETE"]), path, headers, body)


# --- bytes that are hardly JSON --------------------------------------------------------------------------


@settings(max_examples=COUNTS["bytes"] // 10)
@given(seed=SEED)
def _bytes(checker: AnswerChecker, seed: int) -> None:
    draw = Random(seed)
    for _ in range(10):
        good = orjson.dumps({"objects": draw.sample(OBJECTS, draw.choice([1, 2]))})
        text = draw.choice([*SEEDS, good, good]).decode("latin-1")
        pieces = [piece.decode("latin-1") for piece in JSON_PIECES]
        body = _mutated_text(draw, text, pieces).encode("latin-1") or b"x"
        path = checker.hub.objects_path("US")
        checker.send("bytes", "POST", path, checker.hub.signed("us-agency", path, body), body)


# --- objects: everything wrong at every place ------------------------------------------------------------

DEEP = [json.loads("[" * n + "]" * n) for n in (20, 60, 61, 62, 63)]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container below `value`, itself included, with each key or index in it."""
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield value, key
            yield from _places(value[key])


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _mutated(draw: Random, value: Any, leaf: Any) -> Any:
    made = _copy(value)
    for _ in range(draw.choice([0, 1, 1, 1, 2, 3])):
        places = list(_places(made))
        if not places:
            break
        container, key = draw.choice(places)
        match draw.randrange(5):
            case 0:
                container.pop(key)
            case 1 if isinstance(container, dict):
                container[draw.choice(KEYS)] = _copy(container[key])
            case 2 if isinstance(container, dict):
                container[draw.choice(KEYS)] = _copy(draw.choice([*LEAVES, leaf]))
            case 3:
                container[key] = _copy(draw.choice(DEEP))
            case _:
                container[key] = _copy(draw.choice([*LEAVES, leaf]))
    return made


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_json_values = st.recursive(
    st.none() | st.booleans() | _numbers | _text,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | _text, inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=COUNTS["objects"] // 6)
@given(seed=SEED, leaf=_json_values)
def _objects(checker: AnswerChecker, seed: int, leaf: Any) -> None:
    draw = Random(seed)
    for _ in range(6):
        chosen = draw.choices(OBJECTS, k=draw.choice([1, 1, 2, 4]))
        envelope: Any = {"objects": [_mutated(draw, one, leaf) for one in chosen]}
        if draw.random() < 0.1:
            envelope = _mutated(draw, envelope, leaf)
        member = draw.choice(["us-agency", "us-agency", "us-cert", "kr-cert"])
        body, path = orjson.dumps(envelope), checker.hub.objects_path("US")
        checker.send("objects", "POST", path, checker.hub.signed(member, path, body), body)
        if draw.random() < 0.1:
            token = checker.hub.world.tokens["kr-cert"]
            checker.send("objects", "GET", path, {"Authorization": f"Bearer {token}"})
        if draw.random() < 0.2:
            _delete(checker, draw, draw.choice(OBJECTS)["id"])


def _delete(checker: AnswerChecker, draw: Random, id: str) -> None:
    """Delete an object, or what looks like one, with a signature that covers the address as it is sent."""
    name = quote(draw.choice([id, id, draw.choice(INSERTS)])[:600], safe="")
    value = quote(draw.choice(VALUES)[:600], safe="")
    query = f"?{quote(draw.choice(MATCH), safe='')}={value}" if draw.random() < 0.5 else ""
    target = f"{checker.hub.objects_path('US')}{name}/{query}"
    headers = checker.hub.signed("us-agency", target, b"", method="DELETE")
    checker.send("objects", "DELETE", target, headers)


# --- governance: agreements and what is signed about them ------------------------------------------------


def _agreement() -> Any:
    return {
        "title": "Sharing", "parties": ["US", "KR"], "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2028-01-01T00:00:00Z",
        "clauses": [clause("US", "KR", "amber", types=["indicator"])],
    }  # fmt: skip


def _jws(draw: Random, checker: AnswerChecker, document: Any) -> Any:
    """A JWS by the right key over a mutated payload, or one whose text was mutated, or no text at all."""
    typ = draw.choice(["sign", "sign", "terminate", "x", None, 1])
    payload = _mutated(
        draw, {"typ": typ, "agreement": document, "previous": None}, draw.choice(AGREEMENT_LEAVES)
    )
    try:
        text: Any = documents.sign_document(payload, key_of("us-cert", Purpose.AGREEMENT))
    except (ValueError, RuntimeError):
        text = "e30.e30.AAAA"
    if isinstance(text, str) and draw.random() < 0.5:
        text = _mutated_text(
            draw, text, [".", "=", "e30", "\0", "é", "..", "A" * 2_000, "eyJhbGciOiJub25lIn0"]
        )
    return draw.choice([text] * 8 + LEAVES)


@settings(max_examples=COUNTS["governance"] // 7)
@given(seed=SEED, leaf=_json_values)
def _governance(checker: AnswerChecker, seed: int, leaf: Any) -> None:
    draw = Random(seed)
    found = checker.hub.get("us-cert", "/governance/agreements/")
    known = orjson.loads(found.data)["agreements"]
    for _ in range(7):
        view = draw.choice(known)
        if draw.random() < 0.5:
            path, document = "/governance/agreements/", _mutated(draw, _agreement(), leaf)
            for container, key in draw.choices(
                list(_places(document)) or [(document, None)], k=draw.choice([0, 1, 1])
            ):
                if key in (container if isinstance(container, dict) else range(len(container))):
                    container[key] = _copy(draw.choice(AGREEMENT_LEAVES))
        else:
            step = draw.choice(["signatures", "signatures", "termination", "suspension"])
            path = f"/governance/agreements/{view['id']}/{step}/"
            document = {"jws": _jws(draw, checker, view["document"])}
            document = _mutated(draw, document, leaf) if draw.random() < 0.2 else document
        body = orjson.dumps(document)
        if draw.random() < 0.1:
            body = (
                _mutated_text(draw, body.decode("latin-1"), ["{", '"', "\0", "\xff", ","]).encode("latin-1")
                or b"x"
            )
        member = draw.choice(["us-cert", "us-cert", "kr-cert"])
        checker.send(
            "governance", "POST", path, checker.hub.signed(member, path, body, content_type=JSON), body
        )


# --- each of them, and how many there were ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "send_all", "among"),
    [
        ("addresses", _addresses, {200, 400, 401, 404, 405, 406}),
        ("signatures", _signatures, {202, 401}),
        ("bytes", _bytes, {202, 400, 422}),
        ("objects", _objects, {200, 202, 400, 403}),
        ("governance", _governance, {201, 400, 422}),
    ],
)
def test_every_generated_request_is_answered_as_promised(
    checker: AnswerChecker, group: str, send_all: Any, among: set[int]
) -> None:
    checker.statuses.clear()
    send_all(checker)
    assert checker.counts[group] >= COUNTS[group]
    assert among <= set(checker.statuses), checker.statuses


def test_the_hub_serves_normally_afterwards(checker: AnswerChecker) -> None:
    answer = checker.hub.push("us-agency", malware(99, tlp="green"))
    assert orjson.loads(answer.data)["success_count"] == 1
    assert checker.hub.get("us-cert", "/allied/collections/us/objects/").status_code == 200


# --- what generated requests have found -------------------------------------------------------------------


@pytest.mark.parametrize("text", ["é", "\xff\xfe", "AAA\x80"])
def test_basic_credentials_that_are_no_ascii_are_401(checker: AnswerChecker, text: str) -> None:
    assert checker.send("found", "GET", "/allied/", {"Authorization": f"Basic {text}"}) == 401


def test_content_without_a_version_after_the_last_instant_of_the_calendar_is_answered(
    checker: AnswerChecker,
) -> None:
    path = checker.hub.objects_path("US")
    last = {"created": "2026-01-01T00:00:00Z", "modified": "9999-12-31T23:59:59.999999Z"}
    for more in (last, {}):
        item = {"type": "x-last", "spec_version": "2.1", "id": stix_id("x-last"), **more}
        body = orjson.dumps({"objects": [item]})
        assert checker.send("found", "POST", path, checker.hub.signed("us-agency", path, body), body) == 202
