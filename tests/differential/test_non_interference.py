"""Policy 9 and I6 over real HTTP: whoever may not see a difference is answered the same, byte for byte.

All examples are played on the same two servers, so that each adds to what one hub alone knows.
HUB_TEST_EXAMPLES=500 draws others, and more.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.differential.comparing import AnswerDifference
from tests.differential.examining import EVERYBODY, Examiner
from tests.differential.histories import Slot, expected_notice, histories
from tests.differential.paired_hubs import Pair
from tests.properties.worlds import Agree, Draft, DrawnClause, Push, Wait

EXAMPLES = int(os.environ.get("HUB_TEST_EXAMPLES", "20"))
PAIRS = settings(
    derandomize="HUB_TEST_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    max_examples=max(1, EXAMPLES * 3 // 4),
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
FEWER = settings(PAIRS, max_examples=max(1, EXAMPLES // 10))


def told(found: Sequence[AnswerDifference]) -> str:
    """The first differences, as a failure shows them."""
    return "\n".join(map(str, found[:5]))


@pytest.fixture(scope="module")
def on_sqlite(sqlite_pair: Pair) -> Examiner:
    return Examiner(sqlite_pair)


@pytest.fixture(scope="module")
def on_postgresql(postgresql_pair: Pair) -> Examiner:
    return Examiner(postgresql_pair)


def test_a_cursor_does_not_tell_how_much_lies_hidden_before_it(on_sqlite: Examiner) -> None:
    """First of all, while positions have two digits: in one hub they have three from here on."""
    opening = Agree((DrawnClause("US", ("KR",), "green", "partner"),))
    hidden = Push("us-agency", tuple(Draft(0, version=n, tlp="red") for n in range(1, 101)))
    seen = Push("us-cert", tuple(Draft(1, version=n, tlp="green") for n in range(1, 5)))
    slots = [Slot(opening, opening), Slot(Wait(0), hidden), Slot(seen, seen)]
    assert expected_notice(slots).unaware == set(EVERYBODY)
    assert told(on_sqlite.examine(slots)) == ""


@PAIRS
@given(slots=histories())
def test_what_a_reader_may_not_see_changes_no_byte_of_any_answer(
    on_sqlite: Examiner, slots: list[Slot]
) -> None:
    assert told(on_sqlite.examine(slots)) == ""


@FEWER
@given(slots=histories())
def test_nor_does_it_on_postgresql(on_postgresql: Examiner, slots: list[Slot]) -> None:
    assert told(on_postgresql.examine(slots)) == ""


@pytest.mark.parametrize("reader", ["kr-partner", "us-agency2"])
def test_a_difference_that_a_reader_may_see_is_reported(on_sqlite: Examiner, reader: str) -> None:
    """That the comparison can fail: one object in one hub alone, and a reader who is told of it."""
    opening = Agree((DrawnClause("US", ("KR",), "green", "partner"),))
    push = Push("us-agency", (Draft(0, tlp="green"),))
    slots = [Slot(opening, opening), Slot(Wait(0), push)]
    places = [found.asked for found in on_sqlite.examine(slots, [reader])]
    for address in ("/manifest/", "/objects/malware--", "/versions/", "match[id]", "page 1 by date"):
        assert [place for place in places if address in place], address
