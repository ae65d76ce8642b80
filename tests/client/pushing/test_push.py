"""Pushing: a failure stops nothing else; a broken connection leaves no duplicates; all is reported."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.client import ClientError, Hub, ItemOutcome, ObjectHandling, PushStopped
from hub.client.pushing import push
from hub.model import Tlp
from tests.client.loopback import US, Loopback, error, indicator
from tests.client.pushing.posted import posts

EXPLANATIONS = "/governance/explanations/"
GREEN_ID = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"


# --- refusals ---


def test_a_collection_that_is_not_ones_own_is_refused_before_anything_is_sent(
    member: Hub, server: Loopback
) -> None:
    with pytest.raises(ClientError, match="kr is not yours to write"):
        member.push("kr", [indicator(1)])
    assert posts(server) == []


def test_an_unknown_collection_is_refused(member: Hub) -> None:
    with pytest.raises(ClientError, match="no collection fr"):
        member.push("fr", [indicator(1)])


def test_a_file_that_cannot_be_read_stops_the_push_before_anything_is_sent(
    member: Hub, server: Loopback, tmp_path: Path
) -> None:
    good = tmp_path / "good.json"
    good.write_bytes(orjson.dumps(indicator(1)))
    with pytest.raises(ClientError, match=r"missing\.json cannot be read"):
        member.push_files("us", [good, tmp_path / "missing.json"])
    assert posts(server) == []


def test_what_the_hub_does_not_take_is_reported_and_the_rest_is_taken(member: Hub) -> None:
    report = member.push("us", [indicator(1), indicator(2) | {"id": "bad--2"}, indicator(3)])
    assert (report.submitted, report.succeeded, report.failed) == (3, 2, 1)
    assert report.failures == [ItemOutcome("bad--2", "2026-01-01T00:00:00.000Z", "not STIX")]
    assert report.statuses == ["status-1"]


def test_an_object_larger_than_any_post_fails_alone(member: Hub, server: Loopback) -> None:
    server.max_content_length = 5_000
    report = member.push("us", [indicator(1), indicator(2, pattern="x" * 5_000), indicator(3)])
    assert (report.submitted, report.succeeded) == (3, 2)
    (failure,) = report.failures
    assert failure.id == indicator(2)["id"]
    assert "the hub accepts at most" in failure.message


def test_a_post_refused_whole_ends_the_push_with_what_was_done(member: Hub, server: Loopback) -> None:
    server.max_content_length = 1_300  # one or two objects a post
    server.fail("/objects/", error(403, "Forbidden", "the token lacks the scope submit"))
    objects = [indicator(number) for number in range(10)]
    with pytest.raises(PushStopped, match=r"Forbidden: the token lacks.*HTTP 403.*0 of 10") as stopped:
        member.push("us", objects)
    assert stopped.value.status == 403
    assert (stopped.value.report.submitted, stopped.value.report.succeeded) == (0, 0)
    assert member.push("us", objects).succeeded == 10


def test_a_status_that_contradicts_itself_is_refused(member: Hub, server: Loopback) -> None:
    path = f"/allied/collections/{US}/objects/"
    server.answers["POST", path] = {
        "id": "s",
        "status": "complete",
        "total_count": 2,
        "success_count": 1,
        "failure_count": 0,
        "pending_count": 0,
    }
    with pytest.raises(PushStopped, match="status that cannot be read"):
        member.push("us", [indicator(1)])


def test_failures_that_the_hub_counts_together_are_counted(member: Hub, server: Loopback) -> None:
    path = f"/allied/collections/{US}/objects/"
    together = {"id": "(item 1)", "message": "119 more items cannot be read"}
    server.answers["POST", path] = {
        "id": "s",
        "status": "complete",
        "total_count": 120,
        "success_count": 0,
        "failure_count": 120,
        "pending_count": 0,
        "failures": [{"id": "(item 0)", "message": "not STIX"}, together],
    }
    report = member.push("us", map(indicator, range(120)))
    assert (report.failed, [failure.message for failure in report.failures]) == (
        120,
        ["not STIX", "119 more items cannot be read"],
    )


@pytest.mark.parametrize(
    ("total", "succeeded", "failed", "pending"),
    [(0, 0, 0, 0), (1, 1, 0, 0), (3, 3, 0, 0), (2, 3, -1, 0), (2, 1, 0, 0), (2, True, 1, 0), (2, 2.0, 0, 0)],
)
def test_a_status_of_another_number_of_objects_is_no_success(
    member: Hub, server: Loopback, total: Any, succeeded: Any, failed: Any, pending: Any
) -> None:
    counts = {"total_count": total, "success_count": succeeded, "failure_count": failed}
    status = {"id": "s", "status": "complete", "pending_count": pending} | counts
    server.answers["POST", f"/allied/collections/{US}/objects/"] = status
    with pytest.raises(PushStopped, match="its counts do not add up; 0 of 2 objects were sent"):
        member.push("us", map(indicator, range(2)))


def test_what_the_hub_has_not_decided_yet_is_told(member: Hub, server: Loopback) -> None:
    counts = {"total_count": 2, "success_count": 1, "failure_count": 0, "pending_count": 1}
    server.answers["POST", f"/allied/collections/{US}/objects/"] = {"id": "s", "status": "pending"} | counts
    assert member.push("us", map(indicator, range(2))).pending == 1


# --- resuming ---


@pytest.mark.parametrize(
    "fault",
    [None, error(502, "Bad gateway", ""), error(503, "Unavailable", ""), error(504, "Timeout", "")],
    ids=["hung up", "502", "503", "504"],
)
def test_a_post_is_repeated_with_the_same_bytes_and_another_nonce(
    member: Hub, server: Loopback, pauses: list[float], fault: Any
) -> None:
    server.fail("/objects/", fault, fault)
    report = member.push("us", [indicator(1)])
    assert (report.submitted, report.succeeded, len(report.statuses)) == (1, 1, 1)
    first, second, third = server.to("/objects/", "POST")
    assert first.body == second.body == third.body
    assert len({first.nonce, second.nonce, third.nonce}) == 3
    assert pauses == [1.0, 2.0]


def test_attempts_are_bounded(member: Hub, server: Loopback) -> None:
    server.fail("/objects/", *[None] * 20)
    with pytest.raises(
        PushStopped, match="closed the connection before its answer was whole; 0 of 1 objects"
    ):
        member.push("us", [indicator(1)])
    assert len(server.to("/objects/", "POST")) == 6


def test_files_of_every_shape_are_pushed_in_one_go(
    member: Hub, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(orjson.dumps({"type": "bundle", "objects": [indicator(1), indicator(2)]}))
    lines = io.TextIOWrapper(io.BytesIO(orjson.dumps(indicator(3)) + b"\n"))
    monkeypatch.setattr("sys.stdin", lines)
    assert member.push_files("us", [bundle, "-"]).succeeded == 3
    assert posts(server) == [[indicator(n)["id"] for n in (1, 2, 3)]]


def test_progress_is_told_after_every_post(member: Hub, server: Loopback) -> None:
    server.max_content_length = 1_300
    told: list[tuple[int, int]] = []
    member.push("us", [indicator(n) for n in range(4)], on_progress=lambda *done: told.append(done))
    assert told[-1] == (4, 4)
    assert told == sorted(told)
    assert len(told) == len(posts(server))


def test_nothing_to_push_is_a_success(member: Hub, server: Loopback) -> None:
    assert member.push("us", []).submitted == 0
    assert posts(server) == []


# --- how it is handled ---


def explained(tlp: str, decision: str = "leaves", *because: str) -> dict[str, Any]:
    return {"effective_tlp": tlp, "abroad": {"decision": decision, "because": list(because)}}


def test_what_was_taken_is_asked_about_in_bounded_requests_and_counted(
    member: Hub, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "MOST_EXPLAINED", 5)
    monkeypatch.setattr(push, "MOST_AT_ONCE", 2)
    green = {"object_marking_refs": [GREEN_ID]}
    answers = [
        [explained("amber"), explained("amber", "stays at home", "reference")],
        [explained("green"), {"object": "x", "error": "no such object"}],
        [{"records": [{"effective_tlp": "red"}, explained("amber")]}],
    ]
    server.explanations = list(answers)
    report = member.push(
        "us", [*map(indicator, range(2)), indicator(2) | green, *map(indicator, range(3, 8))], explain=True
    )
    sent = [orjson.loads(seen.body)["objects"] for seen in server.to("/explanations/", "POST")]
    assert [one["object"] for many in sent for one in many] == [indicator(n)["id"] for n in range(5)]
    assert list(map(len, sent)) == [2, 2, 1]
    assert server.explanations == []
    assert report.handlings == {
        ObjectHandling(Tlp.AMBER, is_unmarked=True, leaves=True): 2,
        ObjectHandling(Tlp.AMBER, is_unmarked=True, leaves=False, because=("reference",)): 1,
        ObjectHandling(Tlp.GREEN, is_unmarked=False, leaves=True): 1,
    }
    assert report.unexplained is not None
    assert report.unexplained.startswith("the hub was asked about the first 5 objects")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"explanations": "x"},
        {"explanations": []},
        {"explanations": [{}, {}]},
        {"explanations": [{"object": "x--2", "effective_tlp": "clear", "abroad": {"decision": "leaves"}}]},
        {"explanations": [{"records": [{"object": "x--2", "effective_tlp": "clear"}]}]},
    ],
)
def test_a_hub_that_does_not_explain_fails_no_push(member: Hub, server: Loopback, answer: Any) -> None:
    server.answers["POST", EXPLANATIONS] = answer
    report = member.push("us", [indicator(1)], explain=True)
    assert (report.succeeded, report.failed, report.handlings) == (1, 0, {})
    assert report.unexplained is not None
    assert report.unexplained.startswith("the hub does not say how it handles them: ")


@pytest.mark.parametrize("decision", [["leaves"], {"leaves": 1}, None, "perhaps"])
def test_where_an_object_goes_is_not_told_where_the_hub_says_something_else(
    member: Hub, server: Loopback, decision: Any
) -> None:
    said = {"effective_tlp": "amber", "abroad": {"decision": decision, "because": [["marking"]]}}
    server.answers["POST", EXPLANATIONS] = {"explanations": [said]}
    report = member.push("us", [indicator(1)], explain=True)
    assert report.handlings == {ObjectHandling(Tlp.AMBER, is_unmarked=True): 1}


@pytest.mark.parametrize(
    "said",
    [1, None, [], {}, {"records": 1}, {"records": [1]}, {"effective_tlp": 1}, {"effective_tlp": "purple"}],
)
def test_an_explanation_that_says_nothing_is_not_counted(member: Hub, server: Loopback, said: Any) -> None:
    server.answers["POST", EXPLANATIONS] = {"explanations": [said]}
    report = member.push("us", [indicator(1)], explain=True)
    assert (report.succeeded, report.handlings, report.unexplained) == (1, {}, None)


def test_nothing_is_asked_where_nothing_was_taken(member: Hub, server: Loopback) -> None:
    member.push("us", [indicator(1) | {"id": "bad--1"}], explain=True)
    assert server.to("/explanations/", "POST") == []


def test_what_is_unmarked_is_marked_before_it_is_sent_and_nothing_else(member: Hub, server: Loopback) -> None:
    plain, labelled = indicator(1), indicator(2, labels=["tlp:red"])
    report = member.push("us", [plain, labelled], mark=Tlp.GREEN)
    assert report.marked == 1
    (seen,) = server.to("/objects/", "POST")
    assert seen.objects == [plain | {"object_marking_refs": [GREEN_ID]}, labelled]
