"""push, poll and agreement from a member's machine, against a server that verifies signatures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from hub.client import ClientError, Hub
from tests.cli.conftest import Run
from tests.cli.results import json_of
from tests.client.loopback import TOKEN, Loopback, date, error, indicator
from tests.patience import PATIENCE_SECONDS

# `python -m hub`, also where SIGINT is ignored: a background job of a shell's script is started so, and
# whatever it starts too.
_HEEDING_INTERRUPTS = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("hub", run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.json"
    objects = [indicator(1), indicator(2), indicator(3) | {"id": "bad--3\x1b"}]
    path.write_bytes(orjson.dumps({"type": "bundle", "objects": objects}))
    return path


# --- push ---


def test_a_partial_failure_ends_with_1_and_names_each(as_member: Run, bundle: Path) -> None:
    result = as_member("push", "us", bundle)
    assert result.exit_code == 1
    first, *others = result.stdout.splitlines()
    assert first == "3 submitted, 2 succeeded, 1 failed."
    assert others[0].startswith("the hub does not say how it handles them: ")  # this one is too old
    assert others[1:] == ["status: status-1"]
    assert result.stderr == "hub: bad--3\\x1b: not STIX\n"


def test_the_report_is_one_json_value(as_member: Run, bundle: Path) -> None:
    result = as_member("push", "us", bundle, "--json", "--no-explain")
    assert result.exit_code == 1
    assert orjson.loads(result.stdout) == {
        "submitted": 3,
        "succeeded": 2,
        "failed": 1,
        "pending": 0,
        "failures": [{"id": "bad--3\x1b", "version": "2026-01-01T00:00:00.000Z", "message": "not STIX"}],
        "statuses": ["status-1"],
        "marked": 0,
        "successes": [],
        "notes": [],
        "handled": [],
        "unexplained": None,
    }


def test_what_a_hub_says_at_great_length_is_cut_on_a_line(as_member: Run, server: Loopback) -> None:
    server.note = "x" * 1_000_000
    told = as_member("push", "us", "-", "--no-explain", input=orjson.dumps(indicator(1)))
    assert (told.exit_code, max(map(len, told.stdout.splitlines()))) == (0, 8_001)


def test_a_hundred_equal_failures_and_notes_are_a_line_each(as_member: Run, server: Loopback) -> None:
    objects = [indicator(n) | {"id": f"bad--{n}"} for n in range(100)]
    objects += [indicator(n, name="noted") for n in range(3)]
    server.note = "stands as AMBER\x1b"
    lines = b"".join(orjson.dumps(one) + b"\n" for one in objects)
    result = as_member("push", "us", "-", "--no-explain", input=lines)
    assert result.stderr == "hub: 100 × not STIX: bad--0, bad--1, bad--2, …\n"
    first, note, status = result.stdout.splitlines()
    assert first == "103 submitted, 3 succeeded, 100 failed."
    assert note == f"3 × stands as AMBER\\x1b: {', '.join(one['id'] for one in objects[-3:])}"
    assert status == "status: status-1"
    told = orjson.loads(as_member("push", "us", "-", "--no-explain", "--json", input=lines).stdout)
    ids = [one["id"] for one in objects[-3:]]
    assert [one["id"] for one in told["successes"]] == ids
    assert told["notes"] == [{"message": "stands as AMBER\x1b", "count": 3, "ids": ids}]


def test_a_push_that_is_refused_whole_still_reports(as_member: Run, server: Loopback, bundle: Path) -> None:
    server.fail("/objects/", error(403, "Forbidden", "the token lacks the scope submit"))
    result = as_member("push", "us", bundle, "--json")
    assert result.exit_code == 1
    assert orjson.loads(result.stdout)["submitted"] == 0
    assert "lacks the scope submit" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("push", "kr", "-"), "kr is not yours to write"),
        (("push", "fr", "-"), "no collection fr"),
        (("push", "us", "missing.json"), "missing.json cannot be read"),
    ],
)
def test_what_cannot_be_pushed_is_one_sentence(
    as_member: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    result = as_member(*arguments, input=orjson.dumps(indicator(1)))
    assert (result.exit_code, result.stdout) == (1, "")
    assert sentence in result.stderr


def test_lines_are_pushed_from_stdin(as_member: Run, server: Loopback) -> None:
    lines = b"".join(orjson.dumps(indicator(n)) + b"\n" for n in range(3))
    assert json_of(as_member("push", "us", "-", "--json", input=lines))["succeeded"] == 3
    assert [len(seen.objects) for seen in server.to("/objects/", "POST")] == [3]


# --- poll ---


def test_objects_go_to_stdout_one_a_line(as_member: Run, server: Loopback) -> None:
    server.objects = [indicator(n) for n in range(5)]
    result = as_member("poll", "kr")
    assert result.exit_code == 0
    assert [orjson.loads(line) for line in result.stdout.splitlines()] == server.objects


def test_json_counts_and_objects_go_to_the_file(as_member: Run, server: Loopback, tmp_path: Path) -> None:
    server.objects = [indicator(n) for n in range(3)]
    files = ("--out", tmp_path / "out.jsonl", "--state", tmp_path / "state.json", "--json")
    assert json_of(as_member("poll", "kr", *files)) == {"objects": 3, "last_date_added": date(3)}
    assert json_of(as_member("poll", "kr", *files)) == {"objects": 0, "last_date_added": date(3)}
    assert (tmp_path / "out.jsonl").read_bytes().count(b"\n") == 3


def test_types_are_repeatable(as_member: Run, server: Loopback) -> None:
    server.objects = [indicator(1), indicator(2, type="malware"), indicator(3, type="tool")]
    result = as_member("poll", "kr", "--type", "malware", "--type", "tool", "--json")
    assert json_of(result)["objects"] == 2


def test_a_state_of_another_poll_is_refused(as_member: Run, server: Loopback, tmp_path: Path) -> None:
    state = ("--state", tmp_path / "state.json")
    assert as_member("poll", "kr", *state).exit_code == 0
    result = as_member("poll", "us", *state)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "another collection" in result.stderr


def test_an_output_in_a_folder_that_is_missing_is_one_sentence(as_member: Run, tmp_path: Path) -> None:
    result = as_member("poll", "kr", "--out", tmp_path / "missing" / "out.jsonl")
    assert result.exit_code == 1
    assert result.stderr.startswith("hub: ")
    assert "No such file or directory" in result.stderr


def test_following_ends_well_when_interrupted(server: Loopback, tmp_path: Path) -> None:
    server.objects = [indicator(1)]
    out = tmp_path / "out.jsonl"
    with _hub(server, "poll", "kr", "--out", str(out), "--follow", "0.1", "--json") as process:
        _wait_for(lambda: out.exists() and out.read_bytes().count(b"\n") == 1)
        server.objects += [indicator(2)]
        _wait_for(lambda: out.read_bytes().count(b"\n") == 2)
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert orjson.loads(stdout) == {"objects": 2, "last_date_added": date(2)}


@pytest.mark.parametrize("seconds", ["9" * 10, "9" * 400])
def test_following_goes_on_whatever_pause_a_hub_asks_for(server: Loopback, seconds: str) -> None:
    server.objects = [indicator(1)]
    with _hub(server, "poll", "kr", "--follow", "0.1", "--json") as process:
        _wait_for(lambda: bool(server.to("/objects/")))
        server.fail("/objects/", (503, {"Retry-After": seconds}, {"title": "closed"}))
        assert process.stderr is not None
        assert b"polling again in 3600 s" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0


def test_an_interrupted_poll_ends_with_130(server: Loopback) -> None:
    server.fail("/objects/", *[(503, {"Retry-After": "30"}, b"")] * 9)
    with _hub(server, "poll", "kr") as process:
        _wait_for(lambda: bool(server.to("/objects/")))
        time.sleep(0.2)  # for the answer to arrive: an earlier signal must end the same way
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, stdout) == (130, b"")
    assert stderr.splitlines()[-1] == (
        b"hub: interrupted: 0 objects were written to standard output; "
        b"without --state the same command begins from the start"
    )


def test_a_reader_that_has_gone_is_no_traceback(server: Loopback) -> None:
    server.page, server.objects = 1, [indicator(n, pattern="x" * 70_000) for n in range(4)]
    with _hub(server, "poll", "kr") as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.stdout.close()
        process.wait(PATIENCE_SECONDS)
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 1


def _hub(server: Loopback, *arguments: str) -> subprocess.Popen[bytes]:
    environ = os.environ | {"HUB_URL": server.url, "HUB_TOKEN": TOKEN}
    command = [sys.executable, "-c", _HEEDING_INTERRUPTS, *arguments]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _wait_for(happened: object) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_has_to_be_signed_asks_for_a_key_before_it_is_sent(
    as_member: Run, server: Loopback, tmp_path: Path
) -> None:
    file = tmp_path / "one.json"
    file.write_text(orjson.dumps(indicator(1)).decode(), "utf-8")
    result = as_member("push", "us", file, env={"HUB_KEY": ""})
    assert (result.exit_code, result.stdout) == (1, "")
    assert "give --key or set HUB_KEY" in result.stderr
    with Hub(server.url, TOKEN) as hub, pytest.raises(ClientError, match="give --key or set HUB_KEY"):
        hub.delete("us", "malware--1")
    assert {one.method for one in server.seen} == {"GET"}


def test_a_push_that_is_refused_whole_says_what_comes_first(
    as_member: Run, server: Loopback, tmp_path: Path
) -> None:
    file = tmp_path / "one.json"
    file.write_text(orjson.dumps(indicator(1)).decode(), "utf-8")
    server.fail("/objects/", error(403, "Forbidden", "the key is for agreements"))
    result = as_member("push", "us", file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("; correct that first\n")
