"""The texts of a poll's statements. Each is made once for all queries with the same filters.

A poll is a merge of ranges: for each visible justification, the rows behind the date of the query, in order
of date. No statement reads a row of another justification. So the work of a poll depends on visible rows
alone (policy 9), and a poll without new rows reads none.
"""

# ruff: noqa: S608 - the texts are made of constants; values are parameters

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from hub.model import Query, VersionFilter
from hub.store.database import alone, epochs
from hub.store.database.statements import Statement
from hub.store.ledger import disclosures
from hub.store.schema.release_indexes import IDENTIFIED, JUSTIFIED, OWN, TYPED

KEYS: Final = ("position", "date_added", "content_id", "size")  # of a row: an index has these
# Ranges of one merge. SQLite takes 500 SELECTs in one; a merge of more ranges sorts instead.
_MOST_RANGES: Final = 256
KINDS: Final = {
    "nation": str,
    "member": str,
    "token": str,
    "member_kind": str,
    "kind": str,
    "epoch": str,
    **dict.fromkeys(("clock", "after", "wanted", "size_limit", "page_limit"), int),
    "runs": str,
    **dict.fromkeys(("at", "revision", "first_position", "last_position"), int),
    **dict.fromkeys(("generation", "last", "last_own", "since", "until", "configuration"), int),
    **dict.fromkeys(("valid", "own", "contents", "positions"), list[int]),
    **dict.fromkeys(("ids", "types", "versions"), list[str]),
    **{f"one{n}": int for n in range(_MOST_RANGES)},
}


class Shape(NamedTuple):
    """The filters of a query, and the parts of its statement: texts differ in these alone.

    `ranges` is the number of justifications in a merge; 0: any number, sorted.
    """

    is_postgresql: bool
    has_ids: bool
    has_types: bool
    has_versions: bool
    selections: frozenset[VersionFilter]
    has_own: bool
    ranges: int = 0

    @classmethod
    def of(cls, query: Query, valid: int, *, is_postgresql: bool, has_own: bool) -> Shape:
        """Return the shape of a query with so many visible justifications."""
        filters = bool(query.ids), bool(query.types), bool(query.versions), query.selections
        is_plain = not any(filters[:3]) and VersionFilter.FIRST not in query.selections
        is_merge = is_plain and valid <= _MOST_RANGES
        # Rounded up: few texts for all numbers of justifications.
        ranges = 1 << max(valid - 1, 0).bit_length() if is_merge else 0
        return cls(is_postgresql, *filters, has_own, ranges)


# --- statements -----------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def moment(*, is_postgresql: bool, is_timed: bool) -> Statement:
    """Return the statement for admission, validity, instant and revision: (bool, bool, int, int).

    `is_timed`: the clock is the value `clock`.
    """
    text = (
        f"WITH {_moment(is_postgresql, is_timed)} SELECT is_admitted, is_current, now, revision FROM moment"
    )
    return _statement(text, is_postgresql)


@lru_cache(maxsize=256)
def emptiness(shape: Shape, *, is_timed: bool) -> Statement:
    """Return the statement that says in one row: admitted, current, and whether a page would have rows."""
    found = _sources(shape._replace(ranges=0), "1", limit="1")
    text = f"""WITH {_moment(shape.is_postgresql, is_timed)}
        SELECT is_admitted, is_current, EXISTS ({found}) FROM moment"""
    return _statement(text, shape.is_postgresql)


@lru_cache(maxsize=512)
def rows(shape: Shape) -> Statement:
    """Return the statement for at most `wanted` rows, in order, as one row of lists (`KEYS`).

    No admission is checked.
    """
    text = f"SELECT {_lists(KEYS, shape.is_postgresql)} FROM ({_keys(shape, '$wanted')}) AS keys"
    return _statement(text, shape.is_postgresql)


