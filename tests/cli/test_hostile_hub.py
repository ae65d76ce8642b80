"""A hub whose answers lack keys, or have other types: every command ends in a sentence and steers nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import Run
from tests.client.loopback import AGREEMENT, Answer, Loopback, Seen, indicator

MALWARE = "malware--00000000-0000-4000-8000-000000000001"
THUMBPRINT = "A" * 43
AT = "2026-01-01T00:00:00.000Z"
NAMED: dict[str, Any] = {"clearance": "agency", "agreement": AGREEMENT, "clause": 0}
RECOVER = {
    "typ": "recover",
    "member": "kr-cert",
    "thumbprint": THUMBPRINT,
    "hub": "h",
    "nation": "KR",
    "previous": "B",
}
TRUE_ANSWERS: dict[tuple[str, str], Any] = {
    ("GET", "/governance/explanations/"): {
        "records": [
            {
                "object": MALWARE, "version": AT, "origin": "US", "member": "us-cert",
                "effective_tlp": "amber",
                "decisions": [
                    {"nation": "KR", "decision": "release", "reason": None, **NAMED, "renditions": [
                        {"rendition": "redacted", "object": MALWARE, **NAMED}]},
                    {"nation": "JP", "decision": "withhold", "reason": "no agreement",
                     "clearance": None, "agreement": None, "clause": None},
                ],
                "abroad": {"decision": "stays at home", "because": ["marking"]},
            }
        ]
    },
    ("GET", "/governance/disclosures/"): {
        "disclosures": [
            {"member": "kr-cert", "nation": "KR", "at": AT, "version": AT, "kind": "objects", **NAMED,
             "notified": AT, "note_fetched": None},
            {"version": AT, "kind": "objects", "members": 3, "notified": 2, "note_fetched": 0},
        ]
    },
    ("GET", "/governance/recoveries/"): {
        "recoveries": [
            {"thumbprint": THUMBPRINT, "member": "kr-cert", "state": "waits", "requested_at": AT,
             "reason": "lost", "statement": RECOVER}
        ]
    },
    ("POST", f"/governance/recoveries/{THUMBPRINT}/confirmation/"): {"previous": "B"},
}  # fmt: skip
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("explain", MALWARE),
    ("explain", MALWARE, "--json"),
    ("disclosures", MALWARE),
    ("recovery", "list"),
    ("recovery", "confirm", "kr-cert", THUMBPRINT),
    ("push", "us", "FILE"),
    ("poll", "kr"),
    ("poll", "kr", "--out", "OUT", "--json"),
)
STEERING = "\x1b[2J\x9b\u202e"
DEEP: list[Any] = []
for _ in range(300):
    DEEP = [DEEP]
OTHERS = (
    None, True, 5, -1, 1.5, 2**63, 1e300, "", "x", STEERING,
    [], {}, [None], [[]], [{}], {"a": []}, ["x", 5], DEEP,
)  # fmt: skip

Place = tuple[Any, ...]
Change = tuple[int, int]  # which place, of all that the answer has; which other value, beyond the last: none


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Every place in a JSON value, the value itself first."""
    yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*here, key))


def changed(value: Any, change: Change) -> Any:
    """The value with another one at a place, or without what was there."""
    found = list(places(value))
    *way, last = found[change[0] % len(found)] or (None,)
    if last is None:
        return OTHERS[change[1] % len(OTHERS)]
    value = copy.deepcopy(value)
    inner = value
    for key in way:
        inner = inner[key]
    if change[1] < len(OTHERS):
        inner[last] = OTHERS[change[1]]
    else:
        del inner[last]
    return value


def lying(
    honest: Callable[[Seen], Answer | None], changes: dict[int, Change]
) -> Callable[[Seen], Answer | None]:
    """The server's answers, those with these numbers changed."""
    count = 0

    def answer(request: Seen) -> Answer | None:
        nonlocal count
        count += 1
        found = honest(request)
        if found is None or count not in changes:
            return found
        status, headers, value = found
        return status, headers, json.dumps(changed(value, changes[count])).encode()  # any depth

    return answer


CHANGES = st.dictionaries(
    st.integers(1, 5),
    st.tuples(st.integers(0, 60), st.integers(0, len(OTHERS) + 4)),
    min_size=1,
    max_size=3,
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=CHANGES)
def test_no_answer_ends_in_a_traceback_or_steers_a_terminal(
    as_member: Run, server: Loopback, tmp_path: Path, command: tuple[str, ...], changes: dict[int, Change]
) -> None:
    server.answers.update(TRUE_ANSWERS)
    server.objects = [indicator(n) for n in range(3)]
    (tmp_path / "x.json").write_bytes(orjson.dumps(indicator(1)))
    (tmp_path / "out.jsonl").unlink(missing_ok=True)
    files = {"FILE": str(tmp_path / "x.json"), "OUT": str(tmp_path / "out.jsonl")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "answer", lying(server.answer, changes))
        result = as_member(*(files.get(word, word) for word in command))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in {0, 1}
    shown = result.stderr if "--json" in command or command[0] == "poll" else result.output
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert (result.exit_code == 0) or result.stderr.startswith("hub: ")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_true_answers_are_accepted(
    as_member: Run, server: Loopback, tmp_path: Path, command: tuple[str, ...]
) -> None:
    server.answers.update(TRUE_ANSWERS)
    if command[0] == "disclosures":  # of one kind or the other
        server.answers["GET", "/governance/disclosures/"]["disclosures"].pop()
    (tmp_path / "x.json").write_bytes(orjson.dumps(indicator(1)))
    files = {"FILE": str(tmp_path / "x.json"), "OUT": str(tmp_path / "out.jsonl")}
    result = as_member(*(files.get(word, word) for word in command))
    assert result.exit_code == 0, result.output
