"""Pushing: a failure stops nothing else; posts fit; a broken connection leaves no duplicates."""

from __future__ import annotations

import errno
import io
import os
import tracemalloc
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.client import (
    ClientError,
    Hub,
    ItemOutcome,
    ObjectHandling,
    PushStopped,
)
from hub.client.input.reading import Item
from hub.client.pushing import packing, push, spool
from hub.model import Tlp
from tests.client.loopback import US, Loopback, error, indicator

EXPLANATIONS = "/governance/explanations/"
GREEN_ID = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"


def posts(server: Loopback) -> list[list[str]]:
    return [[one["id"] for one in seen.objects] for seen in server.to("/objects/", "POST")]


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


# --- splitting ---


def test_every_post_is_below_the_limit_of_the_api_root(member: Hub, server: Loopback) -> None:
    server.max_content_length = 3_000
    objects = [indicator(number, pattern="x" * (number % 700)) for number in range(50)]
    report = member.push("us", objects)
    assert report.succeeded == 50
    assert all(len(seen.body) <= 3_000 for seen in server.to("/objects/", "POST"))
    assert [one for post in posts(server) for one in post] == [one["id"] for one in objects]


def named(kind: str, number: int, **more: Any) -> dict[str, Any]:
    id = f"{kind}--00000000-0000-4000-8000-{number:012d}"
    return indicator(number) | {"type": kind, "id": id} | more


GREEN = {"object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]}
RED = {"object_marking_refs": ["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"]}


def test_a_container_goes_with_what_it_names_and_a_name_with_the_laxest(
    member: Hub, server: Loopback
) -> None:
    server.max_content_length = 1_700  # a report, its part and a name; not both reports
    actor, *parts = named("malware", 9), indicator(1), indicator(2)
    reports = [
        named("report", n, object_refs=[parts[n - 1]["id"], actor["id"]], **level)
        for n, level in ((1, RED), (2, GREEN))
    ]
    member.push("us", [*parts, actor, *reports])
    assert posts(server) == [
        [reports[0]["id"], parts[0]["id"]],
        [reports[1]["id"], actor["id"], parts[1]["id"]],
    ]


def test_a_push_that_is_repeated_makes_the_same_posts(member: Hub, server: Loopback) -> None:
    server.max_content_length = 2_000
    objects = [indicator(n) for n in range(30)]
    objects += [named("report", n, object_refs=[o["id"] for o in objects[n::4]]) for n in range(4)]
    member.push("us", objects)
    member.push("us", objects)
    bodies = [seen.body for seen in server.to("/objects/", "POST")]
    assert len(bodies) > 8
    assert bodies[: len(bodies) // 2] == bodies[len(bodies) // 2 :]


def test_what_is_unmarked_does_not_go_without_a_container_that_cannot_go(
    member: Hub, server: Loopback
) -> None:
    server.max_content_length = 3_000
    marked, inner, held, other = indicator(1, **GREEN), named("grouping", 2), indicator(3), indicator(4)
    lost, kept = named("malware", 5), named("malware", 6)
    inner["object_refs"] = [held["id"], lost["id"]]
    report = named("report", 7, object_refs=[marked["id"], inner["id"], kept["id"]], name="x" * 3_000, **RED)
    small = named("report", 8, object_refs=[kept["id"]], **GREEN)
    pushed = member.push("us", [marked, inner, held, other, lost, kept, report, small])
    assert {id for post in posts(server) for id in post} == {
        one["id"] for one in (marked, other, kept, small)
    }
    assert (pushed.submitted, pushed.succeeded, pushed.failed) == (8, 4, 4)
    too_large, *others = pushed.failures
    assert (too_large.id, "accepts at most" in too_large.message) == (report["id"], True)
    assert [failure.id for failure in others] == [inner["id"], held["id"], lost["id"]]
    assert {failure.message for failure in others} == {
        "a container that may name it cannot be sent; mark it with a TLP level, or correct the container"
    }
    assert others[0].version == "2026-01-01T00:00:00.000Z"


def test_a_flawed_object_is_told_and_takes_no_other_with_it(
    member: Hub, server: Loopback, tmp_path: Path
) -> None:
    held, loose, marked = indicator(1), indicator(2), indicator(3, **GREEN)
    report = named("report", 4, object_refs=[held["id"], marked["id"]], **RED) | {"x_nul": "\0"}
    tool = named("tool", 5, x_big=2**60)
    path = tmp_path / "feed"
    path.write_bytes(b"\n".join(map(orjson.dumps, [held, loose, marked, report, tool])))
    pushed = member.push_files("us", [path], mark=None)
    assert posts(server) == [[loose["id"], marked["id"]]]
    assert (pushed.submitted, pushed.succeeded, pushed.failed) == (5, 2, 3)
    assert [(one.id, one.message.removeprefix(str(path))[:24]) for one in pushed.failures] == [
        (report["id"], " line 4 at /x_nul: it hol"[:24]),
        (tool["id"], " line 5 at /x_big: the in"[:24]),
        (held["id"], "a container that may name it"[:24]),
    ]


def sink(body: bytes) -> dict[str, Any]:
    """Take everything and keep nothing."""
    count = len(orjson.loads(body)["objects"])
    return {
        "id": "s",
        "total_count": count,
        "success_count": count,
        "failure_count": 0,
        "pending_count": 0,
    }


def test_bodies_beyond_a_bound_wait_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_IN_MEMORY_BYTES", 1_000_000)
    objects = (indicator(number, pattern="x" * 20_000) for number in range(3_000))  # 60 MB
    tracemalloc.start()
    report = push.push(sink, map(Item.of, objects), 1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.succeeded == 3_000
    assert peak < 25_000_000


def test_what_stays_in_memory_of_an_object_is_as_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_IN_MEMORY_BYTES", 1)
    objects = [indicator(number) for number in range(10_000)]
    objects += [
        named("report", n, object_refs=[one["id"] for one in objects[n * 100 : n * 100 + 100]])
        for n in range(100)
    ]
    with spool.Spool() as kept:
        tracemalloc.start()
        pieces = [kept.add(Item.of(orjson.loads(orjson.dumps(one)))) for one in objects]
        made = list(packing.posts(pieces, 10_000_000))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert sum(map(len, made)) == len(objects)
    assert peak < 700 * len(objects)


class Full:
    """A disk that takes nothing."""

    def write(self, _body: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        pass


def test_a_disk_that_is_full_is_one_sentence(member: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_IN_MEMORY_BYTES", 1)
    monkeypatch.setattr(spool, "SpooledTemporaryFile", lambda max_size: Full())
    with pytest.raises(ClientError, match="cannot be kept in the folder for temporary files"):
        member.push("us", [indicator(1)])


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
