"""Checks language tags of RFC 5646; STIX 2.1 asks for such tags in sections 3.2, 7.1 and 7.2.3."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from hub.model import JsonObject
from hub.stix.values.places import pointer, shown

_MAX_CHARACTERS: Final = 250
# RFC 5646 section 2.1. Primary subtags of four letters and more are reserved; none is registered (2.2.1).
_TAG: Final = re.compile(
    r"((?P<two>[a-z]{2})|[a-z]{3})(-[a-z]{3}){0,3}"  # language and extended language
    r"(-[a-z]{4})?"  # script
    r"(-([a-z]{2}|[0-9]{3}))?"  # region
    r"(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"  # variants
    r"(-[0-9a-wy-z](-[a-z0-9]{2,8})+)*"  # extensions
    r"(-x(-[a-z0-9]{1,8})+)?"  # private use
    r"|x(-[a-z0-9]{1,8})+",
    re.IGNORECASE | re.ASCII,
)
_IRREGULAR: Final = """
en-gb-oed i-ami i-bnn i-default i-enochian i-hak i-klingon i-lux i-mingo i-navajo i-pwn i-tao i-tay i-tsu
sgn-be-fr sgn-be-nl sgn-ch-de art-lojban cel-gaulish no-bok no-nyn zh-guoyu zh-hakka zh-min zh-min-nan
zh-xiang
"""
# The list of codes of two letters is closed: a language with a code of three letters keeps this code
# (RFC 5646 section 2.2.1). Other subtags are not compared with the registry, because the registry grows.
_LETTERS: Final = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el
en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik in io is it
iu iw ja ji jv jw ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mo
mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh
si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh
yi yo za zh zu
"""
_GRANDFATHERED: Final = frozenset(_IRREGULAR.split())
_TWO_LETTERS: Final = frozenset(_LETTERS.split())


def is_language_tag(text: str) -> bool:  # (hub/README: language-tags)
    """Return whether `text` is a well-formed tag; a language of two letters must exist."""
    if len(text) > _MAX_CHARACTERS:
        return False
    if text.lower() in _GRANDFATHERED:
        return True
    match = _TAG.fullmatch(text)
    return match is not None and (match["two"] is None or match["two"].lower() in _TWO_LETTERS)


def language_fault(obj: JsonObject, granular: Iterable[tuple[int, JsonObject]]) -> str | None:
    """Return which of `lang`, granular `lang` and the keys of `contents` is no language tag, or None.

    `granular` are the granular markings with their indices.
    """
    if "lang" in obj and (fault := _fault("/lang", obj["lang"])):
        return fault
    for index, marking in granular:
        if "lang" in marking:
            fault = _fault(pointer(("granular_markings", index, "lang")), marking["lang"])
            if fault:
                return fault
    contents = obj.get("contents")
    if obj.get("type") == "language-content" and isinstance(contents, dict):
        for key in contents:
            if not is_language_tag(key):
                return f"/contents has the key {shown(key)}, which is no language tag {_EXAMPLES}"
    return None


_EXAMPLES: Final = "(RFC 5646); write for example ko, ja-JP or zh-Hant"


def _fault(place: str, value: object) -> str | None:
    if isinstance(value, str) and not is_language_tag(value):
        return f"{place} {shown(value)} is no language tag {_EXAMPLES}"
    return None
