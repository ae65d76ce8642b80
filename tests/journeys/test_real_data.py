"""Real threat intelligence, pushed by one nation's agency and drained by another nation's cert."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from taxii2client.v21 import as_pages

from tests.journeys.live import Live

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
REPORTS = [
    path
    for name in ("attack-ics-18.1", "report-apt1", "report-unit42-konni")
    if (path := DATA / f"{name}.json").exists()
]
CISA = [path for path in [DATA / "report-cisa-aa23-325a.json"] if path.exists()]
OLD = [path for path in [DATA / "report-unit42-konni-stix20.json"] if path.exists()]
_PER_POST = 500


def objects_of(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_bytes())["objects"])


def push(live: Live, member: str, objects: list[dict[str, Any]]) -> list[Any]:
    return [live.push(member, objects[n : n + _PER_POST]) for n in range(0, len(objects), _PER_POST)]


def drain(live: Live, member: str, alias: str) -> dict[str, dict[str, Any]]:
    pages = as_pages(live.collection(member, alias).get_objects, per_request=400)
    return {o["id"]: o for page in pages for o in page.get("objects", [])}


@pytest.fixture(scope="module")
def allies(live: Live) -> Live:
    live.agree("KR", "JP")
    return live


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_a_foreign_cert_drains_what_was_pushed_equal_as_json(allies: Live, path: Path) -> None:
    objects = objects_of(path)
    assert [s.failures for s in push(allies, "kr-agency", objects) if s.failures] == []
    drained = drain(allies, "jp-cert", "kr")
    assert {o["id"]: drained.get(o["id"]) for o in objects} == {o["id"]: o for o in objects}


@pytest.mark.parametrize("path", CISA, ids=lambda path: path.stem)
def test_a_marking_nobody_knows_keeps_an_advisory_at_home_and_says_so(allies: Live, path: Path) -> None:
    objects = objects_of(path)
    [status] = push(allies, "kr-agency", objects)
    assert status.failure_count == 0
    assert any("withheld from all other nations" in s.get("message", "") for s in status.successes)
    ids = {o["id"] for o in objects}
    assert not ids & set(drain(allies, "jp-cert", "kr"))
    assert ids <= set(drain(allies, "kr-cert", "kr"))


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_stix_2_0_is_refused_object_by_object_with_a_reason(allies: Live, path: Path) -> None:
    objects = objects_of(path)
    statuses = push(allies, "kr-agency", objects)
    assert sum(s.success_count for s in statuses) == 0
    assert sum(s.failure_count for s in statuses) == len(objects)
    assert all("2.1" in f["message"] for s in statuses for f in s.failures)
