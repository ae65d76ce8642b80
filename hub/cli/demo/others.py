"""Other members try to change or pass on objects of a nation's cert. Only copies of free objects are taken.

The demo compares each attempt with policy 8. Nobody submits in another's name, and nobody overwrites another.
Only its own nation shares an object above GREEN. An equal copy is a separate record, and changes no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.cli.demo.sample import Group, Sample
from hub.cli.demo.setup import MEMBERS, DemoHub
from hub.client import unmodified
from hub.model import JsonObject

_CERT: Final = "kr-cert"
_ALLY: Final = "us-cert"
_COMPANY: Final = "kr-partner"
_PER_PAGE: Final = 500
_REVOKED_AT: Final = "2026-03-01T09:00:00.000Z"  # later than any version of the sample
_REVISED_AT: Final = "2026-03-02T09:00:00.000Z"
# The beginnings of the hub's sentences, one for each rule of policy 8.
_SPEAKS_FOR: Final = "created_by_ref names an identity of KR; only it submits in its name"
_OVERWRITES: Final = "KR's object; say it with an object of your own (opinion, note, relationship)"
_PASSES_ON: Final = "received from KR; only KR may share it"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An act of a member, and the hub's sentence. `wanted` begins the expected refusal; "" means accepted."""

    member: str
    act: str
    wanted: str
    refusal: str

    @property
    def is_right(self) -> bool:
        return self.refusal.startswith(self.wanted) if self.wanted else not self.refusal


@dataclass(frozen=True, slots=True)
class AttemptsOfOthers:
    """The attempts, and all changes of the cert's records by a company's copies: none, if all is well."""

    tries: tuple[Attempt, ...]
    changes: tuple[str, ...]

    def differences(self) -> list[str]:
        """Return a sentence for each deviation from the policy."""
        wrong = [one for one in self.tries if not one.is_right]
        return [
            *(
                f"{one.member} {one.act}: {one.refusal or 'taken'}; not {one.wanted or 'taken'}"
                for one in wrong
            ),
            *self.changes,
        ]

    def to_json(self) -> list[JsonObject]:
        return [{"member": one.member, "deed": one.act, "refused": one.refusal or None} for one in self.tries]


def try_all(demo_hub: DemoHub, sample: Sample) -> AttemptsOfOthers:
    """Make attempts as an ally and as a company of the cert's nation, then revise an object as the cert.

    The ally was shown the AMBER object under an agreement that has ended since.
    """
    public, secret = _group(sample, "CLEAR"), _group(sample, "AMBER")
    indicator, shared = _first(public, "indicator"), _first(secret, "indicator")
    revoked = {"revoked": True, "modified": _REVOKED_AT}
    copies = list(public.objects.values())
    before = _handled(demo_hub, public)  # read first: the copies below must change nothing of this
    tries = [
        _try(demo_hub, _ALLY, "revokes KR's indicator", [indicator | revoked], _SPEAKS_FOR),
        _try(demo_hub, _ALLY, "revokes it without an author", [_unnamed(indicator) | revoked], _OVERWRITES),
        _try(demo_hub, _ALLY, "passes on KR's AMBER indicator", [_unnamed(shared)], _PASSES_ON),
        _try(demo_hub, _COMPANY, f"repeats {len(copies)} CLEAR objects of its cert", copies, ""),
        _try(demo_hub, _COMPANY, "revokes one of them", [indicator | revoked], _SPEAKS_FOR),
    ]
    # Policy 8: an equal copy is a separate record. The cert's own record must keep its level and decisions.
    changes = [
        f"{id} is handled otherwise since {_COMPANY} copied it"
        for id, handled in _handled(demo_hub, public).items()
        if handled != before[id]
    ]
    revised = indicator | {"description": "Revised by its author.", "modified": _REVISED_AT}
    tries.append(_try(demo_hub, _CERT, "revises the one that was copied", [revised], ""))
    return AttemptsOfOthers(tuple(tries), (*changes, *_not_served(demo_hub, public, revised)))


def _group(sample: Sample, handled_as: str) -> Group:
    return next(g for g in sample.groups if g.submitter == _CERT and g.handled_as == handled_as)


def _first(group: Group, kind: str) -> JsonObject:
    return next(value for value in group.objects.values() if value["type"] == kind)


def _unnamed(value: JsonObject) -> JsonObject:
    return {key: part for key, part in value.items() if key != "created_by_ref"}


def _try(demo_hub: DemoHub, member: str, act: str, objects: Sequence[JsonObject], wanted: str) -> Attempt:
    """Submit the objects in one POST, and return the attempt with the first failure."""
    nation = MEMBERS[member][0].lower()
    status = unmodified.push(demo_hub.url, demo_hub.auth(member), nation, objects)
    refusal = str(status.failures[0]["message"]) if status.failure_count else ""
    return Attempt(member, act, wanted, refusal)


def _handled(demo_hub: DemoHub, group: Group) -> Mapping[str, Any]:
    """Return version, effective level and decisions of the cert's own record of each object."""
    with demo_hub.member(_CERT) as hub:
        answers = {id: hub.explain(id) for id in group.objects}
    own = {id: _own(answer) for id, answer in answers.items()}
    return {id: (one["version"], one["effective_tlp"], one["decisions"]) for id, one in own.items()}


def _own(answer: JsonObject) -> JsonObject:
    # After the copy the id has two records, and the answer is a list. The copy's submitter is named in it.
    records: list[JsonObject] = answer.get("records", [answer])
    return next(one for one in records if one.get("member", _CERT) == _CERT)


def _not_served(demo_hub: DemoHub, group: Group, revised: JsonObject) -> list[str]:
    """Return a sentence for each reader of the group that is not served the revised object."""
    missing = []
    for reader in sorted(group.readers_after):
        polled = unmodified.poll(demo_hub.url, demo_hub.auth(reader), "released", _PER_PAGE)
        if not any(value == revised for value in polled):
            missing.append(f"{reader} does not see the revised {revised['id']}")
    return missing
