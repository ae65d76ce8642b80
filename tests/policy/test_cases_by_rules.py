"""Every case of tests/policy/*.toml holds by the rules alone, with nothing but lists around them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.policy.cases import Deviates, PolicyCase, all_cases
from tests.policy.rules_play import RulesPlay

CASES = all_cases()
FORBIDDEN = ("hub.store", "hub.actions", "hub.settings", "hub.web", "sqlalchemy", "sqlite3", "psycopg")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.policy}: {case.says}")
def test_the_rules_do_what_the_case_says(case: PolicyCase) -> None:
    play = RulesPlay(case)
    play.tell()
    play.hold_to_the_end()


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ({"sees": {"us-partner": ["indicator"]}}, r"us-partner does not see \['indicator'\]"),
        ({"sees": {"us-agency2": []}}, r"us-agency2 also sees \['indicator'\]"),
        ({"levels": {"indicator": "green"}}, "case:  green\n  rules: amber"),
        ({"why": {"indicator to KR": "type"}}, "rules: US→KR: no agreement in force"),
        ({"owner_hears": {"indicator": "leaves"}}, "rules: stays at home: ceiling"),
    ],
)
def test_a_case_that_does_not_hold_tells_what_the_rules_say(expected: dict[str, Any], told: str) -> None:
    steps = [{"member": "us-agency", "pushes": ["indicator"]}]
    play = RulesPlay(PolicyCase("2.toml", 1, "2.1", "It is so.", steps, **{"sees": {}} | expected))
    play.tell()
    with pytest.raises(Deviates, match=told):
        play.hold_to_the_end()


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({"pushes": ["indicator"], "outcome": "refused: whatever"}, "rules: accepted"),
        ({"pushes": ["indicator"], "outcome": "unchanged"}, "rules: accepted"),
        ({"deletes": "indicator"}, "case: deleted, rules: refused"),
    ],
)
def test_an_outcome_that_does_not_hold_is_told(step: dict[str, Any], told: str) -> None:
    play = RulesPlay(PolicyCase("2.toml", 1, "2.1", "It is so.", [{"member": "us-agency"} | step], {}))
    with pytest.raises(Deviates, match=told):
        play.tell()


def test_the_rules_are_played_without_store_actions_and_database() -> None:
    """Asked in a process of its own, for other tests load all of it."""
    asked = f"import sys, tests.policy.rules_play; print([m for m in {FORBIDDEN} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
