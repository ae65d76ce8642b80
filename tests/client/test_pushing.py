"""Pushing: a failure stops nothing else; posts fit; a broken connection leaves no duplicates."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.client import ClientError, Hub, HubAuth, PushStopped, Unreachable
from hub.client.connection import Connection
from hub.client.pushing import batches
from hub.client.reading import Item
from tests.client.loopback import US, Loopback, error, indicator

ENVELOPE = len(b'{"objects":[]}')


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
    assert server.seen == []


def test_what_the_hub_does_not_take_is_reported_and_the_rest_is_taken(member: Hub) -> None:
    report = member.push("us", [indicator(1), indicator(2) | {"id": "bad--2"}, indicator(3)])
    assert report.to_json() == {
        "submitted": 3,
        "succeeded": 2,
        "failed": 1,
        "failures": [{"id": "bad--2", "version": "2026-01-01T00:00:00.000Z", "message": "not STIX"}],
        "statuses": ["status-1"],
    }


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


def test_the_hub_says_how_long_to_wait_within_reason(
    member: Hub, server: Loopback, pauses: list[float]
) -> None:
    status, headers, body = error(503, "Unavailable", "")
    server.fail(
        "/objects/",
        *[(status, headers | {"Retry-After": after}, body) for after in ("7", "86400", "tomorrow")],
    )
    member.push("us", [indicator(1)])
    assert pauses == [7.0, 30.0, 4.0]


def test_attempts_are_bounded(member: Hub, server: Loopback) -> None:
    server.fail("/objects/", *[None] * 20)
    with pytest.raises(PushStopped, match=r"the connection to .* failed"):
        member.push("us", [indicator(1)])
    assert len(server.to("/objects/", "POST")) == 6


def test_nobody_listening_is_one_sentence() -> None:
    impatient = Connection(HubAuth("token"), attempts=1)
    with pytest.raises(Unreachable, match=r"the connection to http://127\.0\.0\.1:9 failed"):
        Hub("http://127.0.0.1:9", "token", connection=impatient).push("us", [])


# --- splitting ---


@pytest.mark.parametrize(
    ("sizes", "room", "most", "expected"),
    [
        ([], 100, 10, []),
        ([10], ENVELOPE + 11, 10, [1]),
        ([10, 10, 10], 1_000, 10, [3]),
        ([10, 10, 10], 1_000, 2, [2, 1]),
        ([10, 10, 10], ENVELOPE + 22, 10, [2, 1]),
        ([10, 10, 10], ENVELOPE + 21, 10, [1, 1, 1]),
        ([40, 10, 10, 40], ENVELOPE + 41, 10, [1, 2, 1]),
    ],
)
def test_posts_are_as_full_as_fits(sizes: list[int], room: int, most: int, expected: list[int]) -> None:
    items = [Item(str(number), "", is_container=False, body=b"x" * size) for number, size in enumerate(sizes)]
    made = list(batches(items, room, most))
    assert [len(batch) for batch in made] == expected
    assert [item for batch in made for item in batch] == items


def test_every_post_is_below_the_limit_of_the_api_root(member: Hub, server: Loopback) -> None:
    server.max_content_length = 3_000
    objects = [indicator(number, pattern="x" * (number % 700)) for number in range(50)]
    report = member.push("us", objects)
    assert report.succeeded == 50
    assert all(len(seen.body) <= 3_000 for seen in server.to("/objects/", "POST"))
    assert [one for post in posts(server) for one in post] == [one["id"] for one in objects]


def test_containers_are_in_the_first_posts(member: Hub, server: Loopback) -> None:
    server.max_content_length = 1_300
    report = {"type": "report", "id": "report--1", "object_refs": [indicator(1)["id"]]}
    member.push("us", [*[indicator(number) for number in range(6)], report])
    assert posts(server)[0][0] == "report--1"


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
