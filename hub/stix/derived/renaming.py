"""Exchanges ids everywhere in an object, and finds the places of a name in its texts (policy 7)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from hub.model import JsonObject, StixId
from hub.stix.marking.walking import looks_like_id
from hub.stix.marking.words import (
    fold,
    is_encoded,
    readings,
    spaced,
)
from hub.stix.values.places import short

# STIX 2.1 chapter 6, "ID Contributing Properties" of each observable. A process has a random id (6.13).
ID_CONTRIBUTING: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        object_type: frozenset(names.split())
        for object_type, names in {
            "artifact": "hashes payload_bin",
            "autonomous-system": "number",
            "directory": "path",
            "domain-name": "value",
            "email-addr": "value",
            "email-message": "from_ref subject body",
            "file": "hashes name extensions parent_directory_ref",
            "ipv4-addr": "value",
            "ipv6-addr": "value",
            "mac-addr": "value",
            "mutex": "name",
            "network-traffic": "start end src_ref dst_ref src_port dst_port protocols extensions",
            "process": "",
            "software": "name cpe swid vendor version",
            "url": "value",
            "user-account": "account_type user_id account_login",
            "windows-registry-key": "key values",
            "x509-certificate": "hashes serial_number",
        }.items()
    }
)

_VERSION_AT: Final = -22  # the digit of the UUID's version, counted from the end of an id
# The look-ahead finds overlapping ids too: a hostile text may hide an id behind another.
_UUID: Final = re.compile(r"(?=([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}))")
_UUID_CHARACTERS: Final = 36
_AFTER_TYPE: Final = re.compile(rb"--(?=([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}))")
_TYPE_BACKWARDS: Final = re.compile(rb"(?i)[a-z0-9-]+")
_TYPE_CHARACTERS: Final = 250  # the longest name of a type (STIX 2.1 section 3.1)
# The escapes of orjson for invisible characters, and for line ends inside a word.
_ESCAPED: Final = re.compile(rb"\\[ubf]")
_FEW: Final = 8  # ids searched for one by one: each search reads the whole text
_MAX_PLACES: Final = 20
_MAX_PLACE_CHARACTERS: Final = 250
_JSON_ESCAPE: Final = re.compile(r"\\.")
# A whole text of orjson in the form of an id without capitals; never the text behind an escaped quote.
_WHOLE_ID: Final = re.compile(
    rb'(?<!\\)"[a-z][a-z0-9-]{0,211}--([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"'
)


def is_value_based(id: StixId, object_type: str) -> bool:
    """Return whether the id follows from the object's value: a version 5 UUID (STIX 2.1 section 2.9).

    False for types outside the standard: nobody knows the source of such an id.
    """
    return bool(ID_CONTRIBUTING.get(object_type)) and has_uuid_5(id)


def chosen(ids: Iterable[StixId]) -> set[StixId]:
    """Return the chosen ids: the ids not derived from a value. A chosen id may name a source."""
    return {id for id in ids if not is_value_based(id, id.partition("--")[0])}


def has_uuid_5(id: StixId) -> bool:
    """Return whether a STIX id has a name-based UUID by SHA-1 (RFC 4122 section 4.1.3)."""
    return looks_like_id(id) and id[_VERSION_AT] == "5"


def ids_in(obj: JsonObject) -> frozenset[StixId]:
    """Return every STIX id in `obj` as a whole value or dictionary key, the object's own id included."""
    return frozenset(StixId(text) for _, text in _texts(obj) if looks_like_id(text))


def ids_within(body: bytes) -> frozenset[StixId]:
    """Return every STIX id in an object's JSON text, in lower case, also ids inside longer texts."""
    found = set()
    for match in _AFTER_TYPE.finditer(body):
        before = body[max(0, match.start() - _TYPE_CHARACTERS) : match.start()]
        # Backwards from each UUID: a long run of type characters then costs no more than a short run.
        if named := _TYPE_BACKWARDS.match(before[::-1]):
            found.add(StixId((named[0][::-1] + b"--" + match[1]).decode().lower()))
    return frozenset(found)


