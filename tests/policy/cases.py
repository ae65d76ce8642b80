"""Reads the cases of tests/policy/*.toml, and says plainly what is wrong with one that cannot be read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.nations import KINDS

Json = dict[str, Any]

CODES = ("AU", "JP", "KR", "US")
MEMBERS = [f"{code.lower()}-{kind}" for code in CODES for kind in KINDS]

FOLDER = Path(__file__).parent
_CASE = {
    *("policy", "says", "defaults", "home", "steps", "levels", "sees", "why", "owner_hears", "recalled"),
    *("lacks", "asks", "oracle_lacks"),
}
_PUSH = {"member", "pushes", "outcome"}
_TERMS = {"from", "to", "max_tlp", "audience", "types", "history", "granular", "anonymise"}
_AGREEMENT = {*_TERMS, "and", "begins_in", "lasts", "replaces", "promises"}
# Each kind of step by the field that makes it one, with the other fields that it may have.
STEPS: Mapping[str, set[str]] = {
    "pushes": _PUSH,
    "deletes": {"member", "version", "outcome"},
    "polls": {"member"},
    "agreed": _AGREEMENT,
    "proposed": _AGREEMENT,
    "signed": set(),
    "suspended": {"by"},
    "resumed": {"by"},
    "terminated": {"by"},
    "passes": set(),
    "now_sees": set(),
}
_NEEDED: Mapping[str, set[str]] = {
    "pushes": {"member"},
    "deletes": {"member"},
    "polls": {"member"},
    "agreed": {"from", "to", "max_tlp"},
    "proposed": {"from", "to", "max_tlp"},
    "suspended": {"by"},
    "resumed": {"by"},
    "terminated": {"by"},
}
_UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
OTHERS = "all others"


class UnreadableCase(ValueError):
    """A case that cannot be read; the sentence names file, case and place."""


class Deviates(AssertionError):
    """Whoever plays the case comes to something else than it expects."""


@dataclass(frozen=True)
class PolicyCase:
    """What happens in order, and who sees what, and why, at its end."""

    file: str
    number: int
    policy: str
    says: str
    steps: Sequence[Json]
    sees: Mapping[str, Sequence[str]]
    defaults: Mapping[str, str] = field(default_factory=dict)
    home: Sequence[str] = ()
    levels: Mapping[str, str] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)
    owner_hears: Mapping[str, str] = field(default_factory=dict)
    recalled: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    asks: Mapping[str, str] = field(default_factory=dict)
    oracle_lacks: str = ""  # what the oracle does not know, for which it is not asked

    @property
    def place(self) -> str:
        return f"{self.file}, case {self.number} ({self.says})"


def all_cases(folder: Path = FOLDER) -> list[PolicyCase]:
    """Return every case of the folder's files, in order. Raises UnreadableCase."""
    return [
        case for path in sorted(folder.glob("[0-9]*.toml")) for case in cases_of(path.name, path.read_text())
    ]


def cases_of(file: str, text: str) -> list[PolicyCase]:
    """Return the cases of one file. Raises UnreadableCase, naming file, case and place."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UnreadableCase(f"{file}: {error}") from error
    if tables.keys() != {"case"} or not isinstance(tables["case"], list):
        raise UnreadableCase(f"{file}: give nothing but [[case]] tables")
    return [_case(file, number, table) for number, table in enumerate(tables["case"], start=1)]


def _case(file: str, number: int, table: Json) -> PolicyCase:
    place = f"{file}, case {number} ({table.get('says', 'without says')})"
    _known(place, table, _CASE, {"policy", "says", "steps", "sees"})
    for n, step in enumerate(table["steps"], start=1):
        _step(f"{place}, step {n}", step)
    return PolicyCase(file, number, **table)


def kind_of(step: Json) -> str:
    """Return the field that makes the step what it is."""
    return next(kind for kind in STEPS if kind in step)


def _step(place: str, step: Json) -> None:
    kinds = [kind for kind in STEPS if kind in step]
    if len(kinds) != 1:
        raise UnreadableCase(f"{place}: give exactly one of {', '.join(STEPS)}, not {sorted(step)}")
    (kind,) = kinds
    _known(place, step, {kind, *STEPS[kind]}, _NEEDED.get(kind, set()))
    if kind == "passes":
        seconds(place, step["passes"])
    for term in step.get("and", []):
        _known(f"{place}, and", term, _TERMS, {"from", "to", "max_tlp"})


def _known(place: str, table: Json, known: Iterable[str], needed: Iterable[str]) -> None:
    if unknown := sorted(table.keys() - {*known}):
        raise UnreadableCase(f"{place}: {', '.join(unknown)} is not known here; known are {sorted(known)}")
    if missing := sorted({*needed} - table.keys()):
        raise UnreadableCase(f"{place}: {', '.join(missing)} is missing")


def seconds(place: str, text: str) -> int:
    """Return how many seconds "2 days" are. Raises UnreadableCase."""
    number, _, unit = text.partition(" ")
    if not number.isdigit() or unit.removesuffix("s") not in _UNITS:
        raise UnreadableCase(f'{place}: "{text}" is no time; write it as "2 days", "1 hour", "90 seconds"')
    return int(number) * _UNITS[unit.removesuffix("s")]


def readers_of(place: str, table: Mapping[str, Sequence[str]], members: Sequence[str]) -> dict[str, set[str]]:
    """Return what each reader sees: "kr-cert, JP" are a member and a nation's, "all others" who is left."""
    found: dict[str, set[str]] = {}
    for key, objects in table.items():
        for name in key.split(", "):
            named = [m for m in members if name in (m, m[:2].upper())]
            named = [m for m in members if m not in found] if name == OTHERS else named
            if not named and name != OTHERS:
                raise UnreadableCase(f"{place}: {name} is no member and no nation; members are {members}")
            if twice := [m for m in named if m in found]:
                raise UnreadableCase(f"{place}: {', '.join(twice)} is named twice")
            found |= {member: set(objects) for member in named}
    return found


def differences(wanted: Mapping[str, set[str]], seen: Mapping[str, set[str]]) -> list[str]:
    """Return who sees more or less than is wanted, of those in both tables."""
    lines = []
    for reader in sorted(wanted.keys() & seen.keys()):
        more, less = sorted(seen[reader] - wanted[reader]), sorted(wanted[reader] - seen[reader])
        lines += [f"{reader} also sees {more}"] if more else []
        lines += [f"{reader} does not see {less}"] if less else []
    return lines
