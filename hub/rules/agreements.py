"""What makes an agreement well formed, and which state its signed events give it at an instant (policy 5)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from hub.errors import Unprocessable
from hub.model import (
    Agreement,
    AgreementState,
    Anonymise,
    Clause,
    Clearance,
    Granular,
    JsonObject,
    NationCode,
    Tlp,
)

_DOCUMENT_KEYS: Final = {
    "id",
    "hub",
    "title",
    "parties",
    "valid_from",
    "valid_until",
    "supersedes",
    "clauses",
    "iep",
}
_CLAUSE_KEYS: Final = {"from", "to", "max_tlp", "audience", "types", "history", "granular", "anonymise"}
_AUDIENCES: Final = {clearance.label: clearance for clearance in Clearance}
_MIN_PARTIES = 2
_MAX_TITLE = 200
_MAX_CLAUSES = 100
_MAX_TYPES = 100
_MAX_TYPE = 250

T = TypeVar("T")


def read_agreement(document: JsonObject, nations: Collection[NationCode]) -> Agreement:
    """Return the agreement that `document` states, with the hub's `id` in it.

    Raises Unprocessable naming the key and the remedy: an unknown key, a missing or malformed value,
    a clause whose nations are not parties, or a term that this version of the hub cannot keep.
    """
    _refuse_unknown(document, _DOCUMENT_KEYS, "the agreement")
    title = _text(document, "title", _MAX_TITLE)
    parties = _nations(document, "parties", nations, "parties")
    if len(parties) < _MIN_PARTIES:
        raise Unprocessable("parties: an agreement needs at least two nations.")
    if "supersedes" in document:
        raise Unprocessable("supersedes: amending an agreement is not offered by this version of the hub.")
    valid_from, valid_until = _instant(document, "valid_from"), _instant(document, "valid_until")
    if valid_until <= valid_from:
        raise Unprocessable("valid_until: must be later than valid_from.")
    clauses = document.get("clauses")
    if not isinstance(clauses, list) or not 1 <= len(clauses) <= _MAX_CLAUSES:
        raise Unprocessable(f"clauses: give a list of 1 to {_MAX_CLAUSES} clauses.")
    if not isinstance(document.get("iep", {}), dict):
        raise Unprocessable("iep: give a table of FIRST IEP 2.0 terms, or leave it out.")
    return Agreement(
        id=str(document.get("id", "")),
        title=title,
        parties=parties,
        valid_from=valid_from,
        valid_until=valid_until,
        clauses=tuple(_clause(clause, f"clauses[{n}]", parties) for n, clause in enumerate(clauses)),
        document=document,
    )


def _clause(clause: Any, place: str, parties: frozenset[NationCode]) -> Clause:
    if not isinstance(clause, dict):
        raise Unprocessable(f"{place}: give a table with from, to and max_tlp.")
    _refuse_unknown(clause, _CLAUSE_KEYS, place)
    origin = clause.get("from")
    if not isinstance(origin, str) or origin not in parties:
        raise Unprocessable(f"{place}.from: must be one of the parties {', '.join(sorted(parties))}.")
    recipients = _nations(clause, "to", parties, f"{place}.to")
    if origin in recipients:
        raise Unprocessable(f"{place}.to: a nation does not share with itself; leave {origin} out.")
    max_tlp = Tlp.of(clause["max_tlp"]) if isinstance(clause.get("max_tlp"), str) else None
    if max_tlp is None:
        raise Unprocessable(f"{place}.max_tlp: must be one of {', '.join(level.label for level in Tlp)}.")
    history, granular, anonymise = _terms(clause, place)
    return Clause(
        origin=NationCode(origin),
        recipients=recipients,
        max_tlp=max_tlp,
        audience=_one_of(clause, "audience", _AUDIENCES, Clearance.AGENCY, place),
        types=_types(clause.get("types"), f"{place}.types"),
        history=history,
        granular=granular,
        anonymise=anonymise,
    )


def _terms(clause: JsonObject, place: str) -> tuple[bool, Granular, Anonymise]:
    """Read the terms of which this version keeps only the defaults; anything else is refused."""
    history = clause.get("history", False)
    if not isinstance(history, bool):
        raise Unprocessable(f"{place}.history: must be true or false.")
    granular = _one_of(clause, "granular", {g.value: g for g in Granular}, Granular.WITHHOLD, place)
    anonymise = _one_of(clause, "anonymise", {a.value: a for a in Anonymise}, Anonymise.NONE, place)
    for term, is_default in (
        ("history", not history),
        ("granular", granular is Granular.WITHHOLD),
        ("anonymise", anonymise is Anonymise.NONE),
    ):
        if not is_default:
            raise Unprocessable(
                f"{place}.{term}: not offered by this version of the hub; leave it out to propose without it."
            )
    return history, granular, anonymise


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an agreement stands at an instant; `ended` says how it ended, else None."""

    state: AgreementState
    ended: str | None = None


def standing(
    agreement: Agreement, signed_by: Collection[NationCode], terminated_by: NationCode | None, now: datetime
) -> Standing:
    """Return the state that the signed events give `agreement` at `now` (policy 5).

    Termination is final whatever the clock says; expiry is the clock's alone and needs no event.
    An agreement that all have signed before `valid_from` stays proposed until then.
    """
    if terminated_by is not None:
        return Standing(AgreementState.ENDED, f"terminated by {terminated_by}")
    if now >= agreement.valid_until:
        return Standing(AgreementState.ENDED, "expired")
    if agreement.parties <= set(signed_by) and now >= agreement.valid_from:
        return Standing(AgreementState.IN_FORCE)
    return Standing(AgreementState.PROPOSED)


# --- reading values ---------------------------------------------------------------------------


def _refuse_unknown(table: JsonObject, known: set[str], place: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise Unprocessable(
            f"{place}: unknown key {unknown[0]!r}; known are {', '.join(sorted(known - {'id', 'hub'}))}."
        )


def _text(table: JsonObject, key: str, limit: int) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip() or len(value) > limit:
        raise Unprocessable(f"{key}: give a text of 1 to {limit} characters.")
    return value


def _nations(table: JsonObject, key: str, known: Collection[NationCode], place: str) -> frozenset[NationCode]:
    value = table.get(key)
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and v in known for v in value):
        raise Unprocessable(f"{place}: give a list of nations among {', '.join(sorted(known))}.")
    if len(set(value)) != len(value):
        raise Unprocessable(f"{place}: a nation is named twice.")
    return frozenset(NationCode(v) for v in value)


def _instant(table: JsonObject, key: str) -> datetime:
    value = table.get(key)
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else None
        if instant is not None and instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # no such day, or beyond the calendar once in UTC
    raise Unprocessable(f"{key}: give an RFC 3339 timestamp with its offset, as in 2026-01-01T00:00:00Z.")


def _one_of(table: JsonObject, key: str, values: dict[str, T], default: T, place: str) -> T:
    if key not in table:
        return default
    value = table[key]
    if not isinstance(value, str) or value not in values:
        raise Unprocessable(f"{place}.{key}: must be one of {', '.join(values)}.")
    return values[value]


def _types(value: Any, place: str) -> frozenset[str] | None:
    if value is None:
        return None
    is_list = isinstance(value, list) and 1 <= len(value) <= _MAX_TYPES
    if not is_list or not all(isinstance(v, str) and 0 < len(v) <= _MAX_TYPE for v in value):
        raise Unprocessable(f"{place}: give a list of 1 to {_MAX_TYPES} STIX types, or leave it out for all.")
    return frozenset(value)
