"""Cases of the policy that generated worlds reach rarely, each as the smallest world that shows the case."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.model import Tlp
from tests.stix_objects import (
    definition,
    grouping,
    identity,
    indicator,
    malware,
    note,
    observable,
    relationship,
    report,
    stix_id,
)
from tests.world import World, build, clause

INDICATOR, MALWARE = stix_id("indicator"), stix_id("malware")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """US and KR share both ways up to AMBER+STRICT with everybody."""
    made = build(database_url, codes=("US", "KR"), defaults={"US": Tlp.AMBER})
    terms = {"max_tlp": "amber+strict", "audience": "partner"}
    made.agree(["US", "KR"], clause("US", "KR", **terms), clause("KR", "US", **terms))
    made.clock.wait()
    yield made
    made.close()


def took(world: World, member: str, *objects: dict[str, object]) -> list[bool]:
    world.clock.wait()
    return [outcome.succeeded for outcome in world.push(member, *objects).outcomes]


# --- passing on (8) -------------------------------------------------------------------------------


def test_what_was_received_above_green_is_not_passed_on(world: World) -> None:
    assert took(world, "kr-cert", malware(tlp="amber")) == [True]
    assert took(world, "us-agency", malware(tlp="green")) == [False]
    assert took(world, "us-partner", malware(tlp="green")) == [True]  # it never saw it


def test_what_was_received_up_to_green_may_be_passed_on(world: World) -> None:
    assert took(world, "kr-cert", malware(tlp="green")) == [True]
    assert took(world, "us-agency", malware(tlp="green")) == [True]


def test_an_observable_that_was_received_may_be_submitted(world: World) -> None:
    """SCOs are set aside: two nations that see the same address must both be able to say so."""
    assert took(world, "kr-cert", observable(tlp="amber")) == [True]
    assert took(world, "us-agency", observable(tlp="amber")) == [True]


# --- revocation (8) -------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [False, True])
def test_a_revoking_version_without_tlp_keeps_its_predecessors(world: World, *, together: bool) -> None:
    first, second = malware(tlp="green"), malware(version=2, revoked=True)
    if together:
        took(world, "us-cert", first, second)
    else:
        took(world, "us-cert", first)
        took(world, "us-cert", second)
    assert [seen.version for seen in world.see("kr-partner")] == [first["modified"], second["modified"]]


@pytest.mark.parametrize("together", [False, True])
def test_a_revoking_version_keeps_unknown_markings(world: World, *, together: bool) -> None:
    first = malware(tlp="green", marks=[stix_id("marking-definition", 9)])
    second = malware(version=2, revoked=True)
    if together:
        took(world, "us-cert", first, second)
    else:
        took(world, "us-cert", first)
        took(world, "us-cert", second)
    assert world.ids("kr-cert") == set()
    assert world.ids("us-cert") == {MALWARE}


# --- versions of observables (8) ------------------------------------------------------------------


def test_an_observables_new_content_is_its_newest_version(world: World) -> None:
    took(world, "us-cert", observable(value=1, tlp="green"))
    took(world, "us-cert", observable(value=2, tlp="red"))
    assert world.ids("kr-cert") == set()
    assert [seen.body.count('"x_sighted":2') for seen in world.see("us-cert")] == [0, 1]


def test_an_observables_new_content_within_one_instant_is_its_newest_version(world: World) -> None:
    world.push("us-cert", observable(value=1, tlp="green"))
    receipt = world.push("us-cert", observable(value=2, tlp="red"))
    assert [outcome.succeeded for outcome in receipt.outcomes] == [True]
    assert world.ids("kr-cert") == set()


def test_an_observables_new_content_is_newest_though_the_clock_steps_back(world: World) -> None:
    took(world, "us-cert", observable(value=1, tlp="green"))
    world.clock.wait(-30)
    world.push("us-cert", observable(value=2, tlp="red"))
    world.clock.wait(60)
    assert world.ids("kr-cert") == set()


# --- containers and closure (2.3, 2.6) ------------------------------------------------------------


@pytest.mark.parametrize("container", [report, grouping])
@pytest.mark.parametrize("later", [False, True])
def test_a_red_container_tightens_what_it_names_whenever_it_comes(
    world: World, *, container: object, later: bool
) -> None:
    assert callable(container)
    outer = container(1, tlp="red", refs=[stix_id("grouping", 2)])
    inner = grouping(2, refs=[INDICATOR])
    parts = [[indicator(), inner], [outer]] if later else [[outer], [inner], [indicator()]]
    for part in parts:
        took(world, "us-agency", *part)
    assert world.ids("kr-cert") == set()
    assert world.ids("us-agency2") == set()
    assert world.ids("us-cert") >= {INDICATOR}


def test_a_container_of_another_member_changes_nothing(world: World) -> None:
    took(world, "us-agency", malware())
    took(world, "us-cert", report(tlp="red", refs=[MALWARE]))
    assert MALWARE in world.ids("kr-agency")


def test_a_statement_that_comes_later_opens_what_carries_it(world: World) -> None:
    took(world, "us-agency", malware(tlp="green", marks=[stix_id("marking-definition")]))
    assert world.ids("kr-cert") == set()
    took(world, "us-cert", definition())  # another member's does not count
    assert MALWARE not in world.ids("kr-cert")
    took(world, "us-agency", definition())
    assert MALWARE in world.ids("kr-partner")


def test_a_closed_container_closes_what_it_names_and_what_has_tlp_not(world: World) -> None:
    unknown = [stix_id("marking-definition", 9)]
    took(world, "us-agency", malware(), indicator(tlp="green"))
    took(world, "us-agency", report(tlp="green", marks=unknown, refs=[MALWARE, INDICATOR]))
    assert world.ids("kr-cert") == {INDICATOR}


def test_an_unmarked_identity_is_as_lax_as_the_laxest_that_names_it(world: World) -> None:
    author = stix_id("identity")
    took(world, "us-agency", identity(), malware(tlp="amber+strict", created_by=author))
    assert author not in world.ids("kr-agency")
    took(world, "us-agency", indicator(tlp="clear", created_by=author))
    assert author in world.ids("kr-partner")


# --- references (2.7) -----------------------------------------------------------------------------


def test_what_refers_to_something_withheld_is_withheld_until_it_is_not(world: World) -> None:
    link = relationship(tlp="green", refs=[MALWARE, INDICATOR])
    took(
        world,
        "us-agency",
        malware(tlp="red"),
        indicator(tlp="green"),
        link,
        note(tlp="green", refs=[link["id"]]),
    )
    assert world.ids("kr-cert") == {INDICATOR}
    assert world.ids("us-agency2") == {INDICATOR}
    took(world, "us-agency", malware(version=2, tlp="green"))
    assert world.ids("kr-partner") == {INDICATOR, MALWARE, link["id"], stix_id("note")}
    took(world, "us-agency", malware(version=3, tlp="amber"))
    assert world.ids("kr-partner") == {INDICATOR}


def test_the_submitter_sees_its_own_whatever_it_refers_to(world: World) -> None:
    took(world, "us-cert", malware(tlp="red"))
    took(world, "us-partner", malware(tlp="red"), note(tlp="red", refs=[MALWARE]))
    assert world.ids("us-partner") == {MALWARE, stix_id("note")}


def test_what_others_do_later_moves_nothing(world: World) -> None:
    """Neither a record of the same id nor one of what is referred to (policy 2.7)."""
    link = relationship(tlp="clear", refs=[MALWARE])
    took(world, "us-agency", link)
    took(world, "us-cert", relationship(version=2, tlp="amber"), malware(tlp="amber"))
    took(world, "us-partner", malware(tlp="red"))
    assert link["id"] in world.ids("kr-partner")


def test_what_is_taken_over_stays_whatever_becomes_of_the_other(world: World) -> None:
    link = relationship(tlp="green", refs=[INDICATOR])
    took(world, "us-agency", indicator(tlp="green", marks=[stix_id("marking-definition", 9)]))
    took(world, "us-partner", link)
    assert world.ids("kr-cert") == set()
    took(world, "us-agency", indicator(version=2, tlp="green"))
    assert world.ids("kr-cert") == {INDICATOR}
