"""What the demo submits, and who must see it: written by hand in `expected.json`, decided by no code.

The OASIS threat reports come from the stix2-validator package and carry no marking; `dprk.json` is our own
bundle of public facts, with every level of TLP in it; `translation.json` is a Korean title of a report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import orjson

from hub.errors import HubError
from hub.model import JsonObject

_HERE: Final = Path(__file__).parent
_BUNDLES: Final = (_HERE / "dprk.json", _HERE / "translation.json")
_EXPECTED: Final = _HERE / "expected.json"
_REPORTS: Final = Path("schemas-2.1", "examples", "threat-reports")


@dataclass(frozen=True, slots=True)
class Group:
    """Objects of one submitter that are handled alike. `readers` are all members that must see them.

    `readers_after` are those who still do when the agreement that the demo ends has ended.
    """

    source: str
    submitter: str
    handled_as: str
    objects: Mapping[str, JsonObject]
    readers: frozenset[str]
    readers_after: frozenset[str]


@dataclass(frozen=True, slots=True)
class SampleQuestion:
    """Why does this member not see that object?"""

    reader: str
    submitter: str
    id: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything that is submitted, and three questions about what is withheld."""

    groups: tuple[Group, ...]
    questions: tuple[SampleQuestion, ...]

    def name(self, id: str) -> str:
        """Return what a person calls the object: its name, or what a relationship or translation is of."""
        known = {id: value for group in self.groups for id, value in group.objects.items()}
        value = known[id]
        if value["type"] == "relationship":
            ends = (
                self.name(value["source_ref"]),
                value["relationship_type"],
                self.name(value["target_ref"]),
            )
            return " ".join(ends)
        if value["type"] == "language-content":
            return f"{self.name(value['object_ref'])} ({', '.join(value['contents'])})"
        return str(value.get("name", value["type"]))


def load_sample() -> Sample:
    """Return the sample. Raises HubError when the stix2-validator package is not installed whole."""
    expected = orjson.loads(_EXPECTED.read_bytes())
    own = {id: value for path in _BUNDLES for id, value in _by_id(orjson.loads(path.read_bytes())).items()}
    return Sample(
        groups=tuple(_group(entry, own) for entry in expected["groups"]),
        questions=tuple(SampleQuestion(**entry) for entry in expected["withheld"]),
    )


def report_path(name: str) -> Path:
    """Return the file of an OASIS threat report, in the package that ships it."""
    spec = find_spec("stix2validator")  # only its data: nothing of it is imported
    folders = [] if spec is None else spec.submodule_search_locations or []
    found = next((p for f in folders if (p := Path(f) / _REPORTS / name).is_file()), None)
    if found is None:
        raise HubError(f"the threat report {name} is missing: install the package stix2-validator again")
    return found


def _group(entry: Mapping[str, Any], own: Mapping[str, JsonObject]) -> Group:
    if "file" in entry:
        objects = _by_id(orjson.loads(report_path(entry["file"]).read_bytes()))
    else:
        objects = {id: own[id] for id in entry["ids"]}
    return Group(
        source=entry["source"],
        submitter=entry["submitter"],
        handled_as=entry["handled_as"],
        objects=objects,
        readers=frozenset(entry["readers"]),
        readers_after=frozenset(entry["readers_after"]),
    )


def _by_id(bundle: JsonObject) -> dict[str, JsonObject]:
    return {value["id"]: value for value in bundle["objects"]}
