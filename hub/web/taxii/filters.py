"""The query parameters of TAXII 2.1 section 3.4: each filter is applied or refused.

An unknown parameter is ignored unless this could widen the answer. So a name like `match` must be a filter of
the endpoint, otherwise it is refused by name. The same goes for our other parameters with `amp;` or a space,
which come from wrong quoting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from werkzeug.datastructures import MultiDict

from hub.errors import BadFilter
from hub.model import StixId, VersionFilter, version_key

# The match fields of each endpoint (sections 5.4 and 5.3; 5.6 and 5.7; 5.8).
OBJECTS: Final = ("id", "type", "version", "spec_version")
OBJECT: Final = ("version", "spec_version")
VERSIONS: Final = ("spec_version",)

_NAMES: Final[dict[tuple[str, ...], frozenset[str]]] = {
    fields: frozenset(f"match[{field}]" for field in fields) for fields in (OBJECTS, OBJECT, VERSIONS)
}
_LATEST_SPEC: Final = frozenset({"2.1"})  # absent: the latest (TAXII 2.1 section 3.4.1)
_LAST: Final = frozenset({VersionFilter.LAST})
_ALL: Final = frozenset({VersionFilter.ALL})
_KEYWORDS: Final = {str(one): one for one in VersionFilter}
_PLAIN: Final = frozenset({"added_after", "limit", "next"})
_MATCH: Final = re.compile(r"(?<![a-z_])match(?![a-z])|match(\[|%5b)", re.IGNORECASE)
_LIMIT: Final = re.compile(r"[1-9][0-9]*")
_LIMIT_DIGITS: Final = 18  # more than any page has; int() refuses very long text
_NAME_SHOWN: Final = 60  # characters of a parameter's name in an error
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)
# The sign of an offset may arrive as a space: an unencoded `+` in a query means a space.
_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?"
    r"(?:Z|([-+ ])([01][0-9]|2[0-3]):([0-5][0-9]))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a query; `has_match` says whether there is any match field."""

    limit: int
    next: str | None
    added_after: datetime | None
    ids: frozenset[StixId]
    types: frozenset[str]
    spec_versions: frozenset[str]
    selections: frozenset[VersionFilter]
    versions: frozenset[str]
    has_match: bool


def read(args: MultiDict[str, str], fields: tuple[str, ...], *, page_limit: int) -> Filters:
    """Return the filters in `args`.

    `fields` are the match fields of the endpoint. A `limit` above `page_limit` becomes `page_limit`. Raises
    BadFilter with the parameter's name.
    """
    known = _NAMES[fields]
    lists = args.to_dict(flat=False)
    _refuse_misspelled(lists, known)
    _refuse_repetition(lists)
    given = {name: values[0] for name, values in lists.items()}
    has_match = not known.isdisjoint(given)
    selections, versions = _versions(given) if has_match else (_LAST, frozenset[str]())
    return Filters(
        limit=limit(given, page_limit),
        next=cursor(given),
        added_after=moment(given, "added_after"),
        ids=frozenset(map(StixId, _list(given, "id"))) if has_match else frozenset(),
        types=_list(given, "type") if has_match else frozenset(),
        spec_versions=(_list(given, "spec_version") if has_match else None) or _LATEST_SPEC,
        selections=selections,
        versions=versions,
        has_match=has_match,
    )


def read_deletion(args: MultiDict[str, str]) -> Filters:  # (hub/README: delete-what)
    """Return the versions to delete (section 5.7): all versions without `match[version]`.

    Stricter than `read`: an ignored parameter could delete too much.
    """
    known = {f"match[{field}]" for field in OBJECT}
    if unknown := sorted(set(args) - known):
        raise BadFilter(f"{unknown[0][:_NAME_SHOWN]}: a DELETE takes {' and '.join(sorted(known))} alone")
    asked = read(args, OBJECT, page_limit=1)
    return asked if "match[version]" in args else replace(asked, selections=_ALL)


def _refuse_misspelled(names: Iterable[str], known: frozenset[str]) -> None:
    for name in names:
        if name in _PLAIN or name in known:
            continue
        if _MATCH.search(name):
            offered = ", ".join(sorted(known))
            raise BadFilter(f"{name[:_NAME_SHOWN]}: not a filter of this endpoint; it takes {offered}")
        bare = name.strip().removeprefix("amp;").strip()
        if bare in _PLAIN and name != bare:
            raise BadFilter(f"{name[:_NAME_SHOWN]}: badly quoted; the parameter is {bare}")


