"""What a member is told of what it pushed, against a live hub: commands alone, refusals first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.cli.commands import Commands
from tests.journeys.live import Live, live_hub
from tests.stix_objects import TLP, Json, indicator, malware, note, report, stamp, stix_id

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
APT1 = [path for path in [DATA / "report-apt1.json"] if path.exists()]


class MemberCommands(Commands):
    """The commands of one member."""

    def __init__(self, live: Live, member: str, folder: Path) -> None:
        account = live.member(member)
        key = folder / f"{member}.pem"
        key.write_bytes(account.submit_key)
        super().__init__({"HUB_URL": live.url, "HUB_TOKEN": account.token, "HUB_KEY": str(key)})

    def push(self, *objects: Json, options: tuple[str, ...] = ()) -> Any:
        lines = b"".join(orjson.dumps(one) + b"\n" for one in objects)
        return orjson.loads(self.run("push", "us", "-", "--json", *options, input=lines).stdout)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The US shares with Japan up to AMBER: all types but notes."""
    home = tmp_path_factory.mktemp("hub")
    with live_hub(f"sqlite:///{home}/hub.db", home, workers=1) as hub:
        hub.agree("US", "JP", max_tlp="amber", types=["indicator", "malware", "report", "relationship"])
        yield hub


@pytest.fixture
def agency(live: Live, tmp_path: Path) -> MemberCommands:
    return MemberCommands(live, "us-agency", tmp_path)


@pytest.fixture
def cert(live: Live, tmp_path: Path) -> MemberCommands:
    return MemberCommands(live, "us-cert", tmp_path)


def numbered(start: int, count: int, **options: Any) -> list[Json]:
    return [indicator(start + n, **options) for n in range(count)]


# --- who may not know -----------------------------------------------------------------------------


def test_what_is_another_members_is_told_to_its_cert_alone(
    live: Live, agency: MemberCommands, tmp_path: Path
) -> None:
    (status,) = agency.push(*numbered(100, 2, tlp="green"))["statuses"]
    for other in ("us-agency2", "jp-cert"):
        stranger = MemberCommands(live, other, tmp_path)
        for act in ("status", "submissions"):
            refused = stranger.run(act, status)
            assert (refused.exit_code, refused.stdout) == (1, "")
            assert "HTTP 404" in refused.stderr
        assert stranger.json("submissions") == []
    cert = MemberCommands(live, "us-cert", tmp_path)
    assert cert.run("status", status).exit_code == 1  # a TAXII status is its submitter's alone
    assert cert.json("submissions", status)["member"] == "us-agency"
    assert status in {one["id"] for one in cert.json("submissions")}


@pytest.mark.parametrize("id", ["../../", "a/b", "", "a?b"])
def test_an_id_leads_nowhere_else(agency: MemberCommands, id: str) -> None:
    for act in ("status", "submissions"):
        refused = agency.run(act, id)
        assert refused.exit_code == 1
        assert "is no id of a status" in refused.stderr


# --- a push ---------------------------------------------------------------------------------------


def test_a_push_says_how_many_leave_and_by_what_others_stay(
    agency: MemberCommands, cert: MemberCommands
) -> None:
    red = malware(210, tlp="red")
    objects = [
        *numbered(200, 3),
        *numbered(204, 2, tlp="green"),
        note(208, tlp="green", refs=[stix_id("indicator", 200)]),
        red,
        indicator(211, tlp="amber", x_named=red["id"]),
        malware(212, tlp="amber+strict"),
    ]
    lines = b"".join(orjson.dumps(one) + b"\n" for one in objects)
    told = agency.run("push", "us", "-", input=lines)
    assert told.exit_code == 0
    first, *others = told.stdout.splitlines()
    assert first == "9 submitted, 9 succeeded, 0 failed."
    assert others[:5] == [
        "3 GREEN: 2 leave your nation; 1 stays at home because of a type that no agreement covers",
        "1 AMBER: 1 stays at home because of what is referred to",
        "3 AMBER because unmarked: 3 leave your nation",
        "1 AMBER+STRICT: 1 stays at home because of how far agreements go",
        "1 RED: 1 stays at home because of marking and how far agreements go",
    ]
    assert others[-1].startswith("status: ")
    assert "JP" not in told.stdout + told.stderr
    assert "agreement--" not in told.stdout
    handled = agency.push(*objects)["handled"]
    assert sum(one["count"] for one in handled) == 9
    assert {"tlp": "amber", "unmarked": True, "abroad": "leaves", "because": [], "count": 3} in handled
    marked = [one | {"id": one["id"][:-1] + "f"} for one in numbered(220, 3)]
    assert cert.push(*marked)["handled"] == [
        {"tlp": "amber", "unmarked": True, "abroad": "leaves", "because": [], "count": 3}
    ]


