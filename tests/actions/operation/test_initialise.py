"""What decides is kept in the database: what a start refuses, what `hub init` takes, and from when on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, text, update

from hub.actions.operation import administer, readiness, restore
from hub.actions.operation.backup import backup
from hub.actions.operation.initialise import Initialised, bound, initialise
from hub.actions.service.in_force import InForce
from hub.actions.submission import submit
from hub.errors import Reconfigured, SettingsError
from hub.model import Nation, NationCode, Registry, StixId, Tlp
from hub.store.agreement import agreements, configurations
from hub.store.database import epochs
from hub.store.database.connection import Connection, Store
from hub.store.schema.configuration_tables import configuration
from hub.store.schema.tables import hub_state, reference
from tests.actions.pausing import Pause
from tests.named_objects import campaign, identifier, report
from tests.stix_objects import INFORMATIVE, PUBLIC, TLP
from tests.world import World, build_empty, clause, registry

US, KR, NZ = map(NationCode, ("US", "KR", "NZ"))
VENDOR = StixId(identifier("identity", "vendor"))
OTHER = StixId(identifier("marking-definition", "other"))
EXTENSION = StixId(identifier("extension-definition", "theirs"))
ZEALAND = Nation(
    NZ,
    "New Zealand",
    "a8b0a4b6-51a4-4b8c-9d83-0a53a2f4ffb1",
    StixId(identifier("identity", "NZ")),
    StixId(identifier("marking-definition", "REL TO NZ")),
)


def of_us(**changes: Any) -> Registry:
    """The nations, with another entry for the US."""
    nations = dict(registry().nations)
    nations[US] = replace(nations[US], **changes)
    return replace(registry(), nations=nations)


def with_zealand() -> Registry:
    return replace(registry(), nations={**registry().nations, NZ: ZEALAND})


def listing(*informative: StixId, public: tuple[StixId, ...] = (StixId(PUBLIC),)) -> Registry:
    return replace(registry(), informative_markings=frozenset(informative), public_sources=frozenset(public))


def init(world: World, given: Registry, **options: Any) -> Initialised:
    """What `hub init` does, with this file."""
    world.service.store.bind(None)  # another process
    return initialise(replace(world.service, registry=given), "nations.toml", **options)


def started(world: World, given: Registry) -> World:
    """A process that was started afterwards, with this file."""
    world.service.store.bind(None)
    service = bound(replace(world.service, registry=given, in_force=InForce()), "nations.toml")
    return replace(world, service=service)


def applied(world: World, given: Registry, **options: Any) -> World:
    init(world, given, apply=True, **options)
    return started(world, given)


# --- what is refused ------------------------------------------------------------------------------

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


def statement_like(id: StixId, **more: Any) -> dict[str, Any]:
    """A definition of this id; by an extension alone where `more` has one."""
    said = {"definition_type": "statement", "definition": {"statement": "mine"}}
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": id,
        "created": "2026-01-01T00:00:00.000Z",
        **(more or said),
    }


# --- for what is submitted from then on -----------------------------------------------------------


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


# --- processes that run ---------------------------------------------------------------------------


@pytest.fixture
def process(database_url: str) -> Iterator[World]:
    """One that serves, on connections of its own, with a member."""
    world = build_empty(database_url)
    world.agree(["US", "KR"], clause("US", "KR"))
    yield started(world, registry())
    world.service.store.close()


def other(process: World, database_url: str, given: Registry, **options: Any) -> None:
    """Let another process initialise the database."""
    with closing(Store.open(database_url)) as store:
        store.clock = process.clock
        initialise(replace(process.service, store=store, registry=given), **options)


def test_a_process_of_before_answers_nothing_and_says_so_once(
    process: World, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    process.accepted("us-cert", campaign("before"))
    other(process, database_url, of_us(default_tlp=Tlp.GREEN), apply=True)
    asks: list[Callable[[], object]] = [
        lambda: process.push("us-cert", campaign("after")),
        lambda: process.rows("kr-cert"),
        lambda: administer.add_member(
            process.service, "us-x", "US", process.caller("us-cert").member.kind, "x"
        ),
    ]
    with caplog.at_level(logging.ERROR):
        for ask in asks * 2:
            with pytest.raises(Reconfigured, match="restart"):
                ask()
    assert [record.getMessage()[:7] for record in caplog.records] == ["restart"]
    found = readiness.examine(process.service, process.clock)
    assert not found.is_ready
    assert "restart" in found.details["read"]
    started(process, of_us(default_tlp=Tlp.GREEN)).accepted("us-cert", campaign("after"))


def test_what_was_decided_before_is_not_written_afterwards(
    process: World, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its transaction had begun before, and waited for the lock."""
    pause = Pause(monkeypatch, submit, "decide")
    with pytest.raises(Reconfigured):
        pause.while_held(
            lambda: process.push("us-cert", campaign("a", None)),
            lambda: other(process, database_url, of_us(default_tlp=Tlp.GREEN), apply=True),
        )


@pytest.mark.parametrize(
    "lock", [epochs.hold, agreements.hold_for_change, partial(agreements.generation, hold=True)]
)
def test_whoever_waited_for_the_lock_finds_that_it_was_changed(
    process: World, database_url: str, lock: Callable[[Connection], object]
) -> None:
    if process.service.store.is_sqlite:
        pytest.skip("there no transaction begins before the one that writes has ended")
    with process.service.store.write() as connection:
        other(process, database_url, of_us(default_tlp=Tlp.GREEN), apply=True)
        with pytest.raises(Reconfigured):
            lock(connection)


def test_a_backup_with_another_configuration_is_restored_and_then_asked_about(
    process: World, database_url: str, tmp_path: Path
) -> None:
    backup(database_url, tmp_path / "copy")
    other(process, database_url, of_us(default_tlp=Tlp.GREEN), apply=True)
    now = started(process, of_us(default_tlp=Tlp.GREEN))
    restore.restore(database_url, tmp_path / "copy", process.clock)
    with pytest.raises(Reconfigured):
        now.rows("us-cert")
    with pytest.raises(SettingsError, match="the file says green, the database keeps amber"):
        started(process, of_us(default_tlp=Tlp.GREEN))
    other(process, database_url, of_us(default_tlp=Tlp.GREEN), apply=True)  # while the hub is closed, too
    assert started(process, of_us(default_tlp=Tlp.GREEN)).service.registry.earlier


def test_the_same_values_after_a_restore_have_another_number(
    process: World, database_url: str, tmp_path: Path
) -> None:
    """So that a process of before does not take one history's configuration for another's."""
    backup(database_url, tmp_path / "copy")
    numbers = []
    for level in (Tlp.GREEN, Tlp.RED):
        restore.restore(database_url, tmp_path / "copy", process.clock)
        other(process, database_url, of_us(default_tlp=level), apply=True)
        with closing(Store.open(database_url)) as store, store.read(when_closed=True) as connection:
            numbers.append(configurations.every(connection)[-1].number)
    assert numbers[0] != numbers[1]


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
