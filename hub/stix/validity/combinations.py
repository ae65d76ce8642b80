"""Properties that STIX 2.1 wants together, or never together: which rule an object breaks, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hub.model import JsonObject
from hub.stix.validity.examples import UUID


@dataclass(frozen=True, slots=True)
class _Rule:
    """Broken by an object that has all of `has` and none of `lacks`; the sentence is about `name`."""

    has: frozenset[str]
    lacks: frozenset[str]
    name: str
    said: str


def _rule(has: str, lacks: str, name: str, said: str) -> _Rule:
    return _Rule(frozenset(has.split()), frozenset(lacks.split()), name, said)


# By type, or by the property whose items have the rule; the first broken one is said.
_RULES: Final = {
    "location": (
        _rule(
            "latitude", "longitude", "longitude", "is missing: latitude and longitude stand together; add it"
        ),
        _rule(
            "longitude", "latitude", "latitude", "is missing: latitude and longitude stand together; add it"
        ),
        _rule(
            "precision",
            "latitude",
            "precision",
            "stands only beside latitude and longitude; add both, or remove it",
        ),
    ),
    "observed-data": (
        _rule("objects object_refs", "", "objects", "stands beside object_refs; keep object_refs alone"),
        _rule(
            "",
            "objects object_refs",
            "object_refs",
            f'is missing; add the ids of what was observed, for example "object_refs": ["ipv4-addr--{UUID}"]',
        ),
    ),
    "artifact": (
        _rule("payload_bin url", "", "url", "stands beside payload_bin; keep one of the two"),
        _rule("url", "hashes", "hashes", "is missing: an artifact with url has the hashes of it; add them"),
        _rule(
            "decryption_key",
            "encryption_algorithm",
            "encryption_algorithm",
            "is missing beside decryption_key; add it",
        ),
        _rule(
            "",
            "payload_bin url",
            "payload_bin",
            "is missing: an artifact has payload_bin, or url with hashes; add one",
        ),
    ),
    "granular_markings": (
        _rule(
            "marking_ref lang",
            "",
            "lang",
            "stands beside marking_ref; write one granular marking for each of the two",
        ),
        _rule(
            "",
            "marking_ref lang",
            "marking_ref",
            "is missing: a granular marking has marking_ref or lang; add one",
        ),
    ),
    "external_references": (
        _rule("", "source_name", "source_name", 'is missing; add it, for example "source_name": "KISA"'),
        _rule(
            "source_name",
            "description url external_id",
            "url",
            "is missing: a reference has at least one of description, url and external_id; add one",
        ),
    ),
    "email-message": (
        _rule(
            "",
            "is_multipart",
            "is_multipart",
            "is missing; add it: true if the message has body_multipart, else false",
        ),
        _rule(
            "body body_multipart", "", "body", "stands beside body_multipart; keep one, as is_multipart says"
        ),
    ),
    "marking-definition": (
        _rule(
            "",
            "definition_type extensions",
            "definition_type",
            'is missing; add it with definition, for example "definition_type": "statement"',
        ),
        _rule(
            "definition_type",
            "definition extensions",
            "definition",
            'is missing; add it, for example "definition": {"statement": "text of the marking"}',
        ),
    ),
}


def broken_combination(owner: str, value: JsonObject) -> tuple[str, str] | None:
    """Return the property and the sentence of the first rule of `owner` that `value` breaks, or None.

    `owner` is the type of an object, or the property whose item `value` is.
    """
    for rule in _RULES.get(owner, ()):
        if rule.has <= value.keys() and not rule.lacks & value.keys():
            return rule.name, rule.said
    return _broken_flag(owner, value)


def _broken_flag(owner: str, value: JsonObject) -> tuple[str, str] | None:
    """Rules on what a boolean says: a family of malware has a name, an active connection no end."""
    match owner:
        case "malware" if value.get("is_family") is True and "name" not in value:
            return "name", 'is missing: a malware family has a name; add it, for example "name": "AppleJeus"'
        case "network-traffic" if value.get("is_active") is True and "end" in value:
            return "end", "is given though is_active is true; remove end, or write false for is_active"
        case "email-message" if value.get("is_multipart") is True and "body" in value:
            return "body", "is given though is_multipart is true; write false, or give body_multipart"
        case "email-message" if value.get("is_multipart") is False and "body_multipart" in value:
            return "body_multipart", "is given though is_multipart is false; write true, or give body"
    return None
