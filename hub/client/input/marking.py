"""Does an object speak of TLP, and the same object with a level where it does not (policy 2.1 to 2.4)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from hub.model import JsonObject, StixId, Tlp
from hub.model.tlp_ids import TLP_2_EXTENSION, TLP_2_IDS, TLP_IDS

# Without one of these in its text an object has neither labels nor TLP: most need not be gone through.
_TRACES: Final = (b'"labels"', b"marking-definition--", b"extension-definition--", b"\\u")
_REFERENCES: Final = frozenset({"object_marking_refs", "marking_ref"})
# STIX 2.1 section 4.1 of meta objects: a level is not put on the definitions that others are marked with.
_NEVER_MARKED: Final = frozenset({"marking-definition", "extension-definition", "bundle"})
_UNSEEN: Final = frozenset({"Mn", "Mc", "Me", "Cf", "Cc"})
_FILLERS: Final = "\u115f\u1160\u3164\uffa0\u2800"  # letters and a symbol, and nothing to be seen
_ID_OF: Final = {level: id for id, level in TLP_2_IDS.items()}


def speaks_of_tlp(value: JsonObject, body: bytes) -> bool:
    """Tell whether the object may have a level of its own: by a marking, a label or the TLP 2.0 extension.

    At any depth, as the hub looks for it. A label counts when "tlp" can be read in it, whatever follows: in
    doubt the object has one. `body` is its JSON text.
    """
    return any(trace in body for trace in _TRACES) and any(_levels(value))


def _levels(value: Any) -> Iterator[bool]:
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting += here
        elif isinstance(here, dict):
            for key, held in here.items():
                yield key == TLP_2_EXTENSION
                texts = [held] if isinstance(held, str) else held if isinstance(held, list) else ()
                if key in _REFERENCES:
                    yield any(isinstance(one, str) and StixId(one) in TLP_IDS for one in texts)
                elif key == "labels":
                    yield any(isinstance(one, str) and "tlp" in _folded(one) for one in texts)
                waiting.append(held)


def _folded(label: str) -> str:
    """Return a label as it is read: without case, accents and all that is not seen."""
    seen = "".join(filter(_is_seen, label))  # first: to order long runs of accents takes time by the square
    text = unicodedata.normalize("NFKD", seen)
    return "".join(filter(_is_seen, text.upper().casefold()))


def _is_seen(character: str) -> bool:
    return character not in _FILLERS and unicodedata.category(character) not in _UNSEEN


def marked(value: Any, level: Tlp) -> JsonObject | None:
    """Return the object with the TLP 2.0 marking of this level added; None where it is not to be changed.

    `object_marking_refs` stands on every object but definitions (STIX 2.1 sections 3.2 and 7); what is no
    STIX object, or has something else there, is left for the hub to refuse.
    """
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return None
    refs = value.get("object_marking_refs", [])
    if value["type"] in _NEVER_MARKED or not isinstance(refs, list):
        return None
    return {**value, "object_marking_refs": [*refs, _ID_OF[level]]}
