"""Makes STIX 2.1 objects like the submissions of a year, each from its number alone.

An object has about 1.2 KB. Of a thousand objects 700 are indicators, 100 observables, 90 relationships, 60
malware, 30 sightings, 19 reports, and one is a campaign: the rare type. References lead to earlier objects of
the same member. The same number gives the same object in every run.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import orjson

from hub.model import Tlp
from tests.stix_objects import TLP, stamp

NATIONS: Final = ("US", "KR", "JP", "AU", "IN")
KINDS: Final = ("cert", "agency", "partner")
# By turns of nations: member n is of nation n modulo five.
MEMBERS: Final = tuple(f"{nation.lower()}-{kind}" for kind in KINDS for nation in NATIONS)
RARE: Final = "campaign"
OBSERVABLES: Final = frozenset({"ipv4-addr", "domain-name", "file"})

_CYCLE: Final = 1_000
_RARE_AT: Final = 8
_MIX: Final = {
    "indicator": 700,
    "ipv4-addr": 40,
    "domain-name": 40,
    "file": 20,
    "relationship": 90,
    "malware": 60,
    "sighting": 30,
    "report": 19,
}
_LEVELS: Final = {"clear": 10, "green": 40, "amber": 35, "amber+strict": 12, "red": 3}
_LEVEL_AT: Final = [name for name, count in _LEVELS.items() for _ in range(count)]
_LEVEL_OF: Final = dict(zip(_LEVELS, Tlp, strict=True))
_SPACE: Final = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")  # STIX 2.1 section 2.9
_LOOK_BACK: Final = 3_000  # numbers that are searched for a referred object
_TEXT: Final = """
    access actor address after against analysis archive attachment backdoor beacon before between binary
    campaign certificate command communication control credential data delivery detected domain
    download
    encoded endpoint energy evidence execution exfiltration exploit family file finance first government group
    hash host infection infrastructure initial injection instance language lateral library loader local log
    macro malicious memory message module movement network observed operator payload persistence phishing
    policy
    port process protocol proxy public ransomware registry remote report request sample scheduled script
    second sector security server service session signature spear stage system target task telecom traffic
    transport user variant victim vulnerability website windows with without
