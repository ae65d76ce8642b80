"""Ids that many use for one thing: names, observables, and ids that follow from content (policy 1)."""

from __future__ import annotations

from typing import Final

from hub.model import NAME_TYPES, OBSERVABLE_TYPES, ObjectVersion, StixId, StixObject

NAMES: Final = NAME_TYPES
OBSERVABLES: Final = OBSERVABLE_TYPES
DEFINITIONS: Final = frozenset({"marking-definition", "extension-definition"})
_UUID_VERSION_AT: Final = -22  # from the end of an id


def uuid_version(id: StixId) -> str:
    """Return the digit that tells how the UUID of a STIX id was made (RFC 9562 section 4.2)."""
    return id[_UUID_VERSION_AT : _UUID_VERSION_AT + 1]


def is_derived(id: StixId) -> bool:
    """Tell whether the id is derived from content: a UUID of version 3 or 5 (policy 1)."""
    return uuid_version(id) in ("3", "5")


def is_decided_once(obj: StixObject | ObjectVersion) -> bool:
    """Tell whether its handling is decided once: an unmarked name or derived observable (policy 2.3)."""
    if obj.markings.tlp is not None:
        return False
    return obj.type in NAMES or (obj.type in OBSERVABLES and uuid_version(obj.id) == "5")


def is_unmarked_name(version: ObjectVersion) -> bool:
    """Tell whether it is an unmarked name, for which no marked container is withheld (policy 2.7)."""
    return version.type in NAMES and version.markings.tlp is None
