"""What is served in an object's place, as JSON (policy 7): parts taken away, ids replaced."""

from __future__ import annotations

import copy
import re
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from tests.oracle.markings import ID, LEVELS, TLP_OF, Json, labelled, strictest

OBSERVABLES = ("domain-name",)
# What an object of each type cannot be without, and what an observable's id follows from.
NEEDED = {
    "malware": ("is_family",),
    "relationship": ("relationship_type", "source_ref", "target_ref"),
    "report": ("name", "published", "object_refs"),
    "grouping": ("context", "object_refs"),
    "identity": ("name",),
    "note": ("content", "object_refs"),
    "sighting": ("sighting_of_ref",),
    "domain-name": ("value",),
}
COMMON = ("type", "spec_version", "id", "created", "modified")
_SPACE = uuid.UUID("0d7b9d1e-3c62-4f6e-8d5e-6f2f3a1c5e77")


def made_id(nation: str, id: str, form: str) -> str:
    """The id that stands for the hub's: one for each nation, id and form."""
    stix_type = "relationship" if form.startswith("link:") else id.partition("--")[0]
    drawn = uuid.uuid5(_SPACE, f"{nation} {id} {form}")
    return f"{stix_type}--{uuid.UUID(bytes=drawn.bytes, version=4)}"


def is_value_based(id: str) -> bool:
    stix_type, _, drawn = id.partition("--")
    return stix_type in OBSERVABLES and uuid.UUID(drawn).version == 5


# --- parts ----------------------------------------------------------------------------------------

Path = tuple[str | int, ...]


def path(selector: str) -> Path:
    return tuple(int(step[1:-1]) if step.startswith("[") else step for step in selector.split("."))


def selector(path: Path) -> str:
    return ".".join(f"[{step}]" if isinstance(step, int) else step for step in path)


def places(value: Any, above: Path = ()) -> Iterator[Path]:
    """Every place in an object that a selector may name."""
    inner: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for step, item in inner:
        yield (*above, step)
        yield from places(item, (*above, step))


class Cut(NamedTuple):
    """What is left of an object, and the strictest level that granular markings and labels put on that."""

    obj: Json
    level: str | None


def cut(obj: Json, ceiling: str) -> Cut | None:
    """Take away what is marked above the ceiling; None: there is nothing such, or it cannot be without.

    Nor without the label that spells its level.
    """
    markings = [(m["marking_ref"], path(s)) for m in obj.get("granular_markings", []) for s in m["selectors"]]
    gone = {
        place
        for ref, place in markings
        if ref in TLP_OF and LEVELS.index(TLP_OF[ref]) > LEVELS.index(ceiling)
    }
    if not gone:
        return None
    moved: dict[Path, Path] = {}
    left = _left({k: v for k, v in obj.items() if k != "granular_markings"}, gone, moved, (), ())
    needed = [*COMMON, *NEEDED.get(obj["type"], ())]
    if any(name in obj and name not in left for name in needed) or labelled(left) != labelled(obj):
        return None
    remaining = [(ref, moved[place]) for ref, place in markings if place in moved]
    granular = [
        m | {"selectors": [selector(moved[p]) for p in map(path, m["selectors"]) if p in moved]}
        for m in obj["granular_markings"]
    ]
    if kept := [m for m in granular if m["selectors"]]:
        left["granular_markings"] = kept
    return Cut(left, strictest([labelled(left), *(TLP_OF.get(ref) for ref, _ in remaining)]))


_GONE = object()


def _left(value: Any, gone: set[Path], moved: dict[Path, Path], old: Path, new: Path) -> Any:
    """Rebuild a value without what is gone; a list or dictionary that is emptied goes as well."""
    if old in gone:
        return _GONE
    if not isinstance(value, dict | list):
        moved[old] = new
        return copy.deepcopy(value)
    found: Any = {} if isinstance(value, dict) else []
    for step, item in value.items() if isinstance(value, dict) else enumerate(value):
        place = step if isinstance(value, dict) else len(found)
        inner = _left(item, gone, moved, (*old, step), (*new, place))
        if inner is _GONE:
            continue
        if isinstance(found, dict):
            found[step] = inner
        else:
            found.append(inner)
    if value and not found:
        return _GONE
    moved[old] = new
    return found


# --- ids and names --------------------------------------------------------------------------------


def replaced(value: Any, rename: Callable[[str], str]) -> Any:
    """Put other ids in the place of all that stand alone, as values or as names of properties."""
    if isinstance(value, str):
        return rename(value) if ID.fullmatch(value) else value
    if isinstance(value, list):
        return [replaced(item, rename) for item in value]
    if isinstance(value, dict):
        return {replaced(name, rename): replaced(item, rename) for name, item in value.items()}
    return value


def texts(value: Any) -> Iterator[str]:
    """Every string in an object, names of properties included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from texts(item)


def names(obj: Json, words: Iterable[str]) -> bool:
    """Whether a text of the object has one of these names, which are in Latin letters (7).

    As whole words: everything but letters and digits sets them apart, and Hangul or kana may follow.
    """
    wanted = [re.compile(rf"(?<![^\W_]){re.escape(_folded(word))}(?!{_LETTER})") for word in words]
    return any(one.search(_folded(text)) for text in texts(obj) for one in wanted)


_LETTER = r"(?![\u1100-\u11ff\u3040-\u30ff\uac00-\ud7a3])[^\W_]"


def _folded(text: str) -> str:
    """In one case and width, without combining and zero-width characters."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(c for c in apart if unicodedata.category(c) not in ("Mn", "Cf"))
    return unicodedata.normalize("NFC", kept)


def ids_within(obj: Json) -> set[str]:
    """The ids that stand inside longer texts."""
    return {id for text in texts(obj) if not ID.fullmatch(text) for id in ID.findall(text)}
