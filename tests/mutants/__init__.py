"""Faults, each against one promise of the hub, with the tests that have to fail by it: `scripts/mutants`.

The tables are the TOML files of this folder: `name`, `promise`, `file`, `old` (which the file holds once),
`new`, and `tests` (what pytest is given).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLES = sorted(Path(__file__).parent.glob("*.toml"))


@dataclass(frozen=True)
class Mutant:
    """One fault: `old` becomes `new` in `file`, and one of `tests` has to fail."""

    name: str
    promise: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def put_into(self, text: str) -> str:
        """Return `text`, which is that of `file`, with the fault."""
        if text.count(self.old) != 1:
            raise ValueError(
                f"{self.name}: {self.file} holds the old text {text.count(self.old)} times, not once"
            )
        return text.replace(self.old, self.new)


def mutants() -> list[Mutant]:
    """Return all faults, in the order of the tables."""
    read = [each for table in TABLES for each in tomllib.loads(table.read_text())["mutant"]]
    return [Mutant(**each | {"tests": tuple(each["tests"])}) for each in read]
