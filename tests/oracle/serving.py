"""Who is served what, and in which form (policy 2.7, 3, 4, 7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.oracle.agreements import OracleAgreement
from tests.oracle.forms import MadeObjects, ServedForm, handling_of_rest
from tests.oracle.records import Served
from tests.oracle.versions import (
    LEVELS,
    ORDER,
    Handling,
    Json,
    OracleAccount,
    OracleOutcome,
    OracleVersion,
    lowest,
    narrower,
    references,
)


@dataclass
class Oracle(MadeObjects):
    """What the hub should say, given everything that was submitted so far."""

    # --- submissions ---

    def submit(
        self,
        member: str,
        objects: Sequence[Json],
        at: datetime,
        agreements: Sequence[OracleAgreement],
    ) -> list[OracleOutcome]:
        """Take a submission, and return what becomes of each object, by what was observed until now."""
        self.submissions += 1
        standing: set[int] = set()
        while True:
            kept = [(version, dict(vars(version))) for version in self.versions]
            outcomes, fresh = self._take(member, objects, at, agreements, standing)
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
            about = {id: known[id] for id in version.refers() if id in known}
            version.names_source = self._names_source(version)
            # What is about several nations' objects, or about one under two ids, answers nobody.
            if len({of for of, _ in about.values()}) == 1 and len({*about.values()}) == len(about):
                version.about = about
                version.audience = self._audience(nation, about, at)
        return outcomes

    def _take(
        self,
        member: str,
        objects: Sequence[Json],
        at: datetime,
        agreements: Sequence[OracleAgreement],
        standing: Collection[int],
    ) -> tuple[list[OracleOutcome], dict[int, OracleVersion]]:
        outcomes: list[OracleOutcome] = []
        fresh: dict[int, OracleVersion] = {}
        said: list[OracleVersion] = []  # new, or held already
        for n, obj in enumerate(objects):
            if n in standing:
                outcomes.append(OracleOutcome("refused", "stands as it is"))
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
            version.taken = self.taken(version, agreements, at)
        repeated = {version for version in said if version not in fresh.values()}
        brought = list(dict.fromkeys(version for version in said if version.contains()))
        self.decide(member, list(fresh.values()), brought, repeated)
        return outcomes, fresh

    def observe(
        self,
        agreements: Sequence[OracleAgreement],
        now: datetime,
        served: Mapping[str, Collection[tuple[str, str]]] | None = None,
    ) -> None:
        """Take note of what everybody may see now; to be called whenever that may have changed.

        `served`, where given for a member, are the ids and versions that it can be served.
        """
        seen = self.served_forms(agreements, now)
        for member in seen if served is None else served.keys() & seen.keys():
            if served is not None:
                there = served[member]
                seen[member] = {s for s in seen[member] if (self.id_of(s), s.version.text) in there}
        self.note(seen)
        self.take_note({member: self._served(served_forms) for member, served_forms in seen.items()})

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
        self, served: Served, nation: str, agreements: Sequence[OracleAgreement], now: datetime
    ) -> str | None:
        """The lowest kind of member of the nation who sees as much, by section 4 or 3; None: nobody does.

        It makes no difference whether it sees it as an anonymised one (7); who sees less of it doesn't count.
        """
        ceilings = {None, served.ceiling}
        for kind in ORDER:
            served_forms = self._largest(None, OracleAccount(nation, kind), agreements, now)
            if any(s.version is served.original and s.ceiling in ceilings for s in served_forms):
                return kind
        return None

    def _audience(self, nation: str, about: Mapping[str, tuple[str, str]], now: datetime) -> str:
        """Who may see, in their own nation, all that something came of to `nation` under these ids (7).

        An answer goes there as if it were about an object of the cert's own, whose id all learn. What never
        came, or is there no more, is the cert's.
        """
        kinds = ["partner"]
        for made, (of, id) in about.items():
            came = self.came_from.get((nation, made), set())
            living = [versions[-1] for member in came if (versions := self.living(member, id))]
            kinds += [self.releases(Served(v, v.full, v), of, (), now) or "cert" for v in living]
            kinds += ["cert"] if len(living) < len(came) or not came else []
        return narrower(*kinds)

    # --- sections 3, 4 and 7: who sees it in which form, references aside ---

    def _candidates(
        self, reader: str | None, account: OracleAccount, agreements: Sequence[OracleAgreement], now: datetime
    ) -> set[ServedForm]:
        clauses = [
            (agreement, c)
            for agreement in agreements
            if agreement.is_in_force(now)
            for c in agreement.clauses
        ]
        found: set[ServedForm] = set()
        # What is being submitted is judged after it is known what it takes from others.
        for version in [v for v in self.versions if v.level is not None]:
            if account.nation != self.nation(version):
                for agreement, clause in clauses:
                    found.update(self._forms(version, agreement, clause, account))
            elif version.member == reader or self._is_shown_at_home(version, account):
                found.add(ServedForm(version))
        return found

    def _is_shown_at_home(self, version: OracleVersion, account: OracleAccount) -> bool:
        """Section 3, and what section 8 limits."""
        is_limited = not self._is_within_limits(version, account)
        return _reaches(account.kind, lowest(version.level)) and not is_limited

    def _is_within_limits(self, version: OracleVersion, account: OracleAccount) -> bool:
        limits = version.full.limits
        if limits is None:
            return True
        return account.nation in limits and _reaches(account.kind, limits[account.nation])

    def _forms(
        self, version: OracleVersion, agreement: OracleAgreement, clause: Json, account: OracleAccount
    ) -> Iterable[ServedForm]:
        """The forms in which one clause lets a foreign reader see a version."""
        is_hiding = clause.get("anonymise") == "agency"
        if is_hiding and version.names_source:
            return
        mark = ["anonymised"] if is_hiding and self.is_masked(version) else []
        whole = self._matches(version, version.full, agreement, clause, account)
        if account.nation in {nation for nation, _ in version.about.values()}:
            # With the original's id, and as the newest version alone.
            is_asked = _reaches(account.kind, version.audience)
            if whole and is_asked and self.is_newest(version):
                yield ServedForm(version, " ".join([*mark, "answer"]))
            return
        if whole:
            yield ServedForm(version, " ".join(mark))
        cut = self.cut(version, clause["max_tlp"]) if clause.get("granular") == "redact" else None
        if cut and self._matches(version, handling_of_rest(version, cut), agreement, clause, account):
            yield ServedForm(version, " ".join([*mark, f"redacted:{clause['max_tlp']}"]))

    def _matches(
        self,
        version: OracleVersion,
        handling: Handling,
        agreement: OracleAgreement,
        clause: Json,
        account: OracleAccount,
    ) -> bool:
        level = handling.level
        assert level is not None
        origin = self.nation(version)
        if clause["from"] != origin or account.nation not in clause["to"]:
            return False
        is_kept = version.is_closed or not self._is_within_limits(version, account)
        if is_kept or not _is_releasable(handling, account.nation):
            return False
        if LEVELS.index(level) > LEVELS.index(clause["max_tlp"]):
            return False
        start = agreement.start(origin, account.nation)
        if not clause.get("history", False) and (start is None or version.at < start):
            return False
        stix_type = version.obj["type"]
        if stix_type not in [*clause.get("types", [stix_type]), "identity", "marking-definition"]:
            return False
        return _reaches(account.kind, clause.get("audience", "agency")) and _reaches(
            account.kind, lowest(level)
        )

    # --- 2.7 and "the newest version decides" ---

    def visible(
        self, reader: str, agreements: Sequence[OracleAgreement], now: datetime
    ) -> set[OracleVersion]:
        """Every version that the reader is served as it was submitted."""
        return _not_deleted(_plain(self._largest(reader, self.accounts[reader], agreements, now)))

    def everybody(
        self, agreements: Sequence[OracleAgreement], now: datetime
    ) -> dict[str, set[OracleVersion]]:
        """What every member is served as it was submitted."""
        return {
            member: _plain(served_forms)
            for member, served_forms in self.served_forms(agreements, now).items()
        }

    def served_forms(
        self, agreements: Sequence[OracleAgreement], now: datetime
    ) -> dict[str, set[ServedForm]]:
        """What every member is served, in every form."""
        found = {}
        for member, account in self.accounts.items():
            largest = self._largest(member, account, agreements, now)
            there = {served_form for served_form in largest if not served_form.version.is_deleted}
            found[member] = there | _links(there)
        return found

    def _largest(
        self, reader: str | None, account: OracleAccount, agreements: Sequence[OracleAgreement], now: datetime
    ) -> set[ServedForm]:
        """The largest set in which nothing lacks a later version or an own record that it refers to."""
        seen = self._candidates(reader, account, agreements, now)
        needed: dict[ServedForm, list[set[ServedForm]]] = {}
        for served_form in seen:
            version = served_form.version
            record = self.record(version.member, version.id)
            later = record[record.index(version) + 1 :]
            targets = [self.newest(version.member, id) for id in self._needs(served_form)]
            needed[served_form] = [
                *(self._as_later(served_form, v) for v in later),
                *(self._as_targets(served_form, v) for v in targets),
            ]
        while True:
            gone = {
                served_form
                for served_form in seen
                if served_form.version.member != reader
                and any(seen.isdisjoint(need) for need in needed[served_form])
            }
            if not gone:
                return seen
            seen -= gone

    def _needs(self, served_form: ServedForm) -> set[str]:
        """The ids of which the submitter's own record must be seen (2.7)."""
        version = served_form.version
        own = {id for id in self._refers(served_form) if self.record(version.member, id)}
        if version.tlp is None or not version.contains():
            return own
        # A container with TLP of its own goes without its unmarked names.
        names = {id for id in own & version.contains() if self._is_unmarked_name(version.member, id)}
        return own - names

    def _is_unmarked_name(self, member: str, id: str) -> bool:
        newest = self.newest(member, id)
        return newest.is_name and newest.tlp is None

    def _as_targets(self, served_form: ServedForm, target: OracleVersion) -> set[ServedForm]:
        """What it refers to; of a copy, what that is a copy of will do."""
        seen_as = {appearance: served_form for (served_form, _), appearance in self.appearances.items()}
        originals = {seen_as.get(original, ServedForm(original)) for original in target.copies}
        originals = {served_form for served_form in originals if not served_form.version.is_deleted}
        return {self._as_target(served_form, target)} | originals

    def _refers(self, served_form: ServedForm) -> set[str]:
        """What the object refers to in this form: what is left of it, under the names that it is given."""
        version = served_form.version
        cut = None if served_form.ceiling is None else self.cut(version, served_form.ceiling)
        refers = version.refers() if cut is None else references(cut.obj) - {version.id}
        # In the place of its author there is the nation's cert.
        return refers - self._authors(version) if served_form.is_anonymised else refers

    def _as_target(self, served_form: ServedForm, target: OracleVersion) -> ServedForm:
        """In which form what it refers to must be seen: what hides its member hides that of others."""
        return ServedForm(
            target, "anonymised" if served_form.is_anonymised and self.is_masked(target) else ""
        )

    def _as_later(self, served_form: ServedForm, later: OracleVersion) -> set[ServedForm]:
        """In which forms, any of them, a later version must be seen."""
        plain = self._as_target(served_form, later)
        # Later than what is redacted or an answer there are deleted versions alone.
        return (
            {plain}
            if served_form.ceiling is None and not served_form.is_answer
            else {plain, ServedForm(later, served_form.form)}
        )


def _links(served_forms: set[ServedForm]) -> set[ServedForm]:
    """Who sees the whole beside what is left of it is told that they belong together (7)."""
    redacted = [s for s in served_forms if s.ceiling is not None and not s.is_anonymised]
    return {
        ServedForm(s.version, f"link:{s.ceiling}") for s in redacted if ServedForm(s.version) in served_forms
    }


def _plain(served_forms: set[ServedForm]) -> set[OracleVersion]:
    return {served_form.version for served_form in served_forms if not served_form.form}


def _not_deleted(versions: set[OracleVersion]) -> set[OracleVersion]:
    """A deleted version is served to nobody, and goes on restricting as it stood (8)."""
    return {version for version in versions if not version.is_deleted}


def _is_releasable(handling: Handling, nation: str) -> bool:
    """RED must be addressed to the nation; anything else only if it is addressed at all (6)."""
    return handling.addressees is None or nation in handling.addressees


def _reaches(kind: str, lowest: str) -> bool:
    return ORDER.index(kind) >= ORDER.index(lowest)
