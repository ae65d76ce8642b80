"""The objects of the demo, and their readers: written by hand in `expected.json`, computed by no code.

The OASIS threat reports come from the package stix2-validator, and have no marking. `dprk.json` is a bundle
of public facts with every TLP level. `translation.json` has a Korean title of a report.
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
    """Objects of one submitter with the same handling. `readers` are all members that must see these objects.

    `readers_after` are the members that must see these objects after the end of the agreement `us-kr`.
    """

    source: str
    submitter: str
    handled_as: str
    objects: Mapping[str, JsonObject]
    readers: frozenset[str]
    readers_after: frozenset[str]


@dataclass(frozen=True, slots=True)
class SampleQuestion:
    """The question why the member `reader` does not see the object `id`."""

    reader: str
    submitter: str
    id: str


@dataclass(frozen=True, slots=True)
class Sample:
    """All submitted objects, and three questions about withheld objects."""

    groups: tuple[Group, ...]
    questions: tuple[SampleQuestion, ...]

    def name(self, id: str) -> str:
        """Return a name for people. A relationship or translation is named by the objects it refers to."""
        # Ids of the sample are unique: no two groups share an object.
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
    """Return the sample. Raises HubError if the package stix2-validator is incomplete."""
    # INVARIANT: `expected.json` is changed by hand alone, after reading the policy. A table written from the
    # hub's answers would agree with every fault of the hub.
    expected = orjson.loads(_EXPECTED.read_bytes())
    own = {id: value for path in _BUNDLES for id, value in _by_id(orjson.loads(path.read_bytes())).items()}
    return Sample(
        groups=tuple(_group(entry, own) for entry in expected["groups"]),
        questions=tuple(SampleQuestion(**entry) for entry in expected["withheld"]),
    )


def report_path(name: str) -> Path:
    """Return the path of an OASIS threat report in the package stix2-validator."""
    # Only data files of the package are used. Its code is not imported here (hub/stix alone may do so).
    spec = find_spec("stix2validator")
    folders = [] if spec is None else spec.submodule_search_locations or []
    found = next((p for f in folders if (p := Path(f) / _REPORTS / name).is_file()), None)
    if found is None:
        raise HubError(f"the threat report {name} is missing: install the package stix2-validator again")
    return found


def _group(entry: Mapping[str, Any], own: Mapping[str, JsonObject]) -> Group:
    # A report is submitted whole. The objects of an own bundle are divided into groups by their ids.
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
