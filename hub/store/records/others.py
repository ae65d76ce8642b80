"""Versions of other members under given ids, as shown by one nation's ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    String,
    and_,
    any_,
    bindparam,
    exists,
    func,
    select,
    union_all,
)

from hub.model import (
    ANONYMISED,
    HUB,
    EffectiveMarking,
    Form,
    MemberId,
    Mention,
    NationCode,
    OthersVersion,
    PastJustification,
    Shown,
    ShownRow,
    StixId,
    Tlp,
    from_microseconds,
)
from hub.store.database.batches import among
from hub.store.database.prepared import Prepared, carried, is_among
from hub.store.ledger.justifications import decode
from hub.store.ledger.past_rows import positions_under
from hub.store.ledger.releases import SHOWN, decode_shown
from hub.store.records.objects import CREATOR, MARKING, REFERS
from hub.store.schema.columns import decode_nations, decode_reach, decode_redactions
from hub.store.schema.rendition_tables import made_id
from hub.store.schema.tables import (
    content,
    justification,
    object_version,
    origin,
    reference,
    rejustification,
    release,
)

_C = release.c
_V = object_version.c
_J = justification.c
_R = reference.c
_NOW: Final = (_V.effective_tlp, _V.rel_to)
_REDACTED: Final = "redacted:"


def of_others(
    connection: Connection,
    nation: NationCode,
    member: MemberId,
    ids: Collection[StixId],
    rel_to: Collection[StixId],
) -> list[OthersVersion]:
    """Return the rows of a nation's ledger with versions of others than `member` under these ids.

    A row counts under the served id. A redaction counts under the original id too, because the reader may
    know that id. `rel_to` are the ids of the REL TO definitions. The rules decide later whether `member` may
    see a row. Of equal objects the earliest counts: copies of a submission by `member`, deleted or not, are
    left out.
    """
    if not ids:
        return []
    found: dict[tuple[int, StixId], Any] = {}
    asked = {"nation": nation, "member": member, "rel_to": carried(connection, rel_to)}
    # Ids, then positions, then rows: three simple statements. As one statement planners scan the ledger.
    positions = positions_under(connection, nation, ids)
    for row in _served.rows(connection, **asked, positions=carried(connection, positions)):
        found[row.position, StixId(row.stix_id)] = row
    versions = _with_ids.scalars(connection, ids=carried(connection, ids))
    for row in _redacted.rows(connection, **asked, versions=carried(connection, versions)):
        found[row.position, StixId(row.original)] = row
    # Withdrawn rows count as well: "shown" is what a poll could have returned at some time (policy 1;
    # hub/README: shown-by-rows).
    former = _former(connection, nation, {position for position, _ in found})
    return [_shown(row, id, former.get(position, ())) for (position, id), row in found.items()]


def _of_any_origin(is_postgresql: bool, column: ColumnElement[str]) -> ColumnElement[bool]:
    """Return a condition that is always true, and lets planners use an index that begins with the origin."""
    codes = select(origin.c.code)
    if is_postgresql:
        return column == any_(func.array(codes.scalar_subquery()))  # known before the plan begins
    return column.in_(codes)


def _rows(is_postgresql: bool, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Return the query for rows of others than `member`, which fulfil the conditions."""
    # An outer join below: a bare object has no creator (policy 8, claims).
    creator, member = reference.alias(), bindparam("member", type_=String)
    is_rel_to = is_among(is_postgresql, _R.target, "rel_to")
    carries = exists().where(_R.version_id == _V.id, _R.kind == MARKING, is_rel_to)
    # The hub's own objects and notes are nobody's record: `ids_of_the_hub` answers for these.
    is_other = and_(_C.member != member, _C.member != HUB, _V.member != HUB, ~_is_copy_of(member))
    return (
        select(
            *(_C.position, _C.date_added, _C.withdrawn_at, _C.rendition, _C.stix_id, _C.origin),
            *(*SHOWN, _J.classes, content.c.digest),
            *(_V.id.label("version"), _V.stix_id.label("original"), _V.member, _V.type, _V.version_key),
            *(_V.submitted_at, _V.own_tlp, _V.raised_tlp, _V.effective_tlp, _V.rel_to),
            *(_V.is_closed, _V.is_home, _V.limits),
            *(creator.c.target.label("creator"), carries.label("carries_rel_to")),
        )
        .select_from(
            release.join(object_version, _V.id == _C.version_id)
            .join(justification, _J.id == _C.justification_id)
            .join(
                content, content.c.id == _C.content_id
            )  # of the served object: a derived object has its own
            .outerjoin(creator, and_(creator.c.version_id == _V.id, creator.c.kind == CREATOR))
        )
        .where(is_other, *conditions)
    )


