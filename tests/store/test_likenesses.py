"""What makes versions alike."""

from __future__ import annotations

from hub.store.records.likenesses import DECISIVE
from hub.store.schema.tables import object_version

# A plain version has one value of these, or is judged by them on its own.
_PLAIN = {"is_newest", "deleted_at", "deletion_id", "cuts", "about"}
# Decided upon before, by way of the columns of `DECISIVE`: the marking, and what it came from.
_BEFORE = {
    *("own_tlp", "raised_tlp", "fault", "is_contained", "is_accepted_definition", "closed_by"),
    *("given_tlp", "given_rel_to", "given_closed", "taken_tlp", "taken_rel_to", "taken_closed"),
}
# Which version it is, and what it says.
_IDENTITY = {
    *("id", "origin", "stix_id", "version", "version_key", "submission_id", "content_id"),
    *("has_spec_version", "created", "same", "revoked"),
}
# Read by `likenesses` beside the columns: as an age, and of targets.
_BESIDE = {"submitted_at", "is_copy"}


def test_each_column_of_a_version_decides_or_is_known_not_to() -> None:
    known = [set(DECISIVE), _PLAIN, _BEFORE, _IDENTITY, _BESIDE]
    assert set().union(*known) == {column.name for column in object_version.c}
    assert sum(map(len, known)) == len(object_version.c)
