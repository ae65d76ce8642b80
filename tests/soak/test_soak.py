"""The soak itself: a small one comes out clean, and its verifier notices what it is there to notice."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from tests.soak.journal import Event, SoakEvidence
from tests.soak.soaking import SoakPlan, soak
from tests.soak.verifying import SoakResult, Verifier

_PLAN = SoakPlan(
    seconds=3, seed=7, rounds=15, writers=3, workers=2, polling_processes=1, kill_every=2, pace=0.5
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[SoakResult, SoakEvidence]:
    """A soak of some seconds on SQLite, and what was written down in it."""
    folder = tmp_path_factory.mktemp("soak")
    result = soak(_PLAN, f"sqlite:///{folder / 'hub.db'}", folder)
    return result, SoakEvidence.read(folder)


def test_a_small_soak_finds_nothing_wrong(small: tuple[SoakResult, SoakEvidence]) -> None:
    result, _ = small
    assert result.violations == []
    assert result.counts["versions"] > result.counts["agreements"] > 0


def _foreign(evidence: SoakEvidence) -> tuple[Event, list[str]]:
    """Return a page and the first object in it that comes from another nation and is there to the end."""
    pushed: dict[tuple[str, str], str] = {}
    for event in evidence.of("push"):
        pushed |= {(o["id"], o["version"]): event["member"] for o in event["objects"]}
    full = {(e["who"], *entry[:2]) for e in evidence.of("full") for entry in e["objects"]}
    for page in evidence.of("page"):
        if page["who"].startswith("poller-command"):
            continue  # several pages in one
        for entry in page["objects"]:
            member = pushed.get((entry[0], entry[1]), str(page["member"]))
            if member[:2] != page["member"][:2] and (page["who"], *entry[:2]) in full and entry[2]:
                return page, entry
    raise AssertionError("nothing crossed")


def _lose(evidence: SoakEvidence) -> None:
    who, entry = _foreign(evidence)[0]["who"], _foreign(evidence)[1]
    for page in evidence.of("page"):
        if page["who"] == who:
            page["objects"] = [other for other in page["objects"] if other[:2] != entry[:2]]


def _change(evidence: SoakEvidence) -> None:
    _foreign(evidence)[1][2] = "another digest"


def _repeat(evidence: SoakEvidence) -> None:
    page, entry = _foreign(evidence)
    page["objects"].append(entry)


def _step_back(evidence: SoakEvidence) -> None:
    page, _ = _foreign(evidence)
    evidence.events.append(copy.deepcopy(page))


def _never_agree(evidence: SoakEvidence) -> None:
    evidence.events = [event for event in evidence.events if event["what"] != "agreement"]


def _end_at_once(evidence: SoakEvidence) -> None:
    ended = [e | {"what": "ended", "answered": e["sent"] + 0.001} for e in evidence.of("agreement")]
    evidence.events = [event for event in evidence.events if event["what"] != "ended"] + ended


def _mark_red(evidence: SoakEvidence) -> None:
    for event in evidence.of("push"):
        for item in event["objects"]:
            item["level"] = "red"


def _delete_before(evidence: SoakEvidence) -> None:
    page, entry = _foreign(evidence)
    deletion = {"what": "deleted", "who": "", "id": entry[0], "versions": [entry[1]]}
    evidence.events.append(deletion | {"answered": page["sent"] - 1})


def _tighten_before(evidence: SoakEvidence) -> None:
    page, entry = _foreign(evidence)
    raised = {"what": "raised", "who": "", "id": entry[0], "version": entry[1], "level": "red"}
    evidence.events.append(raised | {"answered": page["sent"] - 1})


def _invent(evidence: SoakEvidence) -> None:
    page, entry = _foreign(evidence)
    page["objects"].append(["malware--of-nobody", *entry[1:]])


def _drop_held(evidence: SoakEvidence) -> None:
    event = next(event for event in evidence.of("held") if event["objects"])
    event["objects"].pop()


def _double_held(evidence: SoakEvidence) -> None:
    pushed = {o["id"] for event in evidence.of("push") for o in event["objects"]}
    for event in evidence.of("held"):
        mine = [entry for entry in event["objects"] if entry[0] in pushed]
        event["objects"] += mine


def _stop_before_the_end(evidence: SoakEvidence) -> None:
    evidence.events = [event for event in evidence.events if event["what"] != "full"]


@pytest.mark.parametrize(
    ("doctor", "noticed"),
    [
        (_lose, "lost: "),
        (_change, "not as it was pushed"),
        (_repeat, "twice in one page"),
        (_step_back, "a date does not grow"),
        (_never_agree, "not allowed to"),
        (_end_at_once, "not allowed to"),
        (_mark_red, "not allowed to"),
        (_tighten_before, "held to red"),
        (_delete_before, "deleted at"),
        (_invent, "nobody pushed"),
        (_drop_held, "is missing"),
        (_double_held, "is too many"),
        (_stop_before_the_end, "0 full polls"),
    ],
)
def test_the_verifier_notices(
    small: tuple[SoakResult, SoakEvidence], doctor: Callable[[SoakEvidence], None], noticed: str
) -> None:
    evidence = copy.deepcopy(small[1])
    doctor(evidence)
    assert any(noticed in violation for violation in Verifier(evidence).result().violations)
