"""Whether an object has a level of its own, and the object with an added level (policy 2.1 to 2.4)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from hub.model import JsonObject, StixId, Tlp
from hub.model.tlp_ids import TLP_2_EXTENSION, TLP_2_IDS, TLP_IDS

# An object with none of these bytes has neither labels nor TLP: most objects need no walk. An escape may hide
# a key.
_TRACES: Final = (b'"labels"', b"marking-definition--", b"extension-definition--", b"\\u")
_REFERENCES: Final = frozenset({"object_marking_refs", "marking_ref"})
# Definitions mark other objects (STIX 2.1 sections 7.2 and 7.3), and a bundle is no object: no level is put
# there.
_NEVER_MARKED: Final = frozenset({"marking-definition", "extension-definition", "bundle"})
# Unicode categories of marks and invisible characters.
_INVISIBLE: Final = frozenset({"Mn", "Mc", "Me", "Cf", "Cc"})
_FILLERS: Final = "\u115f\u1160\u3164\uffa0\u2800"  # letters and a symbol that print nothing
_ID_OF: Final = {level: id for id, level in TLP_2_IDS.items()}


def has_own_level(value: JsonObject, body: bytes) -> bool:
    """Return whether the object may have a level of its own: a marking, a label or the TLP 2.0 extension.

    Looks at any depth, like the hub (policy 2.1). A label with a readable "tlp" counts, with any text behind:
    in doubt the object has a level. `body` is the object's JSON text.
    """
    return any(trace in body for trace in _TRACES) and any(_own_levels(value))


def _own_levels(value: Any) -> Iterator[bool]:
    waiting = [value]  # no recursion: the depth is the file's choice
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting += here
        elif isinstance(here, dict):
            # At least as wide as the hub's own reading: `mark` is for objects without any level alone.
            for key, held in here.items():
                yield key == TLP_2_EXTENSION
                texts = [held] if isinstance(held, str) else held if isinstance(held, list) else ()
                if key in _REFERENCES:
                    yield any(isinstance(one, str) and StixId(one) in TLP_IDS for one in texts)
                elif key == "labels":
                    yield any(isinstance(one, str) and "tlp" in _folded(one) for one in texts)
                waiting.append(held)


def _folded(label: str) -> str:
    """Return a label as readers see it: without case, accents and invisible characters."""
    visible = "".join(filter(_is_visible, label))  # first: sorting long runs of accents takes quadratic time
    text = unicodedata.normalize("NFKD", visible)
    return "".join(filter(_is_visible, text.upper().casefold()))


def _is_visible(character: str) -> bool:
    return character not in _FILLERS and unicodedata.category(character) not in _INVISIBLE


def marked(value: Any, level: Tlp) -> JsonObject | None:
    """Return the object with the TLP 2.0 marking of this level added; None for an object to leave unchanged.

    `object_marking_refs` is a common property (STIX 2.1 section 3.2). A value that is no STIX object, or has
    another type there, is left for the hub to refuse. Definitions stay unmarked.
    """
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return None
    refs = value.get("object_marking_refs", [])
    if value["type"] in _NEVER_MARKED or not isinstance(refs, list):
        return None
    return {**value, "object_marking_refs": [*refs, _ID_OF[level]]}
