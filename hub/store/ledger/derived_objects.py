"""What the hub has made in place of submitted objects: their ids, and the bodies of what was released."""

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
from hub.store.ledger.releases import decode
from hub.store.schema.rendition_tables import made_id, rendition
from hub.store.schema.tables import (
    content,
    justification,
    object_version,
    release,
)

_M = made_id.c
_R = rendition.c

Key = tuple[int, Form]  # ObjectVersion.key, and the form


def stored(connection: Connection, versions: Collection[int]) -> dict[Key, ServedObject]:
    """Return what has been made of these versions, in every form."""
    found: dict[Key, ServedObject] = {}
    for batch in batches(sorted(versions)):
        for row in connection.execute(select(rendition).where(_R.version_id.in_(batch))):
            served = ServedObject(StixId(row.stix_id), row.type, row.content_id, row.size)
            found[row.version_id, Form.of(row.rendition)] = served
    return found


class Made(NamedTuple):
    """Something that was made of a version, by its key, in a nation and a form, under an id of the hub's."""

    id: StixId
    version: int
    origin: NationCode
    form: Form


def with_ids(connection: Connection, ids: Collection[StixId]) -> list[Made]:
    """Return what has been made under these ids."""
    v = object_version.c
    query = select(_R.stix_id, _R.version_id, v.origin, _R.rendition)
    query = query.join(object_version, v.id == _R.version_id).where(among(connection, _R.stix_id, ids))
    return [
        Made(StixId(id), key, NationCode(origin), Form.of(form))
        for id, key, origin, form in connection.execute(query)
    ]


def add(connection: Connection, made: Mapping[Key, ServedObject]) -> None:
    """Keep what was made; the caller holds the origin."""
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
    """Return the ids that were made for objects of the nation, by the ids that they have there."""
    found: dict[StixId, StixId] = {}
    for batch in batches(sorted(ids)):
        condition = (_M.origin == origin, _M.rendition == form.label, _M.stix_id.in_(batch))
        rows = connection.execute(select(_M.stix_id, _M.made).where(*condition))
        found.update((StixId(id), StixId(made)) for id, made in rows)
    return found


def add_made_ids(
    connection: Connection, origin: NationCode, form: Form, made: Mapping[StixId, StixId]
) -> None:
    """Keep ids that were made; the caller holds the origin."""
    place = {"origin": origin, "rendition": form.label}
    if made:
        rows = [place | {"stix_id": id, "made": new} for id, new in made.items()]
        connection.execute(insert(made_id), rows)


def originals(connection: Connection, nation: NationCode, ids: Iterable[StixId]) -> dict[StixId, OriginalId]:
    """Return what stands behind those of `ids` that were made of other nations' objects than this one's.

    Nobody comes upon such an id by chance: it was given one, be it as a reference in another object.
    """
    found: dict[StixId, OriginalId] = {}
    for batch in batches(sorted(ids)):
        query = select(_M.made, _M.origin, _M.stix_id).where(_M.made.in_(batch), _M.origin != nation)
        for made, origin, id in connection.execute(query):
            found[StixId(made)] = OriginalId(NationCode(origin), StixId(id))
    return found


def known(connection: Connection, origin: NationCode, cert: str, ids: Collection[StixId]) -> KnownSubmitters:
    """Return who has given those of `ids` that are known to the nation; `cert` is its cert's member id."""
    v = object_version.c
    by_cert: set[StixId] = set()
    by_others: set[StixId] = set()
    from_abroad: set[StixId] = set()
    for batch in batches(sorted(ids)):
        query = select(v.stix_id, v.member).distinct().where(v.origin == origin, v.stix_id.in_(batch))
        for id, member in connection.execute(query):
            (by_cert if member == cert else by_others).add(StixId(id))
        is_foreign = (release.c.recipient == origin, release.c.origin != origin)
        query = select(release.c.stix_id).distinct().where(*is_foreign, release.c.stix_id.in_(batch))
        from_abroad.update(StixId(id) for id in connection.execute(query).scalars())
    return KnownSubmitters(frozenset(by_cert), frozenset(by_others), frozenset(from_abroad))


def told(
    connection: Connection, nation: NationCode, origin: NationCode, made: Collection[StixId]
) -> dict[tuple[MemberId, StixId], int]:
    """Return where `nation` was first given something of each member of `origin` under these ids."""
    c = release.c
    found: dict[tuple[MemberId, StixId], int] = {}
    for batch in batches(sorted(made)):
        query = select(c.stix_id, c.member, func.min(c.position)).group_by(c.stix_id, c.member)
        query = query.where(c.recipient == nation, c.origin == origin, c.stix_id.in_(batch))
        for id, member, position in connection.execute(query):
            found[MemberId(member), StixId(id)] = position
    return found


def first_position(connection: Connection, nation: NationCode, version: int) -> int:
    """Return where the nation's ledger has the version first; 0: nowhere."""
    query = select(func.min(release.c.position)).where(release.c.version_id == version)
    return connection.execute(query.where(release.c.recipient == nation)).scalar_one() or 0


def at_home(
    connection: Connection, origin: NationCode, ids: Collection[StixId]
) -> dict[tuple[MemberId, StixId], Justification]:
    """Return by what the nation's records with these ids stand in it; which do not are left out."""
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
