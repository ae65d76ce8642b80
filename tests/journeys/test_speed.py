"""The smallest form of `scripts/bench` runs: every row is there, and the figures agree with each other.

No figure is compared with a goal: the speed of the machine plays no part.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.actions.checks import check
from scripts.benchmarks.speed.client import Job, get, run
from scripts.benchmarks.speed.figures import Figure, Goal, with_growth
from scripts.benchmarks.speed.hubs import READER, filled_hub
from scripts.benchmarks.speed.objects import MEMBERS, made, pushed_by
from scripts.benchmarks.speed.pushes import Pushing
from scripts.benchmarks.speed.table import lines
from tests import scratch

ROOT = Path(__file__).parents[2]
SIZE = 200
WORKS = [
    "DISK, filled",
    "DRAIN released, cold",
    "DRAIN collection",
    "DRAIN released",
    "MANIFEST",
    "TAIL, 1 connection",
    "TAIL, 8 connections",
    "TAIL10",
    "GET",
    "GET, absent id",
    "FILTER, rare type",
    "DRAIN released, gzip",
    "PUSH 1, 1 writer",
    "PUSH 1, 4 writers, one nation",
    "PUSH 1, 4 writers, four nations",
    "PUSH 100, 1 writer",
    "PUSH 100, 4 writers, one nation",
    "PUSH 100, 4 writers, four nations",
    "PUSH 1,000, 1 writer",
    "VISIBLE, polls after the answer",
    "DRAIN released, 1 % just withdrawn",
    "AGREE, history over everything",
    "AGREE, longest submission meanwhile",
    "REVOKE, until committed",
    "REVOKE, objects served in the next poll",
    "REVOKE, poll from the start afterwards",
    "MEMORY of all processes, at start",
    "MEMORY of all processes, before the pushes",
    "MEMORY of all processes, at the end",
    "MEMORY of the largest worker",
]
BARE = WORKS[2:11]
PEER = [name for name in BARE if name != "TAIL, 8 connections"]  # medallion is too slow for eight


@pytest.fixture(autouse=True)
def _on_scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(scratch.folder()))


@pytest.fixture(params=["sqlite", "postgresql"])
def ran(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, Any], str]:
    """Run the smallest form; return the database, the JSON and the text."""
    command = [
        *(sys.executable, "-m", "scripts.benchmarks.speed", "--quick", "--size", str(SIZE)),
        *("--seconds", "0.05"),
        *("--database", request.param, "--peer", "medallion", "--json", str(tmp_path / "told.json")),
    ]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return request.param, json.loads((tmp_path / "told.json").read_text()), done.stdout


def test_the_smallest_run_has_every_row_and_figures_that_agree(ran: tuple[str, dict[str, Any], str]) -> None:
    database, told, text = ran
    figures = {figure["name"]: figure for figure in told["figures"]}
    assert [figure["name"] for figure in told["figures"]] == WORKS
    rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line[:1] == "|"]
    assert [row[3] for row in rows[2:]] == WORKS
    for figure in figures.values():
        assert (figure["database"], figure["size"]) == (database, SIZE)
        assert figure["hub"] >= 0
        if figure["limit"]:
            assert figure["ratio"] == pytest.approx(figure["hub"] / figure["limit"])
        assert (figure["is_met"] is None) == (figure["goal"] is None)
    assert all(figures[name]["limit"] > 0 for name in BARE)
    assert all(figures[name]["wire_bytes"] > 100 for name in BARE)
    assert figures["DRAIN released"]["wire_bytes"] > 1_000
    if database == "sqlite":
        assert all(figures[name]["peers"]["medallion"] > 0 for name in PEER)
    assert figures["VISIBLE, polls after the answer"]["hub"] == 1
    assert figures["REVOKE, objects served in the next poll"]["hub"] == 0
    assert told["machine"]["cores"] > 0
    assert told["machine"]["cpu"]
    assert told["settings"]["workers"] == 2
    assert [sentence for sentence in told["notes"] if sentence not in text] == []


def test_a_filled_hub_is_sound_and_holds_what_the_same_submissions_would_leave(tmp_path: Path) -> None:
    with filled_hub("sqlite", SIZE, 1, tmp_path, print) as hub:
        assert check.check(hub.live.service).faults == []
        # The hub finds each object equal to the stored object: same bytes, same id, same markings.
        pushing = Pushing(hub)
        for member in MEMBERS:
            mine = [one.content for one in made(range(SIZE)) if one.member == member]
            result = run(Job(hub.address, [[pushing.signed(member, mine)]], statuses=(202,), keeps=True))
            status = orjson.loads(result.answers[0].body)
            assert (status["success_count"], status["failure_count"]) == (len(mine), 0)
        first = get(f"{hub.path('released')}manifest/", hub.reader(READER))
        entries = orjson.loads(run(Job(hub.address, [[first]], keeps=True)).answers[0].body)["objects"]
        assert len({entry["id"] for entry in entries}) == len(entries)  # no second version of any
        assert len(entries) > SIZE * 0.9


def test_a_kept_database_is_used_again_and_stays_as_filled(tmp_path: Path) -> None:
    told: list[str] = []
    for _ in range(2):
        with filled_hub("sqlite", SIZE, 1, tmp_path, told.append) as hub:
            pushing = Pushing(hub)
            job = Job(hub.address, [pushing.submissions("us-cert", 1, 1)], statuses=(202,), keeps=True)
            assert orjson.loads(run(job).answers[0].body)["success_count"] == 1
    assert len(told) == 1


def test_objects_follow_from_their_number_alone() -> None:
    one, again = ([part.content for part in made(range(1_000))] for _ in range(2))
    assert one == again
    assert 1_100 < sum(len(orjson.dumps(part)) for part in one) / len(one) < 1_300
    assert sum(part["type"] == "indicator" for part in one) == 700
    assert {part["id"] for part in pushed_by("us-cert", 1, 50)}.isdisjoint(
        part["id"] for part in pushed_by("us-cert", 2, 50)
    )


@pytest.mark.parametrize(
    ("goal", "hub", "limit", "expected"),
    [
        (Goal(0.5), 50.0, 100.0, True),
        (Goal(0.5), 49.0, 100.0, False),
        (Goal(0.5), 49.0, None, None),  # nothing to compare with
        (Goal(3, is_at_most=True), 301.0, 100.0, False),
        (Goal(200, is_ratio=False, is_at_most=True), 200.0, None, True),
        (Goal(30_000, is_ratio=False), 29_999.0, None, False),
    ],
)
def test_a_goal_is_met_by_the_ratio_or_by_the_value(
    goal: Goal, hub: float, limit: float | None, expected: bool | None
) -> None:
    assert goal.is_met(Figure("sqlite", 1_000, "TAIL", "requests/s", hub, limit)) is expected


def test_growth_is_the_time_by_that_at_the_smallest_size() -> None:
    figures = [
        Figure("sqlite", size, name, "requests/s", rate)
        for name in ("TAIL", "PUSH 1, 1 writer")
        for size, rate in ((1_000, 100.0), (1_000_000, 50.0))
    ]
    with_growth(figures)
    assert [figure.growth for figure in figures] == [None, 2.0, None, None]  # of reads alone
    head, rule, *rows = lines(figures, ["OpenTAXII"])
    assert len({len(line) for line in (head, rule, *rows)}) == 1
    assert re.search(r"2\.00 !", rows[1])
