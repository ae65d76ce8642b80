"""What members are served: polls by collection and of the aggregate, page after page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from hub.actions.access.authenticate import reader
from hub.actions.reading import poll
from hub.model import HUB, MemberId, NationCode, Query, VersionFilter
from hub.stix.marking.tlp import TLP_IDS
from hub.store.records import objects
from tests.stix_objects import Json
from tests.world import paged
from tests.world.members import Members
from tests.world.paged import Row

EVERY_VERSION = frozenset({VersionFilter.ALL})
NEWEST = frozenset({VersionFilter.LAST})


class Seen(NamedTuple):
    """One row of a poll: the nation it came from, the version, and the exact JSON text."""

    origin: str
    id: str
    version: str
    body: str


class Polls(Members):
    """The polls of the members."""

    def query(self, member: str, origin: str | None = None, limit: int = 1_000, **filters: Any) -> Query:
        code = None if origin is None else NationCode(origin)
        return Query(reader(self.caller(member)), code, limit, **filters)

    def drain(self, query: Query) -> list[Row]:
        """Poll page after page, by cursor, until nothing more follows."""
        rows: list[Row] = []
        while True:
            page = paged.objects(self.service, query)
            rows += page.rows
            if not page.more:
                return rows
            query = poll.open_cursor(self.service, query, poll.seal_cursor(self.service, query, page))

    def rows(self, member: str, origin: str | None = None, limit: int = 1_000, **filters: Any) -> list[Row]:
        """All that a poll from the start gives, without the objects that the hub itself publishes."""
        rows = self.drain(self.query(member, origin, limit, **filters))
        return [row for row in rows if not self.is_hubs_own(row)]

    def released(self, member: str, selections: frozenset[VersionFilter] = EVERY_VERSION) -> list[Row]:
        """The rows of the aggregate collection that are the nations', not the hub's."""
        return self.rows(member, selections=selections)

    def see(self, member: str, selections: frozenset[VersionFilter] = EVERY_VERSION) -> list[Seen]:
        """Everything of the nations that the member is served, in the order in which it is served.

        Read from each nation's collection and from the aggregate, which must give the same.
        """
        seen: dict[int, Seen] = {}
        for origin in self.service.registry.nations:
            for row in self.rows(member, origin, selections=selections):
                seen[row.position] = Seen(origin, row.id, row.version, row.body.decode())
        everything = [(row.position, row.version) for row in self.released(member, selections)]
        assert everything == sorted((position, row.version) for position, row in seen.items())
        return [seen[position] for position in sorted(seen)]

    def ids(self, member: str) -> set[str]:
        return {seen.id for seen in self.see(member)}

    def sees(self, member: str, item: Json) -> bool:
        """Return whether the member is served exactly this version."""
        rows = self.rows(member, ids=frozenset({item["id"]}), selections=EVERY_VERSION)
        return any(json.loads(row.body) == item for row in rows)

    def readers(self, item: Json, among: Sequence[str]) -> list[str]:
        """Those of the members that are served exactly this version."""
        return [member for member in among if self.sees(member, item)]

    def readers_of_any(self, item: Json, *among: str) -> list[str]:
        """Those of the members that are served any version of the object."""
        return [member for member in among if item["id"] in self.ids(member)]

    def notes(self, member: str, origin: str | None = None) -> list[Json]:
        """The notes of the hub's own that recall something from the member, in order."""
        rows = self.drain(self.query(member, origin, types=frozenset({"note"}), selections=EVERY_VERSION))
        return [json.loads(row.body) for row in rows if self.is_hubs_own(row)]

    def is_hubs_own(self, row: Row) -> bool:
        """Return whether the hub publishes it for all, or as a note that recalls."""
        if row.id in self.hubs_own() or not row.id.startswith("note--"):
            return row.id in self.hubs_own()
        with self.service.store.read() as connection:  # a redaction is by the hub as well
            return bool(objects.versions_of(connection, MemberId(HUB), [row.id]))

    def hubs_own(self) -> set[str]:
        """The ids that the hub itself publishes."""
        registry = self.service.registry
        return {registry.hub_identity_id, *TLP_IDS, *registry.rel_to}

    def follow(self, member: str, origin: str | None = None, limit: int = 3) -> Poller:
        """An incremental client of the member's, which has fetched nothing yet."""
        return Poller(self, member, origin, limit)


@dataclass
class Poller:
    """Comes back with the date of the last row that it was given (TAXII 2.1 section 3.4)."""

    world: Polls
    member: str
    origin: str | None
    limit: int
    last: datetime | None = None
    received: list[Row] = field(default_factory=list)

    def poll(self) -> list[Row]:
        """Fetch what is new, and return it."""
        query = self.world.query(
            self.member, self.origin, self.limit, added_after=self.last, selections=EVERY_VERSION
        )
        rows = self.world.drain(query)
        if rows:
            self.last = rows[-1].date_added
        self.received += rows
        return rows
