"""Why does a nation see a version, or not: the rules asked again, for whoever may know the answer.

An answer is worth what polls are: a version is said to be released from a clearance up exactly when a poll of
a member of that clearance would be served it. Many are asked about as one is, in as many statements.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.actions.access import authenticate
from hub.actions.oversight.explanations import AskedVersion, Explanation, accounts
from hub.actions.release.judging import own_versions
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.errors import BadRequest, Forbidden, NotFound, Unprocessable
from hub.model import (
    HUB,
    Caller,
    Clearance,
    JsonObject,
    Kind,
    MemberId,
    NationCode,
    Query,
    Reader,
    StixId,
    VersionFilter,
    version_key,
)
from hub.stix import bodies
from hub.store.database.connection import Connection
from hub.store.ledger import derived_objects, pages
from hub.store.records import objects

MOST: Final = 1_000  # that are asked about at once

_EVERY_VERSION: Final = frozenset({VersionFilter.ALL})
_UNKNOWN: Final = "There is no such object, or no such version of it, for this member to ask about."


@dataclass(frozen=True, slots=True)
class ExplanationRequest:
    """Which version of an object (None: the newest), and for which nation (None: for all).

    `version_key` orders as the version that is asked about, `version` is that as it was given.
    """

    id: StixId
    version_key: str | None = None
    recipient: NationCode | None = None
    version: str | None = None


def explain(service: Service, caller: Caller, question: ExplanationRequest) -> JsonObject:
    """Return, for each record of the id that the caller may ask about, the decision for each nation.

    1. Members ask about what they are served; the submitter and its nation's cert also about what was
       deleted; auditors about everything.
    2. Of each record that is left, the newest version or the one that is named.
    3. It is judged anew, with all that it refers to, and held against what is served.
    4. Who sees the origin's agreements is told of every nation and by which agreement, others of their own
       nation alone; of its own object a member, of its nation's its cert, also whether it leaves the nation,
       and if not, by what (policy 5).

    One record is returned as it is, several as a list under `records`. Raises Forbidden for operators and
    for a token without the read scope; NotFound for what the caller may not ask about, as for what is not
    there.
    """
    (found,) = _told(service, caller, [question])
    if found is None:
        raise NotFound(_UNKNOWN)
    return found


def explain_many(
    service: Service, caller: Caller, questions: Sequence[ExplanationRequest]
) -> list[JsonObject]:
    """Return for each question what `explain` returns; an `error` for what the caller may not ask about.

    That says the same, to the byte, of what is not there (policy 9). Raises Forbidden as `explain` does.
    """
    answers = zip(questions, _told(service, caller, questions), strict=True)
    return [_unknown(question) if found is None else found for question, found in answers]


def questions(body: bytes) -> list[ExplanationRequest]:
    """Return what a body asks about: under `objects`, ids, or objects of an `object` and its `version`.

    Raises BadJson, or BadRequest naming the place; Unprocessable for more than 1,000.
    """
    table = bodies.loads(body)
    if not isinstance(table, dict) or table.keys() != {"objects"} or not isinstance(table["objects"], list):
        raise BadRequest('body: send {"objects": [...]} with the STIX ids to ask about')
    entries = table["objects"]
    if len(entries) > MOST:
        raise Unprocessable(f"objects: {len(entries)} are asked about; send at most {MOST} at once")
    return [_question(f"objects[{n}]", entry) for n, entry in enumerate(entries)]


def _question(place: str, entry: Any) -> ExplanationRequest:
    fields = {"object": entry} if isinstance(entry, str) else entry
    known = isinstance(fields, dict) and "object" in fields and fields.keys() <= {"object", "version"}
    if not known or not all(isinstance(one, str) and one and one.isprintable() for one in fields.values()):
        raise BadRequest(f'{place}: give a STIX id, or {{"object": ID, "version": VERSION}}')
    version = fields.get("version")
    key = None if version is None else version_key(version)
    if version is not None and key is None:
        raise BadRequest(f"{place}.version: give it as the object has it, such as 2026-01-31T08:00:00.000Z")
    return ExplanationRequest(StixId(fields["object"]), key, version=version)


def _unknown(question: ExplanationRequest) -> JsonObject:
    version = {} if question.version is None else {"version": question.version}
    return {"object": question.id, **version, "error": _UNKNOWN}


def _told(service: Service, caller: Caller, asked: Sequence[ExplanationRequest]) -> list[JsonObject | None]:
    """Return what the caller is told in answer to each question; None: nothing."""
    if caller.member.kind is Kind.OPERATOR:
        raise Forbidden("Operators read health and metadata only.")
    ids = {question.id for question in asked}
    with service.store.read() as connection:
        if caller.member.kind is Kind.AUDITOR:  # 1
            found = _by_id(_everywhere(service, connection, ids))
        else:
            found = _by_id(_of_member(service, connection, authenticate.reader(caller), ids))
        chosen = [_chosen(found.get(one.id, ()), one.version_key) for one in asked]  # 2
        every = {one.place: one for several in chosen for one in several}
        known = accounts(service, connection, caller, every.values())  # 3
    return [
        _records([known[one.place] for one in several], question.recipient)  # 4
        for question, several in zip(asked, chosen, strict=True)
    ]


def _records(told: Iterable[Explanation], recipient: NationCode | None) -> JsonObject | None:
    records = [(one, view) for one in told if (view := one.view(recipient)) is not None]
    if len(records) > 1:
        return {"records": [view | one.submitter() for one, view in records]}
    return records[0][1] if records else None


def _by_id(found: Iterable[tuple[StixId, AskedVersion]]) -> Mapping[StixId, Sequence[AskedVersion]]:
    """Return what was found under each id: a version may be there under its own and under made ones."""
    known: dict[StixId, list[AskedVersion]] = defaultdict(list)
    for id, one in found:
        known[id].append(one)
    return known


def _everywhere(
    service: Service, connection: Connection, ids: Collection[StixId]
) -> Iterator[tuple[StixId, AskedVersion]]:
    for origin in (*service.registry.recipients, HUB):
        for version in objects.versions_by_id(connection, origin, ids):
            yield version.id, AskedVersion(origin, version)
    made = derived_objects.with_ids(connection, ids)
    versions = {v.key: v for v in objects.versions_by_key(connection, {one.version for one in made})}
    for one in made:
        yield one.id, AskedVersion(one.origin, versions[one.version], one.form)


def _of_member(  # (hub/README: deleted-asked-by)
    service: Service, connection: Connection, reader: Reader, ids: Collection[StixId]
) -> Iterator[tuple[StixId, AskedVersion]]:
    """Give what the reader is served now, and what was deleted of its own or, to a cert, of its nation's."""
    now = present(service, connection, reader.nation)
    valid = service.in_force.visible(connection, reader, now).ids
    query = Query(reader, None, limit=1, ids=frozenset(ids), selections=_EVERY_VERSION)
    served = pages.served(connection, query, valid)
    versions = {v.key: v for v in objects.versions_by_key(connection, {row.version for row in served})}
    for row in served:
        version = versions[row.version]
        origin = HUB if version.member == MemberId(HUB) else row.origin
        yield row.id, AskedVersion(origin, version, row.form)
    nation = reader.nation if reader.clearance is Clearance.CERT else None
    for version in own_versions(connection, reader.member, nation, ids):
        if version.deleted_at is not None:
            yield version.id, AskedVersion(reader.nation, version)


def _chosen(found: Iterable[AskedVersion], version_key: str | None) -> list[AskedVersion]:
    """Return one version of each record at most, in the order in which they came."""
    records: dict[tuple[NationCode, MemberId, str], AskedVersion] = {}
    for one in found:
        record = (one.origin, one.version.member, one.form.label)
        best = records.get(record)
        is_asked = version_key in (None, one.version.version_key)
        if is_asked and (best is None or one.version.rank > best.version.rank):
            records[record] = one
    ordered = sorted(records.items(), key=lambda pair: (pair[0][0], pair[1].version.key))
    return [one for _, one in ordered]
