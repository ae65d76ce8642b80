"""Explains why a nation sees a version, or does not: a new decision by the rules, for permitted callers.

Explanations and polls agree: the hub calls a version released from a clearance exactly if a poll at that
clearance returns the version. Many questions need as many statements as one question.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.actions.access import authenticate
from hub.actions.oversight.explanations import AskedVersion, Explanation, explanations_of
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

MOST: Final = 1_000  # questions in one request

_EVERY_VERSION: Final = frozenset({VersionFilter.ALL})
_UNKNOWN: Final = "There is no such object, or no such version of it, for this member to ask about."


@dataclass(frozen=True, slots=True)
class ExplanationRequest:
    """Asks about a version of an object (None: the newest), for one nation (None: for all).

    `version` is the version as given, `version_key` the same in sortable form.
    """

    id: StixId
    version_key: str | None = None
    recipient: NationCode | None = None
    version: str | None = None


def explain(service: Service, caller: Caller, question: ExplanationRequest) -> JsonObject:
    """Return, for each record of the id open to the caller's question, the decision for each nation.

    1. Members may ask about served objects; the submitter and its nation's cert also about deleted objects;
       auditors about all objects.
    2. Of each such record, the newest version or the named version is chosen.
    3. The version is judged again, with all referred objects, and compared with the served rows.
    4. A caller that may see the origin's agreements gets every nation with the agreement; any other caller
       its own nation alone. The submitter and its cert also get whether the version leaves the nation, and
       the obstacle if not (policy 5).

    A single record is returned directly, several records as a list under `records`. Raises Forbidden for
    operators and for a token without the read scope; NotFound alike for a withheld and an unknown object.
    """
    (found,) = _answers(service, caller, [question])
    if found is None:
        raise NotFound(_UNKNOWN)
    return found


def explain_many(
    service: Service, caller: Caller, questions: Sequence[ExplanationRequest]
) -> list[JsonObject]:
    """Return the result of `explain` for each question, or an `error` in place of NotFound.

    The error is the same, to the byte, for a withheld and an unknown object (policy 9). Raises Forbidden as
    `explain`.
    """
    # All answers come from one snapshot, and the questions are loaded together: time says nothing of one id.
    answers = zip(questions, _answers(service, caller, questions), strict=True)
    return [_unknown(question) if found is None else found for question, found in answers]


def questions(body: bytes) -> list[ExplanationRequest]:
    """Return the questions of a body: under `objects`, ids, or entries with an `object` and a `version`.

    Raises BadJson; BadRequest with the place of the error; Unprocessable above 1,000 questions.
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


def _answers(
    service: Service, caller: Caller, asked: Sequence[ExplanationRequest]
) -> list[JsonObject | None]:
    """Return the answer to each question; None for an object withheld from the caller or unknown."""
    # By the kind of member alone, before an id is looked up: the refusal says nothing about objects.
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
        known = explanations_of(service, connection, caller, every.values())  # 3
    return [
        _records([known[one.place] for one in several], question.recipient)  # 4
        for question, several in zip(asked, chosen, strict=True)
    ]


def _records(found: Iterable[Explanation], recipient: NationCode | None) -> JsonObject | None:
    records = [(one, view) for one in found if (view := one.view(recipient)) is not None]
    if len(records) > 1:
        return {"records": [view | one.submitter() for one, view in records]}
    return records[0][1] if records else None


def _by_id(found: Iterable[tuple[StixId, AskedVersion]]) -> Mapping[StixId, Sequence[AskedVersion]]:
    """Return the found versions by id; a version may have its own id and several made ids."""
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
    # Auditors may ask by made ids too: explanations name these ids.
    made = derived_objects.with_ids(connection, ids)
    versions = {v.key: v for v in objects.versions_by_key(connection, {one.version for one in made})}
    for one in made:
        yield one.id, AskedVersion(one.origin, versions[one.version], one.form)


def _of_member(  # (hub/README: deleted-asked-by)
    service: Service, connection: Connection, reader: Reader, ids: Collection[StixId]
) -> Iterator[tuple[StixId, AskedVersion]]:
    """Yield the versions served to the reader now, and deleted versions of the reader's own records.

    A cert also gets the deleted versions of its nation's records.
    """
    # INVARIANT: the same query as a poll: what a poll withholds is unknown here as well (policy 9).
    now = present(service, connection, reader.nation)
    query = Query(reader, None, limit=1, ids=frozenset(ids), selections=_EVERY_VERSION)
    valid = service.in_force.visible(connection, reader, now).valid(query)
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
    """Return at most one version of each record, in order of submission."""
    records: dict[tuple[NationCode, MemberId, str], AskedVersion] = {}
    for one in found:
        record = (one.origin, one.version.member, one.form.label)
        best = records.get(record)
        is_asked = version_key in (None, one.version.version_key)
        if is_asked and (best is None or one.version.rank > best.version.rank):
            records[record] = one
    ordered = sorted(records.items(), key=lambda pair: (pair[0][0], pair[1].version.key))
    return [one for _, one in ordered]
