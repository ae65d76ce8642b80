"""`hub demo`: the newcomer's first minute works, says what is true, and fails when it is not."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from taxii2client.v21 import Server, as_pages

from hub.cli import demo, main
from hub.cli.demo import polled, server, setup, simulated
from hub.cli.demo.others import Attempt, AttemptsOfOthers
from hub.cli.demo.reasons import ShownObject
from hub.cli.demo.recalled import RecalledObject
from hub.cli.demo.sample import SampleQuestion, load_sample
from hub.cli.demo.setup import MEMBERS, DemoHub
from hub.client import HubAuth
from hub.errors import HubError
from hub.model import StixObject
from hub.proofs import canonical
from hub.stix import reading
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
SAMPLE = load_sample()
HUB_OBJECTS = 16  # ten definitions of TLP, five of REL TO, and the hub's identity


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# --- the sample ---


def test_every_object_of_the_sample_is_accepted_without_a_remark() -> None:
    values = [value for group in SAMPLE.groups for value in group.objects.values()]
    items = [reading.read(value, n, 2_097_152, canonical.digest) for n, value in enumerate(values)]
    assert [item for item in items if not isinstance(item, StixObject) or item.markings.remark] == []


def test_the_own_sample_is_in_the_table_whole_and_once() -> None:
    bundles = [
        json.loads((ROOT / f"hub/cli/demo/{name}.json").read_text()) for name in ("dprk", "translation")
    ]
    own = [value["id"] for bundle in bundles for value in bundle["objects"]]
    listed = [id for group in SAMPLE.groups if group.source in {"DPRK", "APT1 in KO"} for id in group.objects]
    assert sorted(listed) == sorted(own)


def test_the_own_sample_uses_every_level() -> None:
    handled = {group.handled_as for group in SAMPLE.groups}
    assert {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"} <= handled


def test_the_table_names_known_members_only() -> None:
    named = {id for g in SAMPLE.groups for id in (g.submitter, *g.readers, *g.readers_after)}
    assert named == set(MEMBERS)


# --- refusals ---


def test_a_home_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    result = CliRunner().invoke(main, ["demo", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "is not empty" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_serving_and_json_exclude_each_other() -> None:
    assert CliRunner().invoke(main, ["demo", "--serve", "--json"]).exit_code == 2


ONE = {"id": "malware--1", "name": "one"}
TWO = {"id": "malware--2", "name": "two"}
HUBS = {"id": "identity--hub"}


@pytest.mark.parametrize(
    ("seen", "complaint"),
    [
        ([HUBS], "in-cert does not see malware--1"),
        ([ONE], "in-cert does not see identity--hub"),
        ([HUBS, ONE, TWO], "in-cert sees malware--2, which is withheld"),
        ([HUBS, ONE, ONE], "in-cert was served malware--1 2 times"),
        ([HUBS, ONE | {"name": "other"}], "in-cert was served malware--1 other than it was submitted"),
    ],
)
def test_whatever_differs_is_said(seen: list[dict[str, str]], complaint: str) -> None:
    assert polled.compare("in-cert", seen, {"malware--1": ONE}, {"identity--hub"}) == [complaint]


def test_what_is_explained_or_recorded_otherwise_is_said() -> None:
    nothing = {"decision": "withhold", "clearance": None}
    released = {"decision": "release", "clearance": "agency"}
    nations = {nation for nation, _, _ in MEMBERS.values()}
    decisions = [{"nation": one, **(released if one in {"US", "JP"} else nothing)} for one in sorted(nations)]
    fetched = [{"member": one, "kind": "objects"} for one in ("us-cert", "in-cert")]
    told = [{"member": "kr-cert", "kind": "manifest"}]
    readers = frozenset({"us-cert", "us-agency", "kr-cert"})
    group = replace(SAMPLE.groups[0], submitter="us-agency", readers=readers)
    account = ShownObject("us-cert", group, {"object": "x", "decisions": decisions}, [*fetched, *told])
    assert account.differences() == [
        "x is explained as seen by jp-agency",
        "x is explained as seen by jp-cert",
        "x is explained as withheld from kr-cert",
        "in-cert is on record with x",
        "kr-cert is not on record with x",
        "us-agency is not on record with x",
    ]


def test_what_is_as_expected_gives_no_complaint() -> None:
    assert polled.compare("in-cert", [ONE, HUBS], {"malware--1": ONE}, {"identity--hub"}) == []


def test_a_note_to_others_or_none_at_all_is_said() -> None:
    fetched = {"member": "us-cert", "notified": "2026", "note_fetched": None}
    recall = RecalledObject("x", "kr-cert", frozenset({"us-cert", "us-agency"}), {"in-cert": {}}, [fetched])
    assert recall.differences() == [
        "us-agency fetched x and has no note",
        "us-cert fetched x and has no note",
        "in-cert has a note on x and never fetched it",
        "us-agency is not on record as told",
        "us-cert is not on record as told",
    ]


def test_a_try_that_ends_otherwise_is_said() -> None:
    tries = (
        Attempt("us-cert", "revokes it", "KR's object", ""),
        Attempt("us-cert", "passes it on", "received from KR", "KR's object; say it otherwise"),
        Attempt("kr-partner", "repeats it", "", "KR's object"),
        Attempt("us-cert", "revokes it", "KR's object", "KR's object; say it with an object of your own"),
        Attempt("kr-cert", "revises it", "", ""),
    )
    assert AttemptsOfOthers(tries, ("x is handled otherwise",)).differences() == [
        "us-cert revokes it: taken; not KR's object",
        "us-cert passes it on: KR's object; say it otherwise; not received from KR",
        "kr-partner repeats it: KR's object; not taken",
        "x is handled otherwise",
    ]


def test_another_policy_than_the_table_fails_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        simulated, "conclude", lambda _demo_hub, _name: {"id": "", "signed_by": []}
    )  # US-JP was never concluded
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 1
    assert "answers were not as the policy says" in result.stderr
    assert "jp-cert does not see" in result.stdout
    assert re.search(r"US→JP: \d+ malware of amber were told, 0 came", result.stdout)


def test_no_reason_is_made_up_for_what_is_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    visible = SampleQuestion("us-cert", "kr-cert", next(iter(SAMPLE.groups[2].objects)))
    monkeypatch.setattr(demo, "load_sample", lambda: replace(SAMPLE, questions=(visible,)))
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 1
    assert "is not withheld from us-cert" in result.stderr


# --- all steps ---


def test_json_tells_every_step_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("HUB_API_ROOT", "elsewhere")  # the user's own configuration stays out
    result = CliRunner().invoke(main, ["demo", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["differences"] == []
    assert [a["state"] for a in report["agreements"]] == ["in force"] * 3
    apt1 = report["submitted"][0]
    assert {(one["origin"], one["recipient"], one["tlp"]) for one in report["simulated"]} == {
        ("US", "JP", "amber"),
        ("JP", "US", "amber"),
    }
    assert sum(one["count"] for one in report["simulated"] if one["origin"] == "US") == apt1["count"]
    assert (apt1["count"], apt1["seen"]["kr-cert"], apt1["seen_after"]["kr-cert"]) == (76, 76, 0)
    assert (apt1["seen"]["us-partner"], apt1["seen_after"]["jp-cert"]) == (0, 76)
    assert report["terminated"]["ended"] == "terminated by KR"
    red = "RED is released only to the nations an object is addressed to"
    assert [(w["reader"], w["reason"].partition("; ")[0].partition(", ")[0]) for w in report["withheld"]] == [
        ("in-cert", "above the agreement's ceiling GREEN"),
        ("us-cert", red),
        ("us-cert", f"refers to a withheld object malware--11c60e6e-239e-4eb3-a51f-6cd1e7a142c8: {red}"),
        ("jp-cert", "handled like what it refers to"),  # JP may see what is translated: from the US
    ]
    [translated] = [one for one in report["submitted"] if one["source"] == "APT1 in KO"]
    assert {reader for reader, count in translated["seen"].items() if count} == {
        "us-cert", "us-agency", "kr-cert", "kr-agency",
    }  # fmt: skip
    assert {reader for reader, count in translated["seen_after"].items() if count} == {"kr-cert", "kr-agency"}
    assert report["explained"]["effective_tlp"] == "amber"
    released = {one["nation"] for one in report["explained"]["decisions"] if one["decision"] == "release"}
    assert released == {"KR", "US"}
    assert {one["member"] for one in report["disclosed"]} == {"kr-cert", "kr-agency", "us-cert", "us-agency"}
    assert report["recalled"]["told"] == ["kr-agency", "us-agency", "us-cert"]
    notified = {one["member"] for one in report["recalled"]["disclosed"] if one["note_fetched"]}
    assert notified == set(report["recalled"]["told"])
    assert [(one["member"], (one["refused"] or "").partition(";")[0]) for one in report["tried"]] == [
        ("us-cert", "created_by_ref names an identity of KR"),
        ("us-cert", "KR's object"),
        ("us-cert", "received from KR"),
        ("kr-partner", ""),
        ("kr-partner", "created_by_ref names an identity of KR"),
        ("kr-cert", ""),
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[subprocess.Popen[str], Path, list[str]]]:
    """`hub demo --serve` when it has come to its invitation: the process, its home, what it printed."""
    home = tmp_path_factory.mktemp("demo") / "home"
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "hub", "demo", "--serve", "--home", str(home)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1] != "END":
            line = process.stdout.readline()
            assert line, "\n".join(lines)
            lines.append(line.rstrip("\n"))
        yield process, home, lines
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def test_the_printed_story_is_short(served: tuple[subprocess.Popen[str], Path, list[str]]) -> None:
    _, _, lines = served
    assert "  ✓ All 20 polls returned exactly what the policy says." in lines
    assert len(lines) <= 95


def test_an_unmodified_client_polls_the_demo(served: tuple[subprocess.Popen[str], Path, list[str]]) -> None:
    _, home, lines = served
    url = next(line.removeprefix("export HUB_URL=") for line in lines if line.startswith("export HUB_URL="))
    token = (home / "members/kr-partner/token").read_text()
    root = Server(f"{url}/taxii2/", auth=HubAuth(token)).default
    released = next(c for c in root.collections if c.alias == "released")
    seen = [o["id"] for page in as_pages(released.get_objects, per_request=7) for o in page["objects"]]
    wanted = {id for g in SAMPLE.groups if "kr-partner" in g.readers_after for id in g.objects}
    assert len(set(seen)) == len(wanted) + HUB_OBJECTS
    assert wanted <= set(seen)
    copied = next(group.objects for group in SAMPLE.groups if group.handled_as == "CLEAR")
    assert {id for id, count in Counter(seen).items() if count > 1} == set(copied)  # records of the company
    assert len(seen) == len(set(seen)) + len(copied)


def test_what_is_printed_can_be_pasted(served: tuple[subprocess.Popen[str], Path, list[str]]) -> None:
    _, _, lines = served
    start = next(n for n, line in enumerate(lines) if line.startswith("export HUB_URL="))
    script = "\n".join(["set -e", f'hub() {{ "{sys.executable}" -m hub "$@"; }}', *lines[start:]])
    script = script.replace("python - <<", f'"{sys.executable}" - <<').replace("| head -3", "| wc -l")
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", script], env=env, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "objects" in done.stdout


def test_keys_and_tokens_are_their_owners_alone(
    served: tuple[subprocess.Popen[str], Path, list[str]],
) -> None:
    _, home, _ = served
    assert {path.stat().st_mode & 0o077 for path in (home / "members").rglob("*")} == {0}


# --- the server's end ---


def test_a_server_that_does_not_start_is_reported_with_its_last_words(tmp_path: Path) -> None:
    claimed, url = server.claim_address()
    with setup.start_hub(tmp_path, url) as set_up:
        broken = DemoHub(
            tmp_path, url, set_up.environ | {"HUB_PAGE_LIMIT": "many"}, set_up.service, set_up.credentials
        )
        with pytest.raises(HubError, match="HUB_PAGE_LIMIT"), server.serving(broken, claimed):
            pytest.fail("it was not ready")


def test_the_server_ends_with_the_block_even_on_an_error(tmp_path: Path) -> None:
    claimed, url = server.claim_address()
    pids = []

    def fail_while_serving(started: DemoHub) -> None:
        with server.serving(started, claimed) as process:
            pids.append(process.pid)
            raise HubError("in the middle")

    with setup.start_hub(tmp_path, url) as started, pytest.raises(HubError, match="in the middle"):
        fail_while_serving(started)
    assert not is_alive(pids[0])
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_sigterm_ends_demo_and_server(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [sys.executable, "-m", "hub", "demo", "--serve", "--home", str(home)]
    process = subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, text=True
    )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (home / "server.log").exists() or b"pid" not in (home / "server.log").read_bytes():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.terminate()
        process.wait(PATIENCE_SECONDS)
    finally:
        process.kill()
    pids = re.findall(r"pid: (\d+)", (home / "server.log").read_text())
    assert pids
    # A worker that was just starting notices only then that its parent is gone.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := [pid for pid in pids if is_alive(int(pid))]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
