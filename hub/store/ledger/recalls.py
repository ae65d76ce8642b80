"""Recalls: versions that were deleted or hidden by a stricter marking, and the notes about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, insert, select, update

from hub.model import Form, MemberId, NationCode, StixId, Tlp, from_microseconds, to_microseconds
from hub.store.database.batches import batches
from hub.store.schema.recall_tables import notice, recall, recalled
from hub.store.schema.tables import release

_L = recall.c
_D = recalled.c
_N = notice.c
_C = release.c


class RecallReason(StrEnum):
    DELETED = "deleted"
    STRICTER = "stricter"


@dataclass(frozen=True, slots=True)
class Recalled:
    """A version that is recalled from a nation's members.

    `tlp` is the level at which the version was shown before; None: it was not shown. `members` have ceased to
    see the version; None: every member that has fetched it. Only pages from before `revision` count; None:
    all pages.
    """

    recipient: NationCode
    version: int  # ObjectVersion.key
    tlp: Tlp | None
    members: frozenset[MemberId] | None
    revision: int | None

    def reaches(self, member: MemberId, revision: int) -> bool:
        """Return whether the recall reaches a member that fetched the version at this ledger revision."""
        is_meant = self.members is None or member in self.members
        # INVARIANT: revisions order pages and changes, not clocks. A page of an earlier revision still held
        # the version (P8); a page of this revision or a later one did not.
        return is_meant and (self.revision is None or revision < self.revision)


@dataclass(frozen=True, slots=True)
class NewRecall:
    """The recall of one record of `member` and `origin` by one transaction."""

    origin: NationCode
    member: MemberId
    stix_id: StixId
    reason: RecallReason
    at: datetime
    recalled: Sequence[Recalled]


@dataclass(frozen=True, slots=True)
class Recall:
    """A stored recall."""

    id: int
    origin: NationCode
    member: MemberId
    stix_id: StixId
    reason: RecallReason
    at: datetime


def add(connection: Connection, recalls: Sequence[NewRecall]) -> None:
    """Store recalls. The background work then searches the fetches."""
    # The caller is the transaction that deletes or hides, so no crash loses a recall (policy 8).
    if not recalls:
        return
    rows = [
        {
            "origin": one.origin,
            "member": one.member,
            "stix_id": one.stix_id,
            "reason": one.reason.value,
            "at": to_microseconds(one.at),
        }
        for one in recalls
    ]
    statement = insert(recall).returning(_L.id, sort_by_parameter_order=True)
    ids = connection.execute(statement, rows).scalars().all()
    parts = [_row(id, part) for id, one in zip(ids, recalls, strict=True) for part in one.recalled]
    connection.execute(insert(recalled), parts)


def _row(id: int, part: Recalled) -> dict[str, Any]:
    members = None if part.members is None else orjson.dumps(sorted(part.members)).decode()
    return {
        "recall_id": id,
        "recipient": part.recipient,
        "version_id": part.version,
        "tlp": None if part.tlp is None else int(part.tlp),
        "members": members,
        "revision": part.revision,
    }


def recipients_of(connection: Connection, versions: Collection[int]) -> Iterator[tuple[NationCode, int]]:
    """Give each ledger that ever had a row of one of these versions, with the version."""
    for batch in batches(sorted(versions)):
        # Withdrawn rows count: what was fetched before stays fetched.
        query = select(_C.recipient, _C.version_id).where(_C.version_id.in_(batch)).distinct()
        for recipient, version in connection.execute(query):
            yield NationCode(recipient), version


# --- searching the fetches -------------------------------------------------------------------------


def unfinished(
    connection: Connection, searched_before: datetime | None, after: int, limit: int
) -> list[Recall]:
    """Return the next unfinished recalls above `after`, at most `limit`.

    With None recalls that were never searched, else recalls whose last search was before `searched_before`.
    """
    was_looked_at = (
        _L.looked_at.is_(None) if searched_before is None else _L.looked_at < to_microseconds(searched_before)
    )
    query = select(recall).where(_L.done_at.is_(None), was_looked_at, _L.id > after)
    return [_recall(row) for row in connection.execute(query.order_by(_L.id).limit(limit))]


def hold(connection: Connection, ids: Collection[int]) -> list[Recall]:
    """Return the unfinished recalls among these, and hold them until the transaction ends."""
    found: list[Recall] = []
    for batch in batches(sorted(ids)):
        # In order of id: two workers never wait for each other crosswise.
        query = select(recall).where(_L.id.in_(batch), _L.done_at.is_(None)).order_by(_L.id)
        found += [_recall(row) for row in connection.execute(query.with_for_update())]
    return found


def note_search(connection: Connection, ids: Collection[int], at: datetime, *, is_done: bool) -> None:
    """Record that these recalls were searched, and whether they are finished."""
    # A recall is searched again for five minutes: a page in flight may be recorded late (hub/README, The path
    # of a recall). The caller decides `is_done`.
    instant = to_microseconds(at)
    values = {"looked_at": instant, **({"done_at": instant} if is_done else {})}
    for batch in batches(sorted(ids)):
        connection.execute(update(recall).where(_L.id.in_(batch)).values(**values))


def all_of(connection: Connection) -> Iterator[Recall]:
    """Give every recall, a thousand at a time."""
    last = 0
    while found := [
        _recall(row)
        for row in connection.execute(select(recall).where(_L.id > last).order_by(_L.id).limit(1_000))
    ]:
        yield from found
        last = found[-1].id


def parts(connection: Connection, ids: Collection[int]) -> list[tuple[int, Recalled]]:
    """Return the recalled versions of these recalls, each with its recall."""
    return [
        (row.recall_id, _part(row))
        for batch in batches(sorted(ids))
        for row in connection.execute(select(recalled).where(_D.recall_id.in_(batch)))
    ]


class RecalledRow(NamedTuple):
    """A row that served a version, and the id under which the version was served."""

    recipient: NationCode
    position: int
    version: int
    stix_id: StixId
    version_text: str
    form: Form


def rows_of(connection: Connection, versions: Collection[int]) -> Iterator[RecalledRow]:
    """Give every row that these versions ever had, in every ledger."""
    for batch in batches(sorted(versions)):
        # Forms differ in their ids, and a note must name the id known to its reader.
        query = select(_C.recipient, _C.position, _C.version_id, _C.stix_id, _C.version, _C.rendition)
        for recipient, position, version, id, text, form in connection.execute(
            query.where(_C.version_id.in_(batch))
        ):
            yield RecalledRow(NationCode(recipient), position, version, StixId(id), text, Form.of(form))


# --- notices --------------------------------------------------------------------------


def add_notices(connection: Connection, notices: Collection[tuple[int, MemberId, int]]) -> None:
    """Store the notices: recall, member, and the key of the note."""
    # INVARIANT: one notice for a recall and a member (primary key): repeated work notifies once (policy 8).
    names = ("recall_id", "member", "version_id")
    if notices:
        connection.execute(insert(notice), [dict(zip(names, one, strict=True)) for one in notices])


def notices(connection: Connection, ids: Collection[int]) -> dict[tuple[int, MemberId], int]:
    """Return the key of the note for each recall and member that has a notice."""
    return {
        (id, MemberId(member)): version
        for batch in batches(sorted(ids))
        for id, member, version in connection.execute(
            select(_N.recall_id, _N.member, _N.version_id).where(_N.recall_id.in_(batch))
        )
    }


class RecallNote(NamedTuple):
    """The recall and the members that a note is for. Its key is the key of the mapping."""

    recall: Recall
    members: frozenset[MemberId]


def notes(connection: Connection, versions: Collection[int]) -> Mapping[int, RecallNote]:
    """Return the notes of recalls among these versions, by key."""
    found: dict[int, tuple[Recall, set[MemberId]]] = {}
    for batch in batches(sorted(versions)):
        query = select(_N.version_id, _N.member.label("notified"), recall).join(recall, _L.id == _N.recall_id)
        for row in connection.execute(query.where(_N.version_id.in_(batch))):
            found.setdefault(row.version_id, (_recall(row), set()))[1].add(MemberId(row.notified))
    return {version: RecallNote(one, frozenset(members)) for version, (one, members) in found.items()}


class ToldMember(NamedTuple):
    """A notice with the row of the note in the nation's ledger, and the date of that row."""

    recall: int
    member: MemberId
    part: Recalled
    position: int
    at: datetime


