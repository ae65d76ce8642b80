"""Names, and observables whose ids follow from their values, are decided once (policy 2.3 and 2.4)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from hub.actions.service.in_force import InForce
from hub.model import NationCode
from tests.actions.alliance import allied, galaxy
from tests.stix_objects import Json, definition, indicator, report, stix_id
from tests.world import World

BY, ACTOR = "us-agency", galaxy(1)["id"]
UNKNOWN = stix_id("marking-definition", 500)
SPACE = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")  # of observables' ids (STIX 2.1 section 2.9)
RESOLVER: Json = {
    "type": "ipv4-addr",
    "spec_version": "2.1",
    "id": "ipv4-addr--" + str(uuid.uuid5(SPACE, '{"value":"8.8.8.8"}')),
    "value": "8.8.8.8",
}
SEEN_BY = ("kr-agency", "kr-partner")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world, _ = allied(database_url)
    yield world
    assert world.is_sound()
    world.close()


def box(n: int, tlp: str | None, *refs: Json, **more: Any) -> Json:
    return report(n, tlp=tlp, refs=[one["id"] for one in refs], **more)


def seen(world: World, obj: Json) -> list[str]:
    return world.readers_of_any(obj, *SEEN_BY)


GREEN, AMBER, WITHHELD = ["kr-agency", "kr-partner"], ["kr-agency"], []


# --- after its first submission nothing moves it --------------------------------------------------


@pytest.mark.parametrize("name", [galaxy(1), RESOLVER], ids=["actor", "8.8.8.8"])
def test_a_red_report_takes_back_no_name(world: World, name: Json) -> None:
    assert world.refusals(BY, name, box(1, "green", name)) == [None, None]
    assert seen(world, name) == GREEN
    secret = indicator(9)
    assert world.refusals(BY, box(2, "red", name, secret), secret) == [None, None]
    assert (seen(world, name), seen(world, box(1, "green", name)), seen(world, secret)) == (GREEN, GREEN, [])


def test_a_red_report_takes_back_no_green_report_that_names_the_same_actor(world: World) -> None:
    """Each event brings the actor again, dated by itself."""
    for event in range(1, 4):
        assert world.refusals(BY, galaxy(event), box(event, "green", galaxy(1))) == [None, None]
    assert world.refusals(BY, galaxy(9), box(9, "red", galaxy(1))) == [None, None]
    assert [seen(world, box(n, "green", galaxy(1))) for n in (1, 2, 3)] == [GREEN] * 3
    assert seen(world, galaxy(1)) == GREEN
    assert len([one for one in world.see("kr-cert") if one.id == ACTOR]) == 1  # no version was stored


def test_a_container_that_comes_later_lets_no_name_go_to_other_nations(world: World) -> None:
    world.refusals(BY, galaxy(1), box(1, "green", galaxy(1), marks=world.rel_to("JP")))
    assert seen(world, galaxy(1)) == []
    world.refusals(BY, box(2, "green", galaxy(1)))
    assert seen(world, galaxy(1)) == []


def test_a_second_report_with_the_same_address_is_taken(world: World) -> None:
    for n, tlp in enumerate(("green", "amber", "red")):
        assert world.refusals(BY, RESOLVER, box(n, tlp, RESOLVER)) == [None, None]
    assert seen(world, RESOLVER) == GREEN


def test_forty_unmarked_copies_of_a_company_do_not_silence_the_cert(world: World) -> None:
    """A company names every actor without a level; nothing of that is the cert's."""
    actors = [galaxy(1) | {"id": stix_id("threat-actor", n)} for n in range(40)]
    assert world.refusals("us-partner", *actors) == [None] * 40
    certs = box(1, "green", *actors)
    assert world.refusals("us-cert", *actors, certs) == [None] * 41
    assert seen(world, certs) == GREEN
    assert len(world.ids("kr-partner") & {one["id"] for one in actors}) == 40


