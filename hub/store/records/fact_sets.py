"""The facts that decide on versions: interned, kept for each version, and forgotten when these change."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, func, literal, null, select, tuple_, update

from hub.model import (
    NAME_TYPES,
    DecidingFacts,
    FactSet,
    MemberId,
    NationCode,
    ObjectVersion,
    RecordKey,
    SettledFacts,
    StixId,
    Tlp,
    from_microseconds,
    to_microseconds,
)
from hub.store.database.batches import among, insert_all, insert_numbered, update_all
from hub.store.database.prepared import Prepared, carried, carried_digests, is_among, is_among_digests
from hub.store.records.references import referring
from hub.store.schema.columns import decode_nations, decode_reach, encode_nations, encode_reach
from hub.store.schema.fact_set_tables import fact_set, version_fact_set
from hub.store.schema.tables import object_version

NOT_BY_FACTS: Final = ""  # the text where facts alone do not decide

_V = object_version.c
_F = fact_set.c
_S = version_fact_set.c


# --- texts ------------------------------------------------------------------------------------


def _encode(facts: FactSet | None) -> str:
    """Return the text of the facts: equal facts have equal texts."""
    if facts is None:
        return NOT_BY_FACTS
    return "\n".join([_line(facts.own), *sorted(map(_line, facts.others))])


@lru_cache(maxsize=4_096)
def _line(facts: DecidingFacts) -> str:
    # JSON has no line break in a text, so a line break divides facts.
    values = (facts.member, facts.type, int(facts.tlp), facts.is_closed)
    return orjson.dumps((*values, encode_nations(facts.rel_to), encode_reach(facts.limits))).decode()


@lru_cache(maxsize=4_096)
def decode_line(line: str) -> DecidingFacts:
    """Return the facts of one line of a stored set."""
    member, stix_type, tlp, is_closed, rel_to, limits = orjson.loads(line)
    nations, reach = decode_nations(rel_to), decode_reach(limits)
    return DecidingFacts(MemberId(member), stix_type, Tlp(tlp), is_closed, nations, reach)


def _decode(text: str, oldest_at: int) -> FactSet | None:
    if text == NOT_BY_FACTS:
        return None
    own, *others = map(decode_line, text.split("\n"))
    return FactSet(own, frozenset(others), from_microseconds(oldest_at))


# --- reading ----------------------------------------------------------------------------------


def undetermined(connection: Connection, origin: NationCode, most: int | None = None) -> list[int]:
    """Return the keys of at most so many versions of the origin without known facts.

    First those whose facts were forgotten, then those that came since, in the order of submission.
    """
    again = select(_S.version_id).where(_S.origin == origin, _S.fact_set_id.is_(None))
    # By the index: it begins with these columns.
    again = again.where(_S.is_deleted.in_([False, True]))
    found = list(connection.scalars(again if most is None else again.limit(most)))
    # INVARIANT: one range of the index on origin and key. By the key alone PostgreSQL would go through the
    # versions of other nations (policy 9).
    is_after = tuple_(_V.origin, _V.id) > tuple_(literal(origin), last_determined(connection, origin))
    new = select(_V.id).where(_V.origin == origin, is_after).order_by(_V.id)
    return found + list(connection.scalars(new if most is None else new.limit(most - len(found))))


def records_of(connection: Connection, keys: Collection[int]) -> set[RecordKey]:
    """Return the records of these versions."""
    query = select(_V.member, _V.stix_id).where(among(connection, _V.id, keys))
    return {(MemberId(member), StixId(id)) for member, id in connection.execute(query)}


def last_determined(connection: Connection, origin: NationCode) -> int:
    """Return the key of the last version with a row; each earlier version of the origin has one; 0: none."""
    last: int | None = connection.scalar(select(func.max(_S.version_id)).where(_S.origin == origin))
    return last or 0


def settled(
    connection: Connection, origin: NationCode, member: MemberId, ids: Collection[StixId]
) -> dict[StixId, SettledFacts | None]:
    """Return the newest version of each of the member's records with these ids; None: not determined."""
    if not ids:
        return {}
    rows = _settled.rows(connection, origin=origin, member=member, ids=carried(connection, ids))
    return {
        StixId(id): None
        if text is None
        else SettledFacts(_decode(text, oldest_at), stix_type in NAME_TYPES and own_tlp is None)
        for id, stix_type, own_tlp, oldest_at, text in rows
    }


