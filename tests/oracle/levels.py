"""What every version amounts to, for what it says and what its submitter's containers say (policy 2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from tests.oracle import markings
from tests.oracle.markings import LEVELS, strictest
from tests.oracle.records import Records
from tests.oracle.versions import Given, Handling, OracleVersion, common, together

Plain = Mapping[OracleVersion, Handling]


@dataclass
class Levels(Records):
    """Settles the level, REL TO and closure of everything that a member holds."""

    # --- once, at the end of the submission that brought it ---

    def decide(
        self,
        member: str,
        fresh: Sequence[OracleVersion],
        brought: Collection[OracleVersion],
        repeated: Collection[OracleVersion],
    ) -> None:
        """Decide what is decided once. `brought` are the submission's containers, new or held already;
        `repeated` the names that it said again (2.3)."""
        for version in fresh:
            self._default(version)
        self.settle(member)
        for version in fresh:
            if version.is_once:
                version.given = self._first(version, [c for c in brought if version.id in c.contains()])
        # Identities take theirs from who names them, before anything is compared with it.
        self.settle(member)
        for version in self.versions:
            named_by = [c for c in brought if version.id in c.contains()]
            is_old = version.member == member and version not in fresh and not version.is_deleted
            if is_old and version.given is not None and named_by:
                self._again(version, named_by, is_repeated=version in repeated)
        self.settle(member)

    def _default(self, version: OracleVersion) -> None:
        """Whether nothing but the default is left for it, for ever (2.3, 2.4)."""
        if version.tlp is not None or version.is_once or self.kept_from(version) is not None:
            return
        version.is_default = not self._is_contained(version)
        is_excepted = markings.is_accepted_definition(version.obj, self.informative)
        version.is_home = version.is_default and self.nation(version) in self.homes and not is_excepted

    def _is_contained(self, version: OracleVersion) -> bool:
        """Whether anything is handed down to it; containers that name but each other have the default."""
        above = self.containers(version)
        for container in above:  # it grows as it is gone through
            if container.tlp is None:
                above += [c for c in self.containers(container) if c not in above]
        is_cycle = version in above and all(c.tlp is None and self.containers(c) for c in above)
        return bool(above) and not is_cycle

    def _first(self, name: OracleVersion, beside: Sequence[OracleVersion]) -> Given:
        if beside:
            return self._laxest(beside)
        held = self.containers(name)
        if held:
            # Of all that are held: the strictest in every respect.
            offers = {container: self.handed(container) for container in held}
            strict = together(offers.values())
            closed = tuple(container for container in held if offers[container].is_closed)
            return Given(strict.level or "red", strict.nations, closed)
        nation = self.nation(name)
        return Given(self.defaults[nation], is_home=nation in self.homes, is_default=True)

    def _laxest(self, containers: Sequence[OracleVersion]) -> Given:
        """Of the open ones, else of all, those of the lowest level, to whomever one of these goes."""
        offers = {container: self.handed(container) for container in containers}
        open_ = [container for container in containers if not offers[container].is_closed]
        among = open_ or containers
        lowest = min((offers[c].level or "red" for c in among), key=LEVELS.index)
        chosen = [container for container in among if offers[container].level == lowest]
        each = [offers[container].addressees for container in chosen]
        named = [nations for nations in each if nations is not None]
        nations = frozenset[str]().union(*named) if len(named) == len(each) else None
        return Given(lowest, nations, () if open_ else tuple(chosen))

    def _again(self, name: OracleVersion, named_by: Sequence[OracleVersion], *, is_repeated: bool) -> None:
        """A container comes for a name that is there: it may loosen what is said again, or be the first."""
        assert name.given is not None
        offer = self._laxest(named_by)
        now = name.given
        if name.follows is not None:
            now = replace(now, level=name.follows, is_home=False)
        may_loosen = is_repeated and not offer.handling.is_stricter_than(now.handling)
        if may_loosen and now.handling.is_stricter_than(offer.handling):
            name.given, name.follows = offer, None
        elif now.is_default:
            level = strictest([now.level, offer.level]) or offer.level
            nations = common([now.handling.addressees, offer.handling.addressees])
            name.given, name.follows = Given(level, nations, offer.by, now.is_home), None

    # --- whenever something changes ---

    def settle(self, member: str) -> None:
        """Judge anew all that the member holds; what is deleted stays as it stood."""
        self._settle(member)
        for version in self.versions:
            if version.member == member and not version.is_deleted:
                self._follow(version)
        self._settle(member)

    def _settle(self, member: str) -> None:
        mine = [v for v in self.versions if v.member == member]
        plain: dict[OracleVersion, Handling] = {v: v.plain if v.is_deleted else Handling() for v in mine}
        living = [version for version in mine if not version.is_deleted]
        while True:
            found = plain | {version: self._plain(version, plain) for version in living}
            if found == plain:
                break
            plain = found
        for version in living:
            version.plain = plain[version]
        # Nothing is kept from what is itself kept: a revoking version is the last.
        for version in sorted(living, key=lambda v: self.kept_from(v) is not None):
            kept = self.kept_from(version)
            parts = [version.plain, version.taken, *([kept.full] if kept else [])]
            version.full = together(parts)
            version.base = self._base(version)
            if version.given is not None:
                by = tuple(container for container in version.given.by if plain[container].is_closed)
                version.given = replace(version.given, by=by)

    def _plain(self, version: OracleVersion, plain: Plain) -> Handling:
        own = Handling(version.raised, self._own_nations(version), self._is_closed_by_itself(version))
        if version.tlp is not None:
            return together([replace(own, level=strictest([own.level, version.tlp]))])
        kept = self.kept_from(version)
        if kept is not None:
            return together([own, plain[kept]])
        if version.is_once:
            return together([own, *self._given(version, plain)])
        if version.is_default:
            own = replace(own, level=strictest([own.level, self.default(version)]))
        own = replace(own, is_closed=own.is_closed or version.is_home)
        return together([own, *(self.handed(container, plain) for container in self.containers(version))])

    def _given(self, version: OracleVersion, plain: Plain) -> list[Handling]:
        given = version.given
        if given is None:
            return []
        if version.follows is not None:
            return [Handling(version.follows)]
        is_closed = given.is_home or any(plain[container].is_closed for container in given.by)
        return [Handling(given.level, given.nations, is_closed)]

    def default(self, version: OracleVersion) -> str:
        said = self.configured(version)
        is_excepted = markings.is_accepted_definition(version.obj, said.informative)
        return "green" if is_excepted else said.defaults[self.nation(version)]

    def containers(self, version: OracleVersion) -> list[OracleVersion]:
        """Every version of every container of the member that names it (2.3)."""
        return [v for v in self.versions if v.member == version.member and version.id in v.contains()]

    def handed(self, container: OracleVersion, plain: Plain | None = None) -> Handling:
        """What a container hands down: one without TLP of its own counts at its default (2.3)."""
        own = container.plain if plain is None else plain[container]
        if container.tlp is not None:
            return own
        return together([replace(own, level=strictest([own.level, self.default(container)]))])

    def _own_nations(self, version: OracleVersion) -> frozenset[str] | None:
        named = {self.rel_to[ref] for ref in markings.marks_of(version.obj) if ref in self.rel_to}
        return frozenset(named) or None

    def _is_closed_by_itself(self, version: OracleVersion) -> bool:
        """By a marking that nobody knows, REL TO on a part or at depth, or a bad selector (2.1, 2.5, 2.6)."""
        said = self.configured(version).informative
        # What is no statement has to be listed for both: the definition, and what carries it.
        accepted = said | {
            v.id
            for v in self.versions
            if v.member == version.member
            and markings.is_accepted_definition(v.obj, self.configured(v).informative)
            and markings.is_accepted_definition(v.obj, said)
        }
        whole, inner = markings.marks_of(version.obj), markings.inner_marks_of(version.obj)
        is_unknown = bool((whole - accepted - self.rel_to.keys()) | (inner - accepted))
        return is_unknown or markings.has_bad_selector(version.obj)

    def _base(self, version: OracleVersion) -> Handling:
        """Level and REL TO without the version's own granular markings and labels (7)."""
        kept = self.kept_from(version)
        sources = [Handling(version.tlp, self._own_nations(version)), version.taken]
        if version.tlp is None and kept is not None:
            sources.append(kept.full)
        elif version.tlp is None and version.given is not None:
            sources.append(Handling(version.follows) if version.follows else version.given.handling)
        elif version.tlp is None:
            sources += [self.handed(container) for container in self.containers(version)]
            sources += [Handling(self.default(version))] if version.is_default else []
        found = together(sources)
        return found if found.level is not None else replace(found, level=self.default(version))

    # --- identities (2.4) ---

    def _follow(self, version: OracleVersion) -> None:
        """An unmarked identity that no container gave anything takes the laxest of those that name it."""
        given = version.given
        if version.type != "identity" or given is None or not given.is_default:
            return
        levels = [level for level in (v.level for v in self._namers(version)) if level is not None]
        if not levels:
            return
        laxest = strictest(["green", min(levels, key=LEVELS.index)]) or "green"
        # Who came with it or before decides; later ones only loosen.
        first = version.order == self.submissions and version.follows is None
        held = version.follows or given.level
        if first or LEVELS.index(laxest) <= LEVELS.index(held):
            version.follows = laxest

    def _namers(self, identity: OracleVersion) -> list[OracleVersion]:
        """Newest versions that go abroad; unmarked identities name none, their own level being taken."""
        return [
            v
            for v in self.versions
            if v.member == identity.member
            and v.creator == identity.id != v.id
            and not (v.type == "identity" and v.tlp is None)
            and self.is_newest(v)
            and not v.is_deleted
            and not v.is_closed
        ]
