"""A case that cannot be read is told plainly: which file, which case, what is wrong, what would be right."""

from __future__ import annotations

import pytest

from tests.policy.case_objects import CaseObjects
from tests.policy.cases import (
    CODES,
    MEMBERS,
    Deviates,
    PolicyCase,
    UnreadableCase,
    cases_of,
    readers_of,
    seconds,
)
from tests.policy.playing import CasePlay
from tests.world import build

PUSH = '{ member = "us-agency", pushes = ["indicator"] }'


def case(steps: str, more: str = "") -> str:
    return f'[[case]]\npolicy = "2.1"\nsays = "It is so."\nsteps = [{steps}]\nsees = {{}}\n{more}'


def test_a_case_is_read_with_its_place() -> None:
    (read,) = cases_of("2.toml", case(PUSH, 'levels = { "indicator" = "amber" }'))
    assert (read.policy, read.levels) == ("2.1", {"indicator": "amber"})
    assert read.place == "2.toml, case 1 (It is so.)"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[case]", r"2\.toml: .*line 1"),
        ("[[cases]]", r"2\.toml: give nothing but \[\[case\]\] tables"),
        ('[[case]]\npolicy = "1"', r"case 1 \(without says\): says, sees, steps is missing"),
        (case(PUSH, "level = 1"), r"case 1 \(It is so\.\): level is not known here"),
        (case("{}"), r"step 1: give exactly one of pushes, deletes"),
        (case('{ pushes = ["indicator"] }'), r"step 1: member is missing"),
        (case(PUSH + ', { agreed = "x", from = "US", to = "KR" }'), r"step 2: max_tlp is missing"),
        (case('{ passes = "soon" }'), r'step 1: "soon" is no time; write it as "2 days"'),
        (
            case('{ agreed = "x", from = "US", to = "KR", max_tlp = "red", and = [{ tlp = "red" }] }'),
            "step 1, and: tlp is not known here",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(UnreadableCase, match=told):
        cases_of("2.toml", text)


def test_readers_are_members_nations_or_all_others() -> None:
    table = {"kr-cert, JP": ["a"], "all others": []}
    read = readers_of("here", table, MEMBERS)
    assert {member for member, seen in read.items() if seen} == {"kr-cert", *_of("jp")}
    assert {*read} == {*MEMBERS}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"kr-office": []}, "kr-office is no member and no nation"),
        ({"KR": [], "kr-cert": []}, "kr-cert is named twice"),
    ],
)
def test_readers_that_are_nobody_or_twice_are_told(table: dict[str, list[str]], told: str) -> None:
    with pytest.raises(UnreadableCase, match=told):
        readers_of("here", table, MEMBERS)


def test_times_are_in_words() -> None:
    assert [seconds("here", text) for text in ("1 hour", "2 days", "90 seconds")] == [3_600, 172_800, 90]


@pytest.mark.parametrize(
    ("short", "told"),
    [
        ({"tlp": "red"}, "an object has a name"),
        ({"name": "indicator", "tpl": "red"}, "indicator: tpl is not known"),
        ({"name": "indicator", "tlp": "pink"}, "indicator: tlp is one of white, clear"),
        ({"name": "the report"}, "the report: begin its name with its type, or give type"),
    ],
)
def test_objects_that_cannot_be_made_are_told(short: dict[str, str], told: str) -> None:
    case_objects = CaseObjects("here", {}, str, lambda id, form: id)
    with pytest.raises(UnreadableCase, match=told):
        case_objects.build(short)


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ({"sees": {"us-partner": ["indicator"]}}, r"hub: us-partner does not see \['indicator'\]"),
        ({"sees": {"us-agency2": []}}, r"oracle: us-agency2 also sees \['indicator'\]"),
    ],
)
def test_a_case_that_does_not_hold_tells_what_hub_and_oracle_say(
    expected: dict[str, dict[str, list[str]]], told: str, database_url: str
) -> None:
    steps = [{"member": "us-agency", "pushes": ["indicator"]}]
    world = build(database_url, codes=CODES)
    play = CasePlay(world, case=PolicyCase("2.toml", 1, "2.1", "It is so.", steps, {}))
    play.tell()
    with pytest.raises(Deviates, match=told):
        play.hold_to(expected["sees"])
    world.close()


def test_an_outcome_that_does_not_hold_is_told_with_the_hubs_words(database_url: str) -> None:
    step = {"member": "us-agency", "pushes": ["indicator"], "outcome": "refused: whatever"}
    world = build(database_url, codes=CODES)
    play = CasePlay(world, case=PolicyCase("2.toml", 1, "2.1", "It is so.", [step], {}))
    with pytest.raises(
        Deviates, match=r"case 1 \(It is so\.\), step 1: indicator\n  case:   refused: whatever"
    ):
        play.tell()
    world.close()


def _of(nation: str) -> set[str]:
    return {member for member in MEMBERS if member.startswith(nation)}
