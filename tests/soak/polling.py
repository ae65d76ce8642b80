"""Members that poll without end, each in its own way, and write down what they were given and when."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests
from taxii2client.v21 import Collection, as_pages

from tests.soak.journal import STOP_POLLING, Journal, Json, Setup, SoakMember, digest_of, now, version_of
from tests.soak.talking import BROKEN, Talker, WrongAnswer

_FIRST, _LAST = "X-TAXII-Date-Added-First", "X-TAXII-Date-Added-Last"
_LIMITS = (1, 2, 3, 3, 40)
_PAUSE_SECONDS = (0.05, 0.4)
_COMMAND_SECONDS = 2.5  # between runs of `hub poll`, which takes as long to start as many polls do
_LATER = (429, 503)


@dataclass(frozen=True)
class Way:
    """Who polls what, and how. `versions` is the value of match[version]; without one it is `last`."""

    how: str
    member: str
    alias: str
    versions: str = ""

    @property
    def name(self) -> str:
        return f"poller-{self.how}-{self.member}-{self.alias}-{self.versions or 'default'}"

    @property
    def filters(self) -> dict[str, str]:
        return {"match[version]": self.versions} if self.versions else {}


WAYS = (
    Way("header", "jp-cert", "released"),
    Way("header", "us-cert", "released", "all"),
    Way("header", "kr-agency", "us", "all"),
    Way("manifest", "in-agency", "released", "all"),
    Way("manifest", "jp-partner", "kr", "last"),
    Way("walk", "au-cert", "us", "all"),
    Way("walk", "us-partner", "released", "last"),
    Way("pages", "kr-cert", "released"),
    Way("pages", "jp-agency", "us", "all"),
    Way("command", "in-cert", "released"),
    Way("command", "kr-partner", "us"),
)


class SoakPoller(ABC):
    """A way of polling with its place. `steps` yields after each answer whether it brought anything."""

    def __init__(self, setup: Setup, way: Way) -> None:
        self.setup, self.way = setup, way
        self.member: SoakMember = setup.members[way.member]
        self.url = setup.collections[way.alias]
        self.journal = Journal(setup, way.name)
        self.talker = Talker(self.member)
        self.chance = random.Random(f"{setup.seed}/{way.name}")
        self.after: str | None = None
        self.polls = 0

    def run(self) -> None:
        """Poll until told to stop, then until nothing new comes; then once from the start."""
        while True:
            is_last = self.setup.has(STOP_POLLING)
            brought = any(list(self.steps()))
            self.setup.raise_flag(f"ready-{self.way.name}")
            if is_last and not brought:
                break
            if not is_last:
                time.sleep(self.chance.uniform(*_PAUSE_SECONDS) * self.setup.pace)
        self._note_full()
        self.journal.count(polls=self.polls, **self.talker.tally)

    @abstractmethod
    def steps(self) -> Iterator[bool]:
        """Ask until all that is new is here, and yield after each answer whether it brought
        anything."""

    def page(self, asked: tuple[float, float], ends: Sequence[str], objects: list[Any]) -> None:
        """Write down a page: objects as [id, version, digest], or with its date where that is known.

        `asked` is when it was asked for and there, `ends` the dates of its first and last object.
        """
        times = dict(zip(("sent", "answered", "first", "last"), [*asked, *ends], strict=True))
        self.journal.note("page", member=self.way.member, objects=objects, **times)
        self.after = ends[-1]

    def _note_full(self) -> None:
        objects = [entry_of(item) for item in everything(self.talker, self.url, self.way.filters)]
        self.journal.note("full", member=self.way.member, objects=objects)

    def window(self) -> dict[str, str]:
        return self.way.filters | ({"added_after": self.after} if self.after else {})


class ByHeader(SoakPoller):
    """`added_after` from the header of the last page, and never `next`."""

    def steps(self) -> Iterator[bool]:
        more = True
        while more:
            answer = self.talker.get(f"{self.url}objects/", self.window() | {"limit": "25"})
            self.polls += 1
            envelope = answer.response.json()
            more = bool(envelope["more"])
            if objects := envelope.get("objects"):
                ends = [answer.response.headers[name] for name in (_FIRST, _LAST)]
                self.page(answer.span, ends, [entry_of(item) for item in objects])
            yield bool(objects)


class ByManifest(SoakPoller):
    """`added_after` from the last entry of the manifest; objects themselves are not fetched."""

    def steps(self) -> Iterator[bool]:
        more = True
        while more:
            answer = self.talker.get(f"{self.url}manifest/", self.window() | {"limit": "30"})
            self.polls += 1
            manifest = answer.response.json()
            more = bool(manifest["more"])
            if entries := manifest.get("objects"):
                found = [[e["id"], e["version"], None, e["date_added"]] for e in entries]
                self.page(answer.span, [found[0][3], found[-1][3]], found)
            yield bool(entries)


class ByWalk(SoakPoller):
    """`next` with tiny limits that change on the way, then the header's date."""

    def steps(self) -> Iterator[bool]:
        params: dict[str, str] = self.window()
        while True:
            limit = {"limit": str(self.chance.choice(_LIMITS))}
            answer = self.talker.get(f"{self.url}objects/", params | limit)
            self.polls += 1
            envelope = answer.response.json()
            if objects := envelope.get("objects"):
                ends = [answer.response.headers[name] for name in (_FIRST, _LAST)]
                self.page(answer.span, ends, [entry_of(item) for item in objects])
            yield bool(objects)
            if not envelope["more"]:
                return
            params = self.way.filters | {"next": envelope["next"]}


