"""The configuration is kept in the database: what a start refuses, and what `hub init` takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from hub.actions.operation import administer
from hub.actions.operation.initialise import Initialised
from hub.errors import SettingsError
from hub.model import NationCode, Registry, StixId, Tlp
from tests.actions.initialising import (
    KR,
    NZ,
    OTHER,
    US,
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
from tests.named_objects import campaign
from tests.stix_objects import INFORMATIVE, PUBLIC
from tests.world import World, clause, registry

_OTHER_UUID = "0b0e6a2c-6a5b-4d5e-9a55-3a1c39c3a0c1"
_DIFFERING = [
    (
        of_us(default_tlp=Tlp.GREEN),
        "US.default_tlp: the file says green, the database keeps amber",
        "--apply",
    ),
    (
        of_us(unmarked_stays_home=True),
        "US.unmarked: the file says home, the database keeps default",
        "--apply",
    ),
    (of_us(collection_id=_OTHER_UUID), f"US.collection_id: the file says {_OTHER_UUID}, the", "ids never"),
    (of_us(identity_id=VENDOR), f"US.identity_id: the file says {VENDOR}, the database", "ids never change"),
    (of_us(rel_to_id=OTHER), f"US.rel_to_id: the file says {OTHER}, the database keeps", "ids never change"),
    (listing(), f"informative_markings: the file says nothing, the database keeps {INFORMATIVE}", "--apply"),
    (listing(INFORMATIVE, OTHER), f"informative_markings: the file says {OTHER}, the", "--apply"),
    (
        listing(INFORMATIVE, public=(StixId(PUBLIC), VENDOR)),
        f"public_sources: the file says {VENDOR}, the",
        "--apply",
    ),
    (replace(registry(), hub_identity_id=VENDOR), f"hub.identity_id: the file says {VENDOR}", "ids never"),
    (
        replace(registry(), released_collection_id=_OTHER_UUID),
        "released.collection_id: the file",
        "ids never",
    ),
    (with_zealand(), "nations: the file says NZ, the database keeps nothing", "--add-nation"),
    (
        replace(registry(), nations={c: n for c, n in registry().nations.items() if c != KR}),
        "nations: the file says nothing, the database keeps KR",
        "nations stay",
    ),
]


@pytest.mark.parametrize(("given", "told", "remedy"), _DIFFERING)
def test_a_start_with_another_file_names_the_key_both_values_and_the_remedy(
    world: World, given: Registry, told: str, remedy: str
) -> None:
    world.account("us-cert")
    for begin in (lambda: started(world, given), lambda: init(world, given)):
        with pytest.raises(SettingsError) as refusal:
            begin()
        assert str(refusal.value).startswith("nations.toml: ")
        assert told in str(refusal.value)
        assert remedy in str(refusal.value)


@pytest.mark.parametrize("given", [given for given, _, remedy in _DIFFERING if remedy != "--apply"])
def test_once_somebody_has_joined_apply_takes_no_ids_and_no_nations(world: World, given: Registry) -> None:
    world.account("us-cert")
    with pytest.raises(SettingsError):
        init(world, given, apply=True)
    assert started(world, registry()).service.registry == registry()


@pytest.mark.parametrize("given", [given for given, _, _ in _DIFFERING])
def test_until_somebody_has_joined_apply_takes_whatever_the_file_says(world: World, given: Registry) -> None:
    with pytest.raises(SettingsError, match="nobody has joined"):
        started(world, given)
    other = applied(world, given)
    assert other.is_sound()
    fresh = {given.hub_identity_id, *given.rel_to}
    first = min(given.nations).lower()
    found = {row.id for row in other.drain(other.query(f"{first}-cert"))}
    assert found & {registry().hub_identity_id, *registry().rel_to, *fresh} == fresh
    assert len(found) == 11 + len(given.nations)
    second = min(code for code in given.nations if code != US)
    other.agree(["US", second], clause("US", second))
    other.accepted("us-cert", campaign("one"))
    assert other.is_sound()


def test_what_people_call_a_nation_may_change(world: World) -> None:
    world.account("us-cert")
    assert started(world, of_us(name="America")).service.registry.nations[US].name == "America"


def test_an_initialised_hub_says_what_it_applied(world: World) -> None:
    world.account("us-cert")
    assert init(world, registry()) == Initialised(is_new=False)
    done = init(world, of_us(default_tlp=Tlp.GREEN), apply=True)
    assert [(one.key, one.kept, one.given) for one in done.applied] == [("US.default_tlp", "amber", "green")]
    assert init(world, of_us(default_tlp=Tlp.GREEN), apply=True).applied == ()
    with pytest.raises(SettingsError, match="no nation FR in it"):
        init(world, of_us(default_tlp=Tlp.GREEN), add=[NationCode("FR")])


def test_a_public_source_is_nobodys(world: World) -> None:
    world.account("kr-agency")
    administer.register_identity(world.service, "kr-agency", VENDOR)
    with pytest.raises(SettingsError, match="registered identity of a member of KR"):
        init(world, listing(INFORMATIVE, public=(StixId(PUBLIC), VENDOR)), apply=True)


def test_a_new_nations_ids_are_nobodys(world: World) -> None:
    world.account("kr-agency")
    administer.register_identity(world.service, "kr-agency", ZEALAND.identity_id)
    with pytest.raises(SettingsError, match="registered identity of a member of KR"):
        init(world, with_zealand(), add=[NZ])
    taken = statement_like(ZEALAND.rel_to_id)
    administer.remove_identity(world.service, "kr-agency", ZEALAND.identity_id)
    world.accepted("kr-agency", taken)
    with pytest.raises(SettingsError, match="an object that KR submitted"):
        init(world, with_zealand(), add=[NZ])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE configuration SET document = '{'",
        "UPDATE configuration SET document = '{}'",
        "UPDATE hub_state SET configuration = 7",
    ],
)
def test_a_damaged_configuration_is_one_sentence(world: World, statement: str) -> None:
    with world.service.store.write() as connection:
        connection.execute(text(statement))
    with pytest.raises(SettingsError, match="restore a backup"):
        started(world, registry())
