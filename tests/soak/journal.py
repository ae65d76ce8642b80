"""What everybody writes down while the soak runs: one JSON object per line, a file per process or poller.

Times are seconds since 1970 by the machine's clock, which hub and clients share. Kinds of line (`what`):

    push        a member's accepted versions; `sent` is the first attempt, `answered` the acknowledgement
    raised      an unmarked version is held to a later container's stricter level, from `answered` on
    deleted     versions of a record that the hub has acknowledged to be deleted
    agreement   about to bind: written before the last signature leaves, at `sent`
    ended       a termination that the hub has acknowledged
    page        what one answer (one run, for `hub poll`) gave a poller
    full        what one full poll at the end gives to the same reader and filter
    held        what the submitter's full poll at the end gives of its nation's collection
    count       how often something happened
    wrong       what the process itself found wrong
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.journeys.live import LiveAccount

Json = dict[str, Any]
Event = dict[str, Any]

LEVELS = ("clear", "green", "amber", "amber+strict", "red")
KINDS = ("partner", "agency", "cert")
CONTAINERS = ("report", "grouping")
NAMES = ("malware",)  # of what writers submit; policy 1 has the list
STOP_WRITING, STOP_POLLING = "stop-writing", "stop-polling"


@dataclass(frozen=True)
class SoakMember:
    """An account as plain text, so that it can be handed to a process as JSON."""

    id: str
    nation: str
    token: str
    submit_key: str
    agreement_key: str

    @classmethod
    def of(cls, account: LiveAccount) -> SoakMember:
        agreement = account.agreement_key or b""
        keys = account.submit_key.decode(), agreement.decode()
        return cls(account.id, account.nation, account.token, *keys)

    @property
    def kind(self) -> str:
        return kind_of(self.id)


def kind_of(member: str) -> str:
    """Return the kind of the member `us-agency2`: agency."""
    return member.split("-")[1].rstrip("2")


@dataclass(frozen=True)
class Setup:
    """What every process of one soak is told."""

    url: str
    seed: int
    folder: str
    collections: Mapping[str, str]  # alias to the collection's URL
    members: Mapping[str, SoakMember]
    hubs_own: list[str]  # ids that the hub itself publishes
    rounds: int  # that each writer makes at least
    pace: float  # pauses and short agreements are so many times as long as in the shortest soak

    @property
    def home(self) -> Path:
        return Path(self.folder)

    def has(self, flag: str) -> bool:
        return (self.home / flag).exists()

    def raise_flag(self, flag: str) -> None:
        (self.home / flag).touch()

    def write(self) -> None:
        (self.home / "setup.json").write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> Setup:
        value = json.loads((folder / "setup.json").read_text())
        members = {id: SoakMember(**fields) for id, fields in value.pop("members").items()}
        return cls(members=members, **value)


class Journal:
    """A file of events, each whole on the disk's side of the process when `note` returns."""

    def __init__(self, setup: Setup, name: str) -> None:
        self.name = name
        self._file = (setup.home / f"{name}.jsonl").open("a", encoding="utf-8")

    def note(self, what: str, **fields: Any) -> None:
        self._file.write(json.dumps({"what": what, "who": self.name, **fields}) + "\n")
        self._file.flush()

    def count(self, **counts: int) -> None:
        self.note("count", counts=counts)


@dataclass
class SoakEvidence:
    """All that was written down in one soak."""

    setup: Setup
    events: list[Event] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> SoakEvidence:
        found = cls(Setup.read(folder))
        for file in sorted(folder.glob("*.jsonl")):
            with file.open(encoding="utf-8") as lines:
                found.events += [json.loads(line) for line in lines]
        return found

    def of(self, what: str) -> Iterable[Event]:
        return (event for event in self.events if event["what"] == what)


def now() -> float:
    return time.time()


def version_of(item: Json) -> str:
    return str(item.get("modified") or item.get("created"))


def digest_of(item: Json) -> str:
    """Return a digest that is equal for equal JSON values."""
    text = json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def strictest(levels: Iterable[str]) -> str:
    return max(levels, key=LEVELS.index)
