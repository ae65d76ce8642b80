"""Reads sentences.toml: each normative statement of TAXII 2.1, and the tests that hold the statement."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Level = Literal["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "STATES"]
Binds = Literal["server", "client", "operator"]


@dataclass(frozen=True)
class StandardSentence:
    """One statement of the standard; the comment at the top of sentences.toml explains each field."""

    section: str
    level: Level
    says: str
    held_by: tuple[str, ...] = ()
    binds: Binds = "server"
    departs: str = ""


def read(path: Path) -> tuple[StandardSentence, ...]:
    """Return the statements of a file in their order. An unknown field raises TypeError."""
    found = tomllib.loads(path.read_text(encoding="utf-8"))["sentence"]
    return tuple(StandardSentence(**one | {"held_by": tuple(one.get("held_by", ()))}) for one in found)


SENTENCES: Final = read(Path(__file__).parent / "sentences.toml")
