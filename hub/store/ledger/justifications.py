"""Justifications as each ledger keeps them: one text and one id for each value."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from functools import lru_cache

import orjson
from sqlalchemy import Connection, insert, select

from hub.model import Class, Clearance, Ground, Justification, MemberId, NationCode
from hub.store.database.batches import batches
from hub.store.schema.tables import justification

_J = justification.c


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


def of_recipient(connection: Connection, recipient: NationCode, after: int = 0) -> dict[int, Justification]:
    """Return the recipient's justifications with an id above `after`, by ascending id.

    A stored justification never changes.
    """
    # Ascending ids: a process reads only the new ones, and remembers the greatest (`last` of a page).
    query = select(_J.id, _J.classes).where(_J.recipient == recipient, _J.id > after).order_by(_J.id)
    return {id: decode(classes) for id, classes in connection.execute(query)}


def intern(
    connection: Connection, recipient: NationCode, values: Collection[Justification]
) -> dict[Justification, int]:
    """Return the id of each justification, and store the new ones. The caller holds the recipient's lock."""
    # INVARIANT: a recipient has one row for each value. So an ending is one write, and a poll judges few
    # values (storage.md, Ending is O(1)). The ledger's lock lets no two transactions store
    # the same value.
    texts = {value: encode(value) for value in values}
    digests = {value: hashlib.sha256(text.encode()).digest() for value, text in texts.items()}
    known: dict[bytes, int] = {}
    for batch in batches(digests.values()):
        query = select(_J.digest, _J.id).where(_J.recipient == recipient, _J.digest.in_(batch))
        known.update((bytes(digest), id) for digest, id in connection.execute(query))
    missing = [value for value, digest in digests.items() if digest not in known]
    if missing:
        rows = [{"recipient": recipient, "digest": digests[v], "classes": texts[v]} for v in missing]
        statement = insert(justification).returning(_J.id, sort_by_parameter_order=True)
        ids = connection.execute(statement, rows).scalars()
        known.update(zip((digests[v] for v in missing), ids, strict=True))
    return {value: known[digest] for value, digest in digests.items()}
