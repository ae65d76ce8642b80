"""Processes that end without warning: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

from tests.faults import faulty
from tests.faults.faulty import LivePoller, LiveWriter
from tests.journeys.live import Live
from tests.stix_objects import malware

_KILLS = 3
_PUSHED = 1_500  # two posts of `hub push`


def test_workers_killed_while_members_push_and_poll_cost_nothing_but_repetition(hub: Live) -> None:
    hub.agree("US", "KR", "JP", max_tlp="green")
    writers = [LiveWriter(hub, "us-agency", 0), LiveWriter(hub, "kr-agency", 100_000)]
    pollers = [LivePoller(hub, "jp-cert", "released", 3), LivePoller(hub, "kr-cert", "us", 50)]
    chance = random.Random(1)
    for poller in pollers:
        hub.member(poller.id)
    with faulty.running(*writers, *pollers):
        for _ in range(_KILLS):
            faulty.kill_worker(hub, chance.choice)
            for client in (*writers, *pollers):
                client.progress()
    faulty.assert_kept(hub, *writers)
    faulty.assert_caught_up(hub, *pollers)
    faulty.assert_sound(hub)


def test_after_a_power_cut_everybody_goes_on_where_they_were(hub: Live, tmp_path: Path) -> None:
    hub.agree("US", "KR", "JP", max_tlp="green")
    writer, poller = LiveWriter(hub, "us-agency", 0), LivePoller(hub, "jp-cert", "released", 3)
    hub.member("jp-cert")
    with faulty.running(writer, poller):
        writer.progress(3)
        first = faulty.get_objects(hub, "jp-cert", "us", limit=2).json()
        pushing = _hub_push(hub, "kr-agency", tmp_path)
        faulty.wait_for(
            lambda: faulty.get_objects(hub, "kr-agency", "kr", limit=1).json().get("objects"), "a post"
        )
        faulty.kill_everything(hub)
        faulty.start_again(hub)
        second = faulty.get_objects(hub, "jp-cert", "us", limit=2, next=first["next"]).json()
        for client in (writer, poller):
            client.progress(2)
        faulty.kill_everything(hub)  # once more, while some are still going on from the first time
        faulty.start_again(hub)
        writer.progress()
    walked = [o["id"] for page in (first, second) for o in page["objects"]]
    assert len(set(walked)) == len(walked)
    _assert_pushed(hub, pushing)
    faulty.assert_kept(hub, writer)
    faulty.assert_caught_up(hub, poller)
    faulty.assert_sound(hub)


def _hub_push(hub: Live, id: str, home: Path) -> subprocess.Popen[bytes]:
    """Begin `hub push` of many objects."""
    objects = [malware(200_000 + n, tlp="amber") for n in range(_PUSHED)]
    (home / "objects.jsonl").write_text("\n".join(json.dumps(o) for o in objects))
    (home / "member.pem").write_bytes(hub.member(id).submit_key)
    return _push_file(hub, id, home)


def _push_file(hub: Live, id: str, home: Path) -> subprocess.Popen[bytes]:
    account = hub.member(id)
    environ = {
        **hub.environ,
        "HUB_URL": hub.url,
        "HUB_TOKEN": account.token,
        "HUB_KEY": str(home / "member.pem"),
    }
    command = [sys.executable, "-m", "hub", "push", "--json", account.nation.lower(), "objects.jsonl"]
    with (home / "push.out").open("wb") as out, (home / "push.err").open("wb") as err:
        return subprocess.Popen(command, env=environ, cwd=home, stdout=out, stderr=err)


def _assert_pushed(hub: Live, pushing: subprocess.Popen[bytes]) -> None:
    """Hold that the command came to its end, by itself or as it says it would, and that all is there once."""
    home = Path(hub.environ["HUB_HOME"])
    code = pushing.wait(faulty.PATIENCE_SECONDS)
    if code and "push the same again to go on" in (home / "push.err").read_text():
        code = _push_file(hub, "kr-agency", home).wait(faulty.PATIENCE_SECONDS)
    assert code == 0, (home / "push.err").read_text()
    report = json.loads((home / "push.out").read_bytes())
    assert (report["submitted"], report["succeeded"], report["failed"]) == (_PUSHED, _PUSHED, 0)
    found = [o["id"] for o in faulty.everything(hub, "kr-agency", "kr")]
    assert len(found) == len(set(found)) == _PUSHED