@lru_cache(maxsize=128)
def served(shape: Shape) -> Statement:
    """Return the statement for every row of a query: id, version key, origin and form."""
    names = ("stix_id", "version_id", "origin", "rendition")
    columns = ", ".join(f"r.{name}" for name in names)
    return _statement(_sources(shape._replace(ranges=0), columns), shape.is_postgresql)


@lru_cache(maxsize=512)
def recorded_page(shape: Shape, *, is_cut: bool, is_timed: bool) -> Statement:
    """Return the statement of PostgreSQL that reads a page and records the page.

    Its one row has admission, validity, the number of found rows, the rows of the page as lists (`KEYS`), and
    the settings of its COMMIT. `is_cut`: the bodies count, up to `size_limit`.
    """
    # INVARIANT: nothing stale leaves (I3). Admission, validity, rows and disclosure are one statement and so
    # one snapshot (storage.md). No admission or no validity: the limit is 0, and no row is found.
    may_read = "(SELECT CASE WHEN is_admitted AND is_current THEN $wanted ELSE 0 END FROM moment)"
    fits = "number <= $page_limit"
    if is_cut:
        fits += " AND (number = 1 OR total <= $size_limit)"
    total = ", sum(size) OVER (ORDER BY date_added) AS total" if is_cut else ""
    text = f"""WITH {_moment(shape.is_postgresql, is_timed)},
        found AS MATERIALIZED ({_keys(shape, may_read)}),
        numbered AS (SELECT *, row_number() OVER (ORDER BY date_added) AS number{total} FROM found),
        page AS (SELECT * FROM numbered WHERE {fits}),
        {disclosures.RECORDED}
        SELECT is_admitted, is_current, (SELECT count(*) FROM found), lists.*, {alone.SETTINGS}
        FROM moment CROSS JOIN (SELECT {_lists(KEYS, is_postgresql=True)} FROM page) AS lists"""
    return _statement(text, shape.is_postgresql)


@lru_cache(maxsize=1)
def recorded() -> Statement:
    """Return the statement of SQLite that records a page."""
    return _statement(disclosures.RECORD, is_postgresql=False)


@lru_cache(maxsize=2)
def names(*, is_postgresql: bool) -> Statement:
    """Return the statement for the names of the rows at `positions`, in the epoch `epoch`, as lists.

    The lists: position, STIX id, version.
    """
    # LIMIT: one look-up for each position, whatever number of positions the planner expects.
    place = "r.recipient = $nation AND r.position = n.value"
    row = f"LATERAL (SELECT * FROM release r WHERE {place} LIMIT 1) r" if is_postgresql else "release r"
    text = f"""SELECT {_lists(("r.position", "r.stix_id", "r.version"), is_postgresql)}
        FROM hub_state s CROSS JOIN {_each("positions", "n", is_postgresql)} CROSS JOIN {row}
        WHERE s.epoch = $epoch{"" if is_postgresql else f" AND {place}"}"""
    return _statement(text, is_postgresql)


@lru_cache(maxsize=2)
def bodies(*, is_postgresql: bool) -> Statement:
    """Return the statement for id and body of each of `contents`, in the epoch `epoch`."""
    # INVARIANT: a content id means something only within its epoch. In another epoch the same number may be
    # another nation's body.
    text = f"""SELECT c.id, c.body FROM hub_state s
        CROSS JOIN {_each("contents", "n", is_postgresql)}
        JOIN content c ON c.id = n.value WHERE s.epoch = $epoch"""
    return _statement(text, is_postgresql)


def _statement(text: str, is_postgresql: bool) -> Statement:
    return Statement(text, KINDS, is_postgresql=is_postgresql)


# --- the moment -----------------------------------------------------------------------------------