def _refuse_repetition(lists: Mapping[str, list[str]]) -> None:
    # Programs differ in which of two values counts.
    for name, values in lists.items():
        if len(values) > 1 and (name in _PLAIN or _MATCH.search(name)):
            raise BadFilter(f"{name}: give it once; separate several values by commas where it takes several")


def limit(args: Mapping[str, str], page_limit: int) -> int:
    """Return the limit, at most `page_limit`. Raises BadFilter for no whole number from 1 up."""
    text = args.get("limit")
    if text is None:
        return page_limit
    if not _LIMIT.fullmatch(text):
        raise BadFilter("limit: give a whole number from 1 up")
    return page_limit if len(text) > _LIMIT_DIGITS else min(int(text), page_limit)


def cursor(args: Mapping[str, str]) -> str | None:
    """Return `next`. Raises BadFilter for an empty text."""
    text = args.get("next")
    if text == "":
        raise BadFilter("next: empty; leave it out to begin, or give it as the last page did")
    return text


def moment(args: Mapping[str, str], name: str) -> datetime | None:
    """Return the instant, rounded down to microseconds: dates have no finer digits.

    Raises BadFilter for a text that is no RFC 3339 timestamp.
    """
    text = args.get(name)
    if text is None:
        return None
    match = _INSTANT.fullmatch(text)
    instant = _nearest_instant(match) if match else None
    if instant is None:
        raise BadFilter(f"{name}: give an RFC 3339 timestamp, such as 2026-01-31T08:00:00.000000Z")
    return instant


def _nearest_instant(match: re.Match[str]) -> datetime | None:
    """Return the instant, or the nearest instant of a datetime; None where there is no such time.

    RFC 3339 also allows a leap second, which ends a month of UTC and counts as the microsecond before; and
    offsets that pass the first or the last year.
    """
    day, time, fraction = match.group(1, 2, 3)
    is_leap = time.endswith("60")
    try:
        local = datetime.fromisoformat(f"{day}T{time[:6]}{'59' if is_leap else time[6:]}+00:00")
    except ValueError:
        return None  # February 30, for example
    local = local.replace(microsecond=999_999 if is_leap else int(f"{fraction or '.'}000000"[1:7]))
    try:
        instant = local - _offset(match)
        following = instant + datetime.resolution
    except OverflowError:
        return _EARLIEST if local.year == 1 else _LATEST
    ends_month = (following.day, following.time()) == (1, datetime.min.time())
    return instant if ends_month or not is_leap else None


def _versions(args: Mapping[str, str]) -> tuple[frozenset[VersionFilter], frozenset[str]]:
    """Return the keywords and the version keys of match[version]; without it `last`."""
    values = _list(args, "version")
    if not values:
        return _LAST, frozenset()
    if "all" in values and len(values) > 1:
        raise BadFilter("match[version]: `all` stands alone")
    keys = {value: _instant_key(value) for value in values if value not in _KEYWORDS}
    if bad := [value for value, key in keys.items() if key is None]:
        raise BadFilter(f"match[version]: {bad[0][:_NAME_SHOWN]} is no timestamp, first, last or all")
    return (
        frozenset(_KEYWORDS[value] for value in values if value in _KEYWORDS),
        frozenset(key for key in keys.values() if key is not None),
    )


def _list(args: Mapping[str, str], field: str) -> frozenset[str]:
    """Return the values of a match field; empty for an absent field alone."""
    text = args.get(f"match[{field}]")
    if text is None:
        return frozenset()
    values = [value.strip() for value in text.split(",")]
    # An empty value would mean no filter, and so a wider answer.
    if not all(value and value.isprintable() for value in values):
        raise BadFilter(f"match[{field}]: an empty or unprintable value; separate values by single commas")
    return frozenset(values)


def _instant_key(text: str) -> str | None:
    """Return the version key of an RFC 3339 timestamp, with any offset and precision; None for other text."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    day, time, fraction = match.group(1, 2, 3)
    try:
        instant = datetime.fromisoformat(f"{day}T{time}") - _offset(match)
    except (ValueError, OverflowError):
        return None
    return version_key(f"{instant.isoformat()}{fraction or ''}Z")


def _offset(match: re.Match[str]) -> timedelta:
    sign, hours, minutes = match.group(4, 5, 6)
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return -offset if sign == "-" else offset
