"""Submissions and filters at the limits that are stated: each has its outcome, and what is good is stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select

from hub.actions.checks import check
from hub.store.schema.tables import submission_item
from tests.hostility import hostile
from tests.hostility.in_process import InProcessHub, in_process_hub
from tests.stix_objects import malware

NO_SPLIT = "At most 10000 objects"
TOO_BIG = "the hub takes 2097152; split it"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[InProcessHub]:
    with in_process_hub(tmp_path) as hub:
        yield hub


def send(hub: InProcessHub, name: str) -> tuple[int, Any]:
    """Send all bodies of a shape; return the status of the last, and what it says."""
    for body in hostile.BODIES[name]():
        assert len(body) <= hostile.MAX_BODY
        answer = hub.push_bytes("us-agency", body)
    return answer.status_code, orjson.loads(answer.data)


# --- refused whole ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("10,001 objects", 422, NO_SPLIT),
        ("3,000,000 zeros as objects", 422, NO_SPLIT),
        ("3,000,000 empty objects", 422, NO_SPLIT),
        ("10 MB opening brackets", 400, "line 1 column"),
    ],
)
def test_a_body_that_is_too_much_is_refused_with_the_remedy(
    hub: InProcessHub, name: str, status: int, said: str
) -> None:
    found, value = send(hub, name)
    assert (found, value["http_status"]) == (status, str(status))
    assert said in value["description"]


def test_a_body_is_taken_up_to_its_limit_and_not_beyond(hub: InProcessHub) -> None:
    start, end = b'{"objects":[' + orjson.dumps(malware(1, tlp="red")) + b"]", b"}"
    whole = start + b" " * (hostile.MAX_BODY - len(start) - len(end)) + end
    assert hub.push_bytes("us-agency", whole).status_code == 202
    assert hub.push_bytes("us-agency", whole[:-1] + b" }").status_code == 413


# --- refused alone ----------------------------------------------------------------------------------


def test_a_flawed_object_is_never_stored_and_hides_no_other(hub: InProcessHub) -> None:
    good, bad = malware(1, tlp="green"), malware(2, tlp="green")
    twice = orjson.dumps(bad)[:-1] + b',"name":"other"}'
    spelled = orjson.dumps(bad).replace(b'"id"', b'"id":"%b","\\u0069d"' % good["id"].encode())
    body = b'{"objects":[%b]}' % b",".join([twice, orjson.dumps(good), spelled])
    answer = hub.push_bytes("us-agency", body)
    value = orjson.loads(answer.data)
    assert (answer.status_code, value["success_count"], value["failure_count"]) == (202, 1, 2)
    assert [one["id"] for one in value["successes"]] == [good["id"]]
    assert [one["id"] for one in value["failures"]] == [bad["id"], "(item 2)"]
    assert value["failures"][0]["message"].startswith("at /objects/0/name: the key is given twice")
    assert [row.id for row in hub.world.released("us-agency")] == [good["id"]]
    assert check.check(hub.world.service).faults == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("one object of 10 MB", TOO_BIG),
        ("one object of 10 MB in floats", TOO_BIG),
        ("one object of 10 MB in keys", TOO_BIG),
        ("1,000,000 object_refs", TOO_BIG),
        ("400,000 object_refs in 2 MB", "/object_refs"),
        ("10,000 empty objects", "/type is missing"),
        ("10 MB of escaped quotes", "not a JSON object"),
        ("10 MB of NUL escapes", "at /objects/0: it holds a NUL"),
        ("10 MB of one duplicate key", "at /objects/0/a: the key is given twice"),
    ],
)
def test_an_object_that_is_too_much_fails_alone(hub: InProcessHub, name: str, said: str) -> None:
    status, value = send(hub, name)
    assert status == 202
    assert value["success_count"] == 0
    assert said in value["failures"][0]["message"]


def test_texts_to_backtrack_on_have_each_their_outcome(hub: InProcessHub) -> None:
    status, value = send(hub, "texts to backtrack on")
    assert status == 202
    assert value["failure_count"] + value["success_count"] == value["total_count"]
    assert value["failure_count"] > 0


# --- counted ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["10,000 numbers", "10,000 empty objects", "10,000 short ids"])
def test_items_that_cannot_be_read_are_counted_and_the_first_are_listed(hub: InProcessHub, name: str) -> None:
    status, value = send(hub, name)
    assert (status, value["total_count"], value["failure_count"]) == (202, 10_000, 10_000)
    size = len(next(hostile.BODIES[name]()))
    assert len(value["failures"]) == 10_000  # as many as are counted: clients hold it against the count
    *listed, together = value["failures"][: max(100, size // 400) + 1]
    assert {entry["id"] for entry in value["failures"][len(listed) :]} == {together["id"]}
    assert together["message"].startswith(
        f"{10_000 - len(listed)} more items cannot be read: item {len(listed)}, "
    )
    assert orjson.loads(hub.get("us-agency", f"/allied/status/{value['id']}/").data) == value
    assert check.check(hub.world.service).faults == []


@pytest.mark.parametrize("name", ["10,000 numbers", "10,000 short ids"])
def test_a_refused_submission_grows_the_database_no_more_than_a_few_times_its_size(
    hub: InProcessHub, name: str
) -> None:
    with hub.world.service.store.read() as connection:
        before = connection.execute(select(func.count()).select_from(submission_item)).scalar_one()
    sent = len(next(hostile.BODIES[name]()))
    send(hub, name)
    columns = submission_item.c
    size = func.sum(func.length(columns.id) + func.length(columns.version) + func.length(columns.message))
    with hub.world.service.store.read() as connection:
        count, told = connection.execute(select(func.count(), size)).one()
    assert before == 0
    assert count <= 1 + max(100, sent // 400)
    assert told < 2 * sent


def test_of_feeds_that_fail_each_object_is_listed(hub: InProcessHub) -> None:
    objects = [malware(n, is_family="perhaps", description="x" * 900) for n in range(300)]
    value = orjson.loads(hub.push("us-agency", *objects, malware(301)).data)
    assert (value["success_count"], value["failure_count"], len(value["failures"])) == (1, 300, 300)
    assert [entry["id"] for entry in value["failures"]] == [obj["id"] for obj in objects]


def test_what_can_be_read_keeps_its_place_beside_what_is_counted(hub: InProcessHub) -> None:
    value = orjson.loads(hub.push("us-agency", *range(150), malware(1), *range(150), malware(2)).data)
    assert (value["total_count"], value["success_count"], value["failure_count"]) == (302, 2, 300)
    assert [entry["id"] for entry in value["successes"]] == [malware(1)["id"], malware(2)["id"]]
    assert value["failures"][-1]["id"] == "(item 100)"


def test_a_message_is_cut_however_much_there_is_to_say(hub: InProcessHub) -> None:
    refs = [hostile.id_of("marking-definition", n) for n in range(25_000)]
    value = orjson.loads(hub.push("us-agency", malware(1, object_marking_refs=refs)).data)
    assert 0 < len(value["successes"][0]["message"]) <= 1_001


# --- accepted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "one object of 2 MB",
        "one object of 2 MB in small numbers",
        "one object of 2 MB in floats",
        "36,000 object_refs of a report",
        "5,000 references each way",
        "25,000 object_marking_refs",
        "60,000 selectors",
        "40,000 long selectors",
        "18,000 granular markings",
        "10 MB of OR chains",
        "10 MB of nested patterns",
        "10 MB of honest patterns",
    ],
)
def test_what_is_large_and_allowed_is_stored(hub: InProcessHub, name: str) -> None:
    status, value = send(hub, name)
    assert (status, value["failure_count"]) == (202, 0)


# --- filters ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", hostile.QUERIES)
def test_a_query_as_long_as_an_address_is_answered(hub: InProcessHub, name: str) -> None:
    query = hostile.QUERIES[name]
    assert len(query) > 3_000
    answer = hub.get("us-cert", f"{hub.objects_path('US')}?{query}")
    assert answer.status_code in {200, 400}
    assert b"Traceback" not in answer.data
