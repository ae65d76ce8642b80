"""A member that pushes and deletes without end: new objects, versions, containers, re-markings, revocations.

It keeps book of what each of its versions is held to at least, so that whoever receives one can be judged.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field

from tests.soak.journal import (
    CONTAINERS,
    NAMES,
    STOP_WRITING,
    Journal,
    Json,
    Setup,
    digest_of,
    strictest,
    version_of,
)
from tests.soak.talking import Talker, WrongAnswer, succeeded
from tests.stix_objects import sdo, stix_id

_IDS_EACH = 10_000_000
_TLPS = ("clear", "green", "green", "green", "amber", "amber", "amber", "amber+strict", "red", None)
_DEFAULT, _LOWEST = "amber", "green"


@dataclass
class SoakVersion:
    """A version of a record. `level` is what it is held to at least; `tlp` what it says itself."""

    number: int
    tlp: str | None
    level: str
    item: Json
    is_revoked: bool = False
    is_deleted: bool = False


@dataclass
class SoakRecord:
    """One STIX id of the writer's, its versions oldest first."""

    id: str
    type: str
    n: int
    refs: list[str]
    versions: list[SoakVersion] = field(default_factory=list)

    @property
    def there(self) -> list[SoakVersion]:
        return [version for version in self.versions if not version.is_deleted]

    @property
    def is_name(self) -> bool:
        return self.type in NAMES

    @property
    def is_revoked(self) -> bool:
        return any(version.is_revoked for version in self.versions)


@dataclass(frozen=True)
class SoakDraft:
    """A version about to be pushed."""

    record: SoakRecord
    version: SoakVersion


