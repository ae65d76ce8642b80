"""What a hub would remember, as plain lists: versions, the rows of ledgers, periods, ids that were made.

Nothing is decided here. What the rules are given of it is put together in `rules_loading`.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from hub.model import (
    ANONYMISED,
    SUBMITTED,
    Form,
    Justification,
    Kind,
    KnownSubmitters,
    LiveRow,
    Member,
    MemberId,
    NationCode,
    ObjectVersion,
    PastJustification,
    Period,
    Registry,
    RowChanges,
    Shown,
    StixId,
)
from hub.rules.release.forms import hidden_ids
from hub.stix.derived.renaming import is_value_based

_MICROSECOND = timedelta(microseconds=1)
_SPACE = uuid.UUID("5f0c2f0e-6a53-4f0e-9b7e-0c1d7b1f6a03")


@dataclass
class RulesRow:
    """A row of one nation's ledger: that it is shown a version in a form, under an id, and by what it stands.

    `former` is what it stood by before it was changed where it is. A row of a deleted version is withdrawn
    and goes on telling for whom that stood.
    """

    recipient: NationCode
    position: int
    date: datetime
    origin: NationCode
    version: int  # ObjectVersion.key
    form: Form
    id: StixId
    digest: bytes
    justification: Justification
    shown: Shown
    is_newest: bool
    withdrawn_at: datetime | None = None
    is_of_deleted: bool = False
    former: list[PastJustification] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        return self.withdrawn_at is None or self.is_of_deleted

    @property
    def justified_by(self) -> tuple[PastJustification, ...]:
        return *self.former, PastJustification(self.withdrawn_at, self.justification, self.shown)

    def live(self) -> LiveRow:
        """The row as a new judgement is compared with it."""
        place = self.recipient, self.position, self.version, self.justification
        return LiveRow(*place, self.is_newest, self.withdrawn_at is None, self.form, self.shown)


class MadeId(NamedTuple):
    """What stands behind an id that the hub made: the object's own id, and the form that it was made for."""

    origin: NationCode
    id: StixId
    form: Form


@dataclass
class RulesMemory:
    """All that is kept: who takes part, versions by key, the rows of all ledgers, periods, made ids."""

    registry: Registry
    members: Mapping[MemberId, Member]
    versions: dict[int, ObjectVersion] = field(default_factory=dict)
    rows: list[RulesRow] = field(default_factory=list)
    periods: list[Period] = field(default_factory=list)
    parties: dict[str, frozenset[NationCode]] = field(default_factory=dict)  # of agreements
    made: dict[StixId, MadeId] = field(default_factory=dict)

    @property
    def nations(self) -> list[NationCode]:
        return sorted(self.registry.nations)

    def nation(self, member: MemberId) -> NationCode:
        nation = self.members[member].nation
        assert nation is not None
        return nation

    def of(self, member: MemberId) -> list[ObjectVersion]:
        """Every version that the member has submitted, deleted ones too."""
        return [version for version in self.versions.values() if version.member == member]

    def of_nation(self, nation: NationCode) -> list[ObjectVersion]:
        return [version for version in self.versions.values() if self.nation(version.member) == nation]

    def ledger(self, recipient: NationCode | None) -> list[RulesRow]:
        return [row for row in self.rows if row.recipient == recipient]

    # --- what was decided is written ---

    def keep(self, versions: Mapping[int, ObjectVersion], fresh: Sequence[int] = ()) -> dict[int, int]:
        """Keep the versions as they are now; give those with `fresh` keys new ones, and return these."""
        keys = {key: n for n, key in enumerate(fresh, start=len(self.versions) + 1)}
        for version in versions.values():
            key = keys.get(version.key, version.key)
            self.versions[key] = replace(version, key=key)
        return keys

    def write(
        self,
        origin: NationCode,
        changes: Mapping[NationCode, RowChanges],
        keys: Mapping[int, int],
        now: datetime,
    ) -> None:
        """Change the ledgers; `keys` are those of new versions, by the keys under which they were judged."""
        for recipient, change in sorted(changes.items()):
            self._alter(recipient, change, now)
            for key, form, value in change.append:
                self._append(recipient, origin, (keys.get(key, key), form, value), now)

    def _alter(self, recipient: NationCode, change: RowChanges, now: datetime) -> None:
        rows = {row.position: row for row in self.ledger(recipient)}
        for position in (*change.withdraw, *change.delete):
            rows[position].withdrawn_at = now
        for position in change.delete:
            rows[position].is_of_deleted = True
        for position in change.forget:
            rows[position].is_of_deleted = False
        for value, positions in change.justify.items():
            for row in (rows[position] for position in positions):
                row.former.append(PastJustification(now, row.justification, row.shown))
                row.justification = value
        for shown, positions in change.show.items():
            for position in positions:
                rows[position].shown = shown
        for position in change.supersede:
            rows[position].is_newest = False

    def _append(
        self,
        recipient: NationCode,
        origin: NationCode,
        new: tuple[int, Form, Justification],
        now: datetime,
    ) -> None:
        key, form, value = new
        version, ledger = self.versions[key], self.ledger(recipient)
        date = max([now, *(row.date + _MICROSECOND for row in ledger[-1:])])
        id, digest = version.id, version.digest
        if form != SUBMITTED:
            id = made_id(origin, version.id, form)
            # What the hub makes has a text of its own, which no case repeats.
            digest = hashlib.sha256(f"{id} {key}".encode()).digest()
            self.made |= {id: MadeId(origin, version.id, form)} if id != version.id else {}
        if form.is_anonymised:
            self._hide(origin, version.refers)
        is_gone = version.deleted_at is not None
        self.rows.append(
            RulesRow(
                *(recipient, len(ledger) + 1, date, origin, key, form, id, digest, value),
                shown=version.shown(form),
                is_newest=version.is_newest,
                withdrawn_at=date if is_gone else None,
                is_of_deleted=is_gone,
            )
        )

    def _hide(self, origin: NationCode, refers: Iterable[StixId]) -> None:
        """Make ids for what an anonymised object of the nation refers to, and must not tell."""
        kept = {self.registry.hub_identity_id, *(n.identity_id for n in self.registry.nations.values())}
        kept |= {m.identity for m in self.members.values() if m.kind is Kind.CERT}
        free = {id for id in refers if made_id(origin, id, ANONYMISED) != id} - kept
        by = {
            own: {v.id for v in self.of_nation(origin) if self._is_certs(v) is own} for own in (True, False)
        }
        abroad = {row.id for row in self.ledger(origin) if row.origin != origin}
        givers = KnownSubmitters(*(frozenset(ids & free) for ids in (by[True], by[False], abroad)))
        for id in hidden_ids(free, givers):
            self.made[made_id(origin, id, ANONYMISED)] = MadeId(origin, id, ANONYMISED)

    def _is_certs(self, version: ObjectVersion) -> bool:
        return self.members[version.member].kind is Kind.CERT


def made_id(nation: NationCode, id: StixId, form: Form) -> StixId:
    """Return the id that the hub gives an object of the nation in this form; one that follows from a value
    tells of nobody, and stays where a source is hidden.
    """
    stix_type = id.partition("--")[0]
    if form == ANONYMISED and is_value_based(id, stix_type):
        return id
    drawn = uuid.uuid5(_SPACE, f"{nation} {id} {form.label}")
    return StixId(
        f"{'relationship' if form.is_link else stix_type}--{uuid.UUID(bytes=drawn.bytes, version=4)}"
    )
