"""Reads the items of a submission as STIX objects, or returns one sentence for each unreadable item."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Any, Final

import orjson

from hub.model import (
    MAX_TIMESTAMP_CHARACTERS,
    NAME_TYPES,
    DefinitionKind,
    JsonObject,
    SourceHiding,
    StixId,
    StixObject,
    Unreadable,
    version_key,
)
from hub.stix.derived.redaction import redactions
from hub.stix.derived.renaming import chosen, given_away, ids_in
from hub.stix.marking.markings import definition_kind, read_markings
from hub.stix.marking.tlp import TLP_IDS
from hub.stix.marking.walking import (
    EXTENSION_PREFIX,
    Survey,
    contains,
    miscased_id,
    refers,
    survey,
)
from hub.stix.validity.validation import MAX_ID_CHARACTERS, fault

_OF_THE_VERSION: Final = frozenset({"created", "modified", "created_by_ref"})  # policy 2.3, names
_NOTHING: Final[frozenset[StixId]] = frozenset()  # one for all: an empty one has 216 bytes
_CLASS_OF_SECTORS: Final = "class"  # an identity_class: such an identity is a sector, for example

Digest = Callable[[Any], bytes]


def read(
    item: Any, index: int, max_object_bytes: int, digest: Digest, names: Sequence[str] = ()
) -> StixObject | Unreadable:
    """Return `item` as a STIX 2.1 object, or the sentence of its refusal. Never raises.

    `index` is the place in the submission, from 0, and replaces a missing id. `digest` gives the SHA-256 of a
    value's RFC 8785 form. The size is that of the compact JSON text, in bytes. `names` are the submitter's
    names: the texts are searched for these names, and for the ids of the object.
    """
    if not isinstance(item, dict):
        return Unreadable(f"(item {index})", None, "the item is not a JSON object; every STIX object is one")
    try:
        return _read(item, index, max_object_bytes, digest, names)
    except (ValueError, TypeError, RecursionError):  # no JSON value: surrogates, too deep, too big an integer
        return _unreadable(item, index, "the object is no plain JSON value; send it as JSON text allows")


def understand(obj: JsonObject, body: bytes, digest: Digest, names: Sequence[str] = ()) -> StixObject:
    """Return the facts of an object accepted before; the object is not validated again."""
    # The rules for new objects may have become stricter: an accepted object stays readable.
    kind, _ = definition_kind(obj)
    return _understood(obj, body, digest, kind, names, survey(obj))


def _read(
    obj: JsonObject, index: int, max_object_bytes: int, digest: Digest, names: Sequence[str]
) -> StixObject | Unreadable:
    body = bytes(memoryview(orjson.dumps(obj)))  # a copy: a short text of orjson occupies 4 KB
    if len(body) > max_object_bytes:
        message = f"the object has {len(body)} bytes, and the hub takes {max_object_bytes}; split it"
        return _unreadable(obj, index, message)
    held = survey(obj)
    if held.is_miscased:
        message = (
            f"{miscased_id(obj)} is a STIX id with capitals, which is another id; write it in lower case"
        )
        return _unreadable(obj, index, message)
    # Size and ids come first: the checks below cost more. Definitions come before the schema, with a clearer
    # sentence on TLP.
    kind, failure = definition_kind(obj)
    message = failure or fault(obj) or ""
    if message:
        return _unreadable(obj, index, message)
    found = _understood(obj, body, digest, kind, names, held)
    # Markings at depth pass no schema: without this bound an id could have any length.
    if any(len(ref) > MAX_ID_CHARACTERS for ref in found.markings.others):
        message = f"a marking reference is longer than {MAX_ID_CHARACTERS} characters, as no id is"
        return _unreadable(obj, index, message)
    return found


def _understood(
    obj: JsonObject,
    body: bytes,
    digest: Digest,
    kind: DefinitionKind | None,
    names: Sequence[str],
    held: Survey,
) -> StixObject:
    version, created = obj.get("modified", obj.get("created")), obj.get("created")
    ids = chosen(_ids(obj, held))
    named_at = tuple(given_away(obj, body, names, ids)) if names else ()
    is_name = obj["type"] in NAME_TYPES
    return StixObject(
        id=StixId(obj["id"]),
        type=obj["type"],
        version=version,
        version_key=version_key(version) if version is not None else None,
        has_spec_version="spec_version" in obj,
        revoked=obj.get("revoked") is True,
        body=body,
        digest=digest(obj),
        markings=read_markings(obj, held),
        refers=refers(obj, held) or _NOTHING,
        contains=contains(obj) or _NOTHING,
        creator=held.creator,
        created=version_key(created) if isinstance(created, str) else None,
        same=digest({k: v for k, v in obj.items() if k not in _OF_THE_VERSION}) if is_name else None,
        definition=kind,
        definition_extensions=_extensions(obj) if kind else _NOTHING,
        redactions=redactions(obj) if "granular_markings" in obj else (),
        source_hiding=SourceHiding.NONE if named_at or held.has_id_keys else _source_hiding(obj, ids),
        named_at=named_at,
        has_id_keys=held.has_id_keys,
    )


def _ids(obj: JsonObject, held: Survey) -> frozenset[StixId]:
    """Return every STIX id in the object as a whole text."""
    if "granular_markings" in obj:
        return ids_in(obj)  # also those in selectors
    return held.ids if held.creator is None else held.ids | {held.creator}


def _source_hiding(obj: JsonObject, ids: Set[StixId]) -> SourceHiding:  # (hub/README: source-named)
    """Return the form of the object for readers without its source.

    NONE for an organisation or a person: either may be the source. PLAIN only without a chosen id anywhere
    (`ids`): TLP's ids, and ids derived from a value, name no source.
    """
    if obj["type"] == "identity" and obj.get("identity_class") != _CLASS_OF_SECTORS:
        return SourceHiding.NONE
    return SourceHiding.PLAIN if ids <= TLP_IDS.keys() else SourceHiding.RENAMED


def _extensions(obj: JsonObject) -> frozenset[StixId]:
    extensions = obj.get("extensions")
    if not isinstance(extensions, dict):  # a copy of a TLP definition is compared with no schema (policy 2.2)
        return frozenset()
    return frozenset(StixId(key) for key in extensions if key.startswith(EXTENSION_PREFIX))


def _unreadable(obj: JsonObject, index: int, message: str) -> Unreadable:
    stix_id = obj.get("id")
    named = isinstance(stix_id, str) and 0 < len(stix_id) <= MAX_ID_CHARACTERS
    version = obj.get("modified", obj.get("created"))
    has_version = isinstance(version, str) and len(version) <= MAX_TIMESTAMP_CHARACTERS
    return Unreadable(str(stix_id) if named else f"(item {index})", version if has_version else None, message)
