"""What an agreement's document says, in words: each of its members and of its clauses', none left out.

Pure, and by the document alone. What is not as an agreement has it, or not known to this version, is given as
its JSON text. Nothing is escaped for a terminal here: whoever prints it does that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, NamedTuple

from hub.model import DOCUMENT_KEYS, MAX_AGREEMENT_BYTES, MAX_CLAUSES, MAX_TITLE, JsonObject, clause_terms
from hub.proofs.canonical import canonical

_WORD: Final = re.compile(r"[A-Za-z0-9_-]+")
_CODE: Final = re.compile(r"[A-Z]{2}")  # ISO 3166-1 alpha-2; what only looks like one is none
_ID: Final = re.compile(r"[a-z]+--[0-9A-Za-z-]{1,64}")
_TIME: Final = re.compile(
    r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


class TermInWords(NamedTuple):
    """One thing that a document says: its name, and what it says in words.

    `fault`: it is not as agreements have it, and given as JSON. `is_known`: this version knows what it means.
    """

    name: str
    words: str
    fault: str | None = None
    is_known: bool = True


def head(document: JsonObject) -> list[TermInWords]:
    """Return title, parties, validity, whose hub it is and what it supersedes."""
    validity = [_time(document, name) for name in ("valid_from", "valid_until")]
    found = [
        _title(document),
        _said(document, "parties", partial(clause_terms.read_nations, document.get("parties"))),
        TermInWords(
            "valid",
            f"from {validity[0].words} until {validity[1].words}",
            next((one.fault for one in validity if one.fault), None),
        ),
        _id(document, "hub"),
    ]
    if "supersedes" in document:
        found.append(_id(document, "supersedes"))
    return found


def clauses(document: JsonObject) -> list[list[TermInWords]]:
    """Return the terms of each clause in the document's order; people count them from 1.

    What is no list of tables is one term, named `clauses`, of a single clause.
    """
    given = document.get("clauses")
    if not isinstance(given, list) or not given:
        return [[_odd("clauses", given)]]
    return [clause(one) if isinstance(one, dict) else [_odd("clause", one)] for one in given]


def clause(given: JsonObject) -> list[TermInWords]:
    """Return every term of a clause, with what holds where it says nothing."""
    known = {term.name: term for term in clause_terms.TERMS}
    return [
        *(_said(given, name, partial(term.words, given)) for name, term in known.items()),
        *(_unknown(name, given[name], known) for name in sorted(given.keys() - known)),
    ]


def terms_of_iep(document: JsonObject) -> list[TermInWords]:
    """Return the FIRST IEP 2.0 terms, which the hub carries and does not interpret."""
    iep = document.get("iep", {})
    if not isinstance(iep, dict):
        return [_odd("iep", iep)]
    return [TermInWords(_quoted(name), as_json(iep[name])) for name in sorted(iep)]


def others(document: JsonObject) -> list[TermInWords]:
    """Return whatever else is in the document."""
    return [_unknown(name, document[name], DOCUMENT_KEYS) for name in sorted(document.keys() - DOCUMENT_KEYS)]


def every(document: JsonObject) -> Iterator[tuple[str, TermInWords]]:
    """Give each term with the place where it stands."""
    for part in (head(document), others(document)):
        yield from (("the document", term) for term in part)
    for number, found in enumerate(clauses(document), 1):
        yield from ((f"clause {number}", term) for term in found)
    yield from (("iep", term) for term in terms_of_iep(document))


def contradictions(document: JsonObject) -> Iterator[str]:
    """Give a sentence for each thing that no agreement says, though each term by itself may be said."""
    if (size := len(as_json(document).encode())) > MAX_AGREEMENT_BYTES:
        yield f"The document has {size} bytes, and an agreement has at most {MAX_AGREEMENT_BYTES}."
    given = document.get("clauses")
    listed = given if isinstance(given, list) else []
    if len(listed) > MAX_CLAUSES:
        yield f"The document has {len(listed)} clauses, and an agreement has at most {MAX_CLAUSES}."
    if document.get("supersedes", "") == document.get("id"):
        yield "The document supersedes itself."
    parties = _codes(document.get("parties"))
    for number, one in enumerate(listed, 1):
        origins, recipients = (_codes(one.get(n)) if isinstance(one, dict) else [] for n in ("from", "to"))
        for nation in sorted({*origins, *recipients} - set(parties)):
            yield f"In clause {number}, {nation} is not among the parties."
        if set(origins) & set(recipients):
            yield f"In clause {number}, {origins[0]} would share with itself."


def _codes(value: object) -> list[str]:
    given = value if isinstance(value, list) else [value]
    return [one for one in given if isinstance(one, str) and _CODE.fullmatch(one)]


def as_json(value: Any) -> str:
    """Return a value as JSON text on one line."""
    try:
        return canonical(value).decode()
    except ValueError:
        return "(has no JSON form)"


# --- what an amendment changes ----------------------------------------------------------------


def differences(former: JsonObject, document: JsonObject) -> list[str]:
    """Return in which terms a document differs from the one that it supersedes, clause by clause.

    Clauses that are equal in all their terms are put beside each other, wherever they stand; then those of
    the same direction, in their order. What is said by default and what is spelt out is the same.
    """
    found = [
        f"{name}: was {was or 'absent'}; is {now or 'absent'}"
        for name, was, now in _changed(_table(_whole(former)), _table(_whole(document)))
        if name != "supersedes"
    ]
    before, after = (dict(enumerate(map(_table, clauses(one)), 1)) for one in (former, document))
    equal = _paired(before, after, lambda one: tuple(sorted(one.items())))
    moved = [f"clause {new}: unchanged (was clause {old})" for old, new in equal if old != new]
    for old, _ in equal:
        del before[old]
    for _, new in equal:
        del after[new]
    alike = _paired(before, after, lambda one: (one.get("from"), one.get("to")))
    for old, new in alike:
        known_as = "" if old == new else f" (was clause {old})"
        for name, was, now in _changed(before.pop(old), after.pop(new)):
            found.append(f"clause {new}{known_as}, {name}: was {was or 'absent'}; is {now or 'absent'}")
    found += [f"clause {new}: is new, {_direction(one)}" for new, one in after.items()]
    found += [f"clause {old} of the former: is gone, {_direction(one)}" for old, one in before.items()]
    return [*found, *moved]


def _whole(document: JsonObject) -> list[TermInWords]:
    iep = [term._replace(name=f"iep, {term.name}") for term in terms_of_iep(document)]
    return [*head(document), *iep, *others(document)]


def _table(found: list[TermInWords]) -> dict[str, str]:
    return {term.name: term.words for term in found}


def _changed(
    before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[tuple[str, str | None, str | None]]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)


def _paired(
    before: Mapping[int, Mapping[str, str]],
    after: Mapping[int, Mapping[str, str]],
    key: Callable[[Mapping[str, str]], Any],
) -> list[tuple[int, int]]:
    waiting = dict(after)
    pairs = []
    for old, one in before.items():
        new = next((n for n, other in waiting.items() if key(other) == key(one)), None)
        if new is not None:
            del waiting[new]
            pairs.append((old, new))
    return pairs


def _direction(one: Mapping[str, str]) -> str:
    return f"{one.get('from')} → {one.get('to')}, {one.get('max_tlp')}"


# --- single values ----------------------------------------------------------------------------


def _title(document: JsonObject) -> TermInWords:
    value = document.get("title")
    if isinstance(value, str) and 0 < len(value) <= MAX_TITLE and not value.isspace():
        return TermInWords("title", value)
    return _odd("title", value)


def _id(table: JsonObject, name: str) -> TermInWords:
    value = table.get(name)
    return TermInWords(name, value) if isinstance(value, str) and _ID.fullmatch(value) else _odd(name, value)


def _time(table: JsonObject, name: str) -> TermInWords:
    value = table.get(name)
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return _odd(name, value)
    try:
        at = datetime.fromisoformat(value).astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):  # no such day, or none in UTC
        return _odd(name, value)
    return TermInWords(name, value if value.endswith("Z") else f"{value} ({at})")


def _said(table: JsonObject, name: str, read: Callable[[list[str]], str | Iterable[str]]) -> TermInWords:
    """Return what `read` says of the value and the nations in it, or that it is not as agreements have it."""
    value = table.get(name)
    try:
        said = read(_codes(value))  # who is no party, `contradictions` tells
    except ValueError:
        return _odd(name, value)
    if value is None and name in table:  # the hub's reading of a null need not be another's
        return _odd(name, value)
    if isinstance(said, str):
        return TermInWords(name, said)
    # What has a comma in it must not read as two.
    return TermInWords(name, ", ".join(one if _WORD.fullmatch(one) else as_json(one) for one in sorted(said)))


def _odd(name: str, value: Any) -> TermInWords:
    return TermInWords(name, as_json(value), fault="is not as an agreement has it")


def _unknown(name: str, value: Any, known: Iterable[str]) -> TermInWords:
    """Return a member that agreements don't have. One whose name may be read as a known one's is at fault."""
    alike = next((one for one in known if _folded(one) == _folded(name)), None)
    fault = None if name.isascii() else "has a name that may be read as another"
    if alike is not None:
        fault = f"is not {alike}, and may be read as it"
    return TermInWords(_quoted(name), as_json(value), fault, is_known=False)


def _folded(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def _quoted(name: str) -> str:
    return as_json(name)