@pytest.mark.parametrize("path", APT1, ids=lambda path: path.stem)
def test_a_real_report_is_told_of_whole(agency: MemberCommands, path: Path) -> None:
    told = agency.run("push", "us", path)
    assert told.stdout.startswith("76 submitted, 76 succeeded, 0 failed.\n")
    report = agency.json("push", "us", path)
    assert sum(one["count"] for one in report["handled"]) == 76
    assert sum(one["count"] for one in report["notes"]) == len(report["successes"])
    assert report["unexplained"] is None


def test_a_push_need_not_ask(agency: MemberCommands) -> None:
    told = agency.push(indicator(300), options=("--no-explain",))
    assert (told["handled"], told["unexplained"]) == ([], None)


def test_marking_is_explicit_and_what_stands_is_not_changed(
    agency: MemberCommands, live: Live, tmp_path: Path
) -> None:
    inside, beside = malware(401), indicator(402)
    labelled, marked = indicator(403, labels=["tlp:red"]), indicator(404, tlp="amber")
    objects = [report(400, tlp="amber", refs=[inside["id"]]), inside, beside, labelled, marked]
    told = agency.push(*objects, options=("--mark", "GREEN"))
    assert (told["succeeded"], told["marked"]) == (5, 2)
    reader = MemberCommands(live, "jp-cert", tmp_path)
    out = tmp_path / "out.jsonl"
    reader.json("poll", "us", "--out", out)
    polled = {one["id"]: one for one in map(orjson.loads, out.read_bytes().splitlines())}
    for one in (inside, beside):  # the report would have made the malware AMBER
        assert polled[one["id"]] == one | {"object_marking_refs": [TLP["green"]]}
    assert polled[marked["id"]] == marked
    assert labelled["id"] not in polled


def test_what_the_hub_holds_unmarked_is_not_marked_in_the_same_version(agency: MemberCommands) -> None:
    agency.push(indicator(410))
    told = agency.push(indicator(410), options=("--mark", "green"))
    assert (told["succeeded"], told["failed"]) == (0, 1)
    (failure,) = told["failures"]
    assert "different" in failure["message"]


def test_a_hundred_equal_failures_are_one_line(agency: MemberCommands) -> None:
    broken = [{**one, "pattern_type": 7} for one in numbered(500, 100)]
    lines = b"".join(orjson.dumps(one) + b"\n" for one in broken)
    told = agency.run("push", "us", "-", input=lines)
    assert told.exit_code == 1
    (line,) = told.stderr.splitlines()
    assert line.startswith("hub: 100 × ")
    assert len(agency.push(*broken)["failures"]) == 100


# --- a poll with levels ---------------------------------------------------------------------------


def test_a_recipient_learns_the_level_of_each_object_that_it_polls(
    agency: MemberCommands, live: Live, tmp_path: Path
) -> None:
    inside, own = malware(901), indicator(902, tlp="green")
    agency.push(report(900, tlp="green", refs=[inside["id"]]), inside, own, indicator(903))
    reader = MemberCommands(live, "jp-cert", tmp_path)
    out, levels = tmp_path / "out.jsonl", tmp_path / "levels.jsonl"
    asked = ("poll", "us", "--out", out, "--state", tmp_path / "state.json", "--levels", levels)
    reader.json(*asked)
    objects = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    told = [orjson.loads(line) for line in levels.read_bytes().splitlines()]
    assert [(one["id"], one["version"]) for one in told] == [(one["id"], one["modified"]) for one in objects]
    known = {one["id"]: (one["origin"], one["effective_tlp"]) for one in told}
    assert known[inside["id"]] == known[own["id"]] == ("US", "green")  # the one is unmarked
    assert known[stix_id("indicator", 903)] == ("US", "amber")
    assert {one["collection"] for one in told} == {"us"}
    agency.push(indicator(904))
    reader.json(*asked)
    assert len(levels.read_bytes().splitlines()) == len(told) + 1
    aggregate = (
        "poll",
        "released",
        "--out",
        tmp_path / "all.jsonl",
        "--levels",
        tmp_path / "all-levels.jsonl",
    )
    reader.json(*aggregate)
    every = [orjson.loads(line) for line in (tmp_path / "all-levels.jsonl").read_bytes().splitlines()]
    assert {one["origin"] for one in every} == {"US", "hub"}
    assert all(one["effective_tlp"] for one in every)


