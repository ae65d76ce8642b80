"""A changed configuration decides what is submitted from then on, and nothing earlier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, update

from hub.errors import SettingsError
from hub.model import Registry, StixId, Tlp
from hub.store.schema.configuration_tables import configuration
from hub.store.schema.tables import hub_state, reference
from tests.actions.initialising import (
    EXTENSION,
    NZ,
    OTHER,
    VENDOR,
    ZEALAND,
    applied,
    init,
    listing,
    of_us,
    started,
    statement_like,
    with_zealand,
)
from tests.named_objects import campaign, report
from tests.stix_objects import INFORMATIVE, PUBLIC, TLP
from tests.world import World, clause


@pytest.fixture
def sharing(world: World) -> World:
    """The US share up to AMBER with KR."""
    world.agree(["US", "KR"], clause("US", "KR", max_tlp="amber"))
    return world


def seen(world: World, *items: Any) -> list[bool]:
    return [world.sees("kr-cert", item) for item in items]


def again(world: World, *items: Any, **more: Any) -> None:
    """Let what was submitted before be judged again, under a container that takes nothing from it."""
    world.accepted("us-cert", report("later", *items, tlp="green", **more))


@pytest.mark.parametrize(
    "given", [of_us(default_tlp=Tlp.RED), of_us(unmarked_stays_home=True)], ids=["default_tlp", "unmarked"]
)
def test_a_default_holds_for_what_comes_later(sharing: World, given: Registry) -> None:
    old, fresh, container = campaign("old", None), campaign("fresh", None), report("container")
    container["object_refs"] = [old["id"]]
    sharing.accepted("us-cert", old, container)
    later = applied(sharing, given)
    later.accepted("us-cert", fresh)
    again(later, old, container)
    assert seen(later, old, container, fresh) == [True, True, False]
    assert later.is_sound()


def test_a_marking_that_is_listed_later_opens_only_what_comes_later(sharing: World) -> None:
    old, fresh = (campaign(name, object_marking_refs=[TLP["green"], OTHER]) for name in ("old", "fresh"))
    sharing.accepted("us-cert", old)
    later = applied(sharing, listing(INFORMATIVE, OTHER))
    later.accepted("us-cert", fresh)
    again(later, old, fresh)
    assert seen(later, old, fresh) == [False, True]
    assert later.is_sound()


def test_a_marking_that_is_listed_no_more_closes_only_what_comes_later(sharing: World) -> None:
    old, fresh = (
        campaign(name, object_marking_refs=[TLP["green"], INFORMATIVE]) for name in ("old", "fresh")
    )
    sharing.accepted("us-cert", old)
    later = applied(sharing, listing())
    later.accepted("us-cert", fresh)
    again(later, old, fresh)
    assert seen(later, old, fresh) == [True, False]
    assert later.is_sound()


def test_a_definition_that_was_listed_by_its_extension_opens_what_came_while_it_was(sharing: World) -> None:
    definition = statement_like(OTHER, extensions={EXTENSION: {"extension_type": "property-extension"}})
    by_extension = applied(sharing, listing(EXTENSION))
    old, fresh = (campaign(name, object_marking_refs=[TLP["green"], OTHER]) for name in ("old", "fresh"))
    by_extension.accepted("us-cert", definition, old)
    later = applied(by_extension, listing())
    later.accepted("us-cert", fresh)
    again(later, old, fresh)
    assert seen(later, old, fresh) == [True, False]
    assert later.is_sound()
    once_more = applied(later, listing(EXTENSION))
    last = campaign("last", object_marking_refs=[TLP["green"], OTHER])
    once_more.accepted("us-cert", last)
    assert seen(once_more, old, fresh, last) == [True, False, True]
    assert once_more.is_sound()


def test_a_statement_opens_whatever_was_configured_when_it_came(sharing: World) -> None:
    old = campaign("old", object_marking_refs=[TLP["green"], OTHER])
    sharing.accepted("us-cert", old)
    later = applied(sharing, listing())
    later.accepted("us-cert", statement_like(OTHER))
    assert seen(later, old) == [True]
    assert later.is_sound()


@pytest.mark.parametrize("is_together", [False, True])
def test_a_statement_opens_though_another_version_of_it_is_listed(
    sharing: World, *, is_together: bool
) -> None:
    by_extension = statement_like(OTHER, extensions={EXTENSION: {"extension_type": "property-extension"}})
    statement = statement_like(OTHER) | {"modified": "2026-01-02T00:00:00.000Z"}
    first = applied(sharing, listing(EXTENSION))
    if not is_together:
        first.accepted("us-cert", by_extension)
        first = applied(first, listing())
    old = campaign("old", object_marking_refs=[TLP["green"], OTHER])
    first.accepted("us-cert", old)
    assert seen(first, old) == [False]
    first.accepted("us-cert", *([by_extension, statement] if is_together else [statement]))
    assert seen(first, old) == [True]
    later = applied(first, listing(INFORMATIVE))
    fresh = campaign("fresh", object_marking_refs=[TLP["green"], OTHER])
    later.accepted("us-cert", fresh)
    assert seen(later, old, fresh) == [True, True]
    assert later.is_sound()


def test_a_nation_that_is_added_gets_what_initialising_gives_and_nothing_old(sharing: World) -> None:
    old = campaign("old", object_marking_refs=[TLP["green"], ZEALAND.rel_to_id])
    sharing.accepted("us-cert", old)
    done = init(sharing, with_zealand(), add=[NZ])
    assert list(done.added) == [NZ]
    assert init(sharing, with_zealand(), add=[NZ]).added == ()  # harmless to repeat
    later = started(sharing, with_zealand())
    assert len(later.drain(later.query("nz-cert"))) == 17
    later.agree(["US", "NZ"], clause("US", "NZ", history=True))
    fresh = campaign("fresh", object_marking_refs=[TLP["green"], ZEALAND.rel_to_id])
    later.accepted("us-cert", fresh)
    again(later, old, fresh)
    # Its marking meant nothing when it was submitted, and so closes it.
    assert [later.sees("nz-cert", item) for item in (old, fresh)] == [False, True]
    assert later.is_sound()


def test_what_was_no_public_sources_when_it_was_given_is_not_passed_on(sharing: World) -> None:
    old, fresh = (campaign(name, "amber", created_by_ref=VENDOR) for name in ("old", "fresh"))
    sharing.accepted("us-cert", old)
    later = applied(sharing, listing(INFORMATIVE, public=(StixId(PUBLIC), VENDOR)))
    later.accepted("us-cert", fresh)
    assert "only US may share it" in str(later.one("kr-cert", old).message)
    assert later.one("kr-cert", fresh).succeeded
    assert later.is_sound()
    last = applied(later, listing(INFORMATIVE))
    assert "only US may share it" in str(last.one("kr-agency", fresh).message)


def test_no_clock_that_steps_back_mixes_old_and_new(sharing: World) -> None:
    old, fresh = campaign("old", None), campaign("fresh", None)
    sharing.accepted("us-cert", old)
    sharing.clock.set_back(hours=2)
    later = applied(sharing, of_us(default_tlp=Tlp.RED))
    later.clock.set_back(hours=2)
    later.accepted("us-cert", fresh)
    again(later, old, fresh)
    assert seen(later, old, fresh) == [True, False]
    assert later.is_sound()


def test_a_database_of_an_earlier_version_keeps_what_the_file_says(sharing: World) -> None:
    """And learns by which list its definitions were accepted, which was not noted then."""
    definition = statement_like(OTHER, extensions={EXTENSION: {"extension_type": "property-extension"}})
    old, fresh = (campaign(name, object_marking_refs=[TLP["green"], OTHER]) for name in ("old", "fresh"))
    before = replace(sharing.service, registry=listing(EXTENSION))
    replace(sharing, service=before).accepted("us-cert", definition, old)
    with sharing.service.store.write() as connection:
        connection.execute(update(hub_state).values(configuration=0))
        connection.execute(delete(configuration))
        connection.execute(delete(reference).where(reference.c.kind == "listed"))
    with pytest.raises(SettingsError, match="run `hub init`"):
        started(sharing, listing(EXTENSION))
    assert init(sharing, listing(EXTENSION)).is_new
    assert started(sharing, listing(EXTENSION)).is_sound()
    later = applied(sharing, listing())
    later.accepted("us-cert", fresh)
    assert seen(later, old, fresh) == [True, False]
