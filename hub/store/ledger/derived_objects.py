"""Derived objects: their made ids, and the bodies that were released."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select

from hub.model import (
    Form,
    Justification,
    KnownSubmitters,
    MemberId,
    NationCode,
    OriginalId,
    ServedObject,
    StixId,
)
from hub.store.database.batches import among, batches
from hub.store.ledger.justifications import decode
from hub.store.schema.rendition_tables import made_id, rendition
from hub.store.schema.tables import (
    content,
    justification,
    object_version,
    release,
)

_M = made_id.c
_R = rendition.c

Key = tuple[int, Form]  # ObjectVersion.key and the form


def stored(connection: Connection, versions: Collection[int]) -> dict[Key, ServedObject]:
    """Return the derived objects of these versions, in every form."""
    found: dict[Key, ServedObject] = {}
    for batch in batches(sorted(versions)):
        for row in connection.execute(select(rendition).where(_R.version_id.in_(batch))):
            served = ServedObject(StixId(row.stix_id), row.type, row.content_id, row.size)
            found[row.version_id, Form.of(row.rendition)] = served
    return found


class Made(NamedTuple):
    """A derived object: made id, version key, origin and form."""

    id: StixId
    version: int
    origin: NationCode
    form: Form


def with_ids(connection: Connection, ids: Collection[StixId]) -> list[Made]:
    """Return the derived objects with these made ids."""
    v = object_version.c
    query = select(_R.stix_id, _R.version_id, v.origin, _R.rendition)
    query = query.join(object_version, v.id == _R.version_id).where(among(connection, _R.stix_id, ids))
    return [
        Made(StixId(id), key, NationCode(origin), Form.of(form))
        for id, key, origin, form in connection.execute(query)
    ]


def add(connection: Connection, made: Mapping[Key, ServedObject]) -> None:
    """Store derived objects. The caller holds the origin."""
    # INVARIANT: a version and a form have one derived object for good (STIX 2.1, 3.6). The primary key
    # refuses a second one.
    rows = [
        {
            "version_id": version,
            "rendition": form.label,
            "stix_id": served.id,
            "type": served.type,
            "content_id": served.content_id,
            "size": served.size,
        }
        for (version, form), served in made.items()
    ]
    if rows:
        connection.execute(insert(rendition), rows)


def bodies(connection: Connection, ids: Collection[int]) -> dict[int, bytes]:
    """Return the bodies of these contents."""
    found: dict[int, bytes] = {}
    for batch in batches(sorted(ids)):
        query = select(content.c.id, content.c.body).where(content.c.id.in_(batch))
        found.update((id, bytes(body)) for id, body in connection.execute(query))
    return found


# --- ids ----------------------------------------------------------------------------------------


def made_ids(
    connection: Connection, origin: NationCode, ids: Collection[StixId], form: Form
) -> dict[StixId, StixId]:
    """Return the made ids of objects of the nation, by original id."""
    found: dict[StixId, StixId] = {}
    for batch in batches(sorted(ids)):
        # An id is made for each form: a reader of both must not take them for one object.
        condition = (_M.origin == origin, _M.rendition == form.label, _M.stix_id.in_(batch))
        rows = connection.execute(select(_M.stix_id, _M.made).where(*condition))
        found.update((StixId(id), StixId(made)) for id, made in rows)
    return found


def add_made_ids(
    connection: Connection, origin: NationCode, form: Form, made: Mapping[StixId, StixId]
) -> None:
    """Store made ids. The caller holds the origin."""
    # INVARIANT: an original keeps its made id for good. Consumers know an object by its id (policy 8).
    place = {"origin": origin, "rendition": form.label}
    if made:
        rows = [place | {"stix_id": id, "made": new} for id, new in made.items()]
        connection.execute(insert(made_id), rows)


def originals(connection: Connection, nation: NationCode, ids: Iterable[StixId]) -> dict[StixId, OriginalId]:
    """Return the originals of those `ids` that were made for objects of other nations than `nation`.

    A made id is random. So a member with such an id received the id, perhaps as a reference in another
    object.
    """
    found: dict[StixId, OriginalId] = {}
    for batch in batches(sorted(ids)):
        query = select(_M.made, _M.origin, _M.stix_id).where(_M.made.in_(batch), _M.origin != nation)
        for made, origin, id in connection.execute(query):
            found[StixId(made)] = OriginalId(NationCode(origin), StixId(id))
    return found


def known_submitters(
    connection: Connection, origin: NationCode, cert: str, ids: Collection[StixId]
) -> KnownSubmitters:
    """Return the submitters of those `ids` that the nation knows. `cert` is the member id of its cert."""
    v = object_version.c
    by_cert: set[StixId] = set()
    by_others: set[StixId] = set()
    from_abroad: set[StixId] = set()
    for batch in batches(sorted(ids)):
        query = select(v.stix_id, v.member).distinct().where(v.origin == origin, v.stix_id.in_(batch))
        for id, member in connection.execute(query):
            (by_cert if member == cert else by_others).add(StixId(id))
        # Withdrawn rows count too: the nation was shown the id.
        is_foreign = (release.c.recipient == origin, release.c.origin != origin)
        query = select(release.c.stix_id).distinct().where(*is_foreign, release.c.stix_id.in_(batch))
        from_abroad.update(StixId(id) for id in connection.execute(query).scalars())
    return KnownSubmitters(frozenset(by_cert), frozenset(by_others), frozenset(from_abroad))


def first_positions(
    connection: Connection, nation: NationCode, origin: NationCode, made: Collection[StixId]
) -> dict[tuple[MemberId, StixId], int]:
    """Return the first position at which `nation` was given each id of `made`, by member of `origin`."""
    c = release.c
    found: dict[tuple[MemberId, StixId], int] = {}
    for batch in batches(sorted(made)):
        # By position, not by date: a position says what came before (hub/README: answer-to-made-id).
        query = select(c.stix_id, c.member, func.min(c.position)).group_by(c.stix_id, c.member)
        query = query.where(c.recipient == nation, c.origin == origin, c.stix_id.in_(batch))
        for id, member, position in connection.execute(query):
            found[MemberId(member), StixId(id)] = position
    return found


def first_position(connection: Connection, nation: NationCode, version: int) -> int:
    """Return the version's first position in the nation's ledger; 0: no row."""
    query = select(func.min(release.c.position)).where(release.c.version_id == version)
    return connection.execute(query.where(release.c.recipient == nation)).scalar_one() or 0


def home_justifications(
    connection: Connection, origin: NationCode, ids: Collection[StixId]
) -> dict[tuple[MemberId, StixId], Justification]:
    """Return the justification by which each of these records is visible at home.

    The key is member and id. Records without a home row are left out.
    """
    # At home alone, and as submitted: the audience of an answer follows the originals (answer-to-made-id).
    c, v = release.c, object_version.c
    found: dict[tuple[MemberId, StixId], Justification] = {}
    for batch in batches(sorted(ids)):
        query = (
            select(v.member, v.stix_id, justification.c.classes)
            .select_from(
                release.join(object_version, v.id == c.version_id).join(
                    justification, justification.c.id == c.justification_id
                )
            )
            .where(c.recipient == origin, v.origin == origin, v.stix_id.in_(batch), v.is_newest.is_(True))
            .where(c.withdrawn_at.is_(None), c.rendition.is_(None))
        )
        for member, id, classes in connection.execute(query):
            found[MemberId(member), StixId(id)] = decode(classes)
    return found


# --- deletion -----------------------------------------------------------------------------------


def contents_of(connection: Connection, versions: Collection[int]) -> set[int]:
    """Return the contents of what was made of these versions."""
    return {served.content_id for served in stored(connection, versions).values()}