def _is_copy_of(member: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that `member` submitted an equal version earlier, and not as a copy."""
    own, its = object_version.alias(), content.alias()
    return exists().where(
        *(own.c.member == member, own.c.stix_id == _V.stix_id, own.c.id < _V.id, ~own.c.is_copy),
        *(its.c.id == own.c.content_id, its.c.digest == content.c.digest),
    )


_served: Final = Prepared(
    lambda is_postgresql: _rows(
        *(is_postgresql, _C.recipient == bindparam("nation")),
        is_among(is_postgresql, _C.position, "positions"),
    )
)
_with_ids: Final = Prepared(
    lambda is_postgresql: select(_V.id).where(
        _of_any_origin(is_postgresql, _V.origin), is_among(is_postgresql, _V.stix_id, "ids")
    )
)
_redacted: Final = Prepared(
    lambda is_postgresql: _rows(
        is_postgresql,
        (_C.recipient + "") == bindparam("nation"),  # an expression: no planner uses an index for it
        is_among(is_postgresql, _C.version_id, "versions"),
        # The label identifies a redaction. A link beside it names the original.
        func.substr(_C.rendition, 1, len(_REDACTED)) == _REDACTED,
    )
)


def _former(
    connection: Connection, nation: NationCode, positions: Collection[int]
) -> Mapping[int, tuple[PastJustification, ...]]:
    """Return the former justifications of rows that were changed in place, oldest first."""
    found: dict[int, list[PastJustification]] = defaultdict(list)
    c = rejustification.c
    if not positions:
        return {}
    query = (
        select(c.position, c.until, _J.classes, *(c[column.name] for column in SHOWN), *_NOW)
        .join(release, and_(_C.recipient == c.recipient, _C.position == c.position))
        .join(object_version, _V.id == _C.version_id)
        .join(justification, _J.id == c.justification_id)
        .where(c.recipient == nation, among(connection, c.position, positions))
        .order_by(c.id)
    )
    for position, until, classes, *shown in connection.execute(query):
        found[position].append(
            PastJustification(from_microseconds(until), decode(classes), _as_shown(*shown))
        )
    return {position: tuple(justified_by) for position, justified_by in found.items()}


def _shown(row: Any, id: StixId, former: tuple[PastJustification, ...]) -> OthersVersion:
    withdrawn = None if row.withdrawn_at is None else from_microseconds(row.withdrawn_at)
    # The level that the object itself carries. A container may have raised the effective level.
    levels = [level for level in (row.own_tlp, row.raised_tlp) if level is not None]
    rel_to = decode_nations(row.rel_to)
    justified_by = *former, _last(row, withdrawn)
    return OthersVersion(
        position=row.position,
        date_added=from_microseconds(row.date_added),
        shown=justified_by[-1].shown,
        is_seen=False,
        form=Form.of(row.rendition),
        id=id,
        version=row.version,
        origin=NationCode(row.origin),
        member=MemberId(row.member),
        type=row.type,
        version_key=row.version_key,
        digest=bytes(row.digest),
        creator=None if row.creator is None else StixId(row.creator),
        submitted_at=from_microseconds(row.submitted_at),
        carried=Tlp(max(levels)) if levels else None,
        carries_rel_to=bool(row.carries_rel_to),
        effective=EffectiveMarking(Tlp(row.effective_tlp), rel_to, bool(row.is_closed or row.is_home)),
        limits=decode_reach(row.limits),
        justified_by=justified_by,
    )


def _last(row: Any, withdrawn: datetime | None) -> PastJustification:
    values = row.shown_tlp, row.is_bound, row.shown_rel_to, row.shown_closed
    return PastJustification(
        withdrawn, decode(row.classes), _as_shown(*values, row.effective_tlp, row.rel_to)
    )


def _as_shown(
    tlp: int | None,
    is_bound: bool | None,
    rel_to: str | None,
    is_closed: bool | None,
    *now: Any,
) -> Shown:
    """Return how a row showed its version. Without a record: as the version is `now`, and closed."""
    # Rows from before these columns. Closed, because every doubt closes.
    if tlp is None or is_bound is None:
        tlp, rel_to = now
        is_bound = rel_to is not None
    return decode_shown(tlp or 0, is_bound, rel_to, is_closed)


def served_rows(connection: Connection, versions: Collection[int]) -> list[ShownRow]:
    """Return the rows that serve these versions, to all nations."""
    if not versions:
        return []
    query = (
        select(_C.version_id, _C.recipient, _C.rendition, _J.classes)
        .join(justification, _J.id == _C.justification_id)
        .where(among(connection, _C.version_id, versions), _C.withdrawn_at.is_(None))
    )
    return [
        ShownRow(version, NationCode(recipient), Form.of(form), decode(classes))
        for version, recipient, form, classes in connection.execute(query)
    ]


def mentions(
    connection: Connection, nation: NationCode, member: MemberId, ids: Collection[StixId]
) -> list[Mention]:
    """Return the mentions of these ids in `member`'s own versions and in its nation's ledger (policy 8).

    An object mentions the ids in the shown form. An anonymised object mentions made ids, as an object of the
    cert would. A redaction mentions the remaining ids (policy 7); a reader of the link sees the whole.
    """
    if not ids:
        return []
    is_naming = and_(_R.kind == REFERS, among(connection, _R.target, ids))
    own = (
        select(_R.target, _V.submitted_at)
        .join(object_version, _V.id == _R.version_id)
        .where(is_naming, _R.member == member)
    )
    found = [
        Mention(StixId(target), nation, from_microseconds(at), None, ())
        for target, at in connection.execute(own)
    ]
    made = _made_ids(connection, ids)
    # The ids of the originals: references are stored by original id, also where a row shows a made id.
    hidden = {id for (_, id), given in made.items() if given in ids}
    is_hidden = and_(
        _R.kind == REFERS,
        among(connection, _R.target, hidden),
        _C.rendition.like(f"{ANONYMISED.label}%"),
    )
    is_ledgers = (_C.recipient + "") == nation  # an expression: planners go from the ids to the positions
    shown = (
        select(
            *(_R.target, _V.origin, _V.submitted_at, _C.date_added, _C.withdrawn_at, _C.rendition, _V.cuts),
            *(_J.classes, _C.position, *SHOWN, *_NOW),
        )
        .select_from(
            reference.join(object_version, _V.id == _R.version_id)
            .join(release, and_(_C.version_id == _V.id, is_ledgers))
            .join(justification, _J.id == _C.justification_id)
        )
        .where(_V.member.not_in([member, HUB]))
    )
    rows = [*connection.execute(shown.where(is_naming))]
    rows += connection.execute(shown.where(is_hidden)) if hidden else []
    named = [(row, id) for row in rows for id in _named(row, made) & {*ids}]
    former = _former(connection, nation, {row.position for row, _ in named})
    for row, id in named:
        until = None if row.withdrawn_at is None else from_microseconds(row.withdrawn_at)
        justified_by = (*former.get(row.position, ()), _last(row, until))
        instants = from_microseconds(row.submitted_at), from_microseconds(row.date_added)
        found.append(Mention(id, NationCode(row.origin), *instants, justified_by))
    return found


def _made_ids(connection: Connection, ids: Collection[StixId]) -> Mapping[tuple[NationCode, StixId], StixId]:
    """Return the made ids of anonymised objects, by origin and original id, if either is in `ids`."""
    c = made_id.c
    is_postgresql = connection.dialect.name == "postgresql"
    is_original = and_(_of_any_origin(is_postgresql, c.origin), among(connection, c.stix_id, ids))
    found: dict[tuple[NationCode, StixId], StixId] = {}
    for is_asked in (among(connection, c.made, ids), is_original):
        query = select(c.origin, c.stix_id, c.made).where(c.rendition == ANONYMISED.label, is_asked)
        for code, id, made in connection.execute(query):
            found[NationCode(code), StixId(id)] = StixId(made)
    return found


def _named(row: Any, made: Mapping[tuple[NationCode, StixId], StixId]) -> frozenset[StixId]:
    """Return the id under which a row shows a reference of the version; empty: hidden."""
    form, target = Form.of(row.rendition), StixId(row.target)
    # A redaction shows only the references that remain in it.
    left = {redaction.ceiling: redaction.refers for redaction in decode_redactions(row.cuts or "[]")}
    if form.ceiling is not None and target not in left.get(form.ceiling, ()):
        return frozenset()
    return frozenset({made.get((row.origin, target), target) if form.is_anonymised else target})


def ids_of_the_hub(connection: Connection, ids: Collection[StixId]) -> frozenset[StixId]:
    """Return the `ids` of the hub's own objects, redactions, answers and links.

    Made ids of anonymised objects are left out: policy 7 treats them as ids of their nation's cert.
    """
    if not ids:
        return frozenset()
    return frozenset(map(StixId, _by_the_hub.scalars(connection, ids=carried(connection, ids))))


def _published(is_postgresql: bool) -> CompoundSelect[Any]:
    is_asked = is_among(is_postgresql, _V.stix_id, "ids")
    published = [
        select(_V.stix_id).where(by_hub, is_asked) for by_hub in (_V.origin == HUB, _V.member == HUB)
    ]
    # No answer may differ by whether an object is the cert's own or anonymised (policy 7).
    is_whole = made_id.c.rendition == ANONYMISED.label
    made = select(made_id.c.made).where(is_among(is_postgresql, made_id.c.made, "ids"), ~is_whole)
    return union_all(*published, made)


_by_the_hub: Final = Prepared(_published)
