"""The terms of a clause: how each is read, restored and said in words to a signer (policy 4, 5 and 7).

Proposals, stored periods, reviews before signing and simulations go by this table. A new term is a field of
`Clause`, which is stored and has the default; a row of `TERMS`; and a rule that uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import MISSING, dataclass
from enum import Enum
from typing import Any, Final

from hub.model.agreements import Anonymise, Clause, Granular
from hub.model.people import Clearance, JsonObject, NationCode, Tlp

_MAX_TYPES: Final = 100
_MAX_TYPE: Final = 250


@dataclass(frozen=True, slots=True)
class ClauseTerm:
    """One thing that a clause says. `name` is its key in documents, `field` that in `Clause`.

    `read` takes a document's value and the nations that it may name, and raises ValueError with the remedy.
    `say` gives in words what was read, or a list of names. `restore` makes it of the JSON that is stored.
    """

    name: str
    field: str
    read: Callable[[Any, Collection[str]], Any]
    say: Callable[[Any], str | list[str]]
    restore: Callable[[Any], Any]

    def of(self, given: JsonObject, nations: Collection[str]) -> Any:
        """Return what a clause's document says, or the default. Raises ValueError with name and remedy."""
        default = Clause.__dataclass_fields__[self.field].default
        if self.name not in given and default is not MISSING:
            return default
        try:
            return self.read(given.get(self.name), nations)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error

    def words(self, given: JsonObject, nations: Collection[str]) -> str | list[str]:
        """Return what a clause's document says in words, or as a list of names. Raises what `of` does."""
        return self.say(self.of(given, nations))


def read_clause(given: JsonObject, nations: Collection[str]) -> Clause:
    """Return the clause that a document says between these nations. Raises what `ClauseTerm.of` does."""
    return Clause(**{term.field: term.of(given, nations) for term in TERMS})


def restore_clause(stored: JsonObject) -> Clause:
    """Return the clause whose fields were stored; one that there was not yet has its default.

    Raises LookupError for one that this version does not know: the clause might give more without it.
    """
    restore = {term.field: term.restore for term in TERMS}
    return Clause(**{field: restore[field](value) for field, value in stored.items()})


def read_nations(value: Any, nations: Collection[str]) -> frozenset[NationCode]:
    """Return the nations that a list names, each once. Raises ValueError with the remedy."""
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(v, str) and v in nations for v in value)
    ):
        raise ValueError(f"give a list of nations among {', '.join(sorted(nations))}.")
    if len(set(value)) != len(value):
        raise ValueError("a nation is named twice.")
    return frozenset(NationCode(v) for v in value)


def one_of(name: str, kind: type[Enum], *words: str) -> ClauseTerm:
    """Return a term that says a member of an enumeration; the words are those of its members, in turn."""
    labels = {one.name.lower(): one for one in kind}
    said = dict(zip(kind, words, strict=True))

    def read(value: Any, _: Collection[str]) -> Enum:
        if not isinstance(value, str) or value not in labels:
            raise ValueError(f"must be one of {', '.join(labels)}.")
        return labels[value]

    return ClauseTerm(name, name, read, lambda one: f"{one.name.lower()}: {said[one]}", kind)


def yes_or_no(name: str, yes: str, no: str) -> ClauseTerm:
    """Return a term that says true or false, in these words."""

    def read(value: Any, _: Collection[str]) -> bool:
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
    addressed = ", RED only if it is addressed (REL TO)" if level is Tlp.RED else ""
    return f"up to TLP:{level.label.upper()}{addressed}"


def _types(value: Any, _: Collection[str]) -> frozenset[str] | None:
    if value is None:
        return None
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
