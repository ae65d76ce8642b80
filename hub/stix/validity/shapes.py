"""Sentences for a string with a wrong form: the fault in words, and a right form."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Final

import orjson

from hub.model import StixId, Tlp
from hub.stix.marking.tlp import definition_of
from hub.stix.validity.examples import (
    INSTANT,
    TIMES,
    UUID,
    example,
    item,
    referent,
)
from hub.stix.values.places import short

_MAX_SHOWN: Final = 60  # characters of a sender's value in a sentence
MARKINGS: Final = frozenset({"object_marking_refs", "marking_ref"})
_LEVEL: Final = re.compile(
    r"\s*(?:tlp[\s:_-]*)?(white|clear|green|amber[\s+_-]*strict|amber|red)\s*", re.IGNORECASE
)
_LEVELS: Final = {
    "white": Tlp.CLEAR, "clear": Tlp.CLEAR, "green": Tlp.GREEN, "amber": Tlp.AMBER, "red": Tlp.RED,
}  # fmt: skip
# The expression of the packaged schemas for "an identifier of one of these types", and "of none of these".
_OF_TYPES: Final = re.compile(r"\^\(?([a-z0-9|-]+)\)?(?:--.*)?")
_UUID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE
)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_OFFSET: Final = re.compile(r"[+-]\d{2}:?\d{2}$")
_MOST_TYPES: Final = 6

# By property; the grammar itself is in the schemas or in `values`, never here.
_OTHER_FORMS: Final = {
    "relationship_type": "use a-z, 0-9 and hyphens alone",
    "mime_type": "write an RFC 6838 media type",
    "cpe": "write a CPE 2.3 name",
    "languages": "write an RFC 5646 language tag",
    "lang": "write an RFC 5646 language tag",
    "path_enc": "write a character set of the IANA registry, as UTF-8",
    "name_enc": "write a character set of the IANA registry, as UTF-8",
    "key": "write the hive in full, as HKEY_LOCAL_MACHINE",
    "external_id": "write the number in full",
    "definition_type": "the TLP markings of STIX 2.1 have ids and contents of their own; refer to those",
    "selectors": "write the path of a property",
}
_VALUE_FORMS: Final = {
    "ipv4-addr": "write an IPv4 address, or a network in CIDR notation",
    "ipv6-addr": "write an IPv6 address, or a network in CIDR notation",
    "mac-addr": "write six pairs of lower-case hexadecimal digits with colons between",
}


def shown(value: Any) -> str:
    """Return `value` as one short line of printable JSON."""
    if isinstance(value, str):
        value = short(value, _MAX_SHOWN)
    elif isinstance(value, dict | list):
        return "a JSON object" if isinstance(value, dict) else "a list"
    text = orjson.dumps(value).decode()
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def json_type(value: Any) -> str:
    """Return the JSON type of `value`, with its article."""
    match value:
        case None:
            return "null"
        case bool():  # before int: in Python a bool is an int
            return "the boolean"
        case str():
            return "the string"
        case int() | float():
            return "the number"
        case list():
            return "a list"
    return "a JSON object"


def form_sentence(place: str, name: str, value: str, object_type: str, pattern: str) -> str:
    """Return the fault and the right form of `value`, the property or item `name` of an `object_type`.

    `value` does not match `pattern`; the sentence never shows this expression.
    """
    types = _types(pattern)
    # The order goes from special to general. STIX 2.1 sections 4.1 and 4.18 name the sources capec and cve.
    if name == "source_name":
        return f'{place} is {shown(value)}: write "cve" beside a CVE id, and "capec" beside a CAPEC id'
    if name in TIMES or pattern.startswith("^[0-9]{4}-(0[1-9]"):
        return f"{place} is {shown(value)}: {time_flaw(value)}"
    if types or name == "id" or name.endswith(("_ref", "_refs")):
        return f"{place} is {shown(value)}: {_id_flaw(value, name, types)}"
    if name.endswith(("_bin", "_hex")):
        return f"{place} is {shown(value)}: {_bytes_flaw(name)}"
    wanted = (_VALUE_FORMS.get(object_type) if name == "value" else None) or _OTHER_FORMS.get(name)
    right = item(name) if place.rpartition("/")[2].isdigit() else example(name, object_type)
    if wanted is None:
        wanted = "this is not how STIX 2.1 writes it; compare its definition there"
    return f"{place} is {shown(value)}: {wanted}" + (f", for example {right}" if right else "")


def forbidden_sentence(place: str, name: str, value: str, pattern: str) -> str:
    """Return why `value` must not match `pattern`."""
    types = _types(pattern)
    if types:
        prefix = value.partition("--")[0]
        return (
            f"{place} is the id of a {prefix}, and {name} never names one; "
            f"name another object, for example {referent(name)}--{UUID}"
        )
    why = _OTHER_FORMS.get(name, "STIX 2.1 keeps this value for a use of its own")
    return f"{place} is {shown(value)}: {why}"


def time_flaw(value: str) -> str:
    """Return the fault of `value` as a STIX timestamp, and a right form (STIX 2.1 section 2.16)."""
    moment = _moment(value)
    if _DATE.fullmatch(value):
        flaw = "the time of day and Z are missing"
    elif value.isdigit():
        flaw = "a number of seconds is no timestamp"
    elif moment is None:
        flaw = "this is no date and time of the calendar"
    elif _OFFSET.search(value[10:]):
        flaw = "an offset from UTC is not allowed, and Z is missing at the end"
    elif value[-1] not in "Zz":
        flaw = "Z is missing at the end, and the time must be in UTC"
    elif value[10] != "T" or value[-1] != "Z":
        flaw = "the date and the time stand around a capital T, and a capital Z ends them"
    elif "." not in value:
        flaw = "the milliseconds are missing"
    else:
        flaw = "created and modified have exactly three digits of a second"
    # Only a time with an offset has a certain instant in UTC: a guess would alter the sender's evidence.
    right = INSTANT
    if moment is not None and moment.tzinfo is not None and not _DATE.fullmatch(value):
        right = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f'{flaw}; write "{right}"' if right != INSTANT else f'{flaw}; for example "{INSTANT}"'


def nearest(value: str, options: list[str]) -> str | None:
    """Return the option most similar to `value`, or None."""
    # Only the beginning of `value` is compared: the time grows with the product of both lengths.
    folded = {_fold(option): option for option in reversed(options)}
    found = get_close_matches(_fold(value[:_MAX_SHOWN]), folded, n=1, cutoff=0.7)
    return folded[found[0]] if found else None


def _fold(text: str) -> str:
    return re.sub(r"[\s_-]", "", text).casefold()


def one_of_the_types(patterns: list[str]) -> str:
    """Return one expression for all `patterns` on types of ids; without such patterns the first pattern."""
    types = [each for pattern in patterns for each in _types(pattern)]
    return f"^({'|'.join(types)})--" if types else patterns[0]


def _types(pattern: str) -> list[str]:
    found = _OF_TYPES.fullmatch(pattern) if "--" in pattern else None
    return [each.removesuffix("--") for each in found[1].split("|") if each] if found else []


def _id_flaw(value: str, name: str, types: list[str]) -> str:
    prefix, _, rest = value.partition("--")
    wanted = types or [referent(name)]
    right = f"{wanted[0]}--{UUID}"
    if not rest and name in MARKINGS:
        return f"this is no id; {_level_remedy(value)}"
    if not rest:
        return f"this is no id; an id is type--UUID, for example {right}"
    if not _UUID.fullmatch(rest):
        return f"after -- an id has an RFC 4122 UUID, for example {right}"
    if types and prefix not in types:
        return f"{name} takes the id of {_some_of(types)}, for example {right}"
    return f"an id is type--UUID with the type in lower case, for example {right}"


def level_id(value: str) -> tuple[str, StixId] | None:
    """Return the TLP level spelt by `value` and the id of this level's definition, or None."""
    spelt = _LEVEL.fullmatch(value)
    if spelt is None:
        return None
    # Only a remedy: the object is refused all the same, and a text never sets a level (policy 2.1).
    word = spelt[1].casefold()
    level = Tlp.AMBER_STRICT if word.endswith("strict") else _LEVELS[word]
    return f"TLP:{level.label.upper()}", definition_of(level)


def _level_remedy(value: str) -> str:
    known = level_id(value)
    name, id = known or ("TLP:AMBER", definition_of(Tlp.AMBER))
    return f'for {name} write "{id}"' if known else f'write the id of a marking, for {name} "{id}"'


def _some_of(types: list[str]) -> str:
    if len(types) == 1:
        return f"a {types[0]} alone"
    few = types[:_MOST_TYPES]
    return f"one of {', '.join(few)}" + (" or a like type" if len(types) > len(few) else " alone")


def _bytes_flaw(name: str) -> str:
    if name.endswith("_bin"):
        return 'write the bytes in base64 with = at the end (RFC 4648 section 4), for example "VGVzdA=="'
    return 'write two hexadecimal digits for each byte, without 0x, for example "4d5a"'


def _moment(value: str) -> datetime | None:
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:
        return None
