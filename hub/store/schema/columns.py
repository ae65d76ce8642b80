"""Columns with one text for several values: nations, reaches, containers, redactions."""

from __future__ import annotations

from functools import lru_cache

import orjson

from hub.model import Clearance, NationCode, Reach, Redaction, SourceHiding, StixId, Tlp


def decode_nations(text: str | None) -> frozenset[NationCode] | None:
    """Return the nations of a column, separated by commas; None: no such marking."""
    # INVARIANT: NULL is no REL TO (unlimited), the empty text is REL TO nobody (policy 6). Never mix them.
    return None if text is None else frozenset(NationCode(code) for code in text.split(",") if code)


def encode_redactions(redactions: tuple[Redaction, ...]) -> str | None:
    """Return the text for `decode_redactions`; None: no redactions."""
    rows = [
        {
            "ceiling": one.ceiling,
            "level": one.level,
            "refers": sorted(one.refers),  # sorted: one value has one text, and equal rows group as text
            "taken": sorted(one.taken),
        }
        for one in redactions
    ]
    return orjson.dumps(rows).decode() if rows else None


@lru_cache(maxsize=4_096)
def decode_redactions(text: str) -> tuple[Redaction, ...]:
    """Return the redactions of a version."""
    return tuple(
        Redaction(
            Tlp(one["ceiling"]),
            None if one["level"] is None else Tlp(one["level"]),
            frozenset(map(StixId, one["refers"])),
            frozenset(one["taken"]),
        )
        for one in orjson.loads(text)
    )


def decode_source_hiding(text: str | None) -> SourceHiding:
    """Return how a version may appear with a hidden source. NULL closes: not at all."""
    return SourceHiding.NONE if text is None else SourceHiding(text)


def decode_reach(text: str | None) -> Reach | None:
    """Return the nations with clearances of a column (`JP:2,KR:3`); None: everywhere."""
    # INVARIANT: NULL is no limit, the empty text is nowhere (policy 8). A wrong NULL would disclose.
    if text is None:
        return None
    parts = (one.partition(":") for one in text.split(",") if one)
    return frozenset((NationCode(code), Clearance(int(level))) for code, _, level in parts)


def encode_reach(reach: Reach | None) -> str | None:
    """Return the text for `decode_reach`."""
    return None if reach is None else ",".join(f"{code}:{int(level)}" for code, level in sorted(reach))


def encode_closed_by(containers: frozenset[tuple[StixId, str]]) -> str | None:
    """Return the text for `decode_closed_by`; None: no containers."""
    return orjson.dumps(sorted(containers)).decode() if containers else None


def decode_closed_by(text: str | None) -> frozenset[tuple[StixId, str]]:
    """Return the containers of a column, by id and version key."""
    # NULL and no containers are the same here: the closure of a name ends with theirs (policy 2.3).
    return frozenset() if text is None else frozenset((StixId(id), key) for id, key in orjson.loads(text))


def encode_nations(nations: frozenset[NationCode] | None) -> str | None:
    """Return the text for `decode_nations`."""
    return None if nations is None else ",".join(sorted(nations))
