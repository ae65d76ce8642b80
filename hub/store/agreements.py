"""Agreements as proposed, the signed events on them, and the periods in which their clauses bind."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, Select, func, insert, select, update

from hub.model import (
    Anonymise,
    Clause,
    Clearance,
    Granular,
    JsonObject,
    MemberId,
    NationCode,
    Period,
    Tlp,
    from_microseconds,
    to_microseconds,
)
from hub.store.batches import batches
from hub.store.tables import agreement, agreement_event, agreement_party, hub_state, period

_GENERATION_LOCK: Final = 0x6875_6201  # "hub", 1: the advisory locks of the database are shared by all

_P = period.c
_E = agreement_event.c


@dataclass(frozen=True, slots=True)
class AgreementEvent:
    """A signed step in the life of an agreement. `digest` is SHA-256 of the JWS, hexadecimal."""

    typ: str  # sign | terminate
    nation: NationCode
    member: MemberId
    at: datetime
    thumbprint: str
    digest: str
    jws: str


@dataclass(frozen=True, slots=True)
class StoredAgreement:
    """A document and its events, oldest first."""

    id: str
    document: JsonObject
    events: tuple[AgreementEvent, ...]


# --- the generation: what decisions are checked against -----------------------------------------


@dataclass(frozen=True, slots=True)
class Generation:
    """How often agreements have come to bind or ended, and when last."""

    number: int
    changed_at: datetime


def generation(connection: Connection, *, hold: bool = False) -> Generation:
    """Return the generation; `hold` keeps it from moving until the transaction ends, others may hold too.

    Raises LookupError where it is missing: the database is damaged.
    """
    if hold:
        _queue(connection, func.pg_advisory_xact_lock_shared)
    row = connection.execute(select(hub_state.c.generation, hub_state.c.changed_at)).first()
    if row is None:
        raise LookupError("hub_state has no row")
    return Generation(row.generation, from_microseconds(row.changed_at))


def hold_for_change(connection: Connection) -> None:
    """Wait until no submission holds the generation, and keep new ones waiting until the transaction ends."""
    _queue(connection, func.pg_advisory_xact_lock)


def _queue(connection: Connection, lock: Any) -> None:
    """Take a lock in the order of asking. SQLite's one write transaction at a time is such a lock already.

    Not that of the row: those who share one pass by whoever waits to have it alone, so that members
    who push without a pause would put off every ending (policy 5).
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(lock(_GENERATION_LOCK)))


def advance(connection: Connection, now: datetime) -> None:
    """Move the generation; the caller holds it for change."""
    values = {"generation": hub_state.c.generation + 1, "changed_at": to_microseconds(now)}
    connection.execute(update(hub_state).values(**values))


# --- documents and events -----------------------------------------------------------------------


def add(
    connection: Connection,
    id: str,
    document: JsonObject,
    parties: Collection[NationCode],
    by: MemberId,
    now: datetime,
) -> None:
    """Store a proposed agreement."""
    text = orjson.dumps(document).decode()
    connection.execute(
        insert(agreement).values(id=id, document=text, proposed_by=by, proposed_at=to_microseconds(now))
    )
    connection.execute(
        insert(agreement_party), [{"agreement_id": id, "nation": nation} for nation in parties]
    )


def find(connection: Connection, nation: NationCode | None, id: str) -> StoredAgreement | None:
    """Return the agreement with this id if the nation is party to it, to None any; else None.

    The database leaves out others' agreements, so that these cost what an unknown id costs.
    """
    found = _stored(connection, _known_to(nation).where(agreement.c.id == id))
    return found[0] if found else None


def all_of(connection: Connection, nation: NationCode | None) -> list[StoredAgreement]:
    """Return the agreements that a nation is party to, or every one; oldest first."""
    return _stored(connection, _known_to(nation).order_by(agreement.c.proposed_at, agreement.c.id))