def notified_members(connection: Connection, versions: Collection[int]) -> Mapping[int, Sequence[ToldMember]]:
    """Return the notices about each recalled version, the latest recall first."""
    found: dict[int, list[ToldMember]] = defaultdict(list)
    columns = (_N.member.label("notified"), _C.position, _C.date_added)
    # The note is a row of the ordinary ledger: its position says whether the member has fetched it.
    joined = recalled.join(notice, _N.recall_id == _D.recall_id).join(
        release, (_C.version_id == _N.version_id) & (_C.recipient == _D.recipient)
    )
    for batch in batches(sorted(versions)):
        query = select(*columns, recalled).select_from(joined).where(_D.version_id.in_(batch))
        for row in connection.execute(query.order_by(_D.recall_id.desc())):
            at = from_microseconds(row.date_added)
            one = ToldMember(row.recall_id, MemberId(row.notified), _part(row), row.position, at)
            found[row.version_id].append(one)
    return found


# --- reading rows -------------------------------------------------------------------------------


def _recall(row: Row[Any]) -> Recall:
    return Recall(
        id=row.id,
        origin=NationCode(row.origin),
        member=MemberId(row.member),
        stix_id=StixId(row.stix_id),
        reason=RecallReason(row.reason),
        at=from_microseconds(row.at),
    )


def _part(row: Row[Any]) -> Recalled:
    members = None if row.members is None else frozenset(map(MemberId, orjson.loads(row.members)))
    tlp = None if row.tlp is None else Tlp(row.tlp)
    return Recalled(NationCode(row.recipient), row.version_id, tlp, members, row.revision)
