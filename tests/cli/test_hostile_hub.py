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

from hub.client.agreement.reviewing import digest_of
from hub.proofs import keys
from tests.cli.conftest import Run
from tests.client.loopback import (
    AGREEMENT,
    US,
    Answer,
    Loopback,
    SeenRequest,
    cert,
    event,
    indicator,
    view,
)

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
COUNTED = [{"origin": "US", "recipient": "KR", "type": "malware", "tlp": "amber", "count": 1}]
SUBMITTED: dict[str, Any] = {
    "id": "s1", "member": "us-cert", "nation": "US", "at": AT, "succeeded": 1, "failed": 1,
}  # fmt: skip
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
    ("GET", "/allied/status/s1/"): {
        "id": "s1", "status": "complete", "total_count": 3, "success_count": 2, "failure_count": 1,
        "pending_count": 0, "failures": [{"id": MALWARE, "version": AT, "message": "not STIX"}],
        "successes": [{"id": MALWARE, "version": AT, "message": "noted"}, {"id": "x--1", "version": AT}],
    },
    ("GET", "/governance/submissions/"): {"submissions": [SUBMITTED], "more": False},
    ("GET", "/governance/submissions/s1/"): SUBMITTED | {"outcomes": [
        {"id": MALWARE, "version": AT, "succeeded": False, "message": "not STIX"},
        {"id": "x--1", "version": AT, "succeeded": True, "message": "noted"}]},
    ("GET", f"/allied/collections/{US}/objects/{MALWARE}/versions/"): {"versions": [AT], "more": False},
    ("DELETE", f"/allied/collections/{US}/objects/{MALWARE}/"): {},
    ("POST", "/governance/explanations/"): {
        "explanations": [
            {"object": indicator(1)["id"], "version": AT, "origin": "US", "effective_tlp": "amber",
             "abroad": {"decision": "stays at home", "because": ["marking"]}}
        ]
    },
    ("POST", "/governance/simulations/"): {
        "released": COUNTED, "withdrawn": COUNTED, "recent": {"days": 30, "released": COUNTED},
        "examples": [{"change": "released", "origin": "US", "recipient": "KR", "object": MALWARE}],
    },
}  # fmt: skip
# Those of an agreement, which hang on the key that the member signs with.
AGREED: dict[str, Any] = {
    "id": AGREEMENT, "hub": "identity--6f1b9d5e-9c4f-4a53-8c5c-6f6c1d1f6a02", "title": "Between two",
    "parties": ["KR", "US"], "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2126-01-01T00:00:00Z",
    "clauses": [{"from": "US", "to": ["KR"], "max_tlp": "amber", "types": ["malware"]}],
    "iep": {"note": "x"},
}  # fmt: skip
PATH = f"/governance/agreements/{AGREEMENT}/"
NEW = AGREED["id"][:-1] + "2"
AMENDING = AGREED | {"id": NEW, "supersedes": AGREEMENT}
TOML = """
title = "Between two"
parties = ["KR", "US"]
valid_from = 2026-01-01T00:00:00Z
valid_until = 2126-01-01T00:00:00Z
iep = { note = "x" }
[[clauses]]
from = "US"
to = ["KR"]
max_tlp = "amber"
types = ["malware"]
"""
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("explain", MALWARE),
    ("explain", MALWARE, "--json"),
    ("disclosures", MALWARE),
    ("recovery", "list"),
    ("recovery", "confirm", "kr-cert", THUMBPRINT),
    ("push", "us", "FILE"),
    ("poll", "kr"),
    ("poll", "kr", "--out", "OUT", "--json"),
    ("poll", "kr", "--out", "OUT", "--state", "STATE", "--levels", "LEVELS"),
    ("status", "s1"),
    ("status", "s1", "--json"),
    ("submissions",),
    ("submissions", "s1"),
    ("submissions", "s1", "--json"),
    ("collections",),
    ("delete", "us", MALWARE, "--yes"),
    ("keys", "list"),
    ("keys", "pin", "KR", THUMBPRINT),
    ("agreement", "list"),
    ("agreement", "show", AGREEMENT),
    ("agreement", "show", NEW),
    ("agreement", "show", NEW, "--json"),
    ("agreement", "sign", NEW, "--digest", digest_of(AMENDING)),
    ("agreement", "suspend", AGREEMENT),
    ("agreement", "resume", AGREEMENT),
    ("agreement", "terminate", AGREEMENT),
    ("agreement", "propose", "AGREEMENT"),
    ("agreement", "simulate", "AGREEMENT"),
)
KR_KEY = keys.generate("ed25519")
STEERING = "\x1b[2J\x9b\u202e"
DEEP: list[Any] = []
for _ in range(300):
    DEEP = [DEEP]
