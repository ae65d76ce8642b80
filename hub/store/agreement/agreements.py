"""Agreements as proposed, with signed events and the periods of clauses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, Select, insert, select, update

from hub.model import JsonObject, MemberId, NationCode, Period, from_microseconds, to_microseconds
from hub.model.clause_terms import restore_clause
from hub.store.database import epochs
from hub.store.database.batches import batches
from hub.store.database.execution import executed
from hub.store.database.prepared import Prepared
from hub.store.schema.tables import (
    agreement,
    agreement_event,
    agreement_party,
    hub_state,
    period,
)

_GENERATION_LOCK: Final = 0x6875_6201  # "hub", 1: all clients of the database share the advisory locks

_P = period.c
_E = agreement_event.c


@dataclass(frozen=True, slots=True)
class AgreementEvent:
    """A signed step in an agreement's lifecycle. `digest` is SHA-256 of the JWS, hexadecimal."""

    typ: str  # sign | suspend | resume | terminate
    nation: NationCode
    member: MemberId
    at: datetime
    thumbprint: str
    digest: str
    jws: str


@dataclass(frozen=True, slots=True)
class StoredAgreement:
    """A document with events, oldest first.

    `signers` are the nations that must sign the document and may read it. `amendments` supersede the
    document, once signed. They come without amendments of their own.
    """

    id: str
    document: JsonObject
    signers: frozenset[NationCode]
    proposed_at: datetime
    events: tuple[AgreementEvent, ...] = ()
    amendments: tuple[StoredAgreement, ...] = ()


# --- the generation: the basis of decisions -----------------------------------------


@dataclass(frozen=True, slots=True)
class Generation:
    """The number of agreement changes in this epoch, and the instant of the last change."""

    number: int
    changed_at: datetime
    epoch: str


def generation(connection: Connection) -> Generation:
    """Return the generation. Raises LookupError without a row (the database is damaged)."""
    row = _generation.row(connection)
    if row is None:
        raise LookupError("hub_state has no row")
    return Generation(row.generation, from_microseconds(row.changed_at), row.epoch)


_generation: Final = Prepared(
    lambda _: select(hub_state.c.generation, hub_state.c.changed_at, hub_state.c.epoch)
)


def hold_generation(connection: Connection) -> None:
    """Stop changes of the generation until the transaction ends, but not other holders."""
    # INVARIANT: the generation comes before `hub_state`, origins and ledgers in the order of locks. "Ledger,
    # then generation" deadlocks (storage.md).
    _queue(connection, "pg_advisory_xact_lock_shared")


def hold_for_change(connection: Connection) -> None:
    """Wait until no submission holds the generation, and keep new holders waiting until the end.

    Every act against a right takes this lock (hub/README: admit-under-generation): after the commit nothing
    is accepted by that right. The lock includes the row of `advance`, the first row in the order of locks.
    """
    _queue(connection, "pg_advisory_xact_lock")
    epochs.hold(connection)


def _queue(connection: Connection, lock: str) -> None:
    """Take a lock in the order of asking. On SQLite the one write transaction is such a lock.

    A row lock would not do: shared holders overtake a waiting exclusive holder. So members with endless
    pushes would put off every ending (policy 5).
    """
    if connection.dialect.name == "postgresql":
        executed(connection, f"SELECT {lock}({_GENERATION_LOCK})")


def advance(connection: Connection, now: datetime) -> None:
    """Increase the generation. The caller holds the generation for change."""
    # INVARIANT: the generation grows with each change that may end or begin a release, in the same commit
    # (I3).
    values = {"generation": hub_state.c.generation + 1, "changed_at": to_microseconds(now)}
    connection.execute(update(hub_state).values(**values))


# --- documents and events -----------------------------------------------------------------------


def add(connection: Connection, proposed: StoredAgreement, by: MemberId) -> None:
    """Store a proposed agreement without signatures."""
    connection.execute(
        insert(agreement).values(
            id=proposed.id,
            document=orjson.dumps(proposed.document).decode(),
            proposed_by=by,
            proposed_at=to_microseconds(proposed.proposed_at),
            supersedes=proposed.document.get("supersedes"),
        )
    )
    signers = [{"agreement_id": proposed.id, "nation": nation} for nation in sorted(proposed.signers)]
    connection.execute(insert(agreement_party), signers)