"""
_WORDS: Final = _TEXT.split()


def _types() -> list[str]:
    types = [name for name, count in _MIX.items() for _ in range(count)]
    random.Random(5).shuffle(types)
    types.insert(_RARE_AT, RARE)
    return types


_TYPES: Final = _types()


@dataclass(frozen=True)
class MadeObject:
    """The object of a number. `series` keeps ids apart: two series share no object."""

    number: int
    series: int = 0
    version: int = 1
    level: str = ""  # empty: by the number

    @property
    def member(self) -> str:
        # Each thousand moves the members on by one place, so that the rare type comes from all nations.
        return MEMBERS[(self.number + self.number // _CYCLE) % len(MEMBERS)]

    @property
    def type(self) -> str:
        return _TYPES[self.number % _CYCLE]

    @cached_property
    def id(self) -> str:
        if self.type in OBSERVABLES:
            value = orjson.dumps(self._contributing(), option=orjson.OPT_SORT_KEYS).decode()
            return f"{self.type}--{uuid.uuid5(_SPACE, value)}"
        made = hashlib.sha256(b"%d %d" % (self.series, self.number)).digest()[:16]
        return f"{self.type}--{uuid.UUID(bytes=made, version=4)}"

    @cached_property
    def tlp_name(self) -> str:
        place = (self.series * 7_919 + self.number) * 2_654_435_761 % 2**32 * 100 >> 32
        return self.level or _LEVEL_AT[place]

    @property
    def tlp(self) -> Tlp:
        return _LEVEL_OF[self.tlp_name]

    @cached_property
    def referred(self) -> Sequence[str]:
        """The ids of the objects referred to, all earlier objects of the same member."""
        match self.type:
            case "relationship":
                return [*self._earlier("indicator", 1), *self._earlier("malware", 1)]
            case "sighting":
                return self._earlier("indicator", 1)
            case "report":
                return self._earlier("indicator", 10)
            case _:
                return []

    @property
    def is_possible(self) -> bool:
        """Whether the referred objects exist: the first numbers of a member have nothing before them."""
        return self.type not in ("relationship", "sighting", "report") or len(self.referred) >= (
            2 if self.type == "relationship" else 1
        )

    @cached_property
    def content(self) -> dict[str, Any]:
        """The object as submitted."""
        made: dict[str, Any] = {"type": self.type, "spec_version": "2.1", "id": self.id}
        if self.type not in OBSERVABLES:
            made |= {"created": stamp(0), "modified": stamp(self.version)}
        return made | self._properties() | {"object_marking_refs": [TLP[self.tlp_name]]}

    def red(self) -> MadeObject:
        """Return the next version, marked TLP:RED: every foreign reader loses the object."""
        return replace(self, version=self.version + 1, level="red")

    @cached_property
    def _chance(self) -> random.Random:
        return random.Random(self.series * 1_000_000_007 + self.number)

    def _earlier(self, stix_type: str, count: int) -> list[str]:
        found: list[str] = []
        for number in range(self.number - 1, max(-1, self.number - _LOOK_BACK), -1):
            other = MadeObject(number, self.series)
            if other.type == stix_type and other.member == self.member:
                found.append(other.id)
                if len(found) == count:
                    break
        return found

    def _contributing(self) -> dict[str, Any]:
        """Return the properties that an observable's id follows from (STIX 2.1 section 2.9)."""
        n = self.series * 100_000_000 + self.number
        match self.type:
            case "ipv4-addr":
                return {"value": ".".join(str(n * 2_654_435_761 >> shift & 255) for shift in (24, 16, 8, 0))}
            case "domain-name":
                return {"value": f"{_WORDS[n % len(_WORDS)]}-{n:x}.example"}
            case _:
                return {"hashes": {"SHA-256": hashlib.sha256(str(n).encode()).hexdigest()}}

    def _properties(self) -> dict[str, Any]:
        if self.type in OBSERVABLES:
            return self._contributing()
        return self._indicator() if self.type == "indicator" else self._other()

    def _other(self) -> dict[str, Any]:
        refs = self.referred
        match self.type:
            case "relationship":
                kind = {"relationship_type": "indicates", "source_ref": refs[0], "target_ref": refs[1]}
                return kind | {"description": self._text(450)}
            case "sighting":
                return {"sighting_of_ref": refs[0], "count": 1 + self.number % 9, "summary": False}
            case "report":
                times = {"published": stamp(0), "report_types": ["threat-report"]}
                return {"name": self._text(60), **times, "object_refs": refs, "description": self._text(900)}
            case "malware":
                kinds = {"malware_types": ["backdoor"], "is_family": self.number % 4 == 0}
                return {"name": self._name("Malware"), **kinds, "description": self._text(900)}
            case _:
                return {"name": self._name("Campaign"), "description": self._text(900)}

    def _indicator(self) -> dict[str, Any]:
        n = self._chance.getrandbits(32)
        address = ".".join(str(n >> shift & 255) for shift in (24, 16, 8, 0))
        digest = hashlib.sha256(str(n).encode()).hexdigest()
        pattern = [
            f"[ipv4-addr:value = '{address}']",
            f"[domain-name:value = 'host-{n:x}.example']",
            f"[file:hashes.'SHA-256' = '{digest}']",
            f"[url:value = 'https://host-{n:x}.example/{n % 97}'] OR [ipv4-addr:value = '{address}']",
        ][n % 4]
        return {
            "name": self._name("Indicator"),
            "description": self._text(760),
            "indicator_types": ["malicious-activity"],
            "pattern": pattern,
            "pattern_type": "stix",
            "valid_from": stamp(0),
            "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": "command-and-control"}],
            "external_references": [{"source_name": "case", "external_id": f"CASE-{n % 100_000}"}],
            "confidence": n % 101,
        }

    def _name(self, kind: str) -> str:
        return f"{kind} {self.series}.{self.number} {self._chance.choice(_WORDS)}"

    def _text(self, about: int) -> str:
        """Return words of about so many characters; about a quarter more or less."""
        return " ".join(
            self._chance.choices(_WORDS, k=round(about / 8.4 * (0.75 + self._chance.random() / 2)))
        )


def made(numbers: range, series: int = 0) -> list[MadeObject]:
    """Return the objects of these numbers, without the impossible."""
    return [one for one in (MadeObject(n, series) for n in numbers) if one.is_possible]


def pushed_by(member: str, series: int, count: int) -> list[dict[str, Any]]:
    """Return `count` objects of one member as submitted. The share of each type is that of the mix."""
    found: list[dict[str, Any]] = []
    at = MEMBERS.index(member)
    number = at
    while len(found) < count:
        one = MadeObject(number, series)
        number += len(MEMBERS)
        if one.member != member:  # a thousand is over
            number = _next_of(member, number - len(MEMBERS))
            continue
        if one.is_possible:
            found.append(one.content)
    return found


def _next_of(member: str, number: int) -> int:
    while MadeObject(number).member != member:
        number += 1
    return number
