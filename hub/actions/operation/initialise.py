"""The operator initialises a database: tables, configuration, nations and the hub's own objects.

The database stores the deciding part of the configuration; a process with a different file does not start.
Changed values count for later submissions. Ids never change once an object could have been served with them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import orjson

from hub.actions.release.hub_objects import publish
from hub.actions.service.service import Service
from hub.errors import SettingsError
from hub.model import (
    HUB,
    Clearance,
    Ground,
    JsonObject,
    Justification,
    MemberId,
    NationCode,
    ObjectVersion,
    Registry,
    StixId,
    StixObject,
    Tlp,
)
from hub.proofs import canonical
from hub.rules.claims import Registered
from hub.rules.configuration import (
    ChangeScope,
    Difference,
    differences,
    document_of,
    registry_of,
    with_earlier,
)
from hub.rules.marking.levels import listed_as
from hub.stix import reading
from hub.stix.marking import tlp
from hub.store.agreement import agreements, configurations
from hub.store.agreement.configurations import Kept
from hub.store.database import statistics
from hub.store.database.connection import Connection
from hub.store.ledger import derived_objects, ledgers, releases
from hub.store.ledger.releases import NewRow
from hub.store.members import members
from hub.store.records import marking_facts, objects

FILE: Final = "nations.toml"
_FIRST_DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)  # `created` of the hub's identity, the same in every hub
_FOR_EVERYBODY: Final[Justification] = frozenset({frozenset({Ground(None, Clearance.PARTNER)})})
_UNREADABLE: Final = (
    "database_url: the configuration that the database keeps cannot be read; restore a backup"
)
_APPLY: Final = "or let `hub init --apply` take the file's for what is submitted from then on"


@dataclass(frozen=True, slots=True)
class Initialised:
    """The result of `initialise`.

    `is_new`: the database was empty. `applied` are the applied differences to the stored configuration,
    `added` the new nations.
    """

    is_new: bool
    applied: Sequence[Difference] = ()
    added: Sequence[NationCode] = ()


# --- the start of a process ---------------------------------------------------------------------


def bound(service: Service, file: object = FILE) -> Service:
    """Return the hub with all earlier configurations, bound to the stored one.

    Raises SettingsError for a `file` different from the stored configuration, and without a stored one.
    """
    with service.store.read(when_closed=True) as connection:
        kept = configurations.every(connection)
        if not kept:
            raise SettingsError("database_url: the database keeps no configuration yet; run `hub init`")
        registries = _registries(kept)
        if found := differences(service.registry, registries[-1][1]):
            raise _refusal(file, found, is_unused=configurations.is_unused(connection))
    # INVARIANT: from now on every transaction refuses another number: no two processes decide by different
    # configurations.
    service.store.bind(kept[-1].number)
    return replace(service, registry=with_earlier(service.registry, registries))


def _registries(kept: Sequence[Kept]) -> list[tuple[datetime, Registry]]:
    try:
        return [(one.at, registry_of(one.document)) for one in kept]
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(_UNREADABLE) from error


def _refusal(file: object, found: Sequence[Difference], *, is_unused: bool) -> SettingsError:
    """Return the error for differences that the operator has not asked to apply."""
    remedies = {
        ChangeScope.VALUE: f"put back what the database keeps, {_APPLY}",
        ChangeScope.ADDED: "a nation is added by `hub init --add-nation`",
        ChangeScope.FIXED: "ids never change and nations stay: put back what the database keeps",
    }
    scopes = {one.scope for one in found}
    remedy = "; ".join(remedies[scope] for scope in ChangeScope if scope in scopes)
    if is_unused:
        remedy = (
            "put back what the database keeps, or let `hub init --apply` take the file's: nobody has joined"
        )
    return SettingsError(f"{file}: {'; '.join(map(str, found))}. Remedy: {remedy}.")


# --- hub init -----------------------------------------------------------------------------------


def initialise(
    service: Service, file: object = FILE, *, apply: bool = False, add: Collection[NationCode] = ()
) -> Initialised:
    """Bring database, nations and the hub's own objects to the configuration. Repeating changes nothing.

    The first call stores the deciding values of the file. Later calls need equal values, unless the operator
    applies new values (`apply`), valid for later submissions, or adds nations (`add`). Before the first
    member, submission or agreement `apply` accepts any change. A new nation gets a ledger with the hub's
    objects as first rows.

    Raises SettingsError, with the name of `file`, for a difference that must not be applied.
    """
    service.store.migrate()
    nations = sorted(service.registry.nations)
    with service.store.write(when_closed=True) as connection:
        # INVARIANT: under the lock on the generation nothing is decided by the configuration before, and
        # written after the new one.
        agreements.hold_for_change(connection)
        plan = _plan(service, connection, file, (apply, frozenset(add)))
        if plan.clears_ledgers:
            configurations.remove_other_origins(connection, nations)
        new = ledgers.open_ledgers(connection, nations)
        if plan.clears_ledgers:
            configurations.forget_own(connection, nations)
        if plan.at is not None:
            document, now = document_of(service.registry), service.store.now(connection)
            configurations.keep(connection, document, plan.at, now)
        if plan.done.is_new:
            _record_listed(connection, service.registry)
        _publish(service, connection, nations if plan.clears_ledgers else new)
    with service.store.write(when_closed=True) as connection:
        statistics.keep(connection)
    return plan.done


@dataclass(frozen=True, slots=True)
class _Plan:
    """The result, and the writes: `at` is the first instant of a new configuration, None without a change."""

    done: Initialised
    at: datetime | None = None
    clears_ledgers: bool = False  # of an unused hub: its ledgers have the hub's own objects alone


def _plan(
    service: Service, connection: Connection, file: object, asked: tuple[bool, Collection[NationCode]]
) -> _Plan:
    """Return the plan for the stored and the given configuration; a change begins a new generation."""
    (apply, add), given = asked, service.registry
    for code in sorted(set(add) - given.nations.keys()):
        raise SettingsError(f"{file}: there is no nation {code} in it; add its [[nations]] entry")
    kept = configurations.every(connection)
    if not kept:
        return _Plan(Initialised(is_new=True), configurations.ALWAYS)
    found = differences(given, _registries(kept)[-1][1])
    if not found:
        return _Plan(Initialised(is_new=False))
    added = [one.nation for one in found if one.scope is ChangeScope.ADDED and one.nation is not None]
    done = Initialised(is_new=False, applied=found, added=added)
    is_unused = configurations.is_unused(connection)
    if apply and is_unused:
        return _Plan(done, configurations.ALWAYS, clears_ledgers=True)
    if left := [one for one in found if not _is_taken(one, apply, add)]:
        raise _refusal(file, left, is_unused=is_unused)
    _check_new_ids(connection, file, given, found)
    # INVARIANT: later than every decision so far, and the instant of the new generation: each version is
    # judged by the configuration of its submission.
    at = configurations.next_moment(connection, service.store.now(connection))
    agreements.advance(connection, at)
    return _Plan(done, at)


# (hub/README: apply-takes-values)
def _is_taken(one: Difference, apply: bool, add: Collection[NationCode]) -> bool:
    match one.scope:
        case ChangeScope.VALUE:
            return apply
        case ChangeScope.ADDED:
            return one.nation in add
        case ChangeScope.FIXED:
            return False


def _check_new_ids(  # (hub/README: apply-takes-values)
    connection: Connection, file: object, given: Registry, found: Sequence[Difference]
) -> None:
    """Check that new public sources and the ids of new nations are not registered or used.

    Raises SettingsError: objects of that creator would no longer be protected (policy 8).
    """
    registered = Registered.of(
        replace(given, nations={}, public_sources=frozenset()), members.members(connection)
    )
    for one in found:
        nation = None if one.nation is None else given.nations[one.nation]
        id = StixId(one.given or "") if nation is None else nation.identity_id
        if (owner := registered.nations.get(id)) is not None:
            whose = f"{id} is a registered identity of a member of {owner}"
            raise SettingsError(f"{file}: {one.key}: {whose}; leave it out")
        if nation is not None and (owner := configurations.submitter_nation(connection, nation.rel_to_id)):
            whose = f"{nation.rel_to_id} is the id of an object that {owner} submitted"
            raise SettingsError(f"{file}: {one.key}: {whose}; give {nation.code} another rel_to_id")


def _record_listed(connection: Connection, given: Registry) -> None:
    """Store the ids of accepted definitions, for versions stored by an earlier release of the hub."""
    for origin in given.nations:
        versions = [v for v in objects.accepted_versions(connection, origin) if v.deleted_at is None]
        bodies = derived_objects.bodies(connection, {v.content_id for v in versions})
        listed = [
            replace(v, listed=_listed(orjson.loads(bodies[v.content_id]), given))
            for v in versions
            if not v.listed
        ]
        marking_facts.note_listed(connection, listed, origin)


def _listed(document: JsonObject, given: Registry) -> frozenset[StixId]:
    said = reading.understand(document, b"", canonical.digest)
    return listed_as(said.id, said.definition, said.definition_extensions, given.informative_markings)


# --- the hub's own objects ----------------------------------------------------------------------


def _publish(service: Service, connection: Connection, new: Collection[NationCode]) -> None:
    """Append the hub's own objects: all of these to a new ledger, new objects to every other ledger."""
    own, missing = _own_objects(service, connection)
    rows = {
        nation: [NewRow(version, _FOR_EVERYBODY) for version in (own if nation in new else missing)]
        for nation in service.registry.nations
    }
    releases.append(connection, HUB, rows, service.store.now(connection))


def _own_objects(service: Service, connection: Connection) -> tuple[list[ObjectVersion], list[ObjectVersion]]:
    """Return the hub's identity, TLP and REL TO definitions as stored, and the objects stored now."""
    items = [
        reading.read(item, n, service.limits.max_object_bytes, canonical.digest)
        for n, item in enumerate(_own_documents(service))
    ]
    own = {item.id: item for item in items if isinstance(item, StixObject)}
    held = {v.id: v for v in objects.versions_of(connection, MemberId(HUB), list(own))}
    missing = [(item, Tlp.CLEAR) for id, item in own.items() if id not in held]
    stored = publish(connection, missing, service.store.now(connection))
    held.update((v.id, v) for v in stored)
    return [held[id] for id in own], stored


def _own_documents(service: Service) -> list[JsonObject]:
    identity = service.registry.hub_identity_id
    definitions = [
        tlp.rel_to(nation.rel_to_id, nation.code, identity, _FIRST_DAY)
        for nation in service.registry.nations.values()
    ]
    return [tlp.hub_identity(identity, _FIRST_DAY), *tlp.definitions(identity), *definitions]
