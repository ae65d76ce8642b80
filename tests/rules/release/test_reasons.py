"""Every reason for a refusal, the widest clause of a release, and the class that is a version's own."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from hub.model import Class, Clearance, Ground, MemberId, NationCode, Period, Reader, Release, Tlp
from hub.rules.release.deciding import Candidate, decide, levels_seen, own_class, widest
from hub.rules.release.justifications import NEVER, simplify
from tests.rules.release.test_deciding import (
    AGENCY,
    AMBER,
    CERT,
    GREEN,
    KR,
    NOW,
    PARTNER,
    RED,
    SECOND,
    START,
    STRICT,
    US,
    candidate,
    period,
    reasons_for,
)

RED_REASON = "RED is released only to the nations an object is addressed to"
OLD = START - SECOND


@pytest.mark.parametrize(
    ("one", "periods", "reasons"),
    [
        (candidate(GREEN), [], ["US→KR: no agreement in force"]),
        (candidate(GREEN, closed="closed"), [], ["closed", "US→KR: no agreement in force"]),
        (candidate(GREEN, closed="closed"), [period()], ["closed"]),
        (candidate(RED), [period(RED)], [RED_REASON]),
        (candidate(RED), [period(GREEN)], [RED_REASON, "above the agreement's ceiling GREEN"]),
        (
            candidate(AMBER, submitted_at=OLD),
            [period(GREEN, types=frozenset({"malware"}))],
            [
                "above the agreement's ceiling GREEN",
                "type indicator not covered",
                "submitted before the agreement came into force",
            ],
        ),
        (
            candidate(AMBER),
            [period(GREEN), period(types=frozenset({"malware"}), number=2)],
            ["above the agreement's ceiling GREEN", "type indicator not covered"],
        ),
        (candidate(AMBER), [period(GREEN), period(AMBER, number=2)], []),
    ],
)
def test_every_reason_is_given(one: Candidate, periods: list[Period], reasons: list[str]) -> None:
    assert reasons_for(one, *periods) == reasons


def test_reasons_are_given_exactly_for_what_is_withheld() -> None:
    levels, submitted, closed = tuple(Tlp), (OLD, START), (None, "closed")
    addressed = (None, frozenset[NationCode](), frozenset({KR}))
    terms = [(), *((level, types) for level in Tlp for types in (None, frozenset({"malware"})))]
    facts = product(levels, submitted, closed, addressed)
    for (tlp, at, why, rel_to), first, second in product(facts, terms, terms):
        one = candidate(tlp, submitted_at=at, closed=why, rel_to=rel_to)
        periods = [period(t[0], types=t[1], number=n) for n, t in enumerate((first, second)) if t]
        for nation in (KR, US):
            released = isinstance(decide(one, nation, periods, NOW), Release)
            assert (reasons_for(one, *periods, nation=nation) == []) == released


def test_nothing_is_named_at_home_nor_for_what_is_withheld() -> None:
    assert widest(candidate(GREEN), US, [period()], NOW) is None
    assert widest(candidate(RED), KR, [period(RED)], NOW) is None
    assert widest(candidate(GREEN), KR, [period()], START + timedelta(days=2)) is None


def test_the_widest_clause_is_named_then_the_one_longest_in_force_then_the_first() -> None:
    narrow = period(audience=CERT, number=1, start=START - 9 * SECOND)
    late = period(audience=AGENCY, number=2, start=START)
    early = period(audience=AGENCY, number=4, start=START - SECOND)
    twin = period(audience=AGENCY, number=5, start=START - SECOND)
    ended = period(audience=PARTNER, number=6, ended_at=START)
    low = period(GREEN, audience=PARTNER, number=7)
    every = [narrow, late, twin, early, ended, low]
    assert widest(candidate(AMBER), KR, every, NOW) == early
    assert widest(candidate(GREEN), KR, every, NOW) == low
    # The level makes all audiences alike: the one longest in force is named.
    assert widest(candidate(STRICT), KR, every, NOW) == narrow


def grounds(*pairs: tuple[int, Clearance]) -> Class:
    return frozenset(Ground(number, clearance) for number, clearance in pairs)


def test_the_versions_own_class_is_the_one_that_its_clauses_make() -> None:
    malware = period(types=frozenset({"malware"}), number=1, audience=PARTNER)
    indicator = period(types=frozenset({"indicator"}), number=2)
    both = [malware, indicator]
    own, others = grounds((2, AGENCY)), grounds((1, PARTNER))
    assert own_class(candidate(GREEN), KR, frozenset({own, others}), both) == own
    assert own_class(candidate(GREEN, "malware"), KR, frozenset({own, others}), both) == others


def test_the_versions_own_class_is_told_by_its_clearance_where_clauses_do_not_tell() -> None:
    every = [period(number=1, audience=PARTNER), period(number=2, audience=PARTNER)]
    strict, green = grounds((1, CERT), (2, CERT)), grounds((1, PARTNER))
    assert own_class(candidate(STRICT), KR, frozenset({strict, green}), every) == strict
    assert own_class(candidate(GREEN), KR, frozenset({strict, green}), every) == green


def test_an_own_class_that_was_left_out_is_answered_by_what_implies_it() -> None:
    own, others = grounds((1, AGENCY), (2, AGENCY)), grounds((1, AGENCY))
    kept = simplify({own, others})
    assert own_class(candidate(GREEN), KR, kept, [period(number=1), period(number=2)]) == others
    assert own_class(candidate(GREEN), KR, frozenset(), []) == NEVER


@pytest.mark.parametrize(("nation", "kind"), [(US, AGENCY), (KR, AGENCY), (KR, PARTNER), (KR, CERT)])
def test_the_levels_that_are_seen_are_those_that_decisions_show(nation: object, kind: Clearance) -> None:
    reader = Reader(MemberId("another"), nation, kind)  # type: ignore[arg-type]
    for level, audience in product(Tlp, Clearance):
        periods = [period(level, audience), period(GREEN, number=2), period(RED, PARTNER, ended_at=START)]
        shown = set()
        for tlp in Tlp:
            addressed = frozenset({KR}) if tlp is RED else None
            decision = decide(candidate(tlp, rel_to=addressed), reader.nation, periods, NOW)
            if isinstance(decision, Release) and decision.clearance <= kind:
                shown.add(tlp)
        assert levels_seen(US, reader, periods, NOW) == shown
