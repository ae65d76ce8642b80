"""What others submitted, as a nation's ledger shows it to one member (policy 1, 2.7 and 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from hub.model.forms import Form
from hub.model.objects import EffectiveMarking, Justification, Shown
from hub.model.people import MemberId, NationCode, Reach, StixId, Tlp


class PastJustification(NamedTuple):
    """A justification, until when a row stood by it, and how it showed its version; None: it still does."""

    until: datetime | None
    justification: Justification
    shown: Shown


@dataclass(frozen=True, slots=True)
class OthersVersion:
    """A version of another member's record, with the row by which a nation is, or was, shown it.

    `id` is that by which it is served. `carried` is the strictest level of its own markings and labels.
    `effective` and `limits` are those at home. `version` is the key of the version, `form` the form.
    `justified_by` tells by what the row stood, oldest first, the last as it stands now.

    What one member of the nation knows of it is decided in `rules.submission.others`: `shown` is the level at
    which it was shown that last; `is_seen`, that it may see it now; `reach` is where, from which clearance
    up, the agreements of its own nation let it go (policy 8).
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
        """Tell whether it was shown above GREEN, with REL TO, or limited by an ally's object (policy 8)."""
        return self.shown.tlp > Tlp.GREEN or self.shown.is_bound

    @property
    def record(self) -> tuple[NationCode, MemberId, StixId]:
        return self.origin, self.member, self.id


class ShownRow(NamedTuple):
    """A row by which some nation is shown a version, in some form."""

    version: int
    recipient: NationCode
    form: Form
    justification: Justification


class Mention(NamedTuple):
    """That a version of `origin` names an id, and by which row it was shown; None: it is the asker's own."""

    id: StixId
    origin: NationCode
    submitted_at: datetime
    date_added: datetime | None
    justified_by: tuple[PastJustification, ...]


class OriginalRow(NamedTuple):
    """By what a row of an original stands, or stood before it was narrowed where it is."""

    recipient: NationCode
    is_served: bool
    justification: Justification


class EqualVersion(NamedTuple):
    """A copy, by its key, with who submitted it, and an equal version of another's that came before it.

    `is_deleted` and `rows` are those of that `original`.
    """

    copy: int
    submitter: MemberId
    original: int
    is_deleted: bool
    rows: Sequence[OriginalRow] = ()
