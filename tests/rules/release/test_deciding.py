"""Policy 3 and 4: every level, every kind of member, every shape of clause. Refusals first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.model import (
    Clause,
    Clearance,
    Facts,
    Ground,
    MemberId,
    NationCode,
    Period,
    Reader,
    Release,
    Tlp,
    Withhold,
)
from hub.rules.release.deciding import Candidate, clearance_for, decide
from hub.rules.release.justifications import NEVER, in_force_part, is_visible, simplify

CLEAR, GREEN, AMBER, STRICT, RED = Tlp
PARTNER, AGENCY, CERT = Clearance
US, KR, JP = NationCode("US"), NationCode("KR"), NationCode("JP")
SUBMITTER, ANOTHER = MemberId("us-one"), MemberId("us-two")
START = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)
NOW = START + 10 * SECOND


def candidate(
    tlp: Tlp,
    stix_type: str = "indicator",
    clearance: Clearance = AGENCY,
    submitted_at: datetime = START,
    closed: str | None = None,
    rel_to: frozenset[NationCode] | None = None,
) -> Candidate:
    return Candidate(US, clearance, Facts(SUBMITTER, stix_type, tlp, submitted_at, closed, rel_to))


def but(candidate: Candidate, **facts: Any) -> Candidate:
    """The same, of which other facts hold."""
    return replace(candidate, facts=replace(candidate.facts, **facts))


def period(
    max_tlp: Tlp = STRICT,
    audience: Clearance = AGENCY,
    *,
    types: frozenset[str] | None = None,
    number: int = 1,
    origin: NationCode = US,
    to: tuple[NationCode, ...] = (KR,),
    start: datetime = START,
    until: datetime = START + timedelta(days=1),
    ended_at: datetime | None = None,
) -> Period:
    clause = Clause(origin, frozenset(to), max_tlp, audience, types)
    return Period(
        number,
        f"agreement-{number}",
        0,
        clause,
        start,
        until,
        dict.fromkeys(clause.recipients, start),
        ended_at=ended_at,
    )


def sees(candidate: Candidate, nation: NationCode, kind: Clearance, *periods: Period) -> bool:
    return member_sees(candidate, Reader(ANOTHER, nation, kind), *periods)


def member_sees(candidate: Candidate, reader: Reader, *periods: Period, now: datetime = NOW) -> bool:
    decision = decide(candidate, reader.nation, periods, now)
    in_force = frozenset(p.id for p in periods if p.is_in_force(now))
    return isinstance(decision, Release) and is_visible(frozenset({decision.grounds}), reader, in_force)


def reasons_for(candidate: Candidate, *periods: Period, nation: NationCode = KR) -> list[str]:
    """Every reason for which the nation is not shown it as submitted; none: it is."""
    decision = decide(candidate, nation, periods, NOW)
    return [reason.sentence for reason in decision.reasons] if isinstance(decision, Withhold) else []


# --- 3: inside the nation -------------------------------------------------------------------------

HOME = {
    (CLEAR, PARTNER): True,
    (CLEAR, AGENCY): True,
    (CLEAR, CERT): True,
    (GREEN, PARTNER): True,
    (GREEN, AGENCY): True,
    (GREEN, CERT): True,
    (AMBER, PARTNER): False,
    (AMBER, AGENCY): True,
    (AMBER, CERT): True,
    (STRICT, PARTNER): False,
    (STRICT, AGENCY): False,
    (STRICT, CERT): True,
    (RED, PARTNER): False,
    (RED, AGENCY): False,
    (RED, CERT): True,
}


@pytest.mark.parametrize("submitter", [PARTNER, AGENCY, CERT])
@pytest.mark.parametrize(("cell", "expected"), HOME.items())
def test_inside_the_nation_the_level_decides(
    submitter: Clearance, cell: tuple[Tlp, Clearance], *, expected: bool
) -> None:
    level, kind = cell
    assert sees(candidate(level, clearance=submitter), US, kind) is expected


@pytest.mark.parametrize("submitter", [PARTNER, AGENCY, CERT])
@pytest.mark.parametrize("level", list(Tlp))
def test_the_submitting_member_sees_every_level_and_its_like_do_not(submitter: Clearance, level: Tlp) -> None:
    submitted = candidate(level, clearance=submitter)
    assert member_sees(submitted, Reader(SUBMITTER, US, submitter))
    assert member_sees(submitted, Reader(ANOTHER, US, submitter)) is HOME[level, submitter]


@pytest.mark.parametrize("level", list(Tlp))
def test_what_is_closed_stays_visible_at_home(level: Tlp) -> None:
    assert sees(candidate(level, closed="an unknown marking"), US, CERT)
    assert not sees(candidate(level, closed="an unknown marking"), KR, CERT, period(RED))


# --- 4: across nations ----------------------------------------------------------------------------

LOWEST = {CLEAR: PARTNER, GREEN: PARTNER, AMBER: AGENCY, STRICT: CERT, RED: CERT}


@pytest.mark.parametrize("kind", list(Clearance))
@pytest.mark.parametrize("audience", list(Clearance))
@pytest.mark.parametrize("ceiling", list(Tlp))
@pytest.mark.parametrize("level", list(Tlp))
def test_a_clause_releases_up_to_its_ceiling_to_the_narrower_of_audience_and_level(
    level: Tlp, ceiling: Tlp, audience: Clearance, kind: Clearance
) -> None:
    expected = level is not RED and level <= ceiling and kind >= audience and kind >= LOWEST[level]
    assert sees(candidate(level), KR, kind, period(ceiling, audience)) is expected


@pytest.mark.parametrize("level", list(Tlp))
def test_no_agreement_no_crossing(level: Tlp) -> None:
    assert reasons_for(candidate(level)) == ["US→KR: no agreement in force"]


@pytest.mark.parametrize(
    "other",
    [
        period(RED, PARTNER, origin=KR, to=(US,)),  # the other direction
        period(RED, PARTNER, to=(JP,)),  # to somebody else
        period(RED, PARTNER, origin=JP, to=(KR,)),  # from somebody else
        period(RED, PARTNER, start=NOW + TICK),  # not yet
        period(RED, PARTNER, until=NOW),  # no longer: the end is not part of it
        period(RED, PARTNER, ended_at=NOW - SECOND),
        period(RED, PARTNER, ended_at=NOW + SECOND),  # ended, though the clock steps back
    ],
)
def test_only_a_clause_of_this_direction_that_is_in_force_counts(other: Period) -> None:
    assert isinstance(decide(candidate(CLEAR), KR, [other], NOW), Withhold)


@pytest.mark.parametrize(
    ("submitted_at", "expected"),
    [(START - TICK, False), (START, True), (START + TICK, True)],
)
def test_what_was_submitted_before_the_start_stays(submitted_at: datetime, *, expected: bool) -> None:
    assert sees(candidate(GREEN, submitted_at=submitted_at), KR, CERT, period()) is expected


def test_the_start_is_that_of_the_direction_and_no_suspension_moves_it() -> None:
    resumed = replace(period(), start=START + SECOND)
    assert sees(candidate(GREEN, submitted_at=START), KR, CERT, resumed)
    assert not sees(candidate(GREEN, submitted_at=START - TICK), KR, CERT, resumed)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (START - TICK, False),
        (START, True),
        (START + SECOND - TICK, True),
        (START + SECOND, False),
    ],
)
def test_force_is_a_half_open_stretch_of_time(now: datetime, *, expected: bool) -> None:
    binding = period(until=START + SECOND)
    reader = Reader(ANOTHER, KR, CERT)
    assert member_sees(candidate(GREEN), reader, binding, now=now) is expected


@pytest.mark.parametrize(
    ("stix_type", "types", "expected"),
    [
        ("malware", {"indicator"}, False),
        ("relationship", {"indicator", "malware"}, False),
        ("indicator", {"indicator"}, True),
        ("indicator", None, True),
        ("x-custom", None, True),
        # what crosses stays readable (2.4)
        ("identity", {"indicator"}, True),
        ("marking-definition", {"indicator"}, True),
    ],
)
def test_types_limit_all_but_identities_and_definitions(
    stix_type: str, types: set[str] | None, *, expected: bool
) -> None:
    covered = None if types is None else frozenset(types)
    assert sees(candidate(GREEN, stix_type), KR, CERT, period(types=covered)) is expected


@pytest.mark.parametrize(
    ("periods", "reason"),
    [
        ([period(GREEN)], "above the agreement's ceiling GREEN"),
        ([period(types=frozenset({"malware"}))], "type indicator not covered"),
        ([period(start=START + SECOND)], "submitted before the agreement came into force"),
    ],
)
def test_a_refusal_names_what_would_have_to_change(periods: list[Period], reason: str) -> None:
    assert reasons_for(candidate(AMBER), *periods) == [reason]


@pytest.mark.parametrize("level", list(Tlp))
@pytest.mark.parametrize(
    ("rel_to", "allowed"),
    [(None, True), ({KR}, True), ({KR, JP}, True), ({JP}, False), (set(), False)],
)
def test_rel_to_narrows_and_widens_red_alone(
    level: Tlp, rel_to: set[NationCode] | None, *, allowed: bool
) -> None:
    addressed = None if rel_to is None else frozenset(rel_to)
    one = candidate(level, rel_to=addressed)
    needed = rel_to is not None if level is RED else True
    assert sees(one, KR, CERT, period(RED, PARTNER)) == (allowed and needed)
    assert not sees(one, KR, CERT)  # no agreement, no crossing
    assert sees(one, US, CERT)


def test_addressed_red_needs_a_clause_up_to_red_and_reaches_the_cert_alone() -> None:
    one = candidate(RED, rel_to=frozenset({KR}))
    assert not sees(one, KR, CERT, period(STRICT, PARTNER))
    assert [sees(one, KR, kind, period(RED, PARTNER)) for kind in Clearance] == [False, False, True]


# --- 8: what refers to an ally's object -----------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "nation", "seen"),
    [
        ({}, KR, []),  # several that agree on nowhere
        ({JP: PARTNER}, KR, []),
        ({KR: CERT}, KR, [CERT]),
        ({KR: AGENCY}, KR, [AGENCY, CERT]),
        ({KR: PARTNER}, KR, [AGENCY, CERT]),  # the level narrows still
        # at home: from the clearance of the limit; the cert always sees what its members submit
        ({}, US, [CERT]),
        ({US: CERT}, US, [CERT]),
        ({US: AGENCY}, US, [AGENCY, CERT]),
    ],
)
def test_limits_narrow_at_home_as_abroad(
    limits: dict[NationCode, Clearance], nation: NationCode, seen: list[Clearance]
) -> None:
    limited = but(candidate(AMBER), limits=frozenset(limits.items()))
    readers = [kind for kind in Clearance if sees(limited, nation, kind, period(RED, PARTNER))]
    assert readers == seen
    assert member_sees(limited, Reader(SUBMITTER, US, AGENCY))  # the submitter always sees its own


def test_limits_release_nothing_without_an_agreement_and_say_why_they_withhold() -> None:
    limited = but(candidate(GREEN), limits=frozenset({(KR, PARTNER)}))
    assert reasons_for(limited) == ["US→KR: no agreement in force"]
    nowhere = but(limited, limits=frozenset())
    assert reasons_for(nowhere, period()) == ["handled like what it refers to, which does not go there"]


def test_several_clauses_give_the_widest_audience() -> None:
    narrow, wide = period(STRICT, CERT, number=1), period(STRICT, PARTNER, number=2)
    decision = decide(candidate(GREEN), KR, [narrow, wide], NOW)
    assert decision == Release(PARTNER, frozenset({Ground(1, CERT), Ground(2, PARTNER)}))


def test_a_clause_that_does_not_match_adds_nothing() -> None:
    decision = decide(candidate(AMBER), KR, [period(GREEN, PARTNER, number=1), period(number=2)], NOW)
    assert decision == Release(AGENCY, frozenset({Ground(2, AGENCY)}))


def test_the_lowest_clearance_of_every_level() -> None:
    assert {level: clearance_for(level) for level in Tlp} == LOWEST


# --- how a justification reads --------------------------------------------------------------------

KR_CERT, KR_AGENCY = Reader(MemberId("kr-cert"), KR, CERT), Reader(MemberId("kr-agency"), KR, AGENCY)
ONE, TWO = frozenset({Ground(1, AGENCY)}), frozenset({Ground(2, CERT)})


@pytest.mark.parametrize(
    ("classes", "in_force", "reader", "expected"),
    [
        ({NEVER}, {1, 2}, KR_CERT, False),
        ({NEVER, ONE}, {1, 2}, KR_CERT, False),
        ({ONE}, set(), KR_CERT, False),
        ({ONE}, {2}, KR_CERT, False),
        ({ONE, TWO}, {1}, KR_CERT, False),  # every class is needed
        ({TWO}, {2}, KR_AGENCY, False),
        ({ONE | TWO}, {2}, KR_AGENCY, False),
        ({ONE | TWO}, {2}, KR_CERT, True),  # one ground of a class is enough
        ({ONE | TWO}, {1}, KR_AGENCY, True),
        ({ONE, TWO}, {1, 2}, KR_CERT, True),
        ({frozenset({Ground(None, PARTNER)})}, set(), KR_AGENCY, True),
        ({frozenset({Ground(None, PARTNER, MemberId("kr-cert"))})}, set(), KR_AGENCY, False),
        ({frozenset({Ground(None, CERT, MemberId("kr-agency"))})}, set(), KR_AGENCY, True),
    ],
)
def test_every_class_needs_one_ground_that_holds(
    classes: set[frozenset[Ground]], in_force: set[int], reader: Reader, *, expected: bool
) -> None:
    assert is_visible(frozenset(classes), reader, in_force) is expected


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ({NEVER, ONE}, {NEVER}),
        ({ONE, TWO}, {ONE, TWO}),
        ({ONE, ONE | TWO}, {ONE}),  # who satisfies one satisfies one-or-two
        ({frozenset({Ground(1, CERT)}), ONE}, {frozenset({Ground(1, CERT)})}),
        ({ONE, ONE | {Ground(1, CERT)}}, {ONE}),  # these two imply each other: one of them is kept
        (set(), set()),
    ],
)
def test_a_class_that_another_implies_is_left_out(
    classes: set[frozenset[Ground]], expected: set[frozenset[Ground]]
) -> None:
    assert simplify(classes) == frozenset(expected)


def test_what_is_over_is_cut_away_and_an_empty_class_never_stands() -> None:
    assert in_force_part(frozenset({ONE | TWO}), {2}) == frozenset({TWO})
    assert in_force_part(frozenset({ONE, TWO}), {2}) == frozenset({NEVER})
    home = frozenset({frozenset({Ground(None, AGENCY)})})
    assert in_force_part(home, set()) == home