def find(connection: Connection, nation: NationCode | None, id: str) -> StoredAgreement | None:
    """Return the agreement with this id if the nation may read it; with nation None in any case.

    The database leaves out agreements of other nations: the cost equals the cost of an unknown id (policy 9).
    """
    found = _stored(connection, _known_to(nation).where(agreement.c.id == id))
    return found[0] if found else None


def all_of(connection: Connection, nation: NationCode | None) -> list[StoredAgreement]:
    """Return the agreements that a nation may read, or all agreements; oldest first."""
    return _stored(connection, _known_to(nation).order_by(agreement.c.proposed_at, agreement.c.id))


def proposed_by(connection: Connection, by: MemberId) -> list[StoredAgreement]:
    """Return a member's proposals that are neither fully signed nor terminated, without amendments.

    The clock decides whether a proposal still waits.
    """
    party_id = agreement_party.c.agreement_id
    signed = select(_E.nation).where(_E.agreement_id == party_id, _E.typ == "sign")
    unsigned = select(party_id).where(party_id == agreement.c.id, agreement_party.c.nation.not_in(signed))
    ended = select(_E.id).where(_E.agreement_id == agreement.c.id, _E.typ == "terminate")
    query = select(agreement).where(agreement.c.proposed_by == by, unsigned.exists(), ~ended.exists())
    return _without_amendments(connection, query)


def _known_to(nation: NationCode | None) -> Select[Any]:
    if nation is None:
        return select(agreement)
    return select(agreement).join(agreement_party).where(agreement_party.c.nation == nation)


def add_event(connection: Connection, agreement_id: str, event: AgreementEvent) -> None:
    """Append a signed event."""
    # INVARIANT: events are append-only. State is derived, never stored (storage.md). The unique digest
    # refuses a replayed event.
    connection.execute(
        insert(agreement_event).values(
            agreement_id=agreement_id,
            typ=event.typ,
            nation=event.nation,
            member=event.member,
            at=to_microseconds(event.at),
            thumbprint=event.thumbprint,
            digest=event.digest,
            jws=event.jws,
        )
    )


def _stored(connection: Connection, query: Any) -> list[StoredAgreement]:
    found = _without_amendments(connection, query)
    amendments: dict[str, list[StoredAgreement]] = defaultdict(list)
    for batch in batches(one.id for one in found):
        amending = (
            select(agreement).where(agreement.c.supersedes.in_(batch)).order_by(agreement.c.proposed_at)
        )
        for one in _without_amendments(connection, amending):
            amendments[one.document["supersedes"]].append(one)
    return [replace(one, amendments=tuple(amendments[one.id])) for one in found]


def _without_amendments(connection: Connection, query: Any) -> list[StoredAgreement]:
    rows = connection.execute(query).all()
    events: dict[str, list[AgreementEvent]] = {row.id: [] for row in rows}
    signers: dict[str, set[NationCode]] = {row.id: set() for row in rows}
    for batch in batches(events):
        query = select(agreement_event).where(_E.agreement_id.in_(batch)).order_by(_E.id)  # as signed
        for row in connection.execute(query):
            events[row.agreement_id].append(_event(row))
        query = select(agreement_party).where(agreement_party.c.agreement_id.in_(batch))
        for row in connection.execute(query):
            signers[row.agreement_id].add(NationCode(row.nation))
    return [
        StoredAgreement(
            id=row.id,
            document=orjson.loads(row.document),
            signers=frozenset(signers[row.id]),
            proposed_at=from_microseconds(row.proposed_at),
            events=tuple(events[row.id]),
        )
        for row in rows
    ]


def _event(row: Row[Any]) -> AgreementEvent:
    return AgreementEvent(
        typ=row.typ,
        nation=NationCode(row.nation),
        member=MemberId(row.member),
        at=from_microseconds(row.at),
        thumbprint=row.thumbprint,
        digest=row.digest,
        jws=row.jws,
    )


# --- periods ------------------------------------------------------------------------------------