def test_what_is_content_follows_every_container(world: World) -> None:
    inner = indicator(1)
    assert world.refusals(BY, inner, box(1, "green", inner)) == [None, None]
    assert world.refusals(BY, box(2, "red", inner)) == [None]
    assert seen(world, inner) == WITHHELD


# --- how it is decided ----------------------------------------------------------------------------


def test_the_laxest_container_of_its_submission_counts(world: World) -> None:
    assert world.refusals(BY, box(1, "red", galaxy(1)), galaxy(1), box(2, "green", galaxy(1))) == [None] * 3
    assert seen(world, galaxy(1)) == GREEN


def test_alone_it_takes_the_strictest_that_is_held(world: World) -> None:
    assert world.refusals(BY, box(1, "red", galaxy(1)), box(2, "green", galaxy(1))) == [None, None]
    assert world.refusals(BY, galaxy(1)) == [None]
    assert seen(world, galaxy(1)) == WITHHELD


def test_at_its_default_it_is_tightened_by_the_first_that_names_it_and_no_other(world: World) -> None:
    assert world.refusals(BY, galaxy(1), RESOLVER) == [None, None]
    assert world.refusals(BY, box(1, "green", galaxy(1)), box(2, "red", RESOLVER)) == [None, None]
    assert world.refusals(BY, box(3, "red", galaxy(1))) == [None]
    assert seen(world, galaxy(1)) == AMBER
    assert seen(world, RESOLVER) == WITHHELD


# --- said again -----------------------------------------------------------------------------------


def test_beside_a_laxer_container_it_is_loosened_and_naming_it_alone_does_not(world: World) -> None:
    assert world.refusals(BY, galaxy(1), box(1, "red", galaxy(1))) == [None, None]
    assert world.refusals(BY, galaxy(2)) == [None]
    assert world.refusals(BY, box(2, "green", galaxy(1))) == [None]
    assert seen(world, galaxy(1)) == WITHHELD
    assert world.refusals(BY, galaxy(3), box(3, "green", galaxy(1))) == [None, None]
    assert seen(world, galaxy(1)) == GREEN


@pytest.mark.parametrize(("tlp", "marks"), [("red", ()), ("amber", ()), ("green", (UNKNOWN,))])
def test_a_newer_version_that_would_be_stricter_is_refused(
    world: World, tlp: str, marks: tuple[str, ...]
) -> None:
    assert world.refusals(BY, galaxy(1), box(1, "green", galaxy(1))) == [None, None]
    changed = galaxy(2) | {"description": "Known for patience."}
    beside = box(2, tlp, galaxy(1), marks=marks)
    assert world.refusals(BY, changed, beside) == [
        "stands as GREEN; mark this version, or leave it out",
        None,
    ]
    assert seen(world, galaxy(1)) == GREEN
    assert world.refusals(BY, changed, box(3, "green", galaxy(1))) == [None, None]
    assert world.refusals(BY, galaxy(4, tlp="red") | {"description": "Now in RED."}) == [None]
    assert seen(world, galaxy(1)) == WITHHELD


def test_deleted_it_is_compared_with_nothing_and_decided_anew(world: World) -> None:
    assert world.refusals(BY, galaxy(1), box(1, "green", galaxy(1))) == [None, None]
    world.delete(BY, ACTOR)
    [refused] = world.refusals(BY, galaxy(1))
    assert refused is not None
    assert "deleted on" in refused
    assert world.refusals(BY, galaxy(2), box(2, "red", galaxy(1))) == [None, None]
    assert seen(world, galaxy(1)) == WITHHELD


def test_an_address_comes_again_after_its_deletion(world: World) -> None:
    assert world.refusals(BY, RESOLVER, box(1, "green", RESOLVER)) == [None, None]
    world.delete(BY, RESOLVER["id"])
    assert world.refusals(BY, RESOLVER, box(2, "amber", RESOLVER)) == [None, None]
    assert seen(world, RESOLVER) == AMBER