@dataclass
class _Seen:
    """The dates of the last response that taxii2-client was given, which it does not hand on."""

    sent: float = 0.0
    ends: tuple[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def look(self, response: requests.Response, *_args: Any, **_options: Any) -> None:
        found = response.headers.get(_FIRST), response.headers.get(_LAST)
        self.ends = (found[0], found[1]) if found[0] and found[1] else None
        self.sent = now() - response.elapsed.total_seconds()


class ByPages(SoakPoller):
    """taxii2-client's own `as_pages`; the date to go on from is read off the response in passing."""

    def __init__(self, setup: Setup, way: Way) -> None:
        super().__init__(setup, way)
        self._collection = Collection(self.url, auth=self.talker.session.auth)
        self._seen = _Seen()
        self._collection._conn.session.hooks["response"].append(self._seen.look)

    def steps(self) -> Iterator[bool]:
        filters = {"version": self.way.versions} if self.way.versions else {}
        window = {"added_after": self.after} if self.after else {}
        sent = now()
        try:
            for envelope in as_pages(self._collection.get_objects, 20, **filters, **window):
                self.polls += 1
                objects = envelope.get("objects", [])
                if objects and self._seen.ends:
                    self.page((sent, now()), self._seen.ends, [entry_of(item) for item in objects])
                yield bool(objects)
                sent = now()
        except BROKEN:
            self.talker.tally["broken"] += 1
            yield True
        except requests.HTTPError as error:
            if error.response is None or error.response.status_code not in _LATER:
                raise WrongAnswer(f"{error}") from error
            self.talker.tally[str(error.response.status_code)] += 1
            time.sleep(1)
            yield True


class ByCommand(SoakPoller):
    """`hub poll --state --out`, a process each time; an object's own time is that of the whole run."""

    def __init__(self, setup: Setup, way: Way) -> None:
        super().__init__(setup, way)
        self._out, self._state = (setup.home / f"{way.name}.{end}" for end in ("out", "state"))
        self._length = 0
        self._environ = {**os.environ, "HUB_URL": setup.url, "HUB_TOKEN": self.member.token}

    def steps(self) -> Iterator[bool]:
        command = [sys.executable, "-m", "hub", "poll", self.way.alias, "--json"]
        sent, before = now(), self.after or ""
        options = ["--out", str(self._out), "--state", str(self._state)]
        done = subprocess.run(
            [*command, *options], env=self._environ, capture_output=True, text=True, check=False
        )
        self.polls += 1
        if done.returncode:
            raise WrongAnswer(f"hub poll: {done.stderr}")
        with self._out.open("rb") as file:
            file.seek(self._length)
            lines = file.read()
        self._length += len(lines)
        objects = [entry_of(json.loads(line)) for line in lines.splitlines()]
        if objects:
            # The first date is not told: the page begins after the one before.
            last = json.loads(self._state.read_bytes())["last_date_added"]
            self.page((sent, now()), [f"{before}+", last], objects)
        yield bool(objects)
        if not self.setup.has(STOP_POLLING):
            time.sleep(_COMMAND_SECONDS * self.setup.pace)


_KINDS = {
    "header": ByHeader,
    "manifest": ByManifest,
    "walk": ByWalk,
    "pages": ByPages,
    "command": ByCommand,
}


def make(setup: Setup, way: Way) -> SoakPoller:
    return _KINDS[way.how](setup, way)


def entry_of(item: Json) -> list[str]:
    return [item["id"], version_of(item), digest_of(item)]


def everything(talker: Talker, url: str, filters: Mapping[str, str]) -> Iterator[Json]:
    """Yield what one full poll gives."""
    params = dict(filters)
    while True:
        envelope = talker.get(f"{url}objects/", params).response.json()
        yield from envelope.get("objects", [])
        if not envelope["more"]:
            return
        params = dict(filters) | {"next": envelope["next"]}
