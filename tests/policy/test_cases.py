"""Every case of tests/policy/*.toml, which lawyers can read, holds in the hub and in the oracle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.model import Tlp
from tests.policy.cases import CODES, MEMBERS, Deviates, PolicyCase, all_cases, differences, readers_of
from tests.policy.explaining import (
    hold_to_explanations,
    hold_to_recalls,
    hold_to_soundness,
    hold_to_what_is_told,
)
from tests.policy.playing import CasePlay
from tests.policy.rules_play import RulesPlay
from tests.world import World, build

CASES = all_cases()
# The paragraphs of the policy's sections 1 to 10 that a case can show, by number, or by what they are about.
PARAGRAPHS = [
    *("1 clearance", "1 record", "1 name", "1 common id", "1 shown", "1 period"),
    *(f"2.{n}" for n in range(1, 8)),
    "3",
    *("4 clauses", "4 red", "4 clearance", "4 several clauses", "4 newest version"),
    *("5 in force", "5 amendment", "5 ending", "5 history", "5 simulation", "5 who learns"),
    "6",
    *("7 redaction", "7 anonymising"),
    *("8 own versions", "8 speaking", "8 overwriting", "8 referring", "8 versions", "8 equality"),
    *("8 observables", "8 passing on", "8 stricter", "8 deletion", "8 recall", "8 endings"),
    *("9", "10"),
]


@pytest.fixture
def played(case: PolicyCase, database_url: str) -> Iterator[CasePlay]:
    defaults = {code: Tlp.of(level) for code, level in case.defaults.items()}
    world: World = build(database_url, codes=CODES, defaults=defaults, homes=case.home)
    try:
        yield CasePlay(world, case=case)
    finally:
        world.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.policy}: {case.says}")
def test_the_hub_and_the_oracle_do_what_the_case_says(played: CasePlay) -> None:
    played.tell()
    played.place = played.case.place
    played.hold_to(played.case.sees)
    hold_to_the_rules_alone(played)
    hold_to_explanations(played)
    hold_to_what_is_told(played)
    hold_to_recalls(played)
    hold_to_soundness(played)


def hold_to_the_rules_alone(played: CasePlay) -> None:
    """See that rules and hub say the same of all readers, of whom the case says nothing too."""
    rules = RulesPlay(played.case)
    rules.tell()
    if lines := differences(rules.seen(played.readers), played.seen_by_hub(played.readers)):
        raise Deviates("\n  ".join([f"{played.place}: the hub differs from the rules alone", *lines]))


def test_every_paragraph_of_the_policy_has_a_case() -> None:
    told = {case.policy for case in CASES}
    assert [paragraph for paragraph in PARAGRAPHS if paragraph not in told] == []
    assert sorted(told - {*PARAGRAPHS}) == []


def test_no_two_cases_say_the_same() -> None:
    said = [case.says for case in CASES]
    assert sorted({one for one in said if said.count(one) > 1}) == []


def test_every_case_says_who_sees_something_and_who_does_not() -> None:
    assert [case.place for case in CASES if not _tells_readers_apart(case)] == []


def _tells_readers_apart(case: PolicyCase) -> bool:
    """Whether two readers see different things, or nobody of the submitters' nations sees anything."""
    tables = [case.sees, *(step["now_sees"] for step in case.steps if "now_sees" in step)]
    read = [readers_of(case.place, table, MEMBERS) for table in tables]
    views = {frozenset(seen) for table in read for seen in table.values()}
    nations = {step["member"][:2] for step in case.steps if "pushes" in step}
    colleagues = {member for member in MEMBERS if member[:2] in nations}
    return len(views) > 1 or (views == {frozenset()} and colleagues <= read[0].keys())
