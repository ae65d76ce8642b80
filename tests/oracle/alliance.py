"""A small alliance for the oracle alone: who says what, what they agree on, and who sees it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.oracle import Oracle, OracleAccount, OracleAgreement, OracleVersion
from tests.stix_objects import INFORMATIVE, Json, sdo, stix_id
from tests.world import KINDS, START, clause, registry

CODES = ("AU", "IN", "JP", "KR", "US")
MEMBERS = [f"{code.lower()}-{kind}" for code in CODES for kind in KINDS]
MITRE = stix_id("identity", 700)
THIRD = stix_id("identity", 701)  # a firm that is no member


def speaker(member: str) -> str:
    """The identity that the member speaks as."""
    return stix_id("identity", 800 + MEMBERS.index(member))


def oracle(defaults: dict[str, str] | None = None, homes: Sequence[str] = ()) -> Oracle:
    made = Oracle(
        {m: OracleAccount(m[:2].upper(), KINDS[m[3:]].value) for m in MEMBERS},
        dict.fromkeys(CODES, "amber") | (defaults or {}),
        frozenset({INFORMATIVE}),
        {n.rel_to_id: n.code for n in registry(codes=CODES).nations.values()},
        public_sources=frozenset({MITRE}),
        homes={*homes},
    )
    for member in MEMBERS:
        made.register(member, speaker(member))
    return made


def rel_to(code: str) -> str:
    found: str = registry(codes=CODES).nations[code].rel_to_id  # type: ignore[index]
    return found


@dataclass
class OracleAlliance:
    """Every act comes a minute after the one before, and all is noted that anybody could have polled."""

    oracle: Oracle = field(default_factory=oracle)
    agreements: list[OracleAgreement] = field(default_factory=list)
    now: datetime = START

    def wait(self, seconds: int = 60) -> None:
        self.oracle.observe(self.agreements, self.now)
        self.now += timedelta(seconds=seconds)
        self.oracle.observe(self.agreements, self.now)

    def says(self, member: str, *objects: Json) -> list[str]:
        """What becomes of each object: `accepted`, `equal`, or why it is refused."""
        self.wait()
        outcomes = self.oracle.submit(member, objects, self.now, self.agreements)
        self.oracle.observe(self.agreements, self.now)
        return [outcome.why or outcome.kind for outcome in outcomes]

    def deletes(self, member: str, id: str) -> bool:
        self.wait()
        done = self.oracle.delete(member, id, None)
        self.oracle.observe(self.agreements, self.now)
        return done

    def shares(
        self, origin: str, to: str | Sequence[str], max_tlp: str = "red", **terms: Any
    ) -> OracleAgreement:
        """One direction of sharing, in force from now on and reaching back."""
        built = clause(origin, to, max_tlp, **({"audience": "partner", "history": True} | terms))
        parties = frozenset([origin, *built["to"]])
        until = self.now + timedelta(days=365)
        agreement = OracleAgreement([built], parties, self.now, until, signed_at=self.now)
        self.agreements.append(agreement)
        self.wait()
        return agreement

    def suspends(self, agreement: OracleAgreement, by: str, seconds: int | None = None) -> None:
        """For ever, or for a time."""
        self.wait()
        end = None if seconds is None else self.now + timedelta(seconds=seconds)
        agreement.suspensions.append((by, self.now, end))
        self.oracle.observe(self.agreements, self.now)
        self.wait()

    # --- reading ---

    def seen(self, reader: str) -> set[OracleVersion]:
        return self.oracle.visible(reader, self.agreements, self.now)

    def readers(self, obj: Json, of: str | None = None) -> set[str]:
        """Who sees the object (this version), of whichever member, or of one."""
        text = obj.get("modified", obj.get("created"))
        return {
            reader
            for reader in MEMBERS
            for version in self.seen(reader)
            if version.id == obj["id"]
            and (text is None or version.text == text)
            and (of is None or version.member == of)
        }

    def nations(self, obj: Json, of: str | None = None) -> set[str]:
        """The nations of which somebody sees it."""
        return {reader[:2].upper() for reader in self.readers(obj, of)}

    def version(self, member: str, obj: Json) -> OracleVersion:
        return self.oracle.newest(member, obj["id"])


# --- short ways to say it -------------------------------------------------------------------------


def of(nation: str) -> set[str]:
    return {member for member in MEMBERS if member.startswith(f"{nation.lower()}-")}


def derived(stix_type: str, n: int = 0) -> str:
    """An id by UUIDv5, as OpenCTI and MISP make them from patterns and names."""
    return f"{stix_type}--{uuid.uuid5(uuid.UUID(int=7), f'{stix_type}/{n}')}"


def translation(of: Json, n: int = 0, **options: Any) -> Json:
    said = {"object_modified": of["modified"]} if "modified" in of else {}
    contents = {"ko": {"name": "이름"}}
    return sdo("language-content", n, object_ref=of["id"], contents=contents, **said, **options)
