"""Policy 4 and 5: every reason why a nation does not see a version, and the words that are left at home."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.model import (
    Clause,
    Clearance,
    Kind,
    Markings,
    Member,
    MemberId,
    NationCode,
    ObjectVersion,
    Obstacle,
    Period,
    StixId,
    Tlp,
)
from hub.rules.release.deciding import _CLOSED
from hub.rules.release.explanation import JudgedAnew
from hub.rules.release.judgement import DecisionContext, Judging, Stored

US, KR, JP = NationCode("US"), NationCode("KR"), NationCode("JP")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
AGENCY = Member(MemberId("us-agency"), US, Kind.AGENCY, "US-AGENCY", StixId("identity--a"))
GREEN = Clause(US, frozenset({KR}), Tlp.GREEN, Clearance.PARTNER, frozenset({"indicator", "note"}))


def version(id: str, tlp: Tlp = Tlp.GREEN, *refers: str, key: int = 1, text: str = "1") -> ObjectVersion:
    return ObjectVersion(
        key=key,
        member=AGENCY.id,
        id=StixId(id),
        type=id.partition("--")[0],
        version=text,
        version_key=text,
        submitted_at=NOW,
        has_spec_version=True,
        is_newest=True,
        digest=id.encode(),
        markings=Markings(tlp),
        refers=frozenset(map(StixId, refers)),
        contains=frozenset(),
        creator=None,
        is_accepted_definition=False,
        tlp=tlp,
        base=tlp,
        is_closed=False,
        is_contained=False,
    )


def anew(versions: Iterable[ObjectVersion], *clauses: Clause) -> JudgedAnew:
    periods = [
        Period(n, f"agreement--{n}", 0, clause, NOW - DAY, NOW + DAY, dict.fromkeys((KR, JP), NOW - DAY))
        for n, clause in enumerate(clauses, start=1)
    ]
    context = DecisionContext(US, {AGENCY.id: AGENCY}, [JP, KR, US], periods, NOW)
    return JudgedAnew(Judging(context, {one.key: one for one in versions}), Stored())


AMBER = version("indicator--a", Tlp.AMBER)
NOTE = version("note--n", Tlp.GREEN, "indicator--a", key=2)
MALWARE = version("malware--m", key=3)
UNKNOWN = replace(version("indicator--u", key=4), is_closed=True)


@pytest.mark.parametrize(
    ("one", "reasons", "words"),
    [
        (version("indicator--g"), [], []),
        (AMBER, ["above the agreement's ceiling GREEN"], [Obstacle.CEILING]),
        (
            NOTE,
            ["refers to a withheld object indicator--a: above the agreement's ceiling GREEN"],
            [Obstacle.REFERENCE],
        ),
        (MALWARE, ["type malware not covered"], [Obstacle.TYPE]),
        (
            UNKNOWN,
            [_CLOSED],
            [Obstacle.MARKING],
        ),
    ],
)
def test_each_reason_is_told_and_is_one_of_four_words(
    one: ObjectVersion, reasons: list[str], words: list[Obstacle]
) -> None:
    asked = anew({one.key: one, AMBER.key: AMBER}.values() if one is NOTE else [one], GREEN)
    assert asked.reasons(one, KR) == reasons
    assert asked.stays_by(one, [JP, KR]) == words


def test_without_any_agreement_it_stays_by_the_ceiling() -> None:
    asked = anew([MALWARE])
    assert asked.reasons(MALWARE, KR) == ["US→KR: no agreement in force"]
    assert asked.stays_by(MALWARE, [JP, KR]) == [Obstacle.CEILING]


def test_a_later_version_that_is_withheld_is_the_reason_of_an_earlier() -> None:
    first = replace(version("indicator--g", key=1), is_newest=False)
    later = version("indicator--g", Tlp.AMBER, key=2, text="2")
    asked = anew([first, later], GREEN)
    assert asked.reasons(first, KR) == ["a later version is withheld: above the agreement's ceiling GREEN"]
    assert asked.stays_by(first, [JP, KR]) == [Obstacle.CEILING]


def test_what_many_withheld_objects_are_to_blame_for_names_twenty_of_them() -> None:
    others = [version(f"indicator--{n:02}", Tlp.AMBER, key=n) for n in range(1, 30)]
    note = version("note--n", Tlp.GREEN, *(one.id for one in others), key=99)
    told, more = anew([*others, note], GREEN).reasons(note, KR)
    assert told.startswith("refers to withheld objects indicator--01, indicator--02, ")
    assert (told.count("indicator--"), more) == (20, "and more of that kind")
