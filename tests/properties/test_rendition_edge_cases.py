"""What members say about objects that the hub made (policy 7, 8): fixed worlds, the hub beside the oracle.

Generated worlds found each of them; here it is as small as it gets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.properties.renditions import DrawnAnswer, Event, RenditionPlay
from tests.properties.test_worlds import a_world, copies
from tests.properties.worlds import MEMBERS, Agree, Draft, DrawnClause, Push, Suspend
from tests.world import Copies

__all__ = ["copies"]

MALWARE, RELATIONSHIP, REPORT, NOTE = 0, 3, 4, 10
ABOVE_GREEN = [m for m in MEMBERS if m.startswith(("us-", "kr-")) and not m.endswith("-partner")]
AGREED = (
    DrawnClause("US", ("KR",), "amber", audience="partner", history=True, hides=True),
    DrawnClause("KR", ("US", "JP"), "amber", audience="partner", history=True),
)


def seeing(copies: Copies, events: Sequence[Event]) -> list[str]:
    """Let it happen in the hub and beside it, and return who sees something of what KR's members said."""
    with a_world(copies) as world:
        play = RenditionPlay(world)
        for event in events:
            play.step(event)
            play.compare()
        served_forms = play.oracle.served_forms(play.in_order(), play.now)
    return [
        m
        for m in MEMBERS
        if any(served_form.version.member.startswith("kr-") for served_form in served_forms[m])
    ]


@pytest.mark.parametrize(
    ("member", "draft", "answer", "readers"),
    [
        # AMBER by default, and not a common id: it appears as a malware of US's cert.
        ("us-agency", Draft(MALWARE), DrawnAnswer("kr-cert", 0), ABOVE_GREEN),
        ("us-agency", Draft(REPORT), DrawnAnswer("kr-agency", 0), ABOVE_GREEN),
        ("us-agency", Draft(MALWARE, tlp="green"), DrawnAnswer("kr-cert", 0), MEMBERS),
        # Its members alone see a company's AMBER object at home who reach it; so do they what is about it.
        (
            "us-partner",
            Draft(RELATIONSHIP),
            DrawnAnswer("kr-agency", 0, type="report", tlp=None),
            ABOVE_GREEN,
        ),
    ],
)
def test_what_is_about_an_anonymised_object_goes_back_and_home_from_where_its_level_lets_it(
    copies: Copies, member: str, draft: Draft, answer: DrawnAnswer, readers: list[str]
) -> None:
    assert seeing(copies, [Push(member, (draft,)), Agree(AGREED), answer]) == readers


def test_of_an_anonymised_object_that_is_not_seen_any_more_one_speaks_to_its_nation_alone(
    copies: Copies,
) -> None:
    shared = [Push("us-agency", (Draft(MALWARE),)), Agree(AGREED[:1]), Agree(AGREED[1:])]
    events = [*shared, Suspend(0), DrawnAnswer("kr-cert", 0)]
    assert seeing(copies, events) == ["us-cert", "us-agency", "us-agency2", "kr-cert"]


@pytest.mark.parametrize(("place", "is_seen"), [(REPORT, False), (MALWARE, True)])
def test_a_cert_that_names_what_an_agency_submitted_keeps_it_home_where_the_source_is_hidden(
    copies: Copies, place: int, *, is_seen: bool
) -> None:
    with a_world(copies) as world:
        play = RenditionPlay(world)
        naming = Draft(RELATIONSHIP, tlp="green", refs=(place, place))
        for event in [
            Push("us-agency", (Draft(place),)),
            Agree(AGREED),
            Push("us-cert", (naming,)),
        ]:
            play.step(event)
            play.compare()
        seen = play.oracle.served_forms(play.in_order(), play.now)["kr-cert"]
    assert ("relationship" in {served_form.version.type for served_form in seen}) == is_seen


@pytest.mark.parametrize("part", ["labels.[0]", "description"])
def test_what_only_a_part_raised_to_red_is_not_kept_from_anybody_once_that_is_gone(
    copies: Copies, part: str
) -> None:
    redacting = DrawnClause("US", ("KR",), "amber", audience="agency", history=True, redacts=True)
    with a_world(copies) as world:
        play = RenditionPlay(world)
        for event in [Agree((redacting,)), Push("us-partner", (Draft(REPORT, parts=((part, "red"),)),))]:
            play.step(event)
            play.compare()
        served_forms = play.oracle.served_forms(play.in_order(), play.now)
    assert {m: [s.form for s in served_forms[m]] for m in ("kr-cert", "kr-agency", "kr-partner")} == {
        "kr-cert": ["redacted:amber"],
        "kr-agency": ["redacted:amber"],
        "kr-partner": [],
    }


@pytest.mark.parametrize("is_cut_last", [True, False])
def test_who_sees_an_object_whole_speaks_of_it_as_such_though_a_redaction_came_beside_it(
    copies: Copies, *, is_cut_last: bool
) -> None:
    whole = Agree((DrawnClause("US", ("KR",), "amber", audience="partner", history=True),))
    cut = Agree((DrawnClause("US", ("KR",), "green", audience="partner", history=True, redacts=True),))
    agreed = [whole, cut] if is_cut_last else [cut, whole]
    report = Draft(REPORT, tlp="green", parts=(("description", "amber"),))
    about = Push("kr-agency", (Draft(NOTE, tlp="green", refs=(REPORT,)),))
    events = [Push("us-agency", (report,)), *agreed, Agree(AGREED[1:]), about]
    assert seeing(copies, events) == ABOVE_GREEN


def test_what_refers_to_itself_goes_on_doing_so_in_every_form(copies: Copies) -> None:
    redacting = DrawnClause("US", ("KR",), "amber", audience="agency", history=True, redacts=True, hides=True)
    itself = Draft(REPORT, refs=(REPORT,), parts=(("description", "red"),))
    with a_world(copies) as world:
        play = RenditionPlay(world)
        for event in [
            Agree((redacting, AGREED[1])),
            Push("us-agency", (itself,)),
            DrawnAnswer("kr-agency", 0),
        ]:
            play.step(event)
            play.compare()
        own = replace(DrawnAnswer("kr-agency", 0, type="report"), n=1).build(sorted(play.oracle.made["KR"]))
        own["object_refs"].append(own["id"])
        play.submit("kr-agency", [own])
        play.catch_up()
        play.compare()
        seen = play.oracle.served_forms(play.in_order(), play.now)["us-cert"]
        told = [
            play.oracle.contents[served_form] for served_form in seen if served_form.version.id == own["id"]
        ]
    assert [one["id"] in one["object_refs"] for one in told] == [True]
