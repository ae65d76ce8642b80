"""Checks observables beyond JSON Schema (STIX 2.1 chapter 6 and sections 2.7, 2.9, 2.13, 2.16).

Checked are: forms of values, hashes, types of references, existing and ordered times, properties required
together, and the content of the deprecated container of `observed-data`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from hub.json_text import escape
from hub.model import MAX_TIMESTAMP_CHARACTERS, JsonObject, version_key
from hub.stix.validity.schemas import OBJECT_TYPES
from hub.stix.values import values
from hub.stix.values.hashes import hash_fault
from hub.stix.values.places import short, shown

_Local = dict[str, Any] | None

_HEX = "[0-9a-fA-F]"
_IDENTIFIER: Final = re.compile(
    rf"([a-z][a-z0-9-]+[a-z0-9])--{_HEX}{{8}}-{_HEX}{{4}}-[1-5]{_HEX}{{3}}-[89abAB]{_HEX}{{3}}-{_HEX}{{12}}"
)
_VERSION_DIGIT: Final = -22  # of the UUID, counted from the end of an identifier
_NO_OBSERVABLES: Final = OBJECT_TYPES | {"bundle"}

_ENDPOINTS: Final = ("ipv4-addr", "ipv6-addr", "mac-addr", "domain-name")
_FILED: Final = ("file", "directory")
_ANY: Final = ()  # any observable, also of a custom type

# A path goes down by property; * means each item of a list. Types are those of the property's own section.
# Not checked: whether the named object exists.
_REFERENCES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "directory": {"contains_refs/*": _FILED},  # section 6.3
    "domain-name": {"resolves_to_refs/*": ("ipv4-addr", "ipv6-addr", "domain-name")},  # 6.4
    "email-addr": {"belongs_to_ref": ("user-account",)},  # 6.5
    "email-message": {  # 6.6
        **dict.fromkeys(("from_ref", "sender_ref", "to_refs/*", "cc_refs/*", "bcc_refs/*"), ("email-addr",)),
        "body_multipart/*/body_raw_ref": ("artifact", "file"),
        "raw_email_ref": ("artifact",),
    },
    "file": {  # 6.7
        "parent_directory_ref": ("directory",),
        "contains_refs/*": _ANY,
        "content_ref": ("artifact",),
        "extensions/archive-ext/contains_refs/*": _FILED,
    },
    "ipv4-addr": {"resolves_to_refs/*": ("mac-addr",), "belongs_to_refs/*": ("autonomous-system",)},
    "ipv6-addr": {"resolves_to_refs/*": ("mac-addr",), "belongs_to_refs/*": ("autonomous-system",)},
    "network-traffic": {  # 6.12
        "src_ref": _ENDPOINTS,
        "dst_ref": _ENDPOINTS,
        "src_payload_ref": ("artifact",),
        "dst_payload_ref": ("artifact",),
        "encapsulates_refs/*": ("network-traffic",),
        "encapsulated_by_ref": ("network-traffic",),
        "extensions/http-request-ext/message_body_data_ref": ("artifact",),
    },
    "process": {  # 6.13
        "opened_connection_refs/*": ("network-traffic",),
        "creator_user_ref": ("user-account",),
        "image_ref": ("file",),
        "parent_ref": ("process",),
        "child_refs/*": ("process",),
        "extensions/windows-service-ext/service_dll_refs/*": ("file",),
    },
    "windows-registry-key": {"creator_user_ref": ("user-account",)},  # 6.17
}
# Values with a grammar of another standard; each function of `values` names the RFC.
_VALUES: Final[dict[str, dict[str, Callable[[str], str | None]]]] = {
    "artifact": {"url": values.url_fault},
    "domain-name": {"value": values.domain_fault},
    "email-addr": {"value": values.email_fault},
    "ipv4-addr": {"value": values.ipv4_fault},
    "ipv6-addr": {"value": values.ipv6_fault},
    "mac-addr": {"value": values.mac_fault},
    "software": {"cpe": values.cpe_fault, "languages/*": values.language_fault},
    "url": {"value": values.url_fault},
    "windows-registry-key": {"key": values.key_fault},
}
_PE: Final = "extensions/windows-pebinary-ext"
_HASHES: Final[dict[str, tuple[str, ...]]] = {
    "artifact": ("hashes",),
    "file": (
        "hashes", "extensions/ntfs-ext/alternate_data_streams/*/hashes", f"{_PE}/file_header_hashes",
        f"{_PE}/optional_header/hashes", f"{_PE}/sections/*/hashes",
    ),
    "x509-certificate": ("hashes",),
}  # fmt: skip
_TIMES: Final[dict[str, tuple[str, ...]]] = {
    "directory": ("ctime", "mtime", "atime"),
    "email-message": ("date",),
    "file": ("ctime", "mtime", "atime", f"{_PE}/time_date_stamp"),
    "network-traffic": ("start", "end"),
    "process": ("created_time",),
    "user-account": (
        "account_created", "account_expires", "credential_last_changed", "account_first_login",
        "account_last_login",
    ),
    "windows-registry-key": ("modified_time",),
    "x509-certificate": (
        "validity_not_before", "validity_not_after",
        "x509_v3_extensions/private_key_usage_period_not_before",
        "x509_v3_extensions/private_key_usage_period_not_after",
    ),
}  # fmt: skip
# Properties of STIX 2.0: in 2.1 they are custom, and fulfil no requirement.
_OF_STIX_20: Final = {
    "process": frozenset({"name", "created", "arguments", "binary_ref"}),
    "windows-registry-key": frozenset({"modified"}),
}
_COMMON: Final = frozenset({
    "type", "id", "spec_version", "object_marking_refs", "granular_markings", "defanged",
})  # fmt: skip
# Dictionaries of lists in 2.1, of texts in 2.0 (sections 6.6 and 6.12).
_LISTS_OF_TEXTS: Final = {
    "email-message": "additional_header_fields",
    "network-traffic": "extensions/http-request-ext/request_header",
}
# Types with optional ID Contributing Properties alone (chapter 6).
_ID_PROPERTIES: Final = {
    "artifact": ("hashes", "payload_bin"),
    "email-message": ("from_ref", "subject", "body"),
    "process": (),
    "user-account": ("account_type", "user_id", "account_login"),
    "windows-registry-key": ("key", "values"),
    "x509-certificate": ("hashes", "serial_number"),
}


def observable_fault(obj: JsonObject, object_type: str) -> str | None:
    """Return the first reason why `obj` is no valid observable, or None; `obj` follows its type's schema.

    The sentence begins with the place as a JSON Pointer. A custom type passes.
    """
    return _fault_anywhere(obj, object_type, None) or _fault_at_top(obj, object_type)


def container_fault(objects: JsonObject, schema_fault: Callable[[JsonObject, str], str | None]) -> str | None:
    """Return why the deprecated `objects` of `observed-data` holds other objects than observables, or None.

    Observables of STIX 2.0 pass (2.13): without `id`, or with any string as id (2.9), and with keys of the
    container as references. `schema_fault` compares an object with its type's schema.
    """
    for key, member in objects.items():
        place = f"/objects/{escape(key)}"
        object_type = member.get("type")
        if "type" not in member:
            return f"{short(place)}/type is missing; give it the type of an observable, as file or url"
        if not isinstance(object_type, str):
            return f"{short(place)}/type is not a string; write the type of an observable, as file or url"
        if object_type in _NO_OBSERVABLES:
            return (
                f"{short(place)}/type is {shown(object_type)}, which is no observable such as file or url; "
                "send it as an object of its own"
            )
        if not isinstance(member.get("id", ""), str):
            return f"{short(place)}/id is not a string; write one, or leave it out"
        # The schemas ask for an id: a placeholder replaces any id, because 2.0 permits any string.
        named = {**member, "id": f"{object_type}--00000000-0000-4000-8000-000000000000"}
        said = schema_fault(named, object_type) or _fault_anywhere(member, object_type, objects)
        if said:
            return short(place) + (said[1:] if said.startswith("/ ") else said)
    return None


def hashes_fault(obj: JsonObject) -> str | None:
    """Return the malformed hash in the external references of `obj`, or None (2.5, 2.7)."""
    return _fault_of_hashes(obj, ("external_references/*/hashes",))


def _fault_anywhere(obj: JsonObject, object_type: str, local: _Local) -> str | None:
    return (
        _fault_of_references(obj, _REFERENCES.get(object_type, {}), local)
        or _fault_of_values(obj, _VALUES.get(object_type, {}))
        or _fault_of_hashes(obj, _HASHES.get(object_type, ()))
        or _fault_of_times(obj, _TIMES.get(object_type, ()))
        or (_fault_of_traffic(obj) if object_type == "network-traffic" else None)
    )


def _fault_at_top(obj: JsonObject, object_type: str) -> str | None:
    old = _OF_STIX_20.get(object_type)
    if old and not obj.keys() - old - _COMMON:
        names = " and ".join(sorted(obj.keys() & old))
        return f"/{names} is of STIX 2.0; a {object_type} of 2.1 needs a property of its own (section 6)"
    for place, header in _found(obj, _LISTS_OF_TEXTS.get(object_type, "")):
        for name, value in header.items():
            if isinstance(value, str):
                return f'{short(f"{place}/{escape(name)}")} is no list; write it as ["{shown(value)[1:-1]}"]'
    # Section 2.9: without contributing properties the UUID must be random (version 4). Not checked: whether a
    # version 5 UUID is the right digest of the properties (a SHOULD).
    made_of = _ID_PROPERTIES.get(object_type)
    if made_of is not None and obj.keys().isdisjoint(made_of) and obj["id"][_VERSION_DIGIT] != "4":
        return (
            "/id has a UUID that is not random (version 4), and the object has nothing that it could be "
            "made of; give it one such as 8b6297fe-cae7-47c6-9256-5584b417849c"
        )
    return None


# --- kinds of property --------------------------------------------------------------------------------


def _fault_of_references(obj: JsonObject, allowed: dict[str, tuple[str, ...]], local: _Local) -> str | None:
    for path, types in allowed.items():
        for place, reference in _found(obj, path):
            wanted = " or ".join(types) or "an observable"
            if not isinstance(reference, str):
                return f"{place} is not a string; write the id of {wanted}"
            if local is not None and reference in local:
                named = local[reference].get("type")
                if not isinstance(named, str):
                    continue  # the fault is reported for that object itself
            elif identifier := _IDENTIFIER.fullmatch(reference):
                named = identifier[1]
            elif local is None:
                example = f"{types[0] if types else 'file'}--8b6297fe-cae7-47c6-9256-5584b417849c"
                return f"{place} {shown(reference)} is no identifier; write the id of {wanted}, as {example}"
            else:
                continue  # no key of this container: references may dangle
            if named not in types if types else named in _NO_OBSERVABLES:
                return f"{place} names {shown(str(named))}; it may name {wanted} alone"
    return None


def _fault_of_values(obj: JsonObject, rules: dict[str, Callable[[str], str | None]]) -> str | None:
    for path, rule in rules.items():
        # A defanged value is written in a form without a grammar (3.2): hxxps[:]//a[.]example.
        if obj.get("defanged") is True and path in {"value", "url"}:
            continue
        for place, value in _found(obj, path):
            if said := rule(value):
                return f"{place} {said}"
    return None


def _fault_of_hashes(obj: JsonObject, paths: tuple[str, ...]) -> str | None:
    for path in paths:
        for place, hashes in _found(obj, path):
            for algorithm, value in hashes.items() if isinstance(hashes, dict) else ():
                if isinstance(value, str) and (said := hash_fault(algorithm, value)):
                    return f"{short(f'{place}/{escape(algorithm)}')} {said}"
    return None


def _fault_of_times(obj: JsonObject, paths: tuple[str, ...]) -> str | None:
    for path in paths:
        for place, value in _found(obj, path):
            if version_key(value) is None:
                return (
                    f"{place} is no instant in UTC of at most {MAX_TIMESTAMP_CHARACTERS} characters; "
                    "write a time that exists, as 2024-02-29T12:00:00.000Z"
                )
    return None


def _fault_of_traffic(obj: JsonObject) -> str | None:
    if "end" not in obj:
        return None
    # Section 6.12: a connection with an end is not active; the end is not before the start.
    if obj.get("is_active") is not False:
        return "/is_active must be false where end is given (STIX 2.1 section 6.12); add it, or leave end out"
    if "start" in obj and (version_key(obj["end"]) or "") < (version_key(obj["start"]) or ""):
        return "/end is earlier than start; exchange the two"
    return None


# --- places -------------------------------------------------------------------------------------------


def _found(value: Any, path: str, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value in `value` under `path`, with its JSON Pointer. An empty path finds nothing."""
    step, _, rest = path.partition("/")
    below: Iterable[tuple[str | int, Any]]
    if step == "*":
        below = enumerate(value) if isinstance(value, list) else ()
    else:
        below = ((step, value[step]),) if isinstance(value, dict) and step in value else ()
    for name, part in below:
        if rest:
            yield from _found(part, rest, f"{place}/{name}")
        else:
            yield f"{place}/{name}", part
