"""A deletion after the fact: who had fetched the object is told by a note, and its source sees that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.cli.demo.reasons import ShownObject
from hub.cli.demo.setup import MEMBERS, DemoHub, work_at_once
from hub.client import unmodified
from hub.model import JsonObject


@dataclass(frozen=True, slots=True)
class RecalledObject:
    """An object that its source has deleted, to whom a note on it came, and what the source is told."""

    id: str
    deleted_by: str
    meant: frozenset[str]  # who had fetched it
    notes: dict[str, JsonObject]  # by whom it was served to
    disclosed: Sequence[JsonObject]

    @property
    def confirmed(self) -> set[str]:
        """Who is on record as told, and as having fetched the note."""
        return {one["member"] for one in self.disclosed if one["notified"] and one["note_fetched"]}

    def differences(self) -> list[str]:
        """Return every way in which it is not as the policy says."""
        told = self.notes.keys()
        return [
            *(f"{one} fetched {self.id} and has no note" for one in sorted(self.meant - told)),
            *(f"{one} has a note on {self.id} and never fetched it" for one in sorted(told - self.meant)),
            *(f"{one} is not on record as told" for one in sorted(self.meant - self.confirmed)),
        ]


def take_back(demo_hub: DemoHub, account: ShownObject) -> RecalledObject:
    """Let the submitter of what `account` tells of delete it, and everybody poll for notes."""
    id, submitter = str(account.explained["object"]), account.group.submitter
    own = unmodified.collection(demo_hub.url, demo_hub.auth(submitter), MEMBERS[submitter][0].lower())
    own.delete_object(id)
    work_at_once(demo_hub.service)
    notes: dict[str, JsonObject] = {}
    for reader in MEMBERS:
        released = unmodified.collection(demo_hub.url, demo_hub.auth(reader), "released")
        found = released.get_objects(type="note").get("objects", [])
        notes.update((reader, note) for note in found if id in note["object_refs"])
    with demo_hub.member(account.asked_by) as hub:
        disclosed = [one for one in hub.disclosures(id) if one["member"] != submitter]
    return RecalledObject(id, submitter, frozenset(account.fetched_by - {submitter}), notes, disclosed)
