"""Everything that a member can ask a hub, asked: each endpoint, of what is seen, withheld and absent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from hub.model import Purpose
from tests.differential.histories import WITHOUT_NATION
from tests.differential.paired_hubs import TAXII, Exchange, PairedHub
from tests.stix_objects import malware
from tests.world import key_of

ABSENT_UUID: Final = "00000000-0000-4000-8000-000000000000"
ABSENT_AGREEMENT: Final = f"agreement--{ABSENT_UUID}"
ALIASES: Final = ("us", "kr", "jp", "au", "in", "released")
_MOST_PAGES: Final = 60


@dataclass(frozen=True)
class Topic:
    """What the questions are about. Ids of statuses and agreements are of things that one hub alone has."""

    since: str  # RFC 3339, before anything of this history happened
    seen: Sequence[str]  # STIX ids of which the reader may see something
    hidden: Sequence[str]  # STIX ids of which it may not, and that exist in one hub or in both
    absent: str
    statuses: Sequence[str]
    agreements: Sequence[str]
    is_new_to_differences: bool  # whether the whole past may be asked for, too


@dataclass(frozen=True)
class Questions:
    """One reader asks one hub. Every answer is kept by the hub."""

    hub: PairedHub
    reader: str
    topic: Topic

    def ask_all(self) -> None:
        self.ask_what_there_is()
        self.poll_what_is_new()
        of_interest = [*self.topic.hidden, *self.topic.seen] if self._signs else self.topic.hidden[:1]
        for stix_id in [*of_interest, self.topic.absent]:
            self.ask_for_one(stix_id)
        for stix_id in [*self.topic.hidden[:1], self.topic.absent]:
            self.ask_why(stix_id)
            self.delete(stix_id)
        self.ask_why_of_all()
        self.submit_what_is_refused()
        self.ask_for_statuses()
        self.ask_about_agreements()
        self.ask_amiss()
        if self.topic.is_new_to_differences:
            self.poll_everything()

    def get(self, path: str, **headers: str) -> Exchange:
        return self.hub.ask(self.reader, "GET", path, headers={"Accept": TAXII, **headers})

    def _collection(self, alias: str) -> str:
        return self.hub.collection(alias)

    @property
    def _home(self) -> str:
        return self.reader[:2] if self.reader[2] == "-" else "us"

    @property
    def _signs(self) -> bool:
        return self.reader not in WITHOUT_NATION

    # --- reading ------------------------------------------------------------------------------------

    def ask_what_there_is(self) -> None:
        for path in ("/taxii2/", "/allied/", "/allied/collections/", "/healthz"):
            self.get(path)
        if self.reader != "operator":  # who is told of the database itself: its epoch, its commits
            self.get("/readyz")
        for alias in ALIASES:
            self.get(self._collection(alias))
        self.get(f"{self._collection('in')}manifest/")
        self.get("/allied/collections/au/")
        self.get(f"/allied/collections/{ABSENT_UUID}/")
        self.get(f"/allied/collections/{ABSENT_UUID}/objects/")

    def poll_what_is_new(self) -> None:
        since = f"added_after={self.topic.since}"
        for alias in ("us", "kr", "jp", "au", "released"):
            self.get(f"{self._collection(alias)}objects/?{since}")
        released = self._collection("released")
        for filters in (
            "match[version]=all",
            "match[version]=first",
            "match[version]=first,last&match[type]=report,relationship,grouping",
            "match[version]=2026-01-01T00:02:00.000Z",
            "match[type]=malware,domain-name&limit=1",
            f"match[id]={','.join([*self.topic.hidden, *self.topic.seen, self.topic.absent])}",
            "match[spec_version]=2.0",
        ):
            self.get(f"{released}objects/?{since}&{filters}")
        self._follow_next(f"{released}objects/?{since}&match[version]=all&limit=2", "new objects")
        self._follow_next(f"{self._collection('us')}objects/?{since}&limit=3", "new objects of us")
        self._follow_dates(f"{released}manifest/?match[version]=all&limit=2", self.topic.since)

    def poll_everything(self) -> None:
        """Read the past, in which hidden things have gathered in one of the hubs."""
        released = self._collection("released")
        self.get(f"{released}manifest/?match[version]=all")
        self.get(f"{self._collection('us')}manifest/?limit=5&match[version]=first")
        self._follow_next(f"{released}objects/?limit=80&match[type]=malware,report", "everything")

    def _follow_next(self, path: str, name: str) -> None:
        """Page by `next` to the end; the cursors of two hubs differ, so each request is named by number."""
        answer, n = self.get(path), 1
        while answer.status == 200 and "next" in answer.json() and n < _MOST_PAGES:
            target = f"{path}&next={answer.json()['next']}"
            answer, n = self.hub.ask(self.reader, "GET", target, asked=f"page {n + 1} of {name}"), n + 1

    def _follow_dates(self, path: str, since: str) -> None:
        more, n = True, 0
        while more and n < _MOST_PAGES:
            answer = self.hub.ask(
                self.reader, "GET", f"{path}&added_after={since}", asked=f"page {n + 1} by date of {path}"
            )
            since, n = answer.header("X-TAXII-Date-Added-Last") or since, n + 1
            more = answer.status == 200 and answer.json()["more"]

    def ask_for_one(self, stix_id: str) -> None:
        us, released = (f"{self._collection(alias)}objects/" for alias in ("us", "released"))
        self.get(f"{released}{stix_id}/")
        self.get(f"{us}{stix_id}/?match[version]=all&limit=1")
        self.get(f"{released}{stix_id}/?match[version]=2026-01-01T00:01:00.000Z")
        self.get(f"{released}{stix_id}/versions/")
        self.get(f"{self._collection('au')}objects/{stix_id}/versions/?limit=1")
        self.get(f"{us}?match[id]={stix_id}&match[version]=first")
        self.get(f"{self._collection('released')}manifest/?match[id]={stix_id}&match[version]=all")

    def ask_why(self, stix_id: str) -> None:
        self.get(f"{self._collection('us')}objects/{stix_id}/provenance/")
        if self.reader != "auditor":  # who is told every decision about everything
            self.get(f"/governance/explanations/?object={stix_id}")
            self.get(f"/governance/disclosures/?object={stix_id}")

    def ask_why_of_all(self) -> None:
        """Ask about what the reader does not see, what is not there and what it sees in one
        request."""
        if self.reader == "auditor":
            return
        ids = [*self.topic.hidden, self.topic.absent, *self.topic.seen]
        dated = [{"object": id, "version": "2026-01-01T00:01:00.000Z"} for id in ids]
        body = json.dumps({"objects": [*ids, *dated]}).encode()
        headers = {"Content-Type": "application/json"}
        self.hub.ask(self.reader, "POST", "/governance/explanations/", body, headers=headers)

    # --- writing, to no effect ------------------------------------------------------------------------

    def delete(self, stix_id: str) -> None:
        """Ask to delete what the reader does not see, wherever it might be."""
        self.hub.ask(self.reader, "DELETE", f"{self._collection(self._home)}objects/{stix_id}/")
        for alias in (self._home, "au", "released"):
            path = f"{self._collection(alias)}objects/{stix_id}/"
            if self._signs:
                key = key_of(self.reader, Purpose.SUBMIT)
                self.hub.ask(self.reader, "DELETE", path, key=key, asked=f"signed DELETE {path}")

    def submit_what_is_refused(self) -> None:
        body = json.dumps({"objects": [malware(id=one) for one in self.topic.hidden]}).encode()
        for alias in (self._home, "au", "released"):
            path = f"{self._collection(alias)}objects/"
            self.hub.ask(self.reader, "POST", path, body, headers={"Content-Type": TAXII})
        if self._signs:
            other = "us" if self._home == "kr" else "kr"
            for alias in (other, "released"):
                path = f"{self._collection(alias)}objects/"
                self.hub.post(self.reader, path, body, Purpose.SUBMIT, f"signed POST {path}")
            path = f"{self._collection(self._home)}objects/"
            self.hub.post(self.reader, path, b'{"objects": [', Purpose.SUBMIT, "half a body")

    # --- receipts and agreements ------------------------------------------------------------------------

    def ask_for_statuses(self) -> None:
        for n, own in enumerate(self.hub.statuses.get(self.reader, ())):
            self.hub.ask(self.reader, "GET", f"/allied/status/{own}/", asked=f"own status {n}")
        for one in [*self.topic.statuses, ABSENT_UUID]:
            self.get(f"/allied/status/{one}/")
            if self.reader != "auditor":  # who lists all
                self.get(f"/governance/submissions/{one}/")
        if self.reader != "auditor":
            self.get("/governance/submissions/?limit=2")

    def ask_about_agreements(self) -> None:
        self.get("/governance/members/", Accept="application/json")
        if self.reader != "auditor" or self.topic.is_new_to_differences:
            self.get("/governance/agreements/", Accept="application/json")
        foreign = () if self.reader == "auditor" else self.topic.agreements
        for id in [*foreign, ABSENT_AGREEMENT, "nothing"]:
            self.get(f"/governance/agreements/{quote(id)}/")
            if self.reader.endswith("-cert"):
                self._try_to_govern(id)
        for n, view in enumerate(self.hub.agreements):
            if view is not None and "KR" in view["parties"]:
                path = f"/governance/agreements/{view['id']}/"
                self.hub.ask(self.reader, "GET", path, asked=f"agreement {n}")

    def _try_to_govern(self, id: str) -> None:
        for act in ("signatures", "termination", "suspension", "resumption"):
            path = f"/governance/agreements/{id}/{act}/"
            self.hub.post(self.reader, path, {"jws": "e30.e30.e30"}, Purpose.AGREEMENT)
        clause = {"from": "KR", "to": ["JP"], "max_tlp": "green"}
        document = {
            "title": "In the place of another",
            "parties": ["KR", "JP"],
            "valid_from": "2026-01-01T00:00:00Z",
            "valid_until": "2026-01-02T00:00:00Z",
            "clauses": [clause],
            "supersedes": id,
        }
        self.hub.post(self.reader, "/governance/agreements/", document, Purpose.AGREEMENT, f"supersede {id}")
        self.hub.post(self.reader, "/governance/simulations/", document, Purpose.AGREEMENT, f"simulate {id}")

    # --- what nobody should ask -------------------------------------------------------------------------

    def ask_amiss(self) -> None:
        hidden = self.topic.hidden[0] if self.topic.hidden else self.topic.absent
        one = f"{self._collection('au')}objects/{hidden}/"
        for method in ("PUT", "PATCH", "POST", "OPTIONS", "HEAD", "TRACE"):
            self.hub.ask(self.reader, method, one)
        self.hub.ask(self.reader, "HEAD", f"{one}versions/")
        self.hub.ask(self.reader, "DELETE", f"{one}versions/")
        for path in ("/", "/nothing/", f"/allied/{hidden}/", f"{one}nothing/", f"{one[:-1]}", "/governance/"):
            self.get(path)
        for query in (
            f"match[identifier]={hidden}",
            f"match[id]={hidden},,",
            f"match[version]={hidden}",
            f"next={hidden}",
            f"added_after={hidden}",
            "limit=0",
        ):
            self.get(f"{self._collection('us')}objects/?{query}")
        self.get(one, Accept="text/html")
        self.hub.ask(self.reader, "GET", one, headers={"Authorization": "Bearer nothing"})