def _known_to(nation: NationCode | None) -> Select[Any]:
    if nation is None:
        return select(agreement)
    return select(agreement).join(agreement_party).where(agreement_party.c.nation == nation)


def parties(connection: Connection) -> dict[str, set[str]]:
    """Return, for every agreement, the nations that are told of it."""
    found: dict[str, set[str]] = {id: set() for id in connection.execute(select(agreement.c.id)).scalars()}
    for id, nation in connection.execute(select(agreement_party.c.agreement_id, agreement_party.c.nation)):
        found.setdefault(id, set()).add(nation)
    return found


def add_event(connection: Connection, agreement_id: str, event: AgreementEvent) -> None:
    """Append a signed event."""
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
    rows = connection.execute(query).all()
    events: dict[str, list[AgreementEvent]] = {row.id: [] for row in rows}
    for batch in batches(events):
        query = select(agreement_event).where(_E.agreement_id.in_(batch)).order_by(_E.id)
        for row in connection.execute(query):
            events[row.agreement_id].append(_event(row))
    return [StoredAgreement(row.id, orjson.loads(row.document), tuple(events[row.id])) for row in rows]


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


def add_periods(
    connection: Connection, agreement_id: str, clauses: Sequence[Clause], start: datetime, until: datetime
) -> None:
    """Let every clause bind from `start` until `until`."""
    rows = [
        {
            "agreement_id": agreement_id,
            "clause_index": n,
            "clause": _encode(clause),
            "start": to_microseconds(start),
            "until": to_microseconds(until),
        }
        for n, clause in enumerate(clauses)
    ]
    connection.execute(insert(period), rows)


def end_periods(connection: Connection, agreement_id: str, now: datetime) -> None:
    """End what still binds of an agreement, from this commit on, however much it covers.

    The caller moves the generation in the same commit, by which answers are ordered before it or after.
    """
    condition = (_P.agreement_id == agreement_id, _P.ended_at.is_(None))
    next_generation = select(hub_state.c.generation + 1).scalar_subquery()
    values = {"ended_at": to_microseconds(now), "ended_generation": next_generation}
    connection.execute(update(period).where(*condition).values(**values))


def periods(connection: Connection) -> tuple[Period, ...]:
    """Return every period that was not ended before its time, by id."""
    rows = connection.execute(select(period).where(_P.ended_at.is_(None)).order_by(_P.id))
    return tuple(_period(row) for row in rows)


def every_period(connection: Connection) -> tuple[Period, ...]:
    """Return every period, those ended before their time too, by id."""
    return tuple(_period(row) for row in connection.execute(select(period).order_by(_P.id)))


def _period(row: Row[Any]) -> Period:
    return Period(
        id=row.id,
        agreement_id=row.agreement_id,
        clause_index=row.clause_index,
        clause=_decode(row.clause),
        start=from_microseconds(row.start),
        until=from_microseconds(row.until),
        ended_at=None if row.ended_at is None else from_microseconds(row.ended_at),
    )


def _encode(clause: Clause) -> str:
    return orjson.dumps(
        {
            "origin": clause.origin,
            "recipients": sorted(clause.recipients),
            "max_tlp": int(clause.max_tlp),
            "audience": int(clause.audience),
            "types": None if clause.types is None else sorted(clause.types),
            "history": clause.history,
            "granular": clause.granular.value,
            "anonymise": clause.anonymise.value,
        }
    ).decode()


def _decode(text: str) -> Clause:
    value = orjson.loads(text)
    return Clause(
        origin=NationCode(value["origin"]),
        recipients=frozenset(NationCode(code) for code in value["recipients"]),
        max_tlp=Tlp(value["max_tlp"]),
        audience=Clearance(value["audience"]),
        types=None if value["types"] is None else frozenset(value["types"]),
        history=value["history"],
        granular=Granular(value["granular"]),
        anonymise=Anonymise(value["anonymise"]),
    )
