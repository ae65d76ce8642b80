"""Polling: every object once and in order, whatever the pages look like and wherever a crash falls."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.client import ClientError, Hub
from hub.client.polling.state import OutFile, PollState, StateFile
from tests.client.loopback import KR, Loopback, date, error, indicator

KR_OBJECTS = f"/allied/collections/{KR}/objects/"
DATED = {"X-TAXII-Date-Added-Last": date(1)}


class Lines:
    """A stream that keeps what it was given, and cannot tell how much that is."""

    def __init__(self) -> None:
        self.text = b""

    def append(self, lines: bytes) -> None:
        self.text += lines


def ids(text: bytes) -> list[str]:
    return [orjson.loads(line)["id"] for line in text.splitlines()]


def expected(*numbers: int) -> list[str]:
    return [indicator(number)["id"] for number in numbers]


def poll(member: Hub, tmp_path: Path, **options: Any) -> int:
    files = {"out": tmp_path / "out.jsonl", "state": tmp_path / "state.json"} | options
    with member.incremental("kr", Lines(), **files) as incremental:
        return incremental.once().objects


# --- refusals ---


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((200, DATED, {"more": True}), "empty page"),
        ((200, {}, {"more": False, "objects": [indicator(1)]}), "no X-TAXII-Date-Added-Last"),
        ((200, {}, b"<html>"), "did not answer with a JSON object"),
        ((200, {}, []), "did not answer with a JSON object"),
        ((302, {"Location": "/x/"}, b""), "redirects to /x/"),
        (
            error(400, "Bad filter", "match[type] is empty"),
            r"Bad filter: match\[type\] is empty \(HTTP 400\)",
        ),
        (
            (404, {}, {"title": "Not found", "detail": "nothing here"}),
            r"Not found: nothing here \(HTTP 404\)",
        ),
        ((500, {}, b"oops"), r"refuses without a reason in JSON.* \(HTTP 500\)"),
    ],
)
def test_an_answer_that_leads_nowhere_is_one_sentence(
    member: Hub, server: Loopback, answer: Any, sentence: str
) -> None:
    server.fail("/objects/", answer)
    with pytest.raises(ClientError, match=sentence):
        list(member.poll("kr"))


def test_a_hub_that_repeats_a_page_is_noticed(member: Hub, server: Loopback) -> None:
    page = (200, DATED, {"more": True, "next": "x", "objects": [indicator(1)]})
    server.fail("/objects/", page, page)
    with pytest.raises(ClientError, match="repeats a page"):
        list(member.poll("kr"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"url": "http://other"}, "another hub"),
        ({"collection": "x"}, "another collection"),
        ({"types": ["malware"]}, "another --type"),
        ({"out_bytes": 10**6}, "it was changed since"),
        ({"out_bytes": None}, "a poll to standard output, not to a file"),
        ({"out_bytes": "5"}, "is not a state"),
        ({"types": 5}, "is not a state"),
        ({"unknown": 1}, "is not a state"),
    ],
)
def test_a_state_of_another_poll_is_refused_and_nothing_is_touched(
    member: Hub, server: Loopback, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    server.objects = [indicator(1)]
    poll(member, tmp_path)
    state = tmp_path / "state.json"
    changed = orjson.dumps(orjson.loads(state.read_bytes()) | change)
    state.write_bytes(changed)
    before = (tmp_path / "out.jsonl").read_bytes()
    with pytest.raises(ClientError, match=sentence):
        poll(member, tmp_path)
    assert (state.read_bytes(), (tmp_path / "out.jsonl").read_bytes()) == (changed, before)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff"])
def test_a_file_that_is_no_state_is_refused(member: Hub, tmp_path: Path, text: bytes) -> None:
    (tmp_path / "state.json").write_bytes(text)
    with pytest.raises(ClientError, match=r"state\.json is not a state"):
        poll(member, tmp_path)


def test_a_state_of_a_file_is_not_continued_on_a_stream(member: Hub, tmp_path: Path) -> None:
    poll(member, tmp_path)
    with pytest.raises(ClientError, match="a poll to a file, not to standard output"):
        poll(member, tmp_path, out=None)


def test_two_polls_do_not_write_to_one_file(member: Hub, tmp_path: Path) -> None:
    with OutFile(tmp_path / "out.jsonl"), pytest.raises(ClientError, match="another poll is writing"):
        poll(member, tmp_path)


# --- walking ---


@pytest.mark.parametrize("page", [1, 2, 3, 5, 100])
def test_every_object_comes_once_and_in_order(member: Hub, server: Loopback, page: int) -> None:
    server.page, server.objects = page, [indicator(n) for n in range(5)]
    assert [one["id"] for one in member.poll("KR")] == expected(*range(5))


def test_a_collection_may_be_named_by_its_id(member: Hub, server: Loopback) -> None:
    server.objects = [indicator(1)]
    assert len(list(member.poll(KR))) == 1


def test_types_are_asked_of_the_hub(member: Hub, server: Loopback) -> None:
    server.page = 1
    server.objects = [indicator(1), indicator(2, type="malware"), indicator(3, type="tool")]
    assert [one["type"] for one in member.poll("kr", types=["malware", "tool"])] == ["malware", "tool"]
    assert [seen.query["match[type]"] for seen in server.to("/objects/")] == [["malware,tool"]] * 2


def test_a_cursor_that_the_hub_no_longer_takes_is_replaced_by_the_last_date(
    member: Hub, server: Loopback
) -> None:
    server.objects = [indicator(n) for n in range(5)]
    first, second = {"X-TAXII-Date-Added-Last": date(2)}, error(400, "Bad cursor", "too old")
    server.fail(
        "/objects/", (200, first, {"more": True, "next": "old", "objects": server.objects[:2]}), second
    )
    assert [one["id"] for one in member.poll("kr")] == expected(*range(5))
    assert [seen.query.get("added_after") for seen in server.to("/objects/")][2] == [date(2)]


def test_more_without_a_cursor_continues_from_the_date(member: Hub, server: Loopback) -> None:
    server.objects = [indicator(n) for n in range(3)]
    server.fail("/objects/", (200, DATED, {"more": True, "objects": server.objects[:1]}))
    assert [one["id"] for one in member.poll("kr")] == expected(0, 1, 2)


# --- continuing, and crashing ---


def test_a_second_poll_brings_only_what_is_new(member: Hub, server: Loopback, tmp_path: Path) -> None:
    server.objects = [indicator(n) for n in range(3)]
    assert poll(member, tmp_path) == 3
    server.objects += [indicator(3)]
    assert [poll(member, tmp_path), poll(member, tmp_path)] == [1, 0]
    assert ids((tmp_path / "out.jsonl").read_bytes()) == expected(0, 1, 2, 3)


def test_values_are_written_as_they_came(member: Hub, server: Loopback, tmp_path: Path) -> None:
    server.objects = [{"z": 0.1, "a": 1e300, "id": "é", "n": 9007199254740991}]
    poll(member, tmp_path)
    assert orjson.loads((tmp_path / "out.jsonl").read_bytes()) == server.objects[0]


def test_what_the_file_held_before_the_first_poll_stays(
    member: Hub, server: Loopback, tmp_path: Path
) -> None:
    server.objects = [indicator(1)]
    (tmp_path / "out.jsonl").write_bytes(b'{"id":"earlier"}\n')
    poll(member, tmp_path)
    assert ids((tmp_path / "out.jsonl").read_bytes()) == ["earlier", *expected(1)]


@pytest.mark.parametrize(
    ("call", "step"),
    [
        (call, n)
        for call, calls in {"append": 4, "replace": 5, "record": 5, "fsync": 15}.items()
        for n in range(calls)
    ],
)
def test_a_crash_at_any_step_loses_and_repeats_nothing(
    member: Hub, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, step: int
) -> None:
    server.page, server.objects = 1, [indicator(n) for n in range(4)]
    target, name = {
        "append": (OutFile, "append"),
        "fsync": (os, "fsync"),
        "replace": (Path, "replace"),
        "record": (StateFile, "write"),
    }[call]
    real, calls = getattr(target, name), 0

    def crash(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == step + 1:
            if call == "append":
                arguments[0]._file.write(arguments[1][: len(arguments[1]) // 2])  # torn
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(target, name, crash)
    with pytest.raises(KeyboardInterrupt):
        poll(member, tmp_path)
    monkeypatch.undo()
    poll(member, tmp_path)
    assert ids((tmp_path / "out.jsonl").read_bytes()) == expected(*range(4))


def test_lines_beyond_the_record_are_cut_off(member: Hub, server: Loopback, tmp_path: Path) -> None:
    server.objects = [indicator(1)]
    poll(member, tmp_path)
    with (tmp_path / "out.jsonl").open("ab") as file:
        file.write(b'{"id": "torn')
    server.objects += [indicator(2)]
    poll(member, tmp_path)
    assert ids((tmp_path / "out.jsonl").read_bytes()) == expected(1, 2)


def test_on_a_stream_the_state_moves_only_after_the_page_is_out(
    member: Hub, server: Loopback, tmp_path: Path
) -> None:
    class Broken(Lines):
        def append(self, lines: bytes) -> None:
            super().append(lines)
            raise BrokenPipeError

    server.objects = [indicator(n) for n in range(2)]
    state, broken, whole = tmp_path / "state.json", Broken(), Lines()
    with pytest.raises(BrokenPipeError), member.incremental("kr", broken, state=state) as incremental:
        incremental.once()
    with member.incremental("kr", whole, state=state) as incremental:
        incremental.once()
    assert ids(whole.text) == expected(0, 1)


def test_without_a_state_one_process_still_continues(member: Hub, server: Loopback) -> None:
    server.objects = [indicator(1)]
    lines = Lines()
    with member.incremental("kr", lines) as incremental:
        assert incremental.once().objects == 1
        server.objects += [indicator(2)]
        report = incremental.once()
    assert report.to_json() == {"objects": 1, "last_date_added": date(2)}
    assert ids(lines.text) == expected(1, 2)


def test_a_state_is_whole_at_any_moment(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.json")
    state = PollState("http://h", "c", ("a", "b"), date(1), 5)
    file.write(state)
    assert file.read(state) == state
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