def add_periods(connection: Connection, periods: Sequence[Period]) -> None:
    """Store periods of clauses. Ids in `periods` are ignored."""
    rows = [
        {
            "agreement_id": one.agreement_id,
            "clause_index": one.clause_index,
            # Sets as sorted lists: one clause has one text.
            "clause": orjson.dumps(one.clause, default=sorted).decode(),
            "start": to_microseconds(one.start),
            "until": to_microseconds(one.until),
            "since": _encode_since(one.since),
            "continues": one.continues,
        }
        for one in periods
    ]
    connection.execute(insert(period), rows)


def end_periods(connection: Connection, agreement_id: str, now: datetime, *, begun: bool = True) -> None:
    """End the periods in force of an agreement, from this commit on, at any number of objects.

    With `begun` False only periods that have not begun at `now`. The caller increases the generation in the
    same commit: the generation orders pages before or after the ending.
    """
    # INVARIANT: an ended period stays ended, with its generation. Resuming begins another period (policy 1).
    conditions = [_P.agreement_id == agreement_id, _P.ended_at.is_(None)]
    if not begun:
        conditions.append(_P.start > to_microseconds(now))
    # Not the clock: `ended_generation` against `disclosure.generation` says by which clause a page left (I1).
    next_generation = select(hub_state.c.generation + 1).scalar_subquery()
    values = {"ended_at": to_microseconds(now), "ended_generation": next_generation}
    connection.execute(update(period).where(*conditions).values(**values))


def limit_periods(connection: Connection, agreement_id: str, until: datetime) -> None:
    """Let the unended periods of an agreement expire at `until`."""
    condition = (_P.agreement_id == agreement_id, _P.ended_at.is_(None))
    connection.execute(update(period).where(*condition).values(until=to_microseconds(until)))


def begin_period(connection: Connection, begun: Period) -> None:
    """Give the waiting period with the id of `begun` the start, end and reach of `begun`."""
    values = {
        "start": to_microseconds(begun.start),
        "until": to_microseconds(begun.until),
        "since": _encode_since(begun.since),
    }
    connection.execute(update(period).where(_P.id == begun.id).values(**values))


def periods_of(connection: Connection, agreement_id: str) -> tuple[Period, ...]:
    """Return every period of an agreement, by id, ended ones included."""
    # Ended periods too: an ended agreement still explains past disclosures.
    query = select(period).where(_P.agreement_id == agreement_id).order_by(_P.id)
    return tuple(_period(row) for row in connection.execute(query))


def periods(connection: Connection) -> tuple[Period, ...]:
    """Return every period without an early end, by id. The clock decides whether each is in force."""
    rows = connection.execute(select(period).where(_P.ended_at.is_(None)).order_by(_P.id))
    return tuple(_period(row) for row in rows)


def every_period(connection: Connection) -> tuple[Period, ...]:
    """Return every period, by id, ended ones included."""
    return tuple(_period(row) for row in connection.execute(select(period).order_by(_P.id)))


def of_party(connection: Connection, nation: NationCode) -> frozenset[str]:
    """Return the ids of the agreements with this nation as a party."""
    # Readers of an amendment include the parties of the former agreement: the document alone names its
    # parties.
    rows = connection.execute(_known_to(nation)).all()
    return frozenset(row.id for row in rows if nation in orjson.loads(row.document)["parties"])


def _period(row: Row[Any]) -> Period:
    # The stored clause, not the document: a period binds as it was read when it began.
    clause = restore_clause(orjson.loads(row.clause))
    start = from_microseconds(row.start)
    return Period(
        id=row.id,
        agreement_id=row.agreement_id,
        clause_index=row.clause_index,
        clause=clause,
        start=start,
        until=from_microseconds(row.until),
        since=dict.fromkeys(clause.recipients, start) if row.since is None else _decode_since(row.since),
        continues=row.continues,
        ended_at=None if row.ended_at is None else from_microseconds(row.ended_at),
        ended_generation=row.ended_generation,
    )


def _encode_since(since: Mapping[NationCode, datetime]) -> str:
    return orjson.dumps({nation: to_microseconds(at) for nation, at in sorted(since.items())}).decode()


def _decode_since(text: str) -> Mapping[NationCode, datetime]:
    return {NationCode(nation): from_microseconds(at) for nation, at in orjson.loads(text).items()}
