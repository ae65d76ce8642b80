"""What a terminal shows: nothing that would steer it, no flood, in whatever encoding it has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.client.http.connection import Connection
from tests.cli.conftest import Run
from tests.cli.results import json_of
from tests.cli.terminal import on_a_terminal
from tests.client.loopback import TOKEN, Loopback, date, error, indicator

STEERING = "\x1b[2J\x9b31m\u202e\u2066\x7f"
RECOVERIES = "/governance/recoveries/"


def environ(server: Loopback, **more: str) -> dict[str, str]:
    return {"HUB_URL": server.url, "HUB_TOKEN": TOKEN, **more}


def steers(text: bytes) -> list[str]:
    """What is in the text and could steer a terminal, beside new lines."""
    return [c for c in text.decode().replace("\r\n", "\n") if not c.isprintable() and c != "\n"]


def answer(member: str) -> dict[str, Any]:
    names = ("thumbprint", "state", "requested_at", "reason")
    return {"recoveries": [dict.fromkeys(names, "x") | {"member": member}]}


@pytest.mark.parametrize("json", [("--json",), ()])
def test_what_a_hub_said_is_written_out(server: Loopback, json: tuple[str, ...]) -> None:
    server.answers["GET", RECOVERIES] = said = answer(STEERING)
    screen = on_a_terminal("recovery", "list", *json, env=environ(server, NO_COLOR="1", TERM="dumb"))
    assert screen.exit_code == 0
    assert steers(screen.text) == []
    if json:
        assert orjson.loads(screen.text) == said["recoveries"]


def test_a_narrow_terminal_folds_no_id(server: Loopback) -> None:
    thumbprint = "Z_cc0XoqXepr1Sj8wIIRoKlRNRFLGwJH792KvBTM188"
    said = {"thumbprint": thumbprint, "member": "us-cert", "state": "waiting", "reason": "the machine burnt"}
    server.answers["GET", RECOVERIES] = {"recoveries": [said | {"requested_at": date(1)}]}
    screen = on_a_terminal("recovery", "list", env=environ(server, COLUMNS="60", NO_COLOR="1", TERM="dumb"))
    lines = screen.text.decode().splitlines()
    assert [line for line in lines if thumbprint in line and date(1) in line]
    assert lines == [line.rstrip() for line in lines]
    assert lines[1].endswith("the")
    assert [line.strip() for line in lines[2:]] == ["machine", "burnt"]


def test_json_to_a_pipe_is_the_hubs_own_text(as_member: Run, server: Loopback) -> None:
    server.answers["GET", RECOVERIES] = said = answer(STEERING + "é")
    result = as_member("recovery", "list", "--json")
    assert json_of(result) == said["recoveries"]
    assert "\u202e" in result.stdout


def test_a_refusal_is_written_out(server: Loopback) -> None:
    server.fail(RECOVERIES, error(404, STEERING, STEERING))
    screen = on_a_terminal("recovery", "list", env=environ(server))
    assert (screen.exit_code, steers(screen.text)) == (1, [])


def test_words_between_colons_are_no_pictures(as_member: Run, server: Loopback) -> None:
    server.answers["GET", RECOVERIES] = answer("a:skull:b[bold]")
    assert "a:skull:b[bold]" in as_member("recovery", "list").stdout


def test_objects_on_a_terminal_are_few_and_cannot_steer_it(server: Loopback) -> None:
    server.page, server.objects = 1_000, [indicator(n, name=STEERING) for n in range(60)]
    screen = on_a_terminal("poll", "kr", env=environ(server))
    *objects, last = screen.text.decode().splitlines()
    assert [orjson.loads(line) for line in objects] == server.objects[:20]
    assert last == "hub: these are the first 20 objects: --out FILE, or a pipe, takes all, as they are"
    assert steers(screen.text) == []
    assert [seen.query["limit"] for seen in server.to("/objects/")] == [["20"]]  # no more is on record


def test_one_object_is_no_flood_either(server: Loopback) -> None:
    server.objects = [indicator(1, pattern="x" * 1_000_000)]
    text = on_a_terminal("poll", "kr", env=environ(server)).text
    assert len(text) < 2_100
    assert b" more characters" in text


@pytest.mark.parametrize("options", [("--state", "s"), ("--follow", "1")])
def test_what_a_terminal_does_not_show_is_not_passed_over(server: Loopback, options: tuple[str, ...]) -> None:
    screen = on_a_terminal("poll", "kr", *options, env=environ(server))
    assert screen.exit_code == 2
    assert b"give --out too, or write to a pipe" in screen.text
    assert not server.to("/objects/")


def test_how_far_a_poll_has_come_is_shown_on_a_terminal_alone(
    as_member: Run, server: Loopback, tmp_path: Path
) -> None:
    server.page, server.objects = 2, [indicator(n) for n in range(6)]
    screen = on_a_terminal("poll", "kr", "--out", str(tmp_path / "out"), env=environ(server))
    assert b"objects from kr: 6" in screen.text
    assert as_member("poll", "kr").stderr == ""


def test_what_is_waited_for_is_said_beside_the_progress(server: Loopback, tmp_path: Path) -> None:
    server.objects = [indicator(1)]
    status, headers, body = error(503, "Unavailable", "closed")
    server.fail("/objects/", (status, headers | {"Retry-After": "0"}, body))
    screen = on_a_terminal("poll", "kr", "--out", str(tmp_path / "out"), env=environ(server))
    assert (
        b"hub: the hub answers 503 (Unavailable: closed): trying again in 0 s, attempt 2 of 6" in screen.text
    )


def test_progress_shows_names_as_they_are(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(orjson.dumps(indicator(1)))
    screen = on_a_terminal("push", "[/]\x1b[2J", str(tmp_path / "x.json"), env=environ(server))
    assert screen.exit_code == 1
    assert b"there is no collection [/]\\x1b[2J" in screen.text


@pytest.mark.parametrize(
    "encoding",
    [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}],
)
@pytest.mark.parametrize("json", [("--json",), ()])
def test_any_encoding_will_do(server: Loopback, encoding: dict[str, str], json: tuple[str, ...]) -> None:
    server.answers["GET", RECOVERIES] = said = answer("é→한😀" + STEERING)
    command = [sys.executable, "-m", "hub", "recovery", "list", *json]
    env = os.environ | environ(server) | encoding
    done = subprocess.run(command, env=env, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    if json:
        assert orjson.loads(done.stdout.decode("utf-8")) == said["recoveries"]


@pytest.mark.parametrize("encoding", ["cp932", "cp949", "latin-1", "ascii"])
def test_names_of_all_nations_are_listed_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    name = "한빛전력공사 警視庁サイバー局 भारत é😀"
    env = os.environ | {"HUB_HOME": str(tmp_path), "PYTHONIOENCODING": encoding}

    def hub(*arguments: str) -> bytes:
        command = [sys.executable, "-m", "hub", *arguments]
        done = subprocess.run(command, env=env, capture_output=True, check=False, timeout=60)
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
        return done.stdout

    hub("init")
    hub("member", "add", "kr-power", "--nation", "KR", "--kind", "agency", "--name", name)
    written = "utf-8" if encoding == "ascii" else encoding  # click takes ASCII for a locale that is missing
    assert "kr-power" in hub("member", "list").decode(written)
    assert [one["name"] for one in orjson.loads(hub("member", "list", "--json"))] == [name]


def test_a_name_that_is_not_utf_8_is_told(server: Loopback, tmp_path: Path) -> None:
    command = [os.fsencode(sys.executable), b"-m", b"hub", b"push", b"us", os.fsencode(tmp_path) + b"/\xff"]
    done = subprocess.run(
        command, env=os.environ | environ(server), capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert b"cannot be read" in done.stderr


# --- plain http, faults ---


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("http://hub.invalid", True),
        ("http://10.0.0.1:1", True),
        ("http://localhost:1", False),
        ("http://127.0.0.1:1", False),
        ("http://[::1]:1", False),
        ("https://hub.invalid", False),
    ],
)
def test_a_token_is_not_sent_in_the_clear_without_being_told(run: Run, url: str, is_told: bool) -> None:
    # What cannot be signed: nothing is sent, the sentence comes before.
    result = run("poll", "kr", "--url", url, "--token", "two words")
    assert result.exit_code == 1
    assert ("go unencrypted to" in result.stderr) is is_told


def test_a_fault_of_hubs_own_is_one_sentence_without_data(
    as_member: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_self: object) -> None:
        raise KeyError("a secret")

    monkeypatch.setattr("hub.client.Hub.recoveries", fails)
    result = as_member("recovery", "list", env={"HUB_DEBUG": ""})
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("hub: this is a fault of hub itself, KeyError in hub.cli.recovery line ")
    assert "secret" not in result.stderr
    assert isinstance(as_member("recovery", "list").exception, KeyError)


def test_an_interrupted_push_says_what_the_hub_has(
    as_member: Run, server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = [orjson.dumps(indicator(n)) for n in range(1_500)]
    (tmp_path / "x.jsonl").write_bytes(b"\n".join(lines))
    answers: list[str] = []

    def interrupted(self: Any, *arguments: Any, **options: Any) -> Any:
        answers.append("post")
        if len(answers) == 2:
            raise KeyboardInterrupt
        return real(self, *arguments, **options)

    real = Connection.post
    monkeypatch.setattr("hub.client.http.connection.Connection.post", interrupted)
    server.max_content_length = 10_000_000
    result = as_member("push", "us", tmp_path / "x.jsonl")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == (
        "hub: interrupted: the hub has taken 1000 objects; push the same again to go on, "
        "what it has is not stored twice\n"
    )


def test_an_interrupted_poll_says_where_it_goes_on(
    as_member: Run, server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.page, server.objects = 1, [indicator(n) for n in range(3)]
    out, state = tmp_path / "out", tmp_path / "state"

    def interrupted(self: Any, *arguments: Any, **options: Any) -> Any:
        if len(server.to("/objects/")) == 2:
            raise KeyboardInterrupt
        return real(self, *arguments, **options)

    real = Connection.fetch
    monkeypatch.setattr("hub.client.http.connection.Connection.fetch", interrupted)
    result = as_member("poll", "kr", "--out", out, "--state", state)
    assert result.exit_code == 130
    assert result.stderr == (
        f"hub: interrupted: 2 objects were written to {out}; the same command goes on from there\n"
    )
    monkeypatch.undo()
    assert json_of(as_member("poll", "kr", "--out", out, "--state", state, "--json"))["objects"] == 1
    assert orjson.loads(state.read_bytes())["last_date_added"] == date(3)
