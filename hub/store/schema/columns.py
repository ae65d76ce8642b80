"""What some columns hold as one text: nations, reaches, containers, what redactions leave."""

from __future__ import annotations

from functools import lru_cache

import orjson

from hub.model import Clearance, NationCode, Reach, Redaction, SourceHiding, StixId, Tlp


def decode_nations(text: str | None) -> frozenset[NationCode] | None:
    """Return the nations that a column names, with commas between; None: it has no such marking."""
    return None if text is None else frozenset(NationCode(code) for code in text.split(",") if code)


def encode_redactions(redactions: tuple[Redaction, ...]) -> str | None:
    """Return the text for which `decode_cuts` returns this value; None: there are none."""
    told = [
        {
            "ceiling": one.ceiling,
            "level": one.level,
            "refers": sorted(one.refers),
            "taken": sorted(one.taken),
        }
        for one in redactions
    ]
    return orjson.dumps(told).decode() if told else None


@lru_cache(maxsize=4_096)
def decode_redactions(text: str) -> tuple[Redaction, ...]:
    """Return what redactions of a version leave, as a column tells it."""
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
    """Return how a version may appear where its source is hidden; one that is not known, not at all."""
    return SourceHiding.NONE if text is None else SourceHiding(text)


def decode_reach(text: str | None) -> Reach | None:
    """Return the nations with clearances that a column names (`JP:2,KR:3`); None: everywhere."""
    if text is None:
        return None
    parts = (one.partition(":") for one in text.split(",") if one)
    return frozenset((NationCode(code), Clearance(int(level))) for code, _, level in parts)


def encode_reach(reach: Reach | None) -> str | None:
    """Return the text for which `decode_reach` returns this value."""
    return None if reach is None else ",".join(f"{code}:{int(level)}" for code, level in sorted(reach))


def encode_closed_by(containers: frozenset[tuple[StixId, str]]) -> str | None:
    """Return the text for which `decode_closed_by` returns this value; None: there are none."""
    return orjson.dumps(sorted(containers)).decode() if containers else None


def decode_closed_by(text: str | None) -> frozenset[tuple[StixId, str]]:
    """Return the containers, by id and version key, that a column names."""
    return frozenset() if text is None else frozenset((StixId(id), key) for id, key in orjson.loads(text))


def encode_nations(nations: frozenset[NationCode] | None) -> str | None:
    """Return the text for which `decode_nations` returns this value."""
    return None if nations is None else ",".join(sorted(nations))