class SoakWriter:
    """One member's side. `once` does one thing, chosen by the seed."""

    def __init__(self, setup: Setup, member: str, number: int) -> None:
        self._setup = setup
        self._member = setup.members[member]
        self._journal = Journal(setup, f"writer-{member}")
        self._talker = Talker(self._member)
        self._url = f"{setup.collections[self._member.nation.lower()]}objects/"
        self._chance = random.Random(f"{setup.seed}/{member}")
        self._next = number * _IDS_EACH
        self._records: dict[str, SoakRecord] = {}
        self._statuses: list[str] = []

    def run(self) -> None:
        """Write until told to stop; then every status of the last pushes must be readable."""
        done = 0
        while not self._setup.has(STOP_WRITING):
            self.once()
            done += 1
            self._setup.raise_flag(f"ready-{self._member.id}")
            if done == self._setup.rounds:
                self._setup.raise_flag(f"done-{self._member.id}")
            time.sleep(self._chance.uniform(0.02, 0.2) * self._setup.pace)
        root = self._setup.collections["released"].partition("/collections/")[0]
        for id in self._statuses[-20:]:
            self._talker.get(f"{root}/status/{id}/")
        self._journal.count(**self._talker.tally)

    def once(self) -> None:
        acts = {
            self._new: 40,
            self._version: 20,
            self._mark_again: 12,
            self._contain: 8,
            self._relate: 10,
            self._revoke: 4,
            self._delete: 6,
            self._push_deleted: 2,
            self._push_after_revoking: 2,
        }
        self._chance.choices(list(acts), list(acts.values()))[0]()

    # --- what it does ---

    def _new(self) -> None:
        self._push([self._draft_new() for _ in range(self._chance.randint(1, 8))])

    def _version(self) -> None:
        if record := self._any_unrevoked():
            tlp = record.versions[-1].tlp
            self._push([self._draft(record, tlp)])

    def _mark_again(self) -> None:
        if record := self._any_unrevoked():
            self._push([self._draft(record, self._chance.choice(_TLPS))])

    def _contain(self) -> None:
        """Push a container, with new unmarked content beside it or over content that is there."""
        fresh = [self._draft_new(None) for _ in range(self._chance.randint(0, 2))]
        known = [record.id for _ in range(3) if (record := self._any())]
        refs = list(dict.fromkeys([draft.record.id for draft in fresh] + known))
        if refs:
            tlp = self._chance.choice([tlp for tlp in _TLPS if tlp])
            container = self._make(self._chance.choice(CONTAINERS), refs)
            self._push([self._draft(container, tlp), *fresh])

    def _relate(self) -> None:
        found = [record for _ in range(2) if (record := self._any())]
        ends = [record.id for record in found if record.type != "relationship"]
        if ends:
            refs = (ends * 2)[:2]
            self._push([self._draft(self._make("relationship", refs), self._chance.choice(_TLPS))])

    def _revoke(self) -> None:
        record = self._any_unrevoked()
        if record and record.there and not record.versions[-1].is_deleted:
            self._push([self._draft(record, None, revoked=True)])

    def _delete(self) -> None:
        """Delete all of a record, or one version of it by its timestamp: doing so twice deletes no other."""
        record = self._any()
        if not record or not record.there:
            return
        doomed, params = record.there, self._chance.choice([{}, {"match[version]": "all"}])
        if self._chance.random() < 0.5:
            doomed = [self._chance.choice(doomed)]
            params = {"match[version]": version_of(doomed[0].item)}
        texts = [version_of(version.item) for version in doomed]
        answer = self._talker.ask("DELETE", f"{self._url}{record.id}/", params=params)
        # An attempt whose answer was lost may have done it.
        if answer.response.status_code != 404 or answer.attempts == 1:
            succeeded(answer)
        for version in doomed:
            version.is_deleted = True
        self._journal.note("deleted", id=record.id, versions=texts, answered=answer.answered)

    def _push_deleted(self) -> None:
        """Push a deleted version again, which must fail and say why."""
        deleted = [(r, v) for r in self._records.values() for v in r.versions if v.is_deleted]
        if not deleted:
            return
        _record, version = self._chance.choice(deleted)
        self._push_in_vain(version.item, "deleted on")

    def _push_after_revoking(self) -> None:
        """Push a version later than a revoking one, which must fail and say why (policy 8)."""
        revoked = [record for record in self._records.values() if record.is_revoked]
        if revoked:
            draft = self._draft(self._chance.choice(revoked), self._chance.choice(_TLPS))
            self._push_in_vain(draft.version.item, "revoked it")

    def _push_in_vain(self, item: Json, reason: str) -> None:
        status = self._post([item])[0]
        message = str((status.get("failures") or [{}])[0].get("message"))
        if status["failure_count"] != 1 or reason not in message:
            self._journal.note("wrong", sentence=f"this was to be refused ({reason}): {status}")

    # --- drafting ---

    def _any(self) -> SoakRecord | None:
        """Return some record, a recent one rather than an old one."""
        recent = list(self._records.values())[-60:]
        return self._chance.choice(recent) if recent else None

    def _any_unrevoked(self) -> SoakRecord | None:
        """Return some record that may get a version: no version comes after a revoking one (policy 8)."""
        record = self._any()
        return None if record is None or record.is_revoked else record

    def _make(self, stix_type: str, refs: list[str]) -> SoakRecord:
        self._next += 1
        return SoakRecord(stix_id(stix_type, self._next), stix_type, self._next, refs)

    def _draft_new(self, *tlp: None) -> SoakDraft:
        record = self._make(self._chance.choice(["malware", "indicator", "campaign"]), [])
        return self._draft(record, None if tlp else self._chance.choice(_TLPS))

    def _draft(self, record: SoakRecord, tlp: str | None, *, revoked: bool = False) -> SoakDraft:
        number = record.versions[-1].number + 1 if record.versions else 1
        own: Json = {"x_by": self._member.id, "x_chance": self._chance.random()}
        item = sdo(record.type, record.n, version=number, tlp=tlp, refs=record.refs, revoked=revoked, **own)
        # A revoking version without TLP keeps its predecessor's (policy 8).
        kept = record.versions[-1].level if revoked and tlp is None else _DEFAULT
        return SoakDraft(record, SoakVersion(number, tlp, tlp or kept, item, is_revoked=revoked))

    # --- pushing, and what follows from it ---

    def _push(self, drafts: list[SoakDraft]) -> None:
        drafts = list({draft.record.id: draft for draft in drafts}.values())
        status, sent, answered = self._post([draft.version.item for draft in drafts])
        failures = [entry for entry in status.get("failures", []) if not _may_fail(entry, drafts)]
        if failures:
            self._journal.note("wrong", sentence=f"a push failed: {failures}")
        self._statuses.append(status["id"])
        failed = {(entry["id"], entry["version"]) for entry in status.get("failures", [])}
        taken = [d for d in drafts if (d.record.id, version_of(d.version.item)) not in failed]
        for draft in taken:
            self._records[draft.record.id] = draft.record
            draft.record.versions.append(draft.version)
        for draft in taken:
            if draft.version.tlp is None and not draft.version.is_revoked:
                draft.version.level = self._unmarked_level(draft.record)
        objects = [self._entry(draft) for draft in taken]
        self._journal.note("push", member=self._member.id, sent=sent, answered=answered, objects=objects)
        for draft in taken:
            if draft.record.type in CONTAINERS:
                self._tighten(draft, answered)

    def _post(self, items: list[Json]) -> tuple[Json, float, float]:
        data = json.dumps({"objects": items}).encode()
        answer = succeeded(self._talker.ask("POST", self._url, data=data))
        status = answer.response.json()
        if status["total_count"] != len(items) or status["pending_count"]:
            raise WrongAnswer(f"a status that does not add up: {status}")
        return status, answer.first_sent, answer.answered

    def _entry(self, draft: SoakDraft) -> Json:
        version = draft.version
        return {
            "id": draft.record.id,
            "version": version_of(version.item),
            "type": draft.record.type,
            "level": version.level,
            "tlp": version.tlp,
            "refs": draft.record.refs,
            "digest": digest_of(version.item),
        }

    def _unmarked_level(self, record: SoakRecord) -> str:
        """Return what an unmarked version is held to at least (policy 2.3 and 2.4)."""
        containers = [r for r in self._records.values() if r.type in CONTAINERS and record.id in r.refs]
        if record.is_name:
            # A name takes its level once; which container gave it is the hub's to know.
            return _DEFAULT if len(record.versions) == 1 and not containers else _LOWEST
        levels = [version.level for record in containers for version in record.there]
        if levels:
            return strictest(levels)
        # What deleted containers still say is the hub's to know.
        return _LOWEST if containers else _DEFAULT

    def _tighten(self, container: SoakDraft, answered: float) -> None:
        """Hold the unmarked versions that a container names to its level, from its acknowledgement on.

        A name is decided once (policy 2.3): no later container moves it.
        """
        named = [self._records[id] for id in container.record.refs if id in self._records]
        for record in named:
            for version in [] if record.is_name else record.there:
                levels = [version.level, container.version.level]
                if version.tlp is None and not version.is_revoked and strictest(levels) != version.level:
                    version.level = strictest(levels)
                    text = version_of(version.item)
                    self._journal.note(
                        "raised", id=record.id, version=text, level=version.level, answered=answered
                    )


def _may_fail(failure: Json, drafts: list[SoakDraft]) -> bool:
    """Tell whether this is the one refusal that a writer may meet, as it does not know what a name stands as.

    A newer unmarked version of a name is refused if it would be handled more strictly (policy 2.3).
    """
    unmarked = {draft.record.id for draft in drafts if draft.record.is_name and draft.version.tlp is None}
    return failure["id"] in unmarked and "stands as" in failure["message"]
