"""Reads the markings of an object, and the kind of a marking-definition (policy 2).

Only an id sets a TLP level: the text of a submitted definition never lowers a level.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from hub.model import DefinitionKind, JsonObject, Markings, StixId, Tlp
from hub.stix.marking.tlp import TLP_2_EXTENSION, TLP_IDS
from hub.stix.marking.walking import Survey, survey
from hub.stix.marking.words import fold, letters
from hub.stix.values.places import shown

_UNKNOWN_LEVEL: Final = "its TLP 2.0 extension names no level; give clear, green, amber, amber+strict or red"
_NO_DATA: Final[Mapping[str, Any]] = MappingProxyType({})

# Policy 2.1: "tlp", anything but letters, a level's word, no letter behind. Texts come here folded, with
# spaces in place of all characters that are no letters.
_WORD: Final = r"(clear|white|green|amber(?: *strict(?!\S))?|red)(?!\S)"
_IN_LABEL: Final = re.compile(rf"tlp *{_WORD}")
_LEVELS: Final = {level.label: level for level in Tlp} | {"white": Tlp.CLEAR}
_MAX_SPELLING: Final = 1_000  # characters: bounds the time of a claim; no real claim has as many
_ALONE: Final = re.compile(rf" *(tlp *)?{_WORD} *")


def read_markings(obj: JsonObject, found: Survey | None = None) -> Markings:
    """Return the markings of `obj` as data; `rules` derives the effective marking (policy 2.1, 2.5, 2.6).

    `tlp` is the strictest level of the object's own `object_marking_refs`, by id alone. `raised` is the
    strictest level of labels, of the TLP 2.0 extension, of granular markings, and of ids under
    `object_marking_refs` or `marking_ref` at depth. `fault` names a marking with no clear meaning: `rules`
    then closes the object. `found` is the survey of `obj`, if the caller has one.
    """
    found = found or survey(obj)
    refs = list(_strings(obj.get("object_marking_refs")))
    levels = {TLP_IDS[ref] for ref in refs if ref in TLP_IDS}
    claims = [_claimed(claim) for claim in found.claims]
    # INVARIANT: labels, extensions and parts only raise: `rules` takes the strictest of `tlp` and `raised`,
    # and a label alone is no marking (policy 2.1). Hence `said` and `parts` never enter `tlp`.
    said = {level for level in (*map(_in_label, found.labels), *claims) if level is not None}
    parts = {TLP_IDS[ref] for ref in found.marking_refs if ref in TLP_IDS}
    others = frozenset(ref for ref in found.marking_refs if ref not in TLP_IDS)
    return Markings(
        tlp=max(levels, default=None),
        raised=max(said | parts, default=None),
        others=others.union(ref for ref in refs if ref not in TLP_IDS),
        parts=others,
        fault=_granular_fault(obj) or (_UNKNOWN_LEVEL if None in claims else None),
        remark=_disagreement(levels, said, parts),
    )


def _granular_fault(obj: JsonObject) -> str | None:
    if "granular_markings" not in obj:
        return None
    # Policy 2.5: a selector without a match closes the object. Language markings are checked like TLP
    # markings. Unknown ids in `marking_ref` are not judged here, but in `rules` (policy 2.5, 2.6).
    granular = obj["granular_markings"]
    if not isinstance(granular, list) or len(_dicts(granular)) != len(granular):
        return "granular_markings is not a list of objects; see STIX 2.1 section 7.2.3"
    for marking in granular:
        selectors = marking.get("selectors")
        if not isinstance(selectors, list) or not selectors:
            return "a granular marking has no selectors; name the properties that it marks"
        if not isinstance(marking.get("marking_ref", marking.get("lang")), str):
            return "a granular marking has neither marking_ref nor lang; give one of them"
        for selector in selectors:
            if fault := selector_fault(obj, selector):
                return fault
    return None


# --- selectors (STIX 2.1 section 7.2.3.1) -----------------------------------------------------------

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,250}")
_INDEX: Final = re.compile(r"\[(0|[1-9][0-9]{0,8})\]")
_MISSING: Final = object()


def selector_fault(obj: JsonObject, selector: Any) -> str | None:
    """Return why `selector` selects nothing in `obj`, as a sentence, or None if something is selected.

    Dots separate components: a property name, a dictionary key, or a list index from 0 in square brackets.
    The object must have the value of every component (STIX 2.1 section 7.2.3.1).
    """
    if not isinstance(selector, str):
        return "a granular marking's selector is not a string; write a path such as description or labels.[0]"
    components = selector.split(".")
    if not _is_well_formed(components):
        return f"the selector {shown(selector)} is malformed; write a path such as description or labels.[0]"
    value: Any = obj
    for component in components:
        value = _step(value, component)
        if value is _MISSING:
            return f"the selector {shown(selector)} matches nothing in the object; name a property it has"
    return None


def _is_well_formed(components: list[str]) -> bool:
    first, *others = components
    if not _KEY.fullmatch(first):
        return False
    return all(_KEY.fullmatch(component) or _INDEX.fullmatch(component) for component in others)


def _step(value: Any, component: str) -> Any:
    index = _INDEX.fullmatch(component)
    if index is None:
        return value.get(component, _MISSING) if isinstance(value, dict) else _MISSING
    position = int(index[1])
    return value[position] if isinstance(value, list) and position < len(value) else _MISSING


# --- two levels at once ---------------------------------------------------------------------------


def _disagreement(levels: set[Tlp], labels: set[Tlp], parts: set[Tlp]) -> str | None:
    """Return the remark on several levels, or None. A laxer part changes no level, and causes no remark."""
    if not levels:  # the remark compares with a TLP marking: labels alone are no marking (policy 2.1)
        return None
    claimed = sorted(levels | labels | {part for part in parts if part > max(levels)})
    if len(claimed) == 1:
        return None
    *others, strictest = [_tlp_name(level) for level in claimed]
    if len(others) == 1:
        return f"marked both {others[0]} and {strictest}; the stricter, {strictest}, is enforced"
    return f"marked {', '.join(others)} and {strictest}; the strictest, {strictest}, is enforced"


# --- submitted definitions ------------------------------------------------------------------------


def definition_kind(obj: JsonObject) -> tuple[DefinitionKind | None, str | None]:
    """Return the kind of a submitted marking-definition, or the sentence of its refusal (policy 2.2, 2.6).

    Under a TLP id a definition must claim the level of this id and no other level; under any other id a claim
    of a level is refused. A statement with an extension, or with another vocabulary's level, is OTHER: such a
    definition says more than its text. Other types give (None, None). Never raises.
    """
    # Closure is not decided here: a statement opens objects of its own member alone (policy 2.6, `rules`).
    if obj.get("type") != "marking-definition":
        return None, None
    marking_id = obj.get("id")
    claims = list(_claims(obj))
    level = TLP_IDS.get(StixId(marking_id)) if isinstance(marking_id, str) else None
    if level is not None:
        return _copy_or_failure(level, claims)
    if claims or _is_tlp(obj.get("definition_type")):
        return None, (
            "a marking-definition may claim a TLP level only under a standard id; "
            "send the standard definition, or leave it out: the hub knows all of them"
        )
    return (DefinitionKind.STATEMENT if _is_plain_statement(obj) else DefinitionKind.OTHER), None


def _copy_or_failure(level: Tlp, claims: list[Tlp | None]) -> tuple[DefinitionKind | None, str | None]:
    name = _tlp_name(level)
    remedy = "send the standard definition, or leave it out: the hub knows all of them"
    if not claims:
        return None, f"this id is that of {name}, but the marking-definition names no TLP level; {remedy}"
    if any(claim is not level for claim in claims):
        return None, f"this id is that of {name}, but the marking-definition says another level; {remedy}"
    return DefinitionKind.TLP_COPY, None


def _claims(obj: JsonObject) -> Iterator[Tlp | None]:
    """Yield each level in the texts of a definition; None for a claim without a level."""
    definition = _dict(obj.get("definition"))
    if "tlp" in definition:
        yield _spelled(definition["tlp"], bare=True)
    extensions = _dict(obj.get("extensions"))
    if TLP_2_EXTENSION in extensions:
        yield _spelled(_dict(extensions[TLP_2_EXTENSION]).get("tlp_2_0"), bare=True)
    if _is_tlp(obj.get("x_opencti_definition_type")):
        yield _spelled(obj.get("x_opencti_definition"), bare=True)
    # In a free text a level counts only behind the word TLP: a definition may be named "Red" (bare=False).
    for text in (obj.get("name"), definition.get("statement"), obj.get("x_opencti_definition")):
        if (level := _spelled(text, bare=False)) is not None:
            yield level


def _is_plain_statement(obj: JsonObject) -> bool:
    # OpenCTI exports markings of other vocabularies as statements, with the vocabulary in this property.
    vocabulary = obj.get("x_opencti_definition_type", "statement")
    return obj.get("definition_type") == vocabulary == "statement" and not obj.get("extensions")


def _is_tlp(text: object) -> bool:
    return isinstance(text, str) and text.strip().lower() == "tlp"


# --- words ----------------------------------------------------------------------------------------


def _in_label(text: str) -> Tlp | None:
    """Return the strictest level spelt anywhere in a label (policy 2.1)."""
    # Nearly every label ends here. A text with a control character does not: `fold` removes these.
    if text.isascii() and text.isprintable() and "tlp" not in text.lower():
        return None
    folded = fold(text)
    if "tlp" not in folded:
        return None
    return max((_level(match[1]) for match in _IN_LABEL.finditer(letters(folded))), default=None)


def _claimed(extension: object) -> Tlp | None:
    """Return the level in the TLP 2.0 extension, or None without a known level."""
    return _spelled(_dict(extension).get("tlp_2_0"), bare=True)


def _spelled(text: object, *, bare: bool) -> Tlp | None:
    """Return the level if `text` spells a level and no more; with `bare` the word "tlp" may be missing."""
    if not isinstance(text, str) or len(text) > _MAX_SPELLING:
        return None
    match = _ALONE.fullmatch(letters(fold(text)))
    return _level(match[2]) if match and (match[1] or bare) else None


def _level(word: str) -> Tlp:
    return Tlp.AMBER_STRICT if word.endswith("strict") else _LEVELS[word]


def _tlp_name(level: Tlp) -> str:
    return f"TLP:{level.label.upper()}"


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NO_DATA


def _dicts(value: object) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _strings(value: object) -> Iterable[StixId]:
    return [StixId(item) for item in value if isinstance(item, str)] if isinstance(value, list) else []
