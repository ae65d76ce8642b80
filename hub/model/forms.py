"""The forms of a version for a nation: as submitted, or as an object made by the hub.

STIX 2.1 section 3.6 forbids two representations of one id and version. So every other form is another object,
under another id (policy 7).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from hub.model.people import NationCode, StixId, Tlp

_ANONYMISED: Final = "anonymised"
_ANSWER: Final = "answer"
_REDACTED: Final = "redacted:"
_LINK: Final = "link:"


class Form(NamedTuple):
    """A form of a version. With nothing set: as submitted.

    `is_anonymised`: the version appears under the nation's cert. `ceiling`: parts marked above the ceiling
    are removed. `is_link`: only the relationship of the redaction at this ceiling to the original.
    `is_answer`: made ids of another nation's objects are replaced by the originals.
    """

    is_anonymised: bool = False
    ceiling: Tlp | None = None
    is_link: bool = False
    is_answer: bool = False

    @property
    def is_leaf(self) -> bool:
        """Tell whether no object refers to this form: a redaction, a link, or an answer."""
        # Policy 2.7: an object with a reference to a partly withheld object is withheld.
        return self.ceiling is not None or self.is_answer

    @property
    def label(self) -> str:
        """The form as stored and shown: `anonymised`, `redacted:green`, `answer`; empty: as submitted."""
        # Stored in rows: a changed word would need a migration.
        words = [_ANONYMISED] if self.is_anonymised else []
        if self.is_answer:
            words.append(_ANSWER)
        if self.ceiling is not None:
            words.append((_LINK if self.is_link else _REDACTED) + self.ceiling.label)
        return " ".join(words)

    @classmethod
    def of(cls, label: str | None) -> Form:
        """Return the form with this `label`; None or empty: as submitted."""
        if not label:
            return SUBMITTED
        words = label.split()
        level = next((word.partition(":")[2] for word in words if ":" in word), "")
        is_link = any(word.startswith(_LINK) for word in words)
        return cls(_ANONYMISED in words, Tlp.of(level), is_link, _ANSWER in words)


SUBMITTED: Final = Form()
ANONYMISED: Final = Form(is_anonymised=True)


class View(NamedTuple):
    """The unit of a decision: a nation and a form."""

    recipient: NationCode
    form: Form = SUBMITTED


class SourceHiding(StrEnum):
    """The possible forms of a version under an agreement that hides the submitting member."""

    PLAIN = "plain"  # as submitted: the id follows from the value and discloses no member
    RENAMED = "renamed"  # under a new id, with the nation's cert as creator
    NONE = "none"  # withheld: the text or an id names the source


@dataclass(frozen=True, slots=True)
class Redaction:
    """The rest of a version without the parts marked above `ceiling` (policy 7).

    `level` is the strictest level of granular markings and labels on the rest; `refers` are the references of
    the rest; `taken` are the selectors of the removed parts.
    """

    ceiling: Tlp
    level: Tlp | None
    refers: frozenset[StixId]
    taken: frozenset[str]


def redaction_for(form: Form, redactions: Iterable[Redaction]) -> Redaction | None:
    """Return the redaction at the ceiling of the form; None: the form removes nothing, or leaves no rest."""
    return next((one for one in redactions if one.ceiling is form.ceiling), None)


@dataclass(frozen=True, slots=True)
class ServedObject:
    """The object served for a version in some form, and the place of the body."""

    id: StixId
    type: str
    content_id: int
    size: int  # bytes


class KnownSubmitters(NamedTuple):
    """The submitters of an id, as far as a nation may know: the cert, other members, members abroad."""

    # Kept apart, because a claim from abroad must not disclose a member's id
    # (`rules.release.forms.hidden_ids`).
    by_cert: frozenset[StixId]
    by_others: frozenset[StixId]
    from_abroad: frozenset[StixId]


class OriginalId(NamedTuple):
    """The original behind an id made by the hub."""

    origin: NationCode
    id: StixId
