"""Granular marking selectors, followed on plain values (STIX 2.1 section 7.2.3.1)."""

from __future__ import annotations

import re
from typing import Any, Final

from hub.model import JsonObject

_MAX_SHOWN: Final = 120
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,250}")
_INDEX: Final = re.compile(r"\[(0|[1-9][0-9]{0,8})\]")
_MISSING: Final = object()


def selector_fault(obj: JsonObject, selector: Any) -> str | None:
    """Return why `selector` selects nothing in `obj`, as a sentence, or None if it selects something.

    Components stand between dots: a property name or dictionary key, or the index of a list item from
    0 in square brackets. Every one must be present in the object itself.
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


def shown(text: str) -> str:
    """Return `text` quoted for a sentence, cut when it is long."""
    return repr(text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…")


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
