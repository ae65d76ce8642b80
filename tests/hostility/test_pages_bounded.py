"""What a page holds in memory while it is made and sent: its bodies once, and a chunk."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from hub.actions.service.kept import KeptTexts
from hub.model import Page
from hub.store.ledger import pages
from hub.web.taxii import pages as answers
from tests.hostility import hostile
from tests.hostility.in_process import InProcessHub, in_process_hub
from tests.stix_objects import malware

BODY_BYTES = 20_000


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[InProcessHub]:
    with in_process_hub(tmp_path) as hub:
        objects = [malware(n, tlp="green", description="x" * BODY_BYTES) for n in range(200)]
        assert hub.push_bytes("us-agency", hostile.envelope(objects)).status_code == 202
        yield hub


def page_of(count: int) -> Page:
    bodies = [orjson.dumps({"n": n, "text": "x" * n}) for n in range(count)]
    numbers = range(count)
    return Page(numbers, numbers, count > 2, "epoch", contents=numbers, bodies=bodies)


@pytest.mark.parametrize("count", [0, 1, 2, 1_000])
@pytest.mark.parametrize("cursor", [None, "next"])
def test_the_parts_of_an_envelope_are_one_json_text_of_the_size_that_is_said(
    count: int, cursor: str | None
) -> None:
    page = page_of(count)
    body, _ = answers.envelope(page, cursor, KeptTexts(), as_gzip=False)
    parts = list(body.parts)
    value = orjson.loads(b"".join(parts))
    assert body.size == sum(map(len, parts))
    assert value.get("objects", []) == [*map(orjson.loads, page.bodies)]
    assert (value["more"], value.get("next")) == (page.more, cursor)
    assert max(map(len, parts)) < 70_000


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_a_page_is_held_once_while_it_is_sent(hub: InProcessHub, coding: str) -> None:
    headers = {"Authorization": f"Bearer {hub.world.tokens['us-cert']}", "Accept-Encoding": coding}
    path = hub.objects_path("US")

    def poll() -> tuple[int, int]:
        parts, _, answered = run_wsgi_app(
            hub.app, EnvironBuilder(path=path, headers=headers).get_environ(), buffered=False
        )
        return int(answered["Content-Length"]), sum(map(len, parts))

    said, sent = poll()  # what is made once is made
    assert said == sent
    plain = 200 * BODY_BYTES
    assert (sent < plain / 10) if coding else (sent > plain)
    tracemalloc.start()
    try:
        poll()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.6 * plain


def test_no_more_than_a_megabyte_is_fetched_at_once() -> None:
    sizes = {1: 600_000, 2: 400_000, 3: 100_000, 4: 3_000_000, 5: 10, 6: 10}
    assert list(pages._parts(list(sizes), sizes)) == [[1, 2], [3], [4], [5, 6]]
