"""Other members' versions, as shown to one member by the nation's ledger (policy 1, 2.7 and 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from hub.model.forms import Form
from hub.model.objects import EffectiveMarking, Justification, Shown
from hub.model.people import MemberId, NationCode, Reach, StixId, Tlp


# Kept because a row may be narrowed in place: policy 1, "shown", asks for the past.
class PastJustification(NamedTuple):
    """A past justification of a row, the end, and the way the row showed the version.

    `until` None: not ended.
    """

    until: datetime | None
    justification: Justification
    shown: Shown


@dataclass(frozen=True, slots=True)
class OthersVersion:
    """A version of another member's record, with the row showing the version to a nation, now or once.

    `id` is the served id. `carried` is the strictest level of the version's own markings and labels.
    `effective` and `limits` are the values at home. `version` is the key of the version, `form` the form.
    `justified_by` are the justifications of the row, oldest first, the last still valid.

    `rules.submission.others` decides the knowledge of one member of the nation: `shown` is the level shown
    last to the member; `is_seen`: visible to the member now; `reach` are the nations and clearances allowed
    by agreements of the member's nation (policy 8).
    """

    id: StixId
    origin: NationCode
    member: MemberId
    type: str
    version_key: str
    digest: bytes
    creator: StixId | None
    submitted_at: datetime
    position: int
    shown: Shown
    # Knowledge of one member, not stored: empty until `rules.submission.others` decides.
    is_seen: bool
    carried: Tlp | None
    carries_rel_to: bool
    effective: EffectiveMarking
    limits: Reach | None
    version: int
    form: Form
    reach: Reach = frozenset()
    date_added: datetime | None = None
    justified_by: tuple[PastJustification, ...] = ()

    @property
    def is_bound(self) -> bool:
        """Tell whether the version was shown above GREEN, with REL TO, or with limits (policy 8)."""
        # INVARIANT: by the level shown, not by the present level: a hidden change must not show here (I6).
        return self.shown.tlp > Tlp.GREEN or self.shown.is_bound

    @property
    def record(self) -> tuple[NationCode, MemberId, StixId]:
        """The record of the version: one id from two members is two records (policy 1)."""
        return self.origin, self.member, self.id


class ShownRow(NamedTuple):
    """A row showing a version to some nation, in some form."""

    version: int
    recipient: NationCode
    form: Form
    justification: Justification


# Policy 8, passing on: an id named by the own nation first may be submitted.
class Mention(NamedTuple):
    """A naming of an id by a version of `origin`, with the row showing the version.

    `date_added` None: the version is the asker's own, without a row.
    """

    id: StixId
    origin: NationCode
    submitted_at: datetime
    date_added: datetime | None
    justified_by: tuple[PastJustification, ...]


class OriginalRow(NamedTuple):
    """The justification of a row of an original, now or before the row was narrowed in place."""

    recipient: NationCode
    is_served: bool
    justification: Justification


class EqualVersion(NamedTuple):
    """A copy, by key, with the submitter, and an earlier equal version of another member.

    `is_deleted` and `rows` belong to the `original`.
    """

    copy: int
    submitter: MemberId
    original: int
    # Policy 2.7: a copy withholds nothing from readers of the original, so the original's rows are needed.
    is_deleted: bool
    rows: Sequence[OriginalRow] = ()