def _settling(is_postgresql: bool) -> Any:
    # A look-up for each version, never a join: PostgreSQL would make a hash table of all facts.
    of_version = (_S.origin == bindparam("origin"), _S.version_id == _V.id)
    oldest_at = select(_S.oldest_at).where(*of_version).correlate(object_version).scalar_subquery()
    set_id = select(_S.fact_set_id).where(*of_version).correlate(object_version).scalar_subquery()
    facts = select(_F.facts).where(_F.id == set_id).correlate(object_version).scalar_subquery()
    query = select(_V.stix_id, _V.type, _V.own_tlp, oldest_at, facts)
    named = is_among(is_postgresql, _V.stix_id, "ids")
    return query.where(_V.member == bindparam("member"), named, _V.is_newest.is_(True))


_settled: Final = Prepared(_settling)


class KnownFacts(NamedTuple):
    """The facts of a version as kept; None: facts alone do not decide."""

    facts: FactSet | None
    submitted_at: datetime
    is_deleted: bool


def stored(connection: Connection, origin: NationCode, keys: Collection[int]) -> dict[int, KnownFacts | None]:
    """Return what is kept for these versions; None: to be determined again; left out: without a row."""
    columns = (_S.version_id, _S.fact_set_id, _S.submitted_at, _S.oldest_at, _S.is_deleted, _F.facts)
    query = select(*columns).outerjoin_from(version_fact_set, fact_set, _F.id == _S.fact_set_id)
    query = query.where(_S.origin == origin, among(connection, _S.version_id, keys))
    return {
        key: None
        if set_id is None
        else KnownFacts(_decode(text, oldest_at), from_microseconds(submitted_at), is_deleted)
        for key, set_id, submitted_at, oldest_at, is_deleted, text in connection.execute(query)
    }


# --- writing ----------------------------------------------------------------------------------


def put(
    connection: Connection,
    origin: NationCode,
    determined: Iterable[tuple[ObjectVersion, FactSet | None]],
    last: int,
) -> None:
    """Keep the facts of these versions. The caller holds the origin.

    `last` is the last version with a row so far. INVARIANT: the versions after `last` are the next ones of
    the origin, without a gap.
    """
    new: list[dict[str, Any]] = []
    again: list[dict[str, Any]] = []
    texts = [(version, facts, _encode(facts)) for version, facts in determined]
    ids = _intern(connection, origin, {text for *_, text in texts})
    for version, facts, text in texts:
        oldest_at = version.submitted_at if facts is None else facts.oldest_at
        row: dict[str, Any] = {
            "origin": origin,
            "version_id": version.key,
            "fact_set_id": ids[text],
            "submitted_at": to_microseconds(version.submitted_at),
            "oldest_at": to_microseconds(oldest_at),
            "is_deleted": version.deleted_at is not None,
        }
        (new if version.key > last else again).append(row)
    insert_all(connection, version_fact_set, new)
    update_all(connection, version_fact_set, ["origin", "version_id"], again)


def _intern(connection: Connection, origin: NationCode, texts: Collection[str]) -> Mapping[str, int]:
    """Return the id of each text, and store the new ones."""
    digests = {hashlib.sha256(text.encode()).digest(): text for text in sorted(texts)}
    asked = {"origin": origin, "digests": carried_digests(connection, digests)}
    known = {digests[bytes(digest)]: id for digest, id in _interned.rows(connection, **asked)}
    new = [(digest, text) for digest, text in digests.items() if text not in known]
    rows = [{"origin": origin, "digest": digest, "facts": text} for digest, text in new]
    ids = insert_numbered(connection, fact_set, rows)
    return known | {text: id for (_, text), id in zip(new, ids, strict=True)}


_interned: Final = Prepared(
    lambda is_postgresql: select(_F.digest, _F.id).where(
        _F.origin == bindparam("origin"), is_among_digests(is_postgresql, _F.digest, "digests")
    )
)


def forget(connection: Connection, origin: NationCode, versions: Iterable[ObjectVersion]) -> None:
    """Forget the facts of all versions of these records, and of all that depends on them, at any distance."""
    # INVARIANT: in the transaction of the change: facts that are known are right (`hub check`).
    ids: dict[MemberId, set[StixId]] = {}
    for version in versions:
        ids.setdefault(version.member, set()).add(version.id)
    for member, own in sorted(ids.items()):
        _forgotten.run(connection, member=member, origin=origin, ids=carried(connection, own))


def _forgetting(is_postgresql: bool) -> Any:
    dependent = select(_V.id).where(
        _V.member == bindparam("member"), _V.stix_id.in_(referring(is_postgresql))
    )
    known = (_S.origin == bindparam("origin"), _S.version_id.in_(dependent), _S.fact_set_id.is_not(None))
    return update(version_fact_set).where(*known).values(fact_set_id=null())


_forgotten: Final = Prepared(_forgetting)