OTHERS = (
    None, True, 5, -1, 1.5, 2**63, 1e300, "", "x", STEERING,
    [], {}, [None], [[]], [{}], {"a": []}, ["x", 5], DEEP,
)  # fmt: skip


def agreed(us: keys.PrivateKey) -> dict[tuple[str, str], Any]:
    """The true answers about an agreement that both have signed, and an amendment that KR has."""

    def after(document: dict[str, Any], *steps: tuple[str, str, keys.PrivateKey]) -> dict[str, Any]:
        events: list[dict[str, Any]] = []
        for typ, nation, key in steps:
            before = None if typ == "sign" else events[-1]
            events.append(event(document, nation, key, typ, before))
        done = [step[0] for step in steps]
        ended = done[-1] == "terminate"
        suspended = ["US"] if done[-1] == "suspend" else []
        is_whole = done.count("sign") == len(document["parties"])
        state = "ended" if ended else "suspended" if suspended else "in force" if is_whole else "proposed"
        return view(
            document,
            state=state,
            ended="terminated by US" if ended else None,
            suspended_by=suspended,
            signed_by=sorted({nation for typ, nation, _ in steps if typ == "sign"}),
            events=events,
            last_event=events[-1]["digest"],
        )

    both = ("sign", "US", us), ("sign", "KR", KR_KEY)
    suspended = (*both, ("suspend", "US", us))
    new = f"/governance/agreements/{NEW}/"
    return {
        ("GET", "/governance/members/"): {"members": [cert("US", us), cert("KR", KR_KEY)]},
        ("GET", "/governance/agreements/"): {"agreements": [after(AGREED, *both)]},
        ("POST", "/governance/agreements/"): view(AGREED),
        ("GET", PATH): after(AGREED, *both),
        ("POST", f"{PATH}suspension/"): after(AGREED, *suspended),
        ("POST", f"{PATH}resumption/"): after(AGREED, *suspended, ("resume", "US", us)),
        ("POST", f"{PATH}termination/"): after(AGREED, *both, ("terminate", "US", us)),
        ("GET", new): after(AMENDING, ("sign", "KR", KR_KEY)),
        ("POST", f"{new}signatures/"): after(AMENDING, ("sign", "KR", KR_KEY), ("sign", "US", us)),
    }


def true_answers(server: Loopback, command: tuple[str, ...]) -> dict[tuple[str, str], Any]:
    """The answers of a hub that alters nothing, and of this command one of two kinds that may come."""
    found = copy.deepcopy(TRUE_ANSWERS) | agreed(server.key)
    if command[:2] == ("agreement", "resume"):  # what is resumed was suspended
        found["GET", PATH] = found["POST", f"{PATH}suspension/"]
    if "--levels" in command:
        server.explanations = [[{"object": i["id"], "version": AT, "origin": "KR", "effective_tlp": "green"}
                                for i in server.objects]] * 99  # fmt: skip
    return found


def files(folder: Path) -> dict[str, str]:
    """The files that commands name, anew."""
    (folder / "x.json").write_bytes(orjson.dumps(indicator(1)))
    (folder / "a.toml").write_text(TOML)
    made = {"OUT": "out.jsonl", "STATE": "state.json", "LEVELS": "levels.jsonl", "PINS": "pins.json"}
    for name in made.values():
        (folder / name).unlink(missing_ok=True)
    return {word: str(folder / n) for word, n in (made | {"FILE": "x.json", "AGREEMENT": "a.toml"}).items()}


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


def altered(
    honest: Callable[[SeenRequest], Answer | None], changes: dict[int, Change]
) -> Callable[[SeenRequest], Answer | None]:
    """The server's answers, those with these numbers changed."""
    count = 0

    def answer(request: SeenRequest) -> Answer | None:
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
    st.tuples(st.integers(0, 150), st.integers(0, len(OTHERS) + 4)),
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
    server.objects, server.page = [indicator(n) for n in range(3)], 5
    server.answers.update(true_answers(server, command))
    named = files(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "answer", altered(server.answer, changes))
        result = as_member(*(named.get(word, word) for word in command), env={"HUB_PINS": named["PINS"]})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in {0, 1}
    shown = result.stderr if "--json" in command or command[0] == "poll" else result.output
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert (result.exit_code == 0) or result.stderr.startswith("hub: ")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_true_answers_are_accepted(
    as_member: Run, server: Loopback, tmp_path: Path, command: tuple[str, ...]
) -> None:
    server.objects, server.page = [indicator(n) for n in range(3)], 5
    server.answers.update(true_answers(server, command))
    if command[0] == "disclosures":  # of one kind or the other
        server.answers["GET", "/governance/disclosures/"]["disclosures"].pop()
    named = files(tmp_path)
    result = as_member(*(named.get(word, word) for word in command), env={"HUB_PINS": named["PINS"]})
    assert result.exit_code == 0, result.output
