"""Justifications as each ledger keeps them: one text and one id for each value."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, select

from hub.model import Class, Clearance, Ground, Justification, MemberId, NationCode
from hub.store.database.batches import insert_numbered
from hub.store.database.prepared import (
    Prepared,
    carried,
    carried_digests,
    insertion,
    is_among,
    is_among_digests,
)
from hub.store.schema.own_tables import own_justification
from hub.store.schema.tables import justification

_J = justification.c
_O = own_justification.c


def encode(value: Justification) -> str:
    """Return the text of this justification: equal justifications have equal texts."""
    # By repr: Python has no order between None and a period or a member.
    classes = [
        sorted(([g.period, int(g.clearance), g.member] for g in grounds), key=repr) for grounds in value
    ]
    return orjson.dumps(sorted(classes, key=repr)).decode()


@lru_cache(maxsize=4_096)
def decode(text: str) -> Justification:
    """Return the justification that `encode` turned into this text."""
    return frozenset(_class(grounds) for grounds in orjson.loads(text))


def _class(grounds: list[tuple[int | None, int, str | None]]) -> Class:
    return frozenset(
        Ground(period, Clearance(clearance), None if member is None else MemberId(member))
        for period, clearance, member in grounds
    )


class StoredJustification(NamedTuple):
    """A justification of a ledger, with the origin of its rows."""

    value: Justification
    origin: NationCode


def stored(connection: Connection, recipient: NationCode, after: int = 0) -> dict[int, StoredJustification]:
    """Return the recipient's justifications with an id above `after`, by ascending id.

    A stored justification never changes.
    """
    # Ascending ids: a process reads only the new ones, and remembers the greatest (`last` of a page).
    query = select(_J.id, _J.classes, _J.origin).where(_J.recipient == recipient, _J.id > after)
    found = connection.execute(query.order_by(_J.id))
    return {id: StoredJustification(decode(classes), NationCode(origin)) for id, classes, origin in found}


def of_recipient(connection: Connection, recipient: NationCode) -> dict[int, Justification]:
    """Return the recipient's justifications, by ascending id."""
    return {id: one.value for id, one in stored(connection, recipient).items()}


def of_own_rows(
    connection: Connection, recipient: NationCode, member: MemberId, after: int = 0
) -> dict[int, int]:
    """Return the justifications that rows of `member` have in its own nation's ledger.

    The keys are ascending ids of this knowledge, above `after`; the values are ids of justifications.
    """
    query = select(_O.id, _O.justification_id)
    query = query.where(_O.recipient == recipient, _O.member == member, _O.id > after).order_by(_O.id)
    return {row.id: row.justification_id for row in connection.execute(query)}


def intern(
    connection: Connection, recipient: NationCode, origin: NationCode, values: Collection[Justification]
) -> dict[Justification, int]:
    """Return the id of each justification of rows of `origin`, and store the new ones.

    The caller holds the recipient's lock.
    """
    # INVARIANT: a recipient has one row for each origin and value. So an ending is one write, and a poll
    # judges few values (storage.md, Ending is O(1)). The ledger's lock lets no two transactions store the
    # same value, and ids rise with commits: a process that knows the greatest id knows every one.
    found = intern_all(connection, origin, {recipient: values})
    return {value: found[recipient, value] for value in values}


def intern_all(
    connection: Connection, origin: NationCode, values: Mapping[NationCode, Collection[Justification]]
) -> dict[tuple[NationCode, Justification], int]:
    """Do the same for the ledgers of several recipients, which the caller holds."""
    texts = {value: encode(value) for given in values.values() for value in given}
    digests = {value: digest_of(origin, text) for value, text in texts.items()}
    asked = {
        "recipients": carried(connection, values.keys()),
        "digests": carried_digests(connection, digests.values()),
    }
    known = {
        (NationCode(recipient), bytes(digest)): id
        for recipient, digest, id in (_interned.rows(connection, **asked) if digests else ())
    }
    wanted = {(recipient, value) for recipient, given in values.items() for value in given}
    # In one order: equal acts give equal ids.
    missing = sorted(
        ((recipient, digests[value], texts[value]) for recipient, value in wanted),
        key=lambda one: (one[0], one[2]),
    )
    missing = [one for one in missing if one[:2] not in known]
    rows = [
        {"recipient": recipient, "origin": origin, "digest": digest, "classes": text}
        for recipient, digest, text in missing
    ]
    ids = insert_numbered(connection, justification, rows)
    known.update((one[:2], id) for one, id in zip(missing, ids, strict=True))
    return {(recipient, value): known[recipient, digests[value]] for recipient, value in wanted}


_interned: Final = Prepared(
    lambda is_postgresql: select(_J.recipient, _J.digest, _J.id).where(
        is_among(is_postgresql, _J.recipient, "recipients"),
        is_among_digests(is_postgresql, _J.digest, "digests"),
    )
)


def digest_of(origin: NationCode, text: str) -> bytes:
    """Return the digest of a justification: equal for equal texts of one origin alone."""
    return hashlib.sha256(f"{origin}\n{text}".encode()).digest()


def note_own(connection: Connection, recipient: NationCode, pairs: Collection[tuple[MemberId, int]]) -> None:
    """Record that rows of these members have these justifications, in the ledger of their own nation.

    The caller holds the recipient's lock.
    """
    # INVARIANT: in the transaction that gives a row its justification. A submitter always sees its own object
    # (policy 2.7): a poll finds such rows by these pairs, whatever the justification says.
    if not pairs:
        return
    rows = [
        {"recipient": recipient, "member": member, "justification_id": id} for member, id in sorted(pairs)
    ]
    _own.run_many(connection, rows)


_own: Final = Prepared(
    lambda is_postgresql: (
        insertion(is_postgresql, own_justification)
        .values({c.name: bindparam(c.name) for c in (_O.recipient, _O.member, _O.justification_id)})
        .on_conflict_do_nothing()
        .inline()
    )
)