# --- afterwards -----------------------------------------------------------------------------------


def test_a_status_and_a_submission_say_what_became_of_it(agency: MemberCommands) -> None:
    pushed = agency.push(indicator(600), {**indicator(601), "pattern_type": 7})
    (status,) = pushed["statuses"]
    told = agency.run("status", status)
    assert told.stdout.startswith("2 submitted, 1 succeeded, 1 failed.\nfailed: indicator--")
    resource = agency.json("status", status)
    assert (resource["id"], resource["success_count"], len(resource["failures"])) == (status, 1, 1)
    shown = agency.run("submissions", status).stdout
    assert shown.startswith("by us-agency at ")
    assert told.stdout.splitlines()[1] in shown
    one = agency.json("submissions", status)
    assert (one["succeeded"], one["failed"], len(one["outcomes"])) == (1, 1, 2)


def test_submissions_are_listed_newest_first_through_every_page(agency: MemberCommands, live: Live) -> None:
    for n in range(5):
        agency.push(indicator(700 + n), options=("--no-explain",))
    newest = agency.json("submissions", "--limit", 4)
    assert len(newest) == 4
    assert [one["at"] for one in newest] == sorted((one["at"] for one in newest), reverse=True)
    since = agency.json("submissions", "--since", newest[-1]["at"])
    assert [one["id"] for one in since] == [one["id"] for one in newest]
    page = live.get("us-agency", "/governance/submissions/", params={"limit": 1}).json()
    assert page["more"] is True
    assert "us-agency" in agency.run("submissions").stdout
    assert agency.run("submissions", "--since", "yesterday").exit_code == 1


def test_an_object_is_deleted_and_its_recall_announced(
    agency: MemberCommands, live: Live, tmp_path: Path
) -> None:
    reader = MemberCommands(live, "jp-cert", tmp_path)
    versions = [malware(800, version=n, tlp="green") for n in (1, 2)]
    for one in versions:
        agency.push(one)
    refused = reader.run("delete", "us", versions[0]["id"], "--yes")
    assert refused.exit_code == 1
    told = agency.run("delete", "us", versions[0]["id"])
    assert told.exit_code == 0, told.stderr
    assert told.stdout.startswith(f"Deleted: {versions[0]['id']}, 2 versions {stamp(1)}, {stamp(2)}. ")
    again = agency.run("delete", "us", versions[0]["id"])
    assert (again.exit_code, "HTTP 404" in again.stderr) == (1, True)
    assert agency.run("explain", versions[0]["id"]).stdout.count("deleted on") == 1


def test_one_version_is_deleted_alone(agency: MemberCommands) -> None:
    versions = [malware(810, version=n, tlp="green") for n in (1, 2)]
    for one in versions:
        agency.push(one)
    told = agency.json("delete", "us", versions[0]["id"], "--version", stamp(2))
    assert told == {"object": versions[0]["id"], "collection": "us", "versions": [stamp(2)]}
    assert agency.json("explain", versions[0]["id"], "--version", stamp(1))["version"] == stamp(1)


def test_who_says_no_deletes_nothing(agency: MemberCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    agency.push(malware(820, tlp="green"))
    monkeypatch.setattr("hub.cli.collections._is_terminal", lambda: True)
    id = stix_id("malware", 820)
    refused = agency.run("delete", "us", id, input="n\n")
    assert refused.exit_code == 1
    assert f"Delete {id}" in refused.stderr
    assert agency.run("explain", id).exit_code == 0
    assert agency.run("delete", "us", id, input="y\n").exit_code == 0


def test_collections_are_listed_with_their_rights(agency: MemberCommands) -> None:
    found = {one["alias"]: (one["can_read"], one["can_write"]) for one in agency.json("collections")}
    assert found == {name: (True, name == "us") for name in ("au", "in", "jp", "kr", "us", "released")}
    lines = agency.run("collections").stdout.splitlines()
    assert lines[0].split() == ["alias", "id", "title", "read", "write"]
    assert len(lines) == 7
