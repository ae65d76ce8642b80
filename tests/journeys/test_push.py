"""What `hub push` sends is handled as the containers say, whatever the order of the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.client import Hub
from tests.journeys.live import Live, live_hub

CREATED = "2026-02-01T00:00:00.000Z"
GREEN = ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]
RED = ["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A hub whose POSTs take 4,000 bytes, and two nations that share up to GREEN."""
    home = tmp_path_factory.mktemp("hub")
    with live_hub(
        f"sqlite:///{home}/hub.db", home, max_content_length="4000", max_object_bytes="4000"
    ) as hub:
        hub.agree("US", "JP", max_tlp="green")
        yield hub


def stix(kind: str, number: int, **more: Any) -> dict[str, Any]:
    id = f"{kind}--00000000-0000-4000-8000-{number:012d}"
    dates = {"created": CREATED, "modified": CREATED}
    return {"type": kind, "spec_version": "2.1", "id": id, **dates, "name": f"{kind} {number}", **more}


def indicator(number: int) -> dict[str, Any]:
    pattern = {"pattern": f"[file:name = '{number}']", "pattern_type": "stix", "valid_from": CREATED}
    return stix("indicator", number, description="x" * 500, **pattern)


def report(number: int, marking: list[str], *held: dict[str, Any]) -> dict[str, Any]:
    refs = [one["id"] for one in held]
    return stix("report", number, published=CREATED, object_marking_refs=marking, object_refs=refs)


@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_push_in_many_posts_is_handled_as_its_containers_say(
    small: Live, tmp_path: Path, is_reversed: bool
) -> None:
    base = 1_000 if is_reversed else 0
    actor = stix("malware", base, is_family=True)
    shared, secret = indicator(base), [indicator(base + n) for n in range(1, 6)]
    public = [indicator(base + n) for n in range(6, 11)]
    reports = [report(base, RED, actor, shared, *secret), report(base + 1, GREEN, actor, shared, *public)]
    objects = [shared, *secret, actor, *public, *reports]
    path = tmp_path / "objects.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, reversed(objects) if is_reversed else objects)))
    account = small.member("us-agency")
    with Hub(small.url, account.token, account.submit_key) as hub:
        done, again = hub.push_files("us", [path]), hub.push_files("us", [path])
    assert (done.succeeded, done.failed, len(done.statuses) > 2) == (len(objects), 0, True)
    assert (again.succeeded, again.failed) == (len(objects), 0)
    reader = small.member("jp-cert")
    with Hub(small.url, reader.token) as hub:
        seen = {one["id"] for one in hub.poll("us")}
    # The name is GREEN by the laxest report; what stands in both is RED, so the GREEN report stays, too.
    assert seen & {one["id"] for one in objects} == {one["id"] for one in (actor, *public)}
