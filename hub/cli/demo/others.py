"""What others do with objects of a nation's cert: they may repeat what is free to share, and no more.

Each try is held against the policy (8): nobody speaks for another, nobody overwrites another, only its own
nation shares what is above GREEN, and an equal copy is a record of its own, which moves no other.
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
_SPEAKS_FOR: Final = "created_by_ref names an identity of KR; only it submits in its name"
_OVERWRITES: Final = "KR's object; say it with an object of your own (opinion, note, relationship)"
_PASSES_ON: Final = "received from KR; only KR may share it"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a member submitted, and what it was told. `wanted` begins the sentence of a refusal; "": taken."""

    member: str
    act: str
    wanted: str
    told: str

    @property
    def is_right(self) -> bool:
        return self.told.startswith(self.wanted) if self.wanted else not self.told


@dataclass(frozen=True, slots=True)
class AttemptsOfOthers:
    """The tries, and everything that a company's copies changed for its cert: nothing, if all is well."""

    tries: tuple[Attempt, ...]
    changes: tuple[str, ...]

    def differences(self) -> list[str]:
        """Return every way in which it is not as the policy says."""
        wrong = [one for one in self.tries if not one.is_right]
        return [
            *(f"{one.member} {one.act}: {one.told or 'taken'}; not {one.wanted or 'taken'}" for one in wrong),
            *self.changes,
        ]

    def to_json(self) -> list[JsonObject]:
        return [{"member": one.member, "deed": one.act, "refused": one.told or None} for one in self.tries]


def try_all(demo_hub: DemoHub, sample: Sample) -> AttemptsOfOthers:
    """Let an ally and a company of the cert's own nation try, and the cert revise what the company copied.

    The ally was shown the AMBER object under an agreement that has ended since.
    """
    public, secret = _group(sample, "CLEAR"), _group(sample, "AMBER")
    indicator, shared = _first(public, "indicator"), _first(secret, "indicator")
    revoked = {"revoked": True, "modified": _REVOKED_AT}
    copies = list(public.objects.values())
    before = _handled(demo_hub, public)
    tries = [
        _try(demo_hub, _ALLY, "revokes KR's indicator", [indicator | revoked], _SPEAKS_FOR),
        _try(demo_hub, _ALLY, "revokes it without an author", [_unnamed(indicator) | revoked], _OVERWRITES),
        _try(demo_hub, _ALLY, "passes on KR's AMBER indicator", [_unnamed(shared)], _PASSES_ON),
        _try(demo_hub, _COMPANY, f"repeats {len(copies)} CLEAR objects of its cert", copies, ""),
        _try(demo_hub, _COMPANY, "revokes one of them", [indicator | revoked], _SPEAKS_FOR),
    ]
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
    """Submit the objects in one POST; what is told is the first failure."""
    nation = MEMBERS[member][0].lower()
    status = unmodified.push(demo_hub.url, demo_hub.auth(member), nation, objects)
    told = str(status.failures[0]["message"]) if status.failure_count else ""
    return Attempt(member, act, wanted, told)


def _handled(demo_hub: DemoHub, group: Group) -> Mapping[str, Any]:
    """Return how the cert's own record of each object is handled, and who sees it by what."""
    with demo_hub.member(_CERT) as hub:
        answers = {id: hub.explain(id) for id in group.objects}
    own = {id: _own(answer) for id, answer in answers.items()}
    return {id: (one["version"], one["effective_tlp"], one["decisions"]) for id, one in own.items()}


def _own(answer: JsonObject) -> JsonObject:
    records: list[JsonObject] = answer.get("records", [answer])
    return next(one for one in records if one.get("member", _CERT) == _CERT)


def _not_served(demo_hub: DemoHub, group: Group, revised: JsonObject) -> list[str]:
    """Return who of the group's readers is not served the revised object."""
    missing = []
    for reader in sorted(group.readers_after):
        polled = unmodified.poll(demo_hub.url, demo_hub.auth(reader), "released", _PER_PAGE)
        if not any(value == revised for value in polled):
            missing.append(f"{reader} does not see the revised {revised['id']}")
    return missing