def _moment(is_postgresql: bool, is_timed: bool) -> str:
    """Return the CTE with the reader's admission and the validity of the process's memory, at one moment.

    Tokens are judged by the clock alone, agreements at the later of the clock and the last decision.
    """
    clock = "$clock" if is_timed else "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
    # INVARIANT: a page is judged no earlier than the last decision (I3, I4). Otherwise a clock that steps
    # back would make an expired period valid again.
    latest = "greatest" if is_postgresql else "max"
    is_open = "s.closed_at IS NULL AND s.configuration = $configuration"
    if is_postgresql:  # another timeline, or other standbys: a transaction has to record it first
        is_open += f" AND (s.timeline, s.standby_names) IS NOT DISTINCT FROM ({epochs.SERVER})"
    # The columns of `is_current` are what the process remembers and others may have changed: epoch,
    # agreements, closing, configuration, the clock's limits, and new justifications. One that fails gives no
    # row, and the caller refreshes its memory.
    return f"""clock AS (SELECT {clock} AS clock),
        present AS (
            SELECT clock, {latest}(clock, l.decided_at, s.changed_at) AS now, l.revision,
                s.generation, s.epoch, {is_open} AS is_open
            FROM clock CROSS JOIN hub_state s CROSS JOIN ledger l WHERE l.recipient = $nation),
        moment AS (
            SELECT now, revision, generation, epoch,
                EXISTS (SELECT 1 FROM token t JOIN member m ON m.id = t.member
                    WHERE t.public_id = $token AND t.revoked_at IS NULL
                    AND (t.expires_at IS NULL OR t.expires_at > clock)
                    AND m.id = $member AND m.nation = $nation AND m.kind = $member_kind
                    AND m.suspended_at IS NULL) AS is_admitted,
                is_open AND epoch = $epoch AND generation = $generation AND now >= $since AND now < $until
                AND NOT EXISTS (SELECT 1 FROM justification WHERE recipient = $nation AND id > $last)
                AND NOT EXISTS (SELECT 1 FROM own_justification
                    WHERE recipient = $nation AND member = $member AND id > $last_own) AS is_current
            FROM present)"""


# --- the rows ---------------------------------------------------------------------------------------


def _lists(columns: Iterable[str], is_postgresql: bool) -> str:
    """Return the columns as one list each: a driver makes a thousand values of a list faster than rows."""
    name = "array_agg" if is_postgresql else "json_group_array"
    return ", ".join(f"{name}({column})" for column in columns)


def _keys(shape: Shape, limit: str) -> str:
    """Return the query for the keys of the first rows, at most `limit`, in order."""
    found = _sources(shape, ", ".join(f"r.{name}" for name in KEYS), limit="$wanted")
    return f"SELECT {', '.join(KEYS)} FROM ({found}) AS found ORDER BY date_added LIMIT {limit}"


def _sources(shape: Shape, columns: str, *, limit: str | None = None) -> str:
    """Return the query for the visible rows that match, each once. `limit`: of each range, in order."""
    found = _merged(shape, columns, limit) if shape.ranges else _joined(shape, columns, limit)
    # A row with a valid justification is never a row of an own one: the ids differ.
    return f"{found} UNION ALL {_own(shape, columns, limit)}" if shape.has_own else found


def _merged(shape: Shape, columns: str, limit: str | None) -> str:
    """Return one ordered range for each justification. Databases merge the ranges as they read."""
    # (hub/README: poll-merges-ranges)
    each = (f"($valid)[{n + 1}]" if shape.is_postgresql else f"$one{n}" for n in range(shape.ranges))
    places = (f"r.justification_id = {one}" for one in each)
    return " UNION ALL ".join(_range(shape, columns, place, (JUSTIFIED, limit)) for place in places)


def _joined(shape: Shape, columns: str, limit: str | None) -> str:
    """Return the ranges for any number of justifications, ids and types."""
    each, place, index = {"valid": "j"}, "r.justification_id = j.value", JUSTIFIED
    if shape.has_ids:
        each, place, index = each | {"ids": "i"}, f"r.stix_id = i.value AND {place}", IDENTIFIED
    elif shape.has_types:
        each, place, index = each | {"types": "t"}, f"r.type = t.value AND {place}", TYPED
    return _range(shape, columns, place, (index, limit), each)


