"""Checks derived objects: each follows from its version, and discloses nothing hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import orjson

from hub.actions.checks import RESTORE, Fault, Inspection, named
from hub.model import Form, JsonObject, Kind, NationCode, ObjectVersion, ServedObject
from hub.proofs import canonical
from hub.stix.derived.redaction import redact
from hub.stix.derived.renaming import ids_in, is_value_based, rename
from hub.store.checks import integrity
from hub.store.checks.integrity import Content
from hub.store.ledger import derived_objects

_REPLACED: Final = ("id", "created_by_ref", "object_marking_refs")


def derived_object_faults(
    inspection: Inspection, origin: NationCode, versions: Mapping[int, ObjectVersion]
) -> Iterator[Fault]:
    """Yield the derived objects of `versions` with a wrong content, origin or erasure."""
    made = derived_objects.stored(inspection.connection, versions)
    wanted = {served.content_id for served in made.values()} | {versions[key].content_id for key, _ in made}
    certs = {member.identity for member in inspection.members.values() if member.kind is Kind.CERT}
    contents = {content.id: content for content in integrity.contents(inspection.connection, wanted)}
    for (key, form), served in made.items():
        content, original = contents.get(served.content_id), contents.get(versions[key].content_id)
        if content is not None and original is not None:  # else part 1 has found the missing row
            what = _fault(versions[key], form, (served, content), original)
            # A cert's identity hides no source: the reader may know that the cert submitted.
            if what is None and versions[key].id not in certs:
                what = _naming_fault(versions[key], form, content)
            if content.origin != origin:
                what = "is kept as another nation's"
            if what is not None:
                yield Fault(f"{served.id}, made of {named(versions[key])}", f"{what}; {RESTORE}")


def _fault(
    version: ObjectVersion, form: Form, made: tuple[ServedObject, Content], original: Content
) -> str | None:
    served, content = made
    if version.deleted_at is not None:
        return None  # equal objects share one content: `records.cross_record_faults` judges its erasure
    if not content.body or not original.body:
        return "is erased, though its version is not deleted"
    obj: JsonObject = orjson.loads(content.body)
    found = (obj.get("id"), obj.get("type"), canonical.digest(obj), len(content.body))
    if found != (served.id, served.type, content.digest, served.size) or content.size != served.size:
        return "is not what its id, digest and size say"
    # Only a plain redaction is made again here. A link is no part of the original, and an anonymised form
    # depends on the made ids of its time (`_naming_fault` looks for the original id).
    if form.ceiling is not None and not form.is_link and not form.is_anonymised:
        left = rename(redact(orjson.loads(original.body), form.ceiling) or {}, {version.id: served.id})
        if _kept(left) != _kept(obj):
            return "is not what may be left of it"
    return None


def _naming_fault(version: ObjectVersion, form: Form, content: Content) -> str | None:
    # An id derived from a value (UUID version 5) names no source, and stays (hub/README: anonymised-ids).
    is_hidden = form.is_anonymised and not is_value_based(version.id, version.type)
    if not is_hidden or version.deleted_at is not None:
        return None
    return "names what it hides" if version.id in ids_in(orjson.loads(content.body)) else None


def _kept(obj: JsonObject) -> JsonObject:
    return {name: value for name, value in obj.items() if name not in _REPLACED}
