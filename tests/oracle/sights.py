"""Who is served what, and in which form (policy 2.7, 3, 4, 7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tests.oracle import contents
from tests.oracle.contents import Cut, ids_within, is_value_based, made_id, names, replaced, texts
from tests.oracle.markings import ID
from tests.oracle.neighbours import Neighbours
from tests.oracle.treaties import Treaty
from tests.oracle.versions import (
    LEVELS,
    ORDER,
    TLP_OF,
    Account,
    Json,
    Outcome,
    Version,
    lowest,
    references,
    strictest,
)

TLP_2 = {
    "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}


class Sight(NamedTuple):
    """A version in the form in which somebody is served it; "" is as it was submitted."""

    version: Version
    form: str = ""

    @property
    def is_anonymised(self) -> bool:
        return "anonymised" in self.form.split()

    @property
    def ceiling(self) -> str | None:
        """The level above which parts were taken away."""
        return self.form.rpartition("redacted:")[2] if "redacted:" in self.form else None

    @property
    def is_answer(self) -> bool:
        return "answer" in self.form.split()


@dataclass
class Oracle(Neighbours):
    """What the hub should say, given everything that was submitted so far.

    `identities` and `titles` are the members' registered identities and names. What depends on when somebody
    was first served something follows from `note`: which ids came to a nation from abroad, those that the hub
    made among them, and the content of what was made.
    """

    identities: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    arrived: dict[str, set[str]] = field(default_factory=dict)
    came_from: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    made: dict[str, set[str]] = field(default_factory=dict)  # ids of redactions, say, that a nation was given
    contents: dict[Sight, Json] = field(default_factory=dict)

    # --- submissions ---

    def submit(
        self,
        member: str,
        objects: Sequence[Json],
        at: datetime,
        treaties: Sequence[Treaty],
    ) -> list[Outcome]:
        """Take a submission, and return what becomes of each object, by what was observed until now."""
        self.submissions += 1
        standing: set[int] = set()
        while True:
            kept = [(version, dict(vars(version))) for version in self.versions]
            outcomes, fresh = self._take(member, objects, at, treaties, standing)
            refusals = [n for n, version in fresh.items() if self.stands(version)]
            if not refusals:
                break
            # As if it had not been said: the rest is judged again without it.
            standing.add(refusals[0])
            self.versions = [version for version, _ in kept]
            for version, was in kept:
                vars(version).update(was)
        nation = self.accounts[member].nation
        # An id that was made comes only from the hub, be it as a reference in another object.
        known = {made: (of, id) for made, (of, id, _) in self.drawn.items() if of != nation}
        for version in fresh.values():
            version.about = {id: known[id] for id in version.refers() if id in known}
            version.answered = self._audience(nation, version.about, treaties, at)
            version.names_source = self._names_source(version)
        return outcomes

    def _take(
        self,
        member: str,
        objects: Sequence[Json],
        at: datetime,
        treaties: Sequence[Treaty],
        standing: Collection[int],
    ) -> tuple[list[Outcome], dict[int, Version]]:
        outcomes: list[Outcome] = []
        fresh: dict[int, Version] = {}
        said: list[Version] = []  # new, or held already
        for n, obj in enumerate(objects):
            if n in standing:
                outcomes.append(Outcome("refused", "stands as it is"))
                continue
            outcome, version = self.accept(member, obj, at)
            outcomes.append(outcome)
            if version is None:
                continue
            said.append(version)
            if outcome.kind == "accepted":
                fresh[n] = version
                self.versions.append(version)
        for version in fresh.values():
            version.taken = self.taken(version, treaties, at)
        repeated = {version for version in said if version not in fresh.values()}
        brought = list(dict.fromkeys(version for version in said if version.contains()))
        self.decide(member, list(fresh.values()), brought, repeated)
        return outcomes, fresh

    def observe(
        self,
        treaties: Sequence[Treaty],
        now: datetime,
        served: Mapping[str, Collection[tuple[str, str]]] | None = None,
    ) -> None:
        """Take note of what everybody may see now; to be called whenever that may have changed.

        `served`, where given for a member, are the ids and versions that it can be served.
        """
        seen = {}
        for member in self.accounts:
            seen[member] = self.visible(member, treaties, now)
            if served is not None and member in served:
                seen[member] = {v for v in seen[member] if (v.id, v.text) in served[member]}
        self.take_note(seen)

    def delete(self, member: str, id: str, texts: Sequence[str] | None) -> bool:
        """Delete versions (all: None) of the member's record; a cert, of every record of its nation."""
        account = self.accounts[member]
        doomed = [
            v
            for v in self.versions
            if v.id == id
            and not v.is_deleted
            and (texts is None or v.text in texts)
            and (v.member == member or (account.kind == "cert" and self.nation(v) == account.nation))
        ]
        for version in doomed:
            version.is_deleted = True
        for owner in sorted({version.member for version in doomed}):
            self.settle(owner)
        return bool(doomed)

    def releases(
        self, version: Version, nation: str, treaties: Sequence[Treaty], now: datetime
    ) -> str | None:
        """The lowest kind of member of the nation to whom section 4 releases the version; None: to nobody."""
        for kind in ORDER:
            if version in _plain(self._largest(None, Account(nation, kind), treaties, now)):
                return kind
        return None

    def _audience(
        self,
        nation: str,
        about: Mapping[str, tuple[str, str]],
        treaties: Sequence[Treaty],
        now: datetime,
    ) -> str:
        """The lowest kind of member who may see all the originals at home, as if they were the cert's (7).

        Of whom something came to the nation under these ids. What never came, or is there no more, is the
        cert's.
        """
        records = {(m, id) for made, (_, id) in about.items() for m in self.came_from.get((nation, made), ())}
        is_complete = {id for _, id in records} == {id for _, id in about.values()}
        if not is_complete or not all(self.living(*record) for record in records):
            return "cert"
        for kind in ORDER:
            seen = {
                version
                for of in {of for of, _ in about.values()}
                for version in _plain(self._largest(None, Account(of, kind), treaties, now))
            }
            if all(self.newest(*record) in seen for record in records):
                return kind
        return "cert"

    def _names_source(self, version: Version) -> bool:
        """Whether hiding its member would be in vain (7)."""
        words = [version.member, *([self.titles[version.member]] if version.member in self.titles else [])]
        is_somebody = version.obj["type"] == "identity" and version.obj.get("identity_class") != "class"
        # Any id of another's may be one that is hidden, now or later.
        told = any(not is_value_based(id) for id in ids_within(version.obj))
        return is_somebody or told or names(version.obj, words)

    def is_masked(self, version: Version) -> bool:
        """Whether it can tell who submitted it: an observable that follows from values cannot."""
        if self.accounts[version.member].kind == "cert":
            return False
        ids = {text for text in texts(version.obj) if ID.fullmatch(text)} - TLP_OF.keys()
        return not all(is_value_based(id) for id in ids) or version.names_source

    # --- sections 3, 4 and 7: who sees it in which form, references aside ---

    def _candidates(
        self, reader: str | None, account: Account, treaties: Sequence[Treaty], now: datetime
    ) -> set[Sight]:
        clauses = [(treaty, c) for treaty in treaties if treaty.is_in_force(now) for c in treaty.clauses]
        found: set[Sight] = set()
        # What is being submitted is judged after it is known what it takes from others.
        for version in [v for v in self.versions if v.level is not None]:
            if account.nation != self.nation(version):
                for treaty, clause in clauses:
                    found.update(self._forms(version, treaty, clause, account))
            elif version.member == reader or self._is_shown_at_home(version, account):
                found.add(Sight(version))
        return found

    def _is_shown_at_home(self, version: Version, account: Account) -> bool:
        """Section 3, and what section 8 limits."""
        is_limited = not self._is_within_limits(version, account)
        return _reaches(account.kind, lowest(version.level)) and not is_limited

    def _is_within_limits(self, version: Version, account: Account) -> bool:
        limits = version.full.limits
        if limits is None:
            return True
        return account.nation in limits and _reaches(account.kind, limits[account.nation])

    def _forms(self, version: Version, treaty: Treaty, clause: Json, account: Account) -> Iterable[Sight]:
        """The forms in which one clause lets a foreign reader see a version."""
        is_hidden = clause.get("anonymise") == "agency" and self.is_masked(version)
        if is_hidden and version.names_source:
            return
        mark = ["anonymised"] if is_hidden else []
        whole = self._matches(version, version.level, version.nations, treaty, clause, account)
        if {nation for nation, _ in version.about.values()} == {account.nation}:
            # Where it answers, it is seen as the newest version alone; everywhere else it goes as it is.
            is_told = _reaches(account.kind, version.answered)
            if whole and is_told and self.is_newest(version):
                yield Sight(version, " ".join([*mark, "answer"]))
            return
        if whole:
            yield Sight(version, " ".join(mark))
        cut = self.cut(version, clause["max_tlp"]) if clause.get("granular") == "redact" else None
        left = cut and self._left_level(version, cut)
        if left and self._matches(version, left, version.left, treaty, clause, account):
            yield Sight(version, " ".join([*mark, f"redacted:{clause['max_tlp']}"]))

    def cut(self, version: Version, ceiling: str) -> Cut | None:
        """What is left of the newest version below a ceiling; None: nothing is to be taken away, or all."""
        return contents.cut(version.obj, ceiling) if self.is_newest(version) else None

    def _left_level(self, version: Version, cut: Cut) -> str:
        return strictest([version.base, cut.level]) or "red"

    def _matches(
        self,
        version: Version,
        level: str | None,
        nations: frozenset[str] | None,
        treaty: Treaty,
        clause: Json,
        account: Account,
    ) -> bool:
        assert level is not None
        origin = self.nation(version)
        if clause["from"] != origin or account.nation not in clause["to"]:
            return False
        is_kept = version.is_closed or not self._is_within_limits(version, account)
        if is_kept or not _is_releasable(level, nations, account.nation):
            return False
        if LEVELS.index(level) > LEVELS.index(clause["max_tlp"]):
            return False
        start = treaty.start(origin, account.nation)
        if not clause.get("history", False) and (start is None or version.at < start):
            return False
        stix_type = version.obj["type"]
        if stix_type not in [*clause.get("types", [stix_type]), "identity", "marking-definition"]:
            return False
        return _reaches(account.kind, clause.get("audience", "agency")) and _reaches(
            account.kind, lowest(level)
        )

    # --- 2.7 and "the newest version decides" ---

    def visible(self, reader: str, treaties: Sequence[Treaty], now: datetime) -> set[Version]:
        """Every version that the reader is served as it was submitted."""
        return _there(_plain(self._largest(reader, self.accounts[reader], treaties, now)))

    def everybody(self, treaties: Sequence[Treaty], now: datetime) -> dict[str, set[Version]]:
        """What every member is served as it was submitted."""
        return {member: _plain(sights) for member, sights in self.sights(treaties, now).items()}

    def sights(self, treaties: Sequence[Treaty], now: datetime) -> dict[str, set[Sight]]:
        """What every member is served, in every form."""
        found = {}
        for member, account in self.accounts.items():
            largest = self._largest(member, account, treaties, now)
            there = {sight for sight in largest if not sight.version.is_deleted}
            found[member] = there | _links(there)
        return found

    def _largest(
        self, reader: str | None, account: Account, treaties: Sequence[Treaty], now: datetime
    ) -> set[Sight]:
        """The largest set in which nothing lacks a later version or an own record that it refers to."""
        seen = self._candidates(reader, account, treaties, now)
        needed: dict[Sight, list[set[Sight]]] = {}
        for sight in seen:
            version = sight.version
            record = self.record(version.member, version.id)
            later = record[record.index(version) + 1 :]
            targets = [self.newest(version.member, id) for id in self._needs(sight)]
            needed[sight] = [
                *(self._as_later(sight, v) for v in later),
                *(self._as_targets(sight, v) for v in targets),
            ]
        while True:
            gone = {
                sight
                for sight in seen
                if sight.version.member != reader and any(seen.isdisjoint(need) for need in needed[sight])
            }
            if not gone:
                return seen
            seen -= gone

    def _needs(self, sight: Sight) -> set[str]:
        """The ids of which the submitter's own record must be seen (2.7)."""
        version = sight.version
        own = {id for id in self._refers(sight) if self.record(version.member, id)}
        if version.tlp is None or not version.contains():
            return own
        # A container with TLP of its own goes without its unmarked names.
        names = {id for id in own & version.contains() if self._is_unmarked_name(version.member, id)}
        return own - names

    def _is_unmarked_name(self, member: str, id: str) -> bool:
        newest = self.newest(member, id)
        return newest.is_name and newest.tlp is None

    def _as_targets(self, sight: Sight, target: Version) -> set[Sight]:
        """What it refers to; of a copy, what that is a copy of will do."""
        originals = {Sight(original) for original in target.copies if not original.is_deleted}
        return {self._as_target(sight, target)} | originals

    def _refers(self, sight: Sight) -> set[str]:
        """What the object refers to in this form: what is left of it, under the names that it is given."""
        version = sight.version
        cut = None if sight.ceiling is None else self.cut(version, sight.ceiling)
        refers = version.refers() if cut is None else references(cut.obj) - {version.id}
        # In the place of its author there is the nation's cert.
        return refers - self._authors(version) if sight.is_anonymised else refers

    def _authors(self, version: Version) -> set[str | None]:
        return {self.identities.get(version.member), version.obj.get("created_by_ref")} - {version.id}

    def _as_target(self, sight: Sight, target: Version) -> Sight:
        """In which form what it refers to must be seen: what hides its member hides that of others."""
        return Sight(target, "anonymised" if sight.is_anonymised and self.is_masked(target) else "")

    def _as_later(self, sight: Sight, later: Version) -> set[Sight]:
        """In which forms, any of them, a later version must be seen."""
        plain = self._as_target(sight, later)
        # Later than what is redacted or an answer there are deleted versions alone.
        return {plain} if sight.ceiling is None and not sight.is_answer else {plain, Sight(later, sight.form)}

    # --- what is made ---

    def note(self, sights: Mapping[str, set[Sight]]) -> None:
        """Take note of what is served, in the order in which it comes to be."""
        for reader, seen in sights.items():
            nation = self.accounts[reader].nation
            arrived = self.arrived.setdefault(nation, set())
            for sight in seen:
                origin = self.nation(sight.version)
                if origin != nation:
                    arrived.add(self.id_of(sight))
                    self.came_from.setdefault((nation, self.id_of(sight)), set()).add(sight.version.member)
                    if self.id_of(sight) != sight.version.id and not sight.form.startswith("link:"):
                        self.made.setdefault(nation, set()).add(self.id_of(sight))
                if sight not in self.contents:
                    self.contents[sight] = self._content(sight)

    def id_of(self, sight: Sight) -> str:
        version = sight.version
        # What follows from a value tells nobody's name, and so stays the same where only a name is hidden.
        is_the_same = sight.form == "anonymised" and is_value_based(version.id)
        if not sight.form or is_the_same:
            return version.id
        return self._draw(self.nation(version), version.id, sight.form)

    def _draw(self, nation: str, id: str, form: str) -> str:
        made = made_id(nation, id, form)
        self.drawn[made] = (nation, id, form)
        return made

    def _content(self, sight: Sight) -> Json:
        version = sight.version
        if sight.form.startswith("link:"):
            redacted = Sight(version, sight.form.replace("link:", "redacted:"))
            return {
                "relationship_type": "derived-from",
                "source_ref": self.id_of(redacted),
                "target_ref": version.id,
                "created_by_ref": self.hub_identity,
            }
        obj = version.obj
        if sight.ceiling is not None:
            cut = self.cut(version, sight.ceiling)
            assert cut is not None
            obj = cut.obj
            if not any(ref in TLP_OF for ref in obj.get("object_marking_refs", [])):
                refs = [*obj.get("object_marking_refs", []), TLP_2[sight.ceiling]]
                obj = obj | {"object_marking_refs": refs}
        if sight.is_anonymised:
            obj = replaced(obj, lambda id: self._renamed(version, id))
        if sight.is_answer:
            obj = replaced(obj, lambda id: version.about[id][1] if id in version.about else id)
        if sight.form:
            obj = obj | {"id": self.id_of(sight)}
        if sight.form and "created" in obj:
            cert = self.identities.get(self._cert(self.nation(version)), "")
            author = self.hub_identity if sight.ceiling is not None else cert
            if sight.is_anonymised or sight.ceiling is not None:
                obj = obj | {"created_by_ref": author}
        return obj

    def _renamed(self, version: Version, id: str) -> str:
        """The id that stands for this one where the version's member is hidden."""
        nation = self.nation(version)
        cert = self._cert(nation)
        if id in self._authors(version):
            return self.identities.get(cert, cert)
        submitters = {v.member for v in self.versions if v.id == id and self.nation(v) == nation}
        certs = {self.identities.get(self._cert(a.nation)) for a in self.accounts.values()}
        reserved = {self.hub_identity, *certs, *TLP_OF, *self.rel_to, *self.configured(version).informative}
        if id in reserved or is_value_based(id) or cert in submitters:
            return id
        came = id in self.arrived.get(nation, ()) or id.startswith("extension-definition--")
        return id if came and not submitters else self._draw(nation, id, "anonymised")

    def _cert(self, nation: str) -> str:
        return next(m for m, a in self.accounts.items() if (a.nation, a.kind) == (nation, "cert"))


def _links(sights: set[Sight]) -> set[Sight]:
    """Who sees the whole beside what is left of it is told that they belong together (7)."""
    redacted = [s for s in sights if s.ceiling is not None and not s.is_anonymised]
    return {Sight(s.version, f"link:{s.ceiling}") for s in redacted if Sight(s.version) in sights}


def _plain(sights: set[Sight]) -> set[Version]:
    return {sight.version for sight in sights if not sight.form}


def _there(versions: set[Version]) -> set[Version]:
    """A deleted version is served to nobody, and goes on restricting as it stood (8)."""
    return {version for version in versions if not version.is_deleted}


def _is_releasable(level: str, nations: frozenset[str] | None, nation: str) -> bool:
    """RED must be addressed to the nation; anything else only if it is addressed at all (6)."""
    if level == "red" and nations is None:
        return False
    return nations is None or nation in nations


def _reaches(kind: str, lowest: str) -> bool:
    return ORDER.index(kind) >= ORDER.index(lowest)
