"""In which form a nation is served a version: as submitted, or as an object that the hub makes from it.

STIX 2.1 section 3.6 forbids two representations of one id and version, so what is not served as submitted
is another object, under an id of its own (policy 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from hub.model.people import NationCode, StixId, Tlp

_ANONYMISED: Final = "anonymised"
_ANSWER: Final = "answer"
_REDACTED: Final = "redacted:"
_LINK: Final = "link:"


class Form(NamedTuple):
    """A form of a version. With nothing set, it is the version as submitted.

    `is_anonymised`: it appears under its nation's cert. `ceiling`: the parts marked above it are taken away;
    `is_link`: not the version, but that the redaction at this ceiling derives from it. `is_answer`: the ids
    that the hub made for another nation's objects are put back.
    """

    is_anonymised: bool = False
    ceiling: Tlp | None = None
    is_link: bool = False
    is_answer: bool = False

    @property
    def is_leaf(self) -> bool:
        """Tell whether nothing refers to it: a redaction, its link, or an answer."""
        return self.ceiling is not None or self.is_answer

    @property
    def label(self) -> str:
        """The form as it is stored and told: `anonymised`, `redacted:green`, `answer`; empty as submitted."""
        words = [_ANONYMISED] if self.is_anonymised else []
        if self.is_answer:
            words.append(_ANSWER)
        if self.ceiling is not None:
            words.append((_LINK if self.is_link else _REDACTED) + self.ceiling.label)
        return " ".join(words)

    @classmethod
    def of(cls, label: str | None) -> Form:
        """Return the form that `label` tells; None or empty: as submitted."""
        if not label:
            return SUBMITTED
        words = label.split()
        level = next((word.partition(":")[2] for word in words if ":" in word), "")
        is_link = any(word.startswith(_LINK) for word in words)
        return cls(_ANONYMISED in words, Tlp.of(level), is_link, _ANSWER in words)


SUBMITTED: Final = Form()
ANONYMISED: Final = Form(is_anonymised=True)


class View(NamedTuple):
    """What is decided apart from one another: for which nation, and in which form."""

    recipient: NationCode
    form: Form = SUBMITTED


class SourceHiding(StrEnum):
    """How a version may appear where an agreement hides which member submitted it."""

    PLAIN = "plain"  # as it is: an observable's id follows from its value, and tells of nobody
    RENAMED = "renamed"  # under a new id, and its nation's cert
    NONE = "none"  # not at all: it names its source


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is left of a version without the parts that are marked above `ceiling` (policy 7).

    `level` is the strictest that granular markings and labels put on that; `refers` is what it refers to;
    `taken` are the selectors of what is gone.
    """

    ceiling: Tlp
    level: Tlp | None
    refers: frozenset[StixId]
    taken: frozenset[str]


@dataclass(frozen=True, slots=True)
class ServedObject:
    """The object that stands for a version in some form, and where its body is."""

    id: StixId
    type: str
    content_id: int
    size: int  # bytes


class KnownSubmitters(NamedTuple):
    """Who has given an id to the hub, as far as a nation may know: its cert, others of it, or from abroad."""

    by_cert: frozenset[StixId]
    by_others: frozenset[StixId]
    from_abroad: frozenset[StixId]


class OriginalId(NamedTuple):
    """What stands behind an id that the hub made."""

    origin: NationCode
    id: StixId
