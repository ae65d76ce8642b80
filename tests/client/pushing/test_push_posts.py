"""Pushing: posts fit, in bounded memory; containers go with what they name, and a flawed object alone."""

from __future__ import annotations

import errno
import os
import tracemalloc
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.client import ClientError, Hub
from hub.client.input.reading import Item
from hub.client.pushing import packing, push, spool
from tests.client.loopback import Loopback, indicator
from tests.client.pushing.posted import posts


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
