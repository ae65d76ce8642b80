"""explain and disclosures from a member's machine."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.results import json_of
from tests.client.loopback import AGREEMENT, Loopback, error

EXPLANATIONS = "/governance/explanations/"
DISCLOSURES = "/governance/disclosures/"
MALWARE = "malware--00000000-0000-4000-8000-000000000001"
NOTHING = {"clearance": None, "agreement": None, "clause": None}
RECORD: dict[str, Any] = {
    "object": MALWARE,
    "version": "2026-01-01T00:00:00.000Z",
    "origin": "US",
    "effective_tlp": "amber",
    "decisions": [
        {"nation": "IN", "decision": "withhold", **NOTHING, "reason": "US→IN: no agreement \x1b[2J in force"},
        {
            "nation": "KR",
            "decision": "release",
            "clearance": "agency",
            "agreement": AGREEMENT,
            "clause": 1,
            "reason": None,
        },
    ],
}
FETCHED = [
    {
        "member": "kr-agency",
        "nation": "KR",
        "at": "2026-03-01T12:00:00.000000Z",
        "agreement": AGREEMENT,
        "clause": 1,
        "version": "2026-01-01T00:00:00.000Z",
        "kind": "objects",
    }
]


@pytest.mark.parametrize("command", ["explain", "disclosures"])
def test_what_may_not_be_asked_about_is_one_sentence(as_member: Run, server: Loopback, command: str) -> None:
    path = EXPLANATIONS if command == "explain" else DISCLOSURES
    server.fail(path, error(404, "Not found", "Nothing is here that this account may see"))
    result = as_member(command, MALWARE)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "hub: Not found: Nothing is here that this account may see (HTTP 404)\n"


def test_json_is_the_answer_itself(as_member: Run, server: Loopback) -> None:
    server.answers["GET", EXPLANATIONS] = RECORD
    server.answers["GET", DISCLOSURES] = {"disclosures": FETCHED}
    assert json_of(as_member("explain", MALWARE, "--json")) == RECORD
    assert json_of(as_member("disclosures", MALWARE, "--json")) == FETCHED


def test_people_read_a_table_without_what_would_steer_their_terminal(
    as_member: Run, server: Loopback
) -> None:
    server.answers["GET", EXPLANATIONS] = RECORD
    result = as_member("explain", MALWARE, "--version", RECORD["version"], "--to", "kr")
    lines = result.stdout.splitlines()
    assert lines[0] == f"{MALWARE}, version 2026-01-01T00:00:00.000Z: from US, TLP:AMBER"
    assert lines[2].split()[:2] == ["IN", "withhold"]
    assert lines[2].rstrip().endswith("US→IN: no agreement \\x1b[2J in force")
    assert lines[3].split() == f"KR release agency and above {AGREEMENT}, clause 1".split()
    assert server.to(EXPLANATIONS)[0].query["to"] == ["KR"]


def test_several_records_are_told_one_after_the_other(as_member: Run, server: Loopback) -> None:
    foreign = RECORD | {"origin": "JP", "decisions": []}
    server.answers["GET", EXPLANATIONS] = {"records": [RECORD | {"member": "us-agency"}, foreign]}
    output = as_member("explain", MALWARE).stdout
    assert ": from US, by us-agency, TLP:AMBER" in output
    assert output.endswith(": from JP, TLP:AMBER\nThere is no decision that you may know.\n")


def test_disclosures_are_a_table(as_member: Run, server: Loopback) -> None:
    server.answers["GET", DISCLOSURES] = {"disclosures": FETCHED}
    lines = as_member("disclosures", MALWARE).stdout.splitlines()
    assert lines[1].startswith("2026-03-01T12:00:00.000000Z  KR      kr-agency  objects")
    assert lines[1].rstrip().endswith(f"{AGREEMENT}, clause 1")
    notified = FETCHED[0] | {"notified": "2026-03-02", "note_fetched": None}
    server.answers["GET", DISCLOSURES] = {"disclosures": [notified]}
    assert as_member("disclosures", MALWARE).stdout.rstrip().endswith("told 2026-03-02, note not fetched yet")
    notified["note_fetched"] = "2026-03-03"
    assert as_member("disclosures", MALWARE).stdout.rstrip().endswith("note fetched 2026-03-03")
    server.answers["GET", DISCLOSURES] = {"disclosures": []}
    assert as_member("disclosures", MALWARE).stdout == "Nobody has fetched it.\n"


def test_a_member_reads_whether_its_object_leaves_and_how_many_fetched_it(
    as_member: Run, server: Loopback
) -> None:
    home = {"nation": "US", "decision": "release", **NOTHING, "clearance": "agency", "reason": None}
    stays = {"decision": "stays at home", "because": ["marking", "type"]}
    server.answers["GET", EXPLANATIONS] = RECORD | {"decisions": [home], "abroad": stays}
    assert as_member("explain", MALWARE).stdout.endswith("\nabroad: stays at home (marking, type)\n")
    leaves = {"decision": "leaves", "because": []}
    server.answers["GET", EXPLANATIONS] = RECORD | {"decisions": [home], "abroad": leaves}
    assert as_member("explain", MALWARE).stdout.endswith("\nabroad: leaves\n")
    counted = {"version": "1", "kind": "objects", "members": 3, "notified": 2, "note_fetched": 0}
    server.answers["GET", DISCLOSURES] = {"disclosures": [counted]}
    headings, line = as_member("disclosures", MALWARE).stdout.splitlines()
    assert re.split(" {2,}", headings.strip()) == [
        *("version", "what", "members", "told of its recall", "note fetched")
    ]
    assert line.split() == ["1", "objects", "3", "2", "0"]
