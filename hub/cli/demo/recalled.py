"""The deletion of a fetched object: a note recalls the object, and its source sees the notices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.cli.demo.reasons import ShownObject
from hub.cli.demo.setup import MEMBERS, DemoHub, work_at_once
from hub.client import unmodified
from hub.model import JsonObject


@dataclass(frozen=True, slots=True)
class RecalledObject:
    """A deleted object, the notes by member, and the disclosures that the source gets."""

    id: str
    deleted_by: str
    fetched_by: frozenset[str]  # members that must get the note
    notes: dict[str, JsonObject]  # by the member that was served the note
    disclosed: Sequence[JsonObject]

    @property
    def confirmed(self) -> set[str]:
        """The members on record as notified, and as having fetched the note."""
        return {one["member"] for one in self.disclosed if one["notified"] and one["note_fetched"]}

    def differences(self) -> list[str]:
        """Return a sentence for each deviation from the policy."""
        notified = self.notes.keys()
        return [
            *(f"{one} fetched {self.id} and has no note" for one in sorted(self.fetched_by - notified)),
            *(
                f"{one} has a note on {self.id} and never fetched it"
                for one in sorted(notified - self.fetched_by)
            ),
            *(f"{one} is not on record as told" for one in sorted(self.fetched_by - self.confirmed)),
        ]


def delete_and_poll(demo_hub: DemoHub, shown: ShownObject) -> RecalledObject:
    """Delete the shown object as its submitter, and poll for notes as every member."""
    id, submitter = str(shown.explained["object"]), shown.group.submitter
    own = unmodified.collection(demo_hub.url, demo_hub.auth(submitter), MEMBERS[submitter][0].lower())
    own.delete_object(id)
    work_at_once(demo_hub.service)  # `hub serve` would write the notices some seconds later
    notes: dict[str, JsonObject] = {}
    for reader in MEMBERS:
        released = unmodified.collection(demo_hub.url, demo_hub.auth(reader), "released")
        found = released.get_objects(type="note").get("objects", [])
        notes.update((reader, note) for note in found if id in note["object_refs"])
    # Policy 8: a note goes to each member that fetched the object; the submitter had the object already.
    with demo_hub.member(shown.asked_by) as hub:
        disclosed = [one for one in hub.disclosures(id) if one["member"] != submitter]
    return RecalledObject(id, submitter, frozenset(shown.fetched_by - {submitter}), notes, disclosed)
