"""The terms of a clause: reading, restoring, and words for a signer (policy 4, 5 and 7).

Proposals, stored periods, reviews before signing and simulations use this list. A new term is a stored field
of `Clause` with a default; an entry of `TERMS`; and a rule using the term.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import MISSING, dataclass
from enum import Enum
from typing import Any, Final

from hub.model.agreements import Anonymise, Clause, Granular
from hub.model.people import Clearance, JsonObject, NationCode, Tlp

# Bounds on a document, so that no review and no decision becomes slow.
_MAX_TYPES: Final = 100
_MAX_TYPE: Final = 250


@dataclass(frozen=True, slots=True)
class ClauseTerm:
    """One term of a clause. `name` is the key in documents, `field` the field of `Clause`.

    `read` takes a document's value and the permitted nations, and raises ValueError with the remedy. `say`
    returns the value in words, or a list of names. `restore` reads the stored JSON.
    """

    name: str
    field: str
    read: Callable[[Any, Collection[str]], Any]
    say: Callable[[Any], str | list[str]]
    restore: Callable[[Any], Any]

    def of(self, given: JsonObject, nations: Collection[str]) -> Any:
        """Return the value in a clause's document, or the default. Raises ValueError with name and remedy."""
        default = Clause.__dataclass_fields__[self.field].default
        # A term without a default (from, to, max_tlp) must be given: every doubt closes.
        if self.name not in given and default is not MISSING:
            return default
        try:
            return self.read(given.get(self.name), nations)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error

    def words(self, given: JsonObject, nations: Collection[str]) -> str | list[str]:
        """Return the value in a clause's document in words, or as a list of names. Raises as `of` does."""
        # Policy 5, "What is signed is what was read": defaults are shown in words too.
        return self.say(self.of(given, nations))


def read_clause(given: JsonObject, nations: Collection[str]) -> Clause:
    """Return the clause in a document between these nations. Raises as `ClauseTerm.of` does."""
    return Clause(**{term.field: term.of(given, nations) for term in TERMS})


def restore_clause(stored: JsonObject) -> Clause:
    """Return the clause with the stored fields; a field unknown at that time has the default.

    Raises LookupError for a field unknown to this version: without the field the clause might release more.
    """
    restore = {term.field: term.restore for term in TERMS}
    # INVARIANT: no unknown field is skipped: every doubt closes.
    return Clause(**{field: restore[field](value) for field, value in stored.items()})


def read_nations(value: Any, nations: Collection[str]) -> frozenset[NationCode]:
    """Return the nations in a list, each once. Raises ValueError with the remedy."""
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(v, str) and v in nations for v in value)
    ):
        raise ValueError(f"give a list of nations among {', '.join(sorted(nations))}.")
    # A repeated nation is a slip of the author: signers would read two and count one.
    if len(set(value)) != len(value):
        raise ValueError("a nation is named twice.")
    return frozenset(NationCode(v) for v in value)


def one_of(name: str, kind: type[Enum], *words: str) -> ClauseTerm:
    """Return a term with a member of an enumeration as value; `words` are in the order of the members."""
    # Labels come from the enumeration: a new member cannot be forgotten, and `strict` asks for words.
    labels = {one.name.lower(): one for one in kind}
    said = dict(zip(kind, words, strict=True))

    def read(value: Any, _: Collection[str]) -> Enum:
        if not isinstance(value, str) or value not in labels:
            raise ValueError(f"must be one of {', '.join(labels)}.")
        return labels[value]

    return ClauseTerm(name, name, read, lambda one: f"{one.name.lower()}: {said[one]}", kind)


def yes_or_no(name: str, yes: str, no: str) -> ClauseTerm:
    """Return a term with true or false as value, in these words."""

    def read(value: Any, _: Collection[str]) -> bool:
        # Not `bool(value)`: the text "false" would be true.
        if isinstance(value, bool):
            return value
        raise ValueError("must be true or false.")

    return ClauseTerm(name, name, read, lambda value: yes if value else no, bool)


def _nation(value: Any, nations: Collection[str]) -> NationCode:
    if not isinstance(value, str) or value not in nations:
        raise ValueError(f"must be one of the parties {', '.join(sorted(nations))}.")
    return NationCode(value)


def _level(value: Any, _: Collection[str]) -> Tlp:
    level = Tlp.of(value) if isinstance(value, str) else None
    if level is None:
        raise ValueError(f"must be one of {', '.join(level.label for level in Tlp)}.")
    return level


def _say_level(level: Tlp) -> str:
    # Policy 6: a signer must know that `max_tlp = "red"` alone releases no RED object.
    addressed = ", RED only if it is addressed (REL TO)" if level is Tlp.RED else ""
    return f"up to TLP:{level.label.upper()}{addressed}"


def _types(value: Any, _: Collection[str]) -> frozenset[str] | None:
    if value is None:
        return None
    # An empty list is refused: "no type" and "every type" would be easy to confuse.
    is_list = isinstance(value, list) and 1 <= len(value) <= _MAX_TYPES
    if not is_list or not all(isinstance(v, str) and 0 < len(v) <= _MAX_TYPE for v in value):
        raise ValueError(f"give a list of 1 to {_MAX_TYPES} STIX types, or leave it out for all.")
    return frozenset(value)


TERMS: tuple[ClauseTerm, ...] = (
    ClauseTerm("from", "origin", _nation, str, NationCode),
    ClauseTerm("to", "recipients", read_nations, sorted, frozenset),
    ClauseTerm("max_tlp", "max_tlp", _level, _say_level, Tlp),
    one_of(
        *("audience", Clearance),
        "partners, agencies and the CERT (AMBER: no partners; AMBER+STRICT and RED: the CERT alone)",
        "agencies and the CERT, no partners (AMBER+STRICT and RED: the CERT alone)",
        "the CERT alone",
    ),
    ClauseTerm(
        "types", "types", _types, lambda t: sorted(t) if t else "every type", lambda t: t and frozenset(t)
    ),
    yes_or_no("history", "also what was submitted before", "only what is submitted from its start on"),
    one_of(
        *("granular", Granular),
        "what has a part marked above the ceiling is withheld whole",
        "parts marked above the ceiling are taken away, the rest is given as another object",
    ),
    one_of(
        *("anonymise", Anonymise),
        "the submitting member can be seen",
        "agencies and partners are hidden, the national CERT appears as creator",
    ),
)
IN_SHORT: Final = ("max_tlp", "types", "audience")  # what a simulation says of a clause
