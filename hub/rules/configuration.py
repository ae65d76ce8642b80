"""The deciding part of the configuration, as the database keeps it, and the differences to a file.

Human names of nations decide nothing: the names of the file are used unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

from hub.model import JsonObject, Nation, NationCode, Registry, StixId, Tlp


# Policy 2.4 and 2.6 judge each version by the configuration of the submission, so values may change.
class ChangeScope(Enum):
    """The subject of a difference: this decides how the difference can be accepted."""

    VALUE = auto()  # may change, for later submissions
    ADDED = auto()  # a new nation
    FIXED = auto()  # an id, or a nation missing from the file


@dataclass(frozen=True, slots=True)
class Difference:
    """A key with another value in the file than in the database; None: no value."""

    key: str
    given: str | None
    kept: str | None
    scope: ChangeScope
    nation: NationCode | None = None

    def __str__(self) -> str:
        given, kept = (value or "nothing" for value in (self.given, self.kept))
        return f"{self.key}: the file says {given}, the database keeps {kept}"


def document_of(registry: Registry) -> JsonObject:
    """Return the deciding part of the registry as JSON."""
    # A key missing here would not be compared at the start: two processes could then decide differently.
    # Sorted, so that equal configurations give equal documents.
    return {
        "hub": {"identity_id": registry.hub_identity_id},
        "released": {"collection_id": registry.released_collection_id},
        "informative_markings": sorted(registry.informative_markings),
        "public_sources": sorted(registry.public_sources),
        "nations": [_nation_document(nation) for _, nation in sorted(registry.nations.items())],
    }


def _nation_document(nation: Nation) -> JsonObject:
    return {
        "code": nation.code,
        "collection_id": nation.collection_id,
        "identity_id": nation.identity_id,
        "rel_to_id": nation.rel_to_id,
        "default_tlp": nation.default_tlp.label,
        "unmarked": _unmarked(nation),
    }


def _unmarked(nation: Nation) -> str:
    return "home" if nation.unmarked_stays_home else "default"


def registry_of(document: JsonObject) -> Registry:
    """Return the registry of a kept document.

    Raises KeyError, TypeError or ValueError for an invalid document.
    """
    return Registry(
        nations={NationCode(one["code"]): _nation(one) for one in document["nations"]},
        hub_identity_id=StixId(document["hub"]["identity_id"]),
        released_collection_id=document["released"]["collection_id"],
        informative_markings=frozenset(map(StixId, document["informative_markings"])),
        public_sources=frozenset(map(StixId, document["public_sources"])),
    )


def _nation(said: JsonObject) -> Nation:
    level = Tlp.of(said["default_tlp"])
    # Every doubt closes: a document without a clear default is refused, never read as "default".
    if level is None or said["unmarked"] not in ("home", "default"):
        raise ValueError(f"{said['code']} has no default")
    return Nation(
        code=NationCode(said["code"]),
        # The database keeps no human name, for a name decides nothing.
        name=said["code"],
        collection_id=said["collection_id"],
        identity_id=StixId(said["identity_id"]),
        rel_to_id=StixId(said["rel_to_id"]),
        default_tlp=level,
        unmarked_stays_home=said["unmarked"] == "home",
    )


def with_earlier(registry: Registry, kept: Sequence[tuple[datetime, Registry]]) -> Registry:
    """Return the registry with the configurations before.

    `kept` are all configurations ever in force, each with the start, the oldest first; the last equals
    `registry`.
    """
    # Each configuration ends with the start of the next. `strict=False` leaves out the last, in force now.
    ends = [at for at, _ in kept[1:]]
    return replace(registry, earlier=tuple(zip(ends, (one for _, one in kept), strict=False)))


def differences(given: Registry, kept: Registry) -> list[Difference]:
    """Return the differences of the file, `given`, to the `kept` configuration."""
    return list(_differences(given, kept))


def _differences(given: Registry, kept: Registry) -> Iterator[Difference]:
    ids = {
        "hub.identity_id": (given.hub_identity_id, kept.hub_identity_id),
        "released.collection_id": (given.released_collection_id, kept.released_collection_id),
    }
    # Ids are in stored objects and in clients' configurations: a change would orphan both.
    yield from _unequal(ids, ChangeScope.FIXED)
    yield from _listed("informative_markings", given.informative_markings, kept.informative_markings)
    yield from _listed("public_sources", given.public_sources, kept.public_sources)
    for code in sorted(given.nations.keys() | kept.nations.keys()):
        ours, theirs = given.nations.get(code), kept.nations.get(code)
        # A nation is never removed: the nation's ledger, agreements and evidence stay (policy 5, 8).
        if ours is None or theirs is None:
            scope = ChangeScope.ADDED if theirs is None else ChangeScope.FIXED
            there, here = (None if one is None else code for one in (ours, theirs))
            yield Difference("nations", there, here, scope, code)
        else:
            yield from _of_nation(ours, theirs)


def _of_nation(given: Nation, kept: Nation) -> Iterator[Difference]:
    names = ("collection_id", "identity_id", "rel_to_id")
    ids = {f"{given.code}.{name}": (getattr(given, name), getattr(kept, name)) for name in names}
    yield from _unequal(ids, ChangeScope.FIXED)
    # Not checked here: a default of `clear` is refused by `settings` (policy 2.4).
    levels = given.default_tlp.label, kept.default_tlp.label
    values = {"default_tlp": levels, "unmarked": (_unmarked(given), _unmarked(kept))}
    yield from _unequal({f"{given.code}.{name}": pair for name, pair in values.items()}, ChangeScope.VALUE)


def _unequal(pairs: dict[str, tuple[str, str]], scope: ChangeScope) -> Iterator[Difference]:
    for key, (given, kept) in pairs.items():
        if given != kept:
            yield Difference(key, given, kept, scope)


def _listed(key: str, given: frozenset[StixId], kept: frozenset[StixId]) -> Iterator[Difference]:
    # Each added or removed entry is a difference of its own, so that messages name every id.
    for id in sorted(given ^ kept):
        yield Difference(key, id if id in given else None, id if id in kept else None, ChangeScope.VALUE)
