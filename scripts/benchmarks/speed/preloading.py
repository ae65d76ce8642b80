"""Fills a hub with objects through the functions of its own store, without submissions over HTTP.

The rows are those that submissions of the same objects would leave: versions, contents, references, releases
decided by the rules, and for each thousand a signed submission with its outcomes. Reading and markings are
not computed: the maker of the objects knows the result. `hub check` finds no fault in the rows.
"""

from __future__ import annotations

import hashlib
import secrets
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import orjson

from hub.actions.operation.work import work
from hub.actions.release import fact_sets
from hub.actions.release.basis import hold
from hub.actions.release.judging import context_of, judge_afresh, write_rows
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.model import (
    NAME_TYPES,
    EffectiveMarking,
    Evidence,
    HttpRequest,
    Markings,
    MemberId,
    NationCode,
    ObjectVersion,
    Outcome,
    Purpose,
    Receipt,
    RegisteredKey,
    SourceHiding,
    StixId,
    version_key,
)
from hub.proofs import requests
from hub.proofs.keys import PrivateKey
from hub.rules.release.row_changes import LedgerChanges, changes_to
from hub.store.records import objects, submissions
from scripts.benchmarks.speed.objects import MEMBERS, OBSERVABLES, MadeObject, made

TAXII: Final = "application/taxii+json;version=2.1"

_PER_SUBMISSION: Final = 1_000
_FACTS_SECONDS: Final = 60.0
_NOT_SAME: Final = frozenset({"created", "modified", "created_by_ref"})


def fill(
    service: Service,
    signing: Mapping[str, PrivateKey],
    count: int,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Store the objects of the numbers 0 to `count` - 1, and return the number of objects.

    The members are registered with the keys of `signing`, and the agreements are in force. Members submit by
    turns, 1,000 objects at a time.
    """
    step = _PER_SUBMISSION * len(MEMBERS)
    total = 0
    for start in range(0, count, step):
        numbers = range(start, min(start + step, count))
        by_member: dict[str, list[MadeObject]] = {member: [] for member in MEMBERS}
        for one in made(numbers):
            by_member[one.member].append(one)
        for member, found in by_member.items():
            if found:
                _submit(service, MemberId(member), signing[member], found)
                total += len(found)
        progress(total)
    # As in a hub that has run for a while.
    work(service)
    while fact_sets.determine(service, time.monotonic() + _FACTS_SECONDS):
        pass
    return total


def _submit(service: Service, member: MemberId, key: PrivateKey, found: Sequence[MadeObject]) -> None:
    """Store one submission of a member, with decisions and rows, in one transaction."""
    origin = NationCode(member[:2].upper())
    body = b'{"objects":[' + b",".join(orjson.dumps(one.content) for one in found) + b"]}"
    with service.store.write() as connection:
        hold(service, connection, origin)
        now = present(service, connection)
        context = context_of(service, connection, origin, now)
        receipt = Receipt(str(uuid.uuid4()), now, tuple(_outcome(one, now) for one in found))
        evidence = _evidence(service, origin, key, body, now)
        submissions.open_submission(connection, receipt.id, member, origin, now, evidence)
        submissions.close_submission(connection, receipt)
        submissions.keep_body(connection, receipt.id, body)
        drafts = [_version(-n, member, one, now) for n, one in enumerate(found, 1)]
        bodies = {v.digest: orjson.dumps(one.content) for v, one in zip(drafts, found, strict=True)}
        contents = objects.insert_contents(connection, origin, bodies)
        fresh = {v.key: _with_content(v, contents[v.digest], len(bodies[v.digest])) for v in drafts}
        judged = judge_afresh(connection, context, fresh)
        changes = changes_to(context.recipients, fresh, judged, (), context.moment)
        stored = objects.insert_versions(connection, origin, receipt.id, [*fresh.values()])
        write_rows(service, connection, origin, LedgerChanges(fresh, changes), stored, now)
        submissions.advance(connection, origin)


def _evidence(service: Service, origin: NationCode, key: PrivateKey, body: bytes, now: datetime) -> Evidence:
    collection = service.registry.nations[origin].collection_id
    url = f"{service.public_url}/{service.api_root}/collections/{collection}/objects/"
    request = HttpRequest("POST", url, {"Content-Type": TAXII}, body)
    fields = requests.sign(request, key, created=now, nonce=secrets.token_urlsafe(24))
    request = replace(request, headers={**request.headers, **fields})
    known = RegisteredKey(
        key.public.thumbprint, MemberId(""), Purpose.SUBMIT, key.public.alg, key.public.jwk, now
    )
    return requests.verify(request, lambda _: known, now)[1]


def _outcome(one: MadeObject, now: datetime) -> Outcome:
    version = one.content.get("modified") or now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return Outcome(one.id, version, succeeded=True)


def _with_content(version: ObjectVersion, content_id: int, size: int) -> ObjectVersion:
    return version.altered(content_id=content_id, size=size)


def _version(key: int, member: MemberId, one: MadeObject, now: datetime) -> ObjectVersion:
    """Return the version that the hub would draft for the object."""
    content = one.content
    text = content.get("modified") or now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    refers = frozenset(map(StixId, one.referred))
    return ObjectVersion(
        key,
        member,
        StixId(one.id),
        one.type,
        text,
        version_key(text) or text,
        submitted_at=now,
        has_spec_version=True,
        is_newest=True,
        digest=_digest(content),
        markings=Markings(one.tlp),
        refers=refers,
        contains=refers if one.type == "report" else frozenset(),
        creator=None,
        is_accepted_definition=False,
        tlp=one.tlp,
        is_closed=False,
        is_contained=False,
        base=one.tlp,
        source_hiding=SourceHiding.PLAIN if one.type in OBSERVABLES else SourceHiding.RENAMED,
        given=EffectiveMarking(one.tlp) if one.type == "report" else None,
        created=version_key(content["created"]) if "created" in content else None,
        same=_digest({k: v for k, v in content.items() if k not in _NOT_SAME})
        if one.type in NAME_TYPES
        else None,
    )


def _digest(content: object) -> bytes:
    # Sorted orjson text is the RFC 8785 form of these objects: no floats, and ASCII keys.
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()
