"""Makes the recall note: a member learns by this note of the recall of a fetched object (policy 8)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from hub.model import JsonObject, StixId, Tlp
from hub.stix.marking.tlp import definition_of

NOTE: Final = "note"

_ADVICE: Final = "You fetched it before. Stop using it, and do not pass it on."


def recall_note(
    note_id: StixId,
    author: StixId,
    tlp: Tlp,
    served: Iterable[tuple[StixId, str]],
    sentence: str,
    now: datetime,
) -> JsonObject:
    """Return a note on the `served` versions with `sentence` and the advice to stop using them.

    Each entry of `served` is an id and a version. The note is marked with `tlp`, and created at `now` (aware;
    kept to the millisecond).
    """
    # The text follows from versions and cause alone: all recipients in a nation get the same note
    # (hub/README: note-for-all).
    instant = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    versions = ", ".join(f"{id}, version {version}" for id, version in sorted(served))
    return {
        "type": NOTE,
        "spec_version": "2.1",
        "id": note_id,
        "created_by_ref": author,
        "created": instant,
        "modified": instant,
        "abstract": "Recalled",
        "content": f"{sentence} This is about {versions}. {_ADVICE}",
        "object_refs": sorted({id for id, _ in served}),
        "object_marking_refs": [definition_of(tlp)],
    }
