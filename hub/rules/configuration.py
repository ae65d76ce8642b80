"""What of the configuration decides, as the database keeps it, and where a file says otherwise.

The human names of nations decide nothing: the file's are taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

from hub.model import JsonObject, Nation, NationCode, Registry, StixId, Tlp


class ChangeScope(Enum):
    """What a difference is about, which says how it can be taken."""

    VALUE = auto()  # it may change, for what is submitted from then on
    ADDED = auto()  # a nation that is new
    FIXED = auto()  # an id, or a nation that is not there any more


@dataclass(frozen=True, slots=True)
class Difference:
    """One key for which the file says something else than the database keeps; None: nothing."""

    key: str
    given: str | None
    kept: str | None
    scope: ChangeScope
    nation: NationCode | None = None

    def __str__(self) -> str:
        given, kept = (value or "nothing" for value in (self.given, self.kept))
        return f"{self.key}: the file says {given}, the database keeps {kept}"


def document_of(registry: Registry) -> JsonObject:
    """Return what decides, as JSON."""
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
    """Return what a kept document says. Raises KeyError, TypeError or ValueError for one that is none."""
    return Registry(
        nations={NationCode(one["code"]): _nation(one) for one in document["nations"]},
        hub_identity_id=StixId(document["hub"]["identity_id"]),
        released_collection_id=document["released"]["collection_id"],
        informative_markings=frozenset(map(StixId, document["informative_markings"])),
        public_sources=frozenset(map(StixId, document["public_sources"])),
    )


def _nation(said: JsonObject) -> Nation:
    level = Tlp.of(said["default_tlp"])
    if level is None or said["unmarked"] not in ("home", "default"):
        raise ValueError(f"{said['code']} has no default")
    return Nation(
        code=NationCode(said["code"]),
        name=said["code"],
        collection_id=said["collection_id"],
        identity_id=StixId(said["identity_id"]),
        rel_to_id=StixId(said["rel_to_id"]),
        default_tlp=level,
        unmarked_stays_home=said["unmarked"] == "home",
    )


def with_earlier(registry: Registry, kept: Sequence[tuple[datetime, Registry]]) -> Registry:
    """Return the registry that knows what was configured before it.

    `kept` are all that were in force, each from when, the oldest first; the last is what `registry` says.
    """
    ends = [at for at, _ in kept[1:]]
    return replace(registry, earlier=tuple(zip(ends, (one for _, one in kept), strict=False)))


def differences(given: Registry, kept: Registry) -> list[Difference]:
    """Return where the file, `given`, says something else than what is `kept`."""
    return list(_differences(given, kept))


def _differences(given: Registry, kept: Registry) -> Iterator[Difference]:
    ids = {
        "hub.identity_id": (given.hub_identity_id, kept.hub_identity_id),
        "released.collection_id": (given.released_collection_id, kept.released_collection_id),
    }
    yield from _unequal(ids, ChangeScope.FIXED)
    yield from _listed("informative_markings", given.informative_markings, kept.informative_markings)
    yield from _listed("public_sources", given.public_sources, kept.public_sources)
    for code in sorted(given.nations.keys() | kept.nations.keys()):
        ours, theirs = given.nations.get(code), kept.nations.get(code)
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
    levels = given.default_tlp.label, kept.default_tlp.label
    values = {"default_tlp": levels, "unmarked": (_unmarked(given), _unmarked(kept))}
    yield from _unequal({f"{given.code}.{name}": pair for name, pair in values.items()}, ChangeScope.VALUE)


def _unequal(pairs: dict[str, tuple[str, str]], scope: ChangeScope) -> Iterator[Difference]:
    for key, (given, kept) in pairs.items():
        if given != kept:
            yield Difference(key, given, kept, scope)


def _listed(key: str, given: frozenset[StixId], kept: frozenset[StixId]) -> Iterator[Difference]:
    for id in sorted(given ^ kept):
        yield Difference(key, id if id in given else None, id if id in kept else None, ChangeScope.VALUE)