def _own(shape: Shape, columns: str, limit: str | None) -> str:
    """Return the own rows at home with justifications that do not hold for their submitter (policy 2.7)."""
    place = "r.member = $member AND r.justification_id = o.value AND r.origin = r.recipient"
    if shape.has_ids:
        place += f" AND {_among('r.stix_id', 'ids', shape.is_postgresql)}"
    if shape.has_types:
        place += f" AND {_among('r.type', 'types', shape.is_postgresql)}"
    return _range(shape, columns, place, (OWN, limit), {"own": "o"})


def _range(
    shape: Shape,
    columns: str,
    place: str,
    given: tuple[str, str | None],
    each: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return the query for a range behind the date `after`, or one range for each value of the lists `each`.

    `given` has the index and the limit of a range.
    """
    index, limit = given
    # Rows are marked, never removed: positions stay gapless and keep their meaning.
    behind = ("r.date_added > $after", "r.withdrawn_at IS NULL")
    condition = " AND ".join(["r.recipient = $nation", place, *behind, *_filters(shape)])
    lists = [_each(name, alias, shape.is_postgresql) for name, alias in each.items()]
    if not shape.is_postgresql:
        tables = " CROSS JOIN ".join([*lists, f"release r INDEXED BY {index}"])
        return f"SELECT {columns} FROM {tables} WHERE {condition}"
    # OFFSET 0: the planner keeps the loop over the values, whatever number of rows it expects.
    order = " OFFSET 0" if limit is None else f" ORDER BY r.date_added LIMIT {limit}"
    found = f"(SELECT {columns} FROM release r WHERE {condition}{order})"
    tables = " CROSS JOIN ".join([*lists, f"LATERAL {found} r"])
    return f"SELECT {columns} FROM {tables}" if lists else found


def _each(name: str, alias: str, is_postgresql: bool) -> str:
    """Return the table with one row, `value`, for each value of a list."""
    return f"unnest(${name}) AS {alias}(value)" if is_postgresql else f"json_each(${name}) {alias}"


def _among(column: str, name: str, is_postgresql: bool) -> str:
    return (
        f"{column} = ANY(${name})" if is_postgresql else f"{column} IN (SELECT value FROM json_each(${name}))"
    )


def _filters(shape: Shape) -> list[str]:
    found = []
    if shape.has_ids and shape.has_types:
        found.append(_among("r.type", "types", shape.is_postgresql))
    if VersionFilter.ALL not in shape.selections:
        found.append(f"({' OR '.join(_versions(shape))})")
    return found


def _versions(shape: Shape) -> list[str]:
    found = []
    if VersionFilter.LAST in shape.selections:
        found.append("r.is_newest")
    if shape.has_versions:
        found.append(_among("r.version_key", "versions", shape.is_postgresql))
    # (hub/README: first-incremental)
    if VersionFilter.FIRST in shape.selections:
        found.append(_is_first(shape))
    return found


def _is_first(shape: Shape) -> str:
    """Return the condition that the reader sees no earlier version of the record."""
    # Among visible rows alone: `first` must not say that a hidden version exists (policy 9).
    earlier = """e.recipient = r.recipient AND e.stix_id = r.stix_id AND e.justification_id = f.value
        AND e.member = r.member AND e.version_key < r.version_key AND e.withdrawn_at IS NULL"""
    own = [("own", " AND e.member = $member AND e.origin = e.recipient")] if shape.has_own else []
    found = []
    for name, also in [("valid", ""), *own]:
        each = _each(name, "f", shape.is_postgresql)
        if shape.is_postgresql:  # in the order of the one right index
            one = f"SELECT 1 FROM release e WHERE {earlier}{also} ORDER BY e.date_added LIMIT 1"
            found.append(f"NOT EXISTS (SELECT 1 FROM {each} CROSS JOIN LATERAL ({one}) e)")
        else:
            table = f"release e INDEXED BY {IDENTIFIED}"
            found.append(f"NOT EXISTS (SELECT 1 FROM {each} CROSS JOIN {table} WHERE {earlier}{also})")
    return " AND ".join(found)
