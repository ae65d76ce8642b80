"""`hub poll --levels`: a line for each object, none twice after a crash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.client import ClientError, PolledPage
from hub.client.polling.levels import with_levels
from tests.client.loopback import date, indicator

PER_PAGE = 3


def pages(after: str | None) -> Iterator[PolledPage]:
    """Four pages of three objects, by the dates of their last ones."""
    for n in range(1, 5):
        if after is None or date(n) > after:
            yield PolledPage([indicator(PER_PAGE * n + k) for k in range(PER_PAGE)], date(n))


def explain(asked: Sequence[Any]) -> list[Any]:
    return [
        {**one, "origin": "US", "effective_tlp": "amber", "decisions": []}
        if one["object"][-1] in "02468"
        else {"object": one["object"], "error": "none"}
        for one in asked
    ]


def lines(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def run(path: Path, after: str | None = None, most: int = 9, *, is_continued: bool = True) -> None:
    """Poll, and be gone after so many pages."""
    fetch = with_levels(pages, explain, path, "us", is_continued=is_continued)
    for n, _ in enumerate(fetch(after), 1):
        if n == most:
            return


def test_each_object_has_a_line_in_the_order_of_the_poll(tmp_path: Path) -> None:
    path = tmp_path / "levels.jsonl"
    run(path)
    assert [one["id"] for one in lines(path)] == [o["id"] for page in pages(None) for o in page.objects]
    first, second = lines(path)[:2]
    version = {"version": "2026-01-01T00:00:00.000Z", "collection": "us", "page": date(1)}
    assert first == {"id": indicator(3)["id"], **version, "origin": None, "effective_tlp": None}
    assert second == {"id": indicator(4)["id"], **version, "origin": "US", "effective_tlp": "amber"}


@pytest.mark.parametrize("recorded", [1, 2, 3, 4])
@pytest.mark.parametrize("torn", [b"", b'{"id": "half'])
def test_what_no_state_has_recorded_is_cut_off(tmp_path: Path, recorded: int, torn: bytes) -> None:
    path = tmp_path / "levels.jsonl"
    run(path)
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    run(path, date(recorded))
    assert path.read_bytes() == whole


@pytest.mark.parametrize("block", [1, 50, 700])
def test_the_end_is_found_whatever_is_read_at_once(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.client.polling.levels._BLOCK_BYTES", block)
    path = tmp_path / "levels.jsonl"
    run(path)
    whole = path.read_bytes()
    run(path, date(2))
    assert path.read_bytes() == whole


def test_without_a_state_everything_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "levels.jsonl"
    for _ in range(2):
        run(path, date(3), is_continued=False)
    assert len(lines(path)) == 2 * PER_PAGE


@pytest.mark.parametrize("content", [b"text\n", b"{}\n", b"[]\n", b"1\n"])
def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(content)
    with pytest.raises(ClientError, match="is no file of `hub poll --levels`"):
        run(path, date(1))
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("explanation", "level"),
    [
        (None, None),
        ({"effective_tlp": 1}, None),
        ({"effective_tlp": "purple"}, None),
        ({"records": 1}, None),
        (
            {
                "records": [
                    {"origin": "US", "effective_tlp": "green"},
                    {"origin": "KR", "effective_tlp": "red"},
                ]
            },
            "green",
        ),
        (
            {
                "records": [
                    {"origin": "JP", "effective_tlp": "green"},
                    {"origin": "KR", "effective_tlp": "red"},
                ]
            },
            "red",
        ),
        (
            {
                "records": [
                    {"origin": "US", "effective_tlp": "green"},
                    {"origin": "US", "effective_tlp": "amber"},
                ]
            },
            "amber",
        ),
    ],
)
def test_of_several_records_the_strictest_of_the_collection_counts(
    tmp_path: Path, explanation: Any, level: str | None
) -> None:
    path = tmp_path / "levels.jsonl"
    fetch = with_levels(pages, lambda asked: [explanation] * len(asked), path, "us", is_continued=False)
    next(fetch(None))
    assert {one["effective_tlp"] for one in lines(path)} == {level}