# --- closure and home -----------------------------------------------------------------------------


def test_its_closure_ends_with_that_of_the_container_that_gave_it(world: World) -> None:
    statement = definition(1)
    closing = box(1, "green", galaxy(1), marks=[statement["id"]])
    assert world.refusals(BY, galaxy(1), closing) == [None, None]
    assert seen(world, galaxy(1)) == WITHHELD
    assert world.refusals(BY, statement) == [None]
    assert (seen(world, closing), seen(world, galaxy(1))) == (GREEN, GREEN)


def test_the_status_names_what_closes_and_not_a_statement_that_was_accepted_before(world: World) -> None:
    statement = definition(3)
    assert world.refusals(BY, statement) == [None]
    [_, told] = world.remarks(
        BY,
        box(1, "green", indicator(1), marks=[UNKNOWN]),
        indicator(1, marks=[statement["id"]]),
    )
    assert "a report or grouping that contains it carries a marking" in told
    assert statement["id"] not in told


def test_a_container_that_comes_later_closes_no_name(world: World) -> None:
    assert world.refusals(BY, galaxy(1), box(1, "green", galaxy(1))) == [None, None]
    assert world.refusals(BY, box(2, "green", galaxy(1), marks=[UNKNOWN])) == [None]
    assert seen(world, galaxy(1)) == GREEN


def stay_home(world: World) -> None:
    """From now on the US keeps what is unmarked at home."""
    nations = dict(world.service.registry.nations)
    us = NationCode("US")
    nations[us] = replace(nations[us], unmarked_stays_home=True)
    registry = replace(world.service.registry, nations=nations)
    world.service = replace(world.service, registry=registry, in_force=InForce())


def test_what_is_unmarked_stays_at_home_and_the_status_says_so(world: World) -> None:
    stay_home(world)
    told = world.remarks(BY, galaxy(1), indicator(1), box(7, None, galaxy(1)))
    assert all("your nation keeps what is unmarked at home" in one for one in told[1:2])
    assert all("withheld from all other nations" in one for one in told)
    assert world.refusals(BY, box(1, "green", galaxy(1), indicator(1))) == [None]
    assert (seen(world, galaxy(1)), seen(world, indicator(1))) == (WITHHELD, WITHHELD)
    assert world.readers_of_any(indicator(1), "us-cert", "us-agency2", "us-partner") == [
        "us-cert",
        "us-agency2",
    ]
    assert world.refusals(BY, galaxy(2), box(2, "green", galaxy(1))) == [None, None]
    assert seen(world, galaxy(1)) == GREEN  # a name said again with a container


def test_a_revoking_version_stays_at_home_too(world: World) -> None:
    stay_home(world)
    assert world.refusals(BY, indicator(1)) == [None]
    revoking = indicator(1, version=2, revoked=True)
    assert world.refusals(BY, revoking, box(1, "clear", indicator(1))) == [None, None]
    assert seen(world, indicator(1)) == WITHHELD


def test_what_crosses_stays_readable(world: World) -> None:
    stay_home(world)
    author = galaxy(1, "identity") | {"id": stix_id("identity", 60)}
    author.pop("aliases")
    statement = definition(2)
    marked = indicator(1, tlp="green", created_by=author["id"], marks=[statement["id"]])
    assert world.refusals(BY, author, statement, marked) == [None] * 3
    for one in (author, statement, marked):
        assert seen(world, one) == GREEN


def test_what_is_taken_of_a_report_from_before_this_setting_stays(world: World) -> None:
    assert world.refusals(BY, galaxy(1), indicator(1)) == [None, None]
    stay_home(world)
    assert world.refusals(BY, indicator(2)) == [None]
    assert [seen(world, one) for one in (galaxy(1), indicator(1), indicator(2))] == [AMBER, AMBER, WITHHELD]
