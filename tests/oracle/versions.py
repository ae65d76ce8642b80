"""Members, accepted versions and how they are handled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tests.oracle import markings
from tests.oracle.markings import LEVELS, NAMES, TLP_OF, Json, reaches, references, strictest

__all__ = [
    "LEVELS",
    "NOBODY",
    "ORDER",
    "TLP_OF",
    "Given",
    "Handling",
    "Json",
    "OracleAccount",
    "OracleOutcome",
    "OracleVersion",
    "common",
    "lowest",
    "narrower",
    "reaches",
    "references",
    "strictest",
    "together",
]

ORDER = ["partner", "agency", "cert"]
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class OracleAccount:
    """A member: its nation and its kind (partner, agency or cert)."""

    nation: str
    kind: str


@dataclass(frozen=True)
class OracleOutcome:
    """What became of an item: `accepted`, `equal` (a success, nothing stored) or `refused`, and why that."""

    kind: str
    why: str = ""

    @property
    def succeeded(self) -> bool:
        return self.kind != "refused"


@dataclass(frozen=True)
class Handling:
    """At which level, to which nations alone (None: any), whether only at home, and the limits of section 8.

    `limits` are the nations that it goes to, its own among them, each with the lowest clearance there.
    """

    level: str | None = None
    nations: frozenset[str] | None = None
    is_closed: bool = False
    limits: Mapping[str, str] | None = None

    @property
    def addressees(self) -> frozenset[str] | None:
        """What is RED and carries no REL TO is addressed to nobody, and hands that down (6)."""
        return NOBODY if self.level == "red" and self.nations is None else self.nations

    @property
    def is_above(self) -> bool:
        """Above GREEN, with REL TO or limited (8)."""
        restricted = self.nations is not None or self.limits is not None
        return restricted or self.level not in (None, "clear", "green")

    def is_stricter_than(self, other: Handling) -> bool:
        """In level, REL TO or closure (2.3)."""
        assert self.level is not None
        assert other.level is not None
        is_higher = LEVELS.index(self.level) > LEVELS.index(other.level)
        mine, its = self.addressees, other.addressees
        is_narrower = mine is not None and (its is None or not its <= mine)
        return is_higher or is_narrower or (self.is_closed and not other.is_closed)


def together(parts: Iterable[Handling]) -> Handling:
    """The strictest of all of these in every respect."""
    parts = list(parts)
    limits = [part.limits for part in parts if part.limits is not None]
    return Handling(
        strictest(part.level for part in parts),
        common(part.addressees for part in parts),
        any(part.is_closed for part in parts),
        _all_of(limits) if limits else None,
    )


def _all_of(limits: list[Mapping[str, str]]) -> Mapping[str, str]:
    nations = set.intersection(*({*one} for one in limits))
    return {nation: narrower(*(one[nation] for one in limits)) for nation in sorted(nations)}


def common(found: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """The nations that all name that name any; None: none does."""
    named = [nations for nations in found if nations is not None]
    return frozenset.intersection(*named) if named else None


def narrower(*clearances: str) -> str:
    return max(clearances, key=ORDER.index)


def lowest(level: str | None) -> str:
    """The lowest kind of member that the level allows (4)."""
    return {"clear": "partner", "green": "partner", "amber": "agency"}.get(level or "", "cert")


@dataclass(frozen=True)
class Given:
    """What an unmarked name took, once (2.3). `by` are the closed containers that gave it, while closed."""

    level: str
    nations: frozenset[str] | None = None
    by: tuple[OracleVersion, ...] = ()
    is_home: bool = False
    is_default: bool = False  # the first submission that brings a container may still tighten it

    @property
    def handling(self) -> Handling:
        return Handling(self.level, self.nations, self.is_home or bool(self.by))


@dataclass(eq=False)
class OracleVersion:
    """One accepted version, what was decided when it came, and what it amounts to now.

    Decided when it came, for ever: `is_default` (no container named it), `is_home`, `given` (names), `taken`
    (from others' objects, 2.7, with the limits of 8), `copies` (whose object it is an equal copy of),
    `begins_as_copy` (its record did), `names_source` (hiding who submitted it would be in vain, 7).
    `plain` is the handling without what was taken. `base` is that without granular markings and labels (7).
    `about` are the originals behind the ids of the hub's that it refers to, by these ids, if they are all of
    one nation; `audience` is the lowest kind of member there who saw them all when it came.
    """

    member: str
    id: str
    text: str
    at: datetime
    obj: Json
    order: int = 0
    is_default: bool = False
    is_home: bool = False
    given: Given | None = None
    follows: str | None = None  # the level that an identity takes from those that name it (2.4)
    taken: Handling = Handling()
    copies: tuple[OracleVersion, ...] = ()
    begins_as_copy: bool = False
    plain: Handling = Handling()
    full: Handling = Handling()
    base: Handling = Handling()
    is_deleted: bool = False
    names_source: bool = False
    about: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    audience: str = "cert"

    @property
    def key(self) -> tuple[str, str, str]:
        return self.member, self.id, self.text

    @property
    def when(self) -> datetime:
        return datetime.fromisoformat(self.text)

    @property
    def type(self) -> str:
        found: str = self.obj["type"]
        return found

    @property
    def creator(self) -> str | None:
        return self.obj.get("created_by_ref")

    @property
    def tlp(self) -> str | None:
        return markings.tlp_of(self.obj)

    @property
    def raised(self) -> str | None:
        return markings.raised_by(self.obj)

    @property
    def is_revoking(self) -> bool:
        return self.obj.get("revoked") is True

    @property
    def is_once(self) -> bool:
        return self.tlp is None and markings.is_once(self.obj)

    @property
    def is_name(self) -> bool:
        return self.type in NAMES

    @property
    def level(self) -> str | None:
        return self.full.level

    @property
    def nations(self) -> frozenset[str] | None:
        return self.full.nations

    @property
    def is_closed(self) -> bool:
        return self.full.is_closed

    def contains(self) -> set[str]:
        return markings.contained(self.obj)

    def refers(self) -> set[str]:
        return references(self.obj)