def rename(obj: JsonObject, ids: Mapping[StixId, StixId]) -> JsonObject:
    """Return a copy of `obj` with each key of `ids` replaced by its value, in each whole text.

    A whole text is a value or dictionary key at any depth, also in custom properties, or a component of a
    granular marking's selector. Ids inside longer texts stay: see `mentions`. Raises ValueError when two keys
    of a dictionary would become equal.
    """
    renamed: JsonObject = _renamed(obj, ids)
    for selectors in _selectors(renamed):
        selectors[:] = [_renamed_selector(selector, ids) for selector in selectors]
    return renamed


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a source, prepared for the search in any number of texts."""

    tokens: tuple[tuple[str, ...], ...]  # for each name, the longest token first: the search for this is fast
    spaced: tuple[str, ...]

    def are_in(self, folded: str) -> bool:
        """Return whether a folded text holds a name."""
        # A cheap test first: nearly no text holds all tokens of a name, so nearly no text is cut into tokens.
        if not any(all(token in folded for token in tokens) for tokens in self.tokens):
            return False
        text = spaced(folded)
        return any(name in text for name in self.spaced)


@lru_cache(maxsize=1_024)
def names_of(names: tuple[str, ...]) -> Names:
    """Return the names prepared for the search; a domain counts in both its forms (RFC 5890).

    A name without a letter or digit is never found.
    """
    known = dict.fromkeys(spaced(fold(form)) for name in names for form in _forms(name))
    found = tuple(words for words in known if words.strip())
    tokens = (tuple(sorted(set(words.split()), key=len, reverse=True)) for words in found)
    return Names(tuple(tokens), found)


def _forms(name: str) -> Iterator[str]:
    yield name
    if "." in name and " " not in name:
        with suppress(UnicodeError):
            yield name.encode("idna").decode()
        with suppress(UnicodeError):
            yield name.encode().decode("idna")


def given_away(obj: JsonObject, body: bytes, names: Sequence[str], ids: Iterable[StixId]) -> list[str]:
    """Return the places of `mentions` in an object with this compact JSON text, quickly if there is none.

    `ids` are chosen ids. Chosen ids inside longer texts count too.
    """
    # INVARIANT: `may_mention` may be wrong only towards True; a False hides a name from policy 7.
    chosen_ids = {*ids, *chosen(ids_within(body))}
    return mentions(obj, names, chosen_ids) if may_mention(body, names, chosen_ids) else []


def mentions(obj: JsonObject, names: Iterable[str], ids: Iterable[StixId] = ()) -> list[str]:
    """Return, sorted, the places of texts with one of `names`, or with one of `ids` inside: 20 at most.

    A place is the path of a value or dictionary key, such as `external_references.[0].source_name`, cut if
    long. A name counts in each spelling (policy 7): any case, accents, Unicode form and invisible characters,
    any characters between its words, any encoding of the text. In scripts with spaces between words whole
    words count; in other scripts a name counts anywhere, with particles around. An id counts by its UUID. In
    a whole STIX id only the name of the type counts as text; an id in other letter case counts as held,
    because `rename` would miss such an id.
    """
    known = frozenset(ids)
    lowered = {id.lower() for id in known}
    uuids = {id[-_UUID_CHARACTERS:] for id in lowered}
    wanted = names_of(tuple(names))
    found: set[str] = set()
    for place, text in _texts(obj):
        if looks_like_id(text):
            is_held = text not in known and text.lower() in lowered
            ways = [text.split("--", 1)[0]]
        else:
            ways = [fold(way) for way in readings(text)]
            is_held = any(match[1] in uuids for way in ways for match in _UUID.finditer(way))
        if is_held or any(map(wanted.are_in, ways)):
            found.add(_path(place))
            if len(found) == _MAX_PLACES:  # bounds the submitter's status; one place is enough to withhold
                break
    return sorted(found)


def may_mention(body: bytes, names: Iterable[str], ids: Iterable[StixId]) -> bool:
    """Return False only if `mentions` would find nothing in the object of this compact JSON text; cheaply.

    The whole JSON text is searched at once. A name of a value is also a name of this text; an id inside a
    text shows as a UUID in excess of the whole ids.
    """
    if _ESCAPED.search(body) or is_encoded(body):
        return True
    folded = fold(_JSON_ESCAPE.sub(" ", body.decode()))
    if names_of(tuple(names)).are_in(folded):
        return True
    return _holds_within({id[-_UUID_CHARACTERS:].lower() for id in ids}, body, folded)


def _holds_within(uuids: set[str], body: bytes, folded: str) -> bool:
    """Return whether the folded text holds one of `uuids` outside of the whole ids of `body`."""
    if len(uuids) > _FEW:  # one pass over the text for all
        whole = Counter(match[1].decode() for match in _WHOLE_ID.finditer(body))
        held = Counter(match[1] for match in _UUID.finditer(folded))
        return any(held[uuid] != whole[uuid] for uuid in uuids)
    # `count` leaves out overlapping UUIDs. No whole id overlaps, so the numbers differ all the same.
    return any(folded.count(uuid) != _whole_ids(body, uuid.encode()) for uuid in uuids)


def _whole_ids(body: bytes, uuid: bytes) -> int:
    """Return how often `uuid` ends a whole id of the JSON text `body`."""
    count = 0
    at = body.find(uuid)
    while at >= 0:
        begins = body.rfind(b'"', max(0, at - _TYPE_CHARACTERS), at)
        found = _WHOLE_ID.match(body, begins) if begins >= 0 else None
        count += found is not None and found.start(1) == at
        at = body.find(uuid, at + 1)
    return count


# --- places ---------------------------------------------------------------------------------------


# The keys down to a place, the last key first. Only a named place gets a path: a path for every value would
# repeat a long key for each value below.
_Place = tuple["_Place", str] | tuple[()]


def _texts(obj: JsonObject) -> Iterator[tuple[_Place, str]]:
    """Yield each text in `obj` with its place: values, dictionary keys, and the components of selectors."""
    # Known by identity: the same text in another list is a plain value, never a selector.
    selectors = {id(found) for found in _selectors(obj)}
    pending: list[tuple[_Place, Any]] = [((), obj)]
    while pending:
        place, value = pending.pop()
        if isinstance(value, str):
            yield place, value
        elif isinstance(value, dict):
            for key, item in value.items():
                below = (place, key)
                yield below, key
                pending.append((below, item))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if id(value) in selectors and isinstance(item, str):
                    yield from (((place, f"[{index}]"), component) for component in item.split("."))
                elif isinstance(item, str | dict | list):
                    pending.append(((place, f"[{index}]"), item))


def _path(place: _Place) -> str:
    keys: list[str] = []
    while place:
        place, key = place
        keys.append(short(key, _MAX_PLACE_CHARACTERS))
    return short(".".join(reversed(keys)), _MAX_PLACE_CHARACTERS)


def _selectors(obj: JsonObject) -> Iterator[list[Any]]:
    """Yield the selector lists of well-formed granular markings."""
    granular = obj.get("granular_markings")
    for marking in granular if isinstance(granular, list) else ():
        if isinstance(marking, dict) and isinstance(marking.get("selectors"), list):
            yield marking["selectors"]


def _renamed(value: Any, ids: Mapping[StixId, StixId]) -> Any:
    if isinstance(value, str):
        return ids.get(StixId(value), value)
    if isinstance(value, list):
        return [_renamed(item, ids) for item in value]
    if isinstance(value, dict):
        renamed = {ids.get(StixId(key), key): _renamed(item, ids) for key, item in value.items()}
        if len(renamed) != len(value):
            raise ValueError("two keys of a dictionary would become one; give each id an id of its own")
        return renamed
    return value


def _renamed_selector(selector: Any, ids: Mapping[StixId, StixId]) -> Any:
    if not isinstance(selector, str):
        return selector
    return ".".join(ids.get(StixId(component), component) for component in selector.split("."))
