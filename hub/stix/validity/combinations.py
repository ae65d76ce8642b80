"""Sentences for broken combinations: properties required together or excluding each other in STIX 2.1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hub.model import JsonObject
from hub.stix.validity.examples import UUID


@dataclass(frozen=True, slots=True)
class _Rule:
    """Broken by an object with all of `has` and none of `lacks`; the sentence is about `name`."""

    has: frozenset[str]
    lacks: frozenset[str]
    name: str
    said: str


def _rule(has: str, lacks: str, name: str, said: str) -> _Rule:
    return _Rule(frozenset(has.split()), frozenset(lacks.split()), name, said)


# Keys are types, or properties with the rule on each item. Only the first broken rule is reported.
# Read only after a refusal by a schema: a rule here refuses nothing, but gives the sentence.
_RULES: Final = {
    "location": (  # STIX 2.1 section 4.10
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
    "observed-data": (  # 4.14; `objects` is deprecated
        _rule("objects object_refs", "", "objects", "stands beside object_refs; keep object_refs alone"),
        _rule(
            "",
            "objects object_refs",
            "object_refs",
            f'is missing; add the ids of what was observed, for example "object_refs": ["ipv4-addr--{UUID}"]',
        ),
    ),
    "artifact": (  # 6.1
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
    "granular_markings": (  # 7.2.3
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
    "external_references": (  # 2.5
        _rule("", "source_name", "source_name", 'is missing; add it, for example "source_name": "KISA"'),
        _rule(
            "source_name",
            "description url external_id",
            "url",
            "is missing: a reference has at least one of description, url and external_id; add one",
        ),
    ),
    "email-message": (  # 6.6
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
    "marking-definition": (  # 7.2.1
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
    """Return the property and the sentence of the first rule of `owner` broken by `value`, or None.

    `owner` is the type of an object, or the property with `value` as an item.
    """
    for rule in _RULES.get(owner, ()):
        if rule.has <= value.keys() and not rule.lacks & value.keys():
            return rule.name, rule.said
    return _broken_flag(owner, value)


def _broken_flag(owner: str, value: JsonObject) -> tuple[str, str] | None:
    """Return the property and sentence of a broken rule on a boolean, or None."""
    match owner:
        # Sections 4.11, 6.12 and 6.6. A flag of another JSON type is left to the schema: hence `is True`.
        case "malware" if value.get("is_family") is True and "name" not in value:
            return "name", 'is missing: a malware family has a name; add it, for example "name": "AppleJeus"'
        case "network-traffic" if value.get("is_active") is True and "end" in value:
            return "end", "is given though is_active is true; remove end, or write false for is_active"
        case "email-message" if value.get("is_multipart") is True and "body" in value:
            return "body", "is given though is_multipart is true; write false, or give body_multipart"
        case "email-message" if value.get("is_multipart") is False and "body_multipart" in value:
            return "body_multipart", "is given though is_multipart is false; write true, or give body"
    return None
