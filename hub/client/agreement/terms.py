"""An agreement's document in words: every member of the document and of each clause, none left out.

Pure, and by the document alone. A malformed or unknown member is given as JSON text. Nothing is escaped for a
terminal here: the printing code does so.
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
_CODE: Final = re.compile(r"[A-Z]{2}")  # ISO 3166-1 alpha-2; look-alike letters do not match
_ID: Final = re.compile(r"[a-z]+--[0-9A-Za-z-]{1,64}")
_TIME: Final = re.compile(
    r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


class TermInWords(NamedTuple):
    """One term of a document: its name, and its meaning in words.

    `fault` says that the term is malformed, and `words` is JSON text then. `is_known` is False for a term
    that this version does not know.
    """

    name: str
    words: str
    fault: str | None = None
    is_known: bool = True


def head(document: JsonObject) -> list[TermInWords]:
    """Return the terms title, parties, validity, hub and superseded agreement."""
    validity = [_time(document, name) for name in ("valid_from", "valid_until")]
    found = [
        _title(document),
        _term(document, "parties", partial(clause_terms.read_nations, document.get("parties"))),
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
    """Return the terms of each clause in the document's order; readers count clauses from 1.

    A value other than a list of tables is one term, named `clauses`, of a single clause.
    """
    given = document.get("clauses")
    if not isinstance(given, list) or not given:
        return [[_malformed("clauses", given)]]
    return [clause(one) if isinstance(one, dict) else [_malformed("clause", one)] for one in given]


def clause(given: JsonObject) -> list[TermInWords]:
    """Return every term of a clause; an absent term is given with its default."""
    known = {term.name: term for term in clause_terms.TERMS}  # the terms of the hub, too
    return [
        *(_term(given, name, partial(term.words, given)) for name, term in known.items()),
        # INVARIANT: no member of a clause is left out; the signer reads all that the signature covers (policy
        # 5).
        *(_unknown(name, given[name], known) for name in sorted(given.keys() - known)),
    ]


def terms_of_iep(document: JsonObject) -> list[TermInWords]:
    """Return the FIRST IEP 2.0 terms. The hub carries these terms and does not interpret them."""
    iep = document.get("iep", {})
    if not isinstance(iep, dict):
        return [_malformed("iep", iep)]
    return [TermInWords(_quoted(name), as_json(iep[name])) for name in sorted(iep)]


def others(document: JsonObject) -> list[TermInWords]:
    """Return all other members of the document."""
    return [_unknown(name, document[name], DOCUMENT_KEYS) for name in sorted(document.keys() - DOCUMENT_KEYS)]


def every(document: JsonObject) -> Iterator[tuple[str, TermInWords]]:
    """Yield each term with its place in the document."""
    for part in (head(document), others(document)):
        yield from (("the document", term) for term in part)
    for number, found in enumerate(clauses(document), 1):
        yield from ((f"clause {number}", term) for term in found)
    yield from (("iep", term) for term in terms_of_iep(document))


def contradictions(document: JsonObject) -> Iterator[str]:
    """Yield a sentence for each fault of the document as a whole; each term alone may be valid."""
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
        # The canonical form (RFC 8785) is the signed form: the reader sees the signed text.
        return canonical(value).decode()
    except ValueError:
        return "(has no JSON form)"


# --- what an amendment changes ----------------------------------------------------------------


def differences(former: JsonObject, document: JsonObject) -> list[str]:
    """Return the differences between a document and the document that it supersedes, by clause.

    Clauses with equal terms are paired first, at any position; then clauses of the same direction, in order.
    An absent term equals its default spelt out.
    """
    found = [
        f"{name}: was {was or 'absent'}; is {now or 'absent'}"
        for name, was, now in _changed(
            _words_by_name(_document_terms(former)), _words_by_name(_document_terms(document))
        )
        if name != "supersedes"
    ]
    # Compared by the words of each term: an absent term and its default have the same words.
    before, after = (dict(enumerate(map(_words_by_name, clauses(one)), 1)) for one in (former, document))
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


def _document_terms(document: JsonObject) -> list[TermInWords]:
    iep = [term._replace(name=f"iep, {term.name}") for term in terms_of_iep(document)]
    return [*head(document), *iep, *others(document)]


def _words_by_name(found: list[TermInWords]) -> dict[str, str]:
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
    return _malformed("title", value)


def _id(given: JsonObject, name: str) -> TermInWords:
    value = given.get(name)
    return (
        TermInWords(name, value)
        if isinstance(value, str) and _ID.fullmatch(value)
        else _malformed(name, value)
    )


def _time(given: JsonObject, name: str) -> TermInWords:
    value = given.get(name)
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return _malformed(name, value)
    try:
        at = datetime.fromisoformat(value).astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):  # no such day, or outside the calendar in UTC
        return _malformed(name, value)
    return TermInWords(name, value if value.endswith("Z") else f"{value} ({at})")


def _term(given: JsonObject, name: str, read: Callable[[list[str]], str | Iterable[str]]) -> TermInWords:
    """Return the term in the words of `read`, or as malformed."""
    value = given.get(name)
    try:
        said = read(_codes(value))  # a nation outside the parties: see `contradictions`
    except ValueError:
        return _malformed(name, value)
    if value is None and name in given:  # a null: hub and client may read it differently
        return _malformed(name, value)
    if isinstance(said, str):
        return TermInWords(name, said)
    # JSON quotes around a text with a comma: it must not look like two texts.
    return TermInWords(name, ", ".join(one if _WORD.fullmatch(one) else as_json(one) for one in sorted(said)))


def _malformed(name: str, value: Any) -> TermInWords:
    return TermInWords(name, as_json(value), fault="is not as an agreement has it")


def _unknown(name: str, value: Any, known: Iterable[str]) -> TermInWords:
    """Return an unknown member of a document, with a fault if its name looks like a known name."""
    # Policy 5: the signer reads "every other member of the document too".
    alike = next((one for one in known if _folded(one) == _folded(name)), None)
    fault = None if name.isascii() else "has a name that may be read as another"
    if alike is not None:
        fault = f"is not {alike}, and may be read as it"
    return TermInWords(_quoted(name), as_json(value), fault, is_known=False)


def _folded(name: str) -> str:
    # NFKC joins full-width and half-width letters, as Japanese and Korean input methods type them.
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def _quoted(name: str) -> str:
    return as_json(name)
