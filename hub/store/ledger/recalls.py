"""What was taken back or hidden by a stricter marking, from whom, and who has been told by which note."""

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
    """A version that is pulled back from a nation's members.

    `tlp` is the level at which it was shown until then, None if it was not. `members` are those who ceased to
    see it, None: whoever has fetched it. Pages count that saw the ledger before `revision`; None: all do.
    """

    recipient: NationCode
    version: int  # ObjectVersion.key
    tlp: Tlp | None
    members: frozenset[MemberId] | None
    revision: int | None

    def reaches(self, member: MemberId, revision: int) -> bool:
        """Tell whether a member is meant to whom the version was given by a page of this revision."""
        is_meant = self.members is None or member in self.members
        return is_meant and (self.revision is None or revision < self.revision)


@dataclass(frozen=True, slots=True)
class NewRecall:
    """What one transaction pulls back of one record, that of `member` and `origin`."""

    origin: NationCode
    member: MemberId
    stix_id: StixId
    reason: RecallReason
    at: datetime
    recalled: Sequence[Recalled]


@dataclass(frozen=True, slots=True)
class Recall:
    """A recall as it is kept."""

    id: int
    origin: NationCode
    member: MemberId
    stix_id: StixId
    reason: RecallReason
    at: datetime


def add(connection: Connection, recalls: Sequence[NewRecall]) -> None:
    """Keep recalls, to be looked after."""
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
    """Give each ledger in which one of these versions ever had a row, with the version."""
    for batch in batches(sorted(versions)):
        query = select(_C.recipient, _C.version_id).where(_C.version_id.in_(batch)).distinct()
        for recipient, version in connection.execute(query):
            yield NationCode(recipient), version


# --- looking after them -------------------------------------------------------------------------


def unfinished(
    connection: Connection, looked_before: datetime | None, after: int, limit: int
) -> list[Recall]:
    """Return the next recalls above `after` that are not done: never looked at, or last before an instant."""
    was_looked_at = (
        _L.looked_at.is_(None) if looked_before is None else _L.looked_at < to_microseconds(looked_before)
    )
    query = select(recall).where(_L.done_at.is_(None), was_looked_at, _L.id > after)
    return [_recall(row) for row in connection.execute(query.order_by(_L.id).limit(limit))]


def hold(connection: Connection, ids: Collection[int]) -> list[Recall]:
    """Return those of these recalls that are not done; nobody else looks after them until we have."""
    found: list[Recall] = []
    for batch in batches(sorted(ids)):
        query = select(recall).where(_L.id.in_(batch), _L.done_at.is_(None)).order_by(_L.id)
        found += [_recall(row) for row in connection.execute(query.with_for_update())]
    return found


def looked(connection: Connection, ids: Collection[int], at: datetime, *, is_done: bool) -> None:
    """RecallNote that these recalls were looked after, and whether nothing more is to come."""
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
    """Return what these recalls pull back, each part with its recall."""
    return [
        (row.recall_id, _part(row))
        for batch in batches(sorted(ids))
        for row in connection.execute(select(recalled).where(_D.recall_id.in_(batch)))
    ]


class RecalledRow(NamedTuple):
    """A row by which a version was served, and the id that it was served under."""

    recipient: NationCode
    position: int
    version: int
    stix_id: StixId
    version_text: str
    form: Form


def rows_of(connection: Connection, versions: Collection[int]) -> Iterator[RecalledRow]:
    """Give every row that these versions ever had, in whatever ledger."""
    for batch in batches(sorted(versions)):
        query = select(_C.recipient, _C.position, _C.version_id, _C.stix_id, _C.version, _C.rendition)
        for recipient, position, version, id, text, form in connection.execute(
            query.where(_C.version_id.in_(batch))
        ):
            yield RecalledRow(NationCode(recipient), position, version, StixId(id), text, Form.of(form))


# --- who has been told --------------------------------------------------------------------------


def tell(connection: Connection, notices: Collection[tuple[int, MemberId, int]]) -> None:
    """RecallNote which members are told of which recall by which note, by the key of its version."""
    names = ("recall_id", "member", "version_id")
    if notices:
        connection.execute(insert(notice), [dict(zip(names, one, strict=True)) for one in notices])


def notices(connection: Connection, ids: Collection[int]) -> dict[tuple[int, MemberId], int]:
    """Return who has been told of these recalls, and by which note, by the key of its version."""
    return {
        (id, MemberId(member)): version
        for batch in batches(sorted(ids))
        for id, member, version in connection.execute(
            select(_N.recall_id, _N.member, _N.version_id).where(_N.recall_id.in_(batch))
        )
    }


class RecallNote(NamedTuple):
    """A note, by the key of its version: of which recall it tells whom."""

    recall: Recall
    members: frozenset[MemberId]


def notes(connection: Connection, versions: Collection[int]) -> Mapping[int, RecallNote]:
    """Return those of these versions that are notes of recalls."""
    found: dict[int, tuple[Recall, set[MemberId]]] = {}
    for batch in batches(sorted(versions)):
        query = select(_N.version_id, _N.member.label("told"), recall).join(recall, _L.id == _N.recall_id)
        for row in connection.execute(query.where(_N.version_id.in_(batch))):
            found.setdefault(row.version_id, (_recall(row), set()))[1].add(MemberId(row.told))
    return {version: RecallNote(one, frozenset(members)) for version, (one, members) in found.items()}


class ToldMember(NamedTuple):
    """That a member was told of a recall, by which row of its nation's ledger, and since when."""

    recall: int
    member: MemberId
    part: Recalled
    position: int
    at: datetime


def told_of(connection: Connection, versions: Collection[int]) -> Mapping[int, Sequence[ToldMember]]:
    """Return, by version, who was told that it is pulled back, the latest recall first."""
    found: dict[int, list[ToldMember]] = defaultdict(list)
    columns = (_N.member.label("told"), _C.position, _C.date_added)
    joined = recalled.join(notice, _N.recall_id == _D.recall_id).join(
        release, (_C.version_id == _N.version_id) & (_C.recipient == _D.recipient)
    )
    for batch in batches(sorted(versions)):
        query = select(*columns, recalled).select_from(joined).where(_D.version_id.in_(batch))
        for row in connection.execute(query.order_by(_D.recall_id.desc())):
            at = from_microseconds(row.date_added)
            one = ToldMember(row.recall_id, MemberId(row.told), _part(row), row.position, at)
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
