"""Disclosures: the rows that each member was given, and when. Every page with rows has one entry."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from hub.model import (
    Disclosed,
    MemberId,
    NationCode,
    from_microseconds,
    to_microseconds,
)
from hub.store.schema.disclosure_tables import disclosure

_D = disclosure.c
_LONGEST_RUN: Final = 1_000_000  # above any page: damaged text must not ask for more memory
_RUN: Final = re.compile(r"([1-9][0-9]{0,17})(?:\+([1-9][0-9]{0,6}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fetch:
    """One row that a member was given. `disclosure` is the number of the entry.

    Numbers are not in the order of commits: pages share commits and may be committed late.
    """

    disclosure: int
    member: MemberId
    at: datetime
    kind: Disclosed
    recipient: NationCode
    position: int
    revision: int  # of the ledger, as the answer saw it
    generation: int


def fetches(
    connection: Connection, recipient: NationCode, positions: Collection[int], after: int = 0
) -> Iterator[Fetch]:
    """Give each fetch of these positions of the recipient's ledger, in the order of the disclosures.

    Skips pages with a number up to `after`, and pages that end before the first position or begin after the
    last position. A page is a few runs. No run is decoded after the last position.
    """
    wanted = sorted(positions)
    if not wanted:
        return
    # The index on `last_position` bounds the scan to pages that can hold a wanted position.
    is_around = (_D.last_position >= wanted[0], _D.first_position <= wanted[-1])
    query = select(disclosure).where(_D.recipient == recipient, *is_around)
    if after:
        query = query.where(_D.id > after)
    # An expression: no planner goes through every page of all nations for the sake of this order.
    query = query.order_by(_D.id + 0)
    for row in connection.execute(query):
        for position in held(row.runs, wanted):
            yield Fetch(
                row.id,
                MemberId(row.member),
                from_microseconds(row.at),
                Disclosed(row.kind),
                recipient,
                position,
                row.revision,
                row.generation,
            )


def last_before(connection: Connection, at: datetime) -> int:
    """Return the number of the last disclosure before this instant; 0: there is none."""
    query = select(_D.id).where(_D.at < to_microseconds(at)).order_by(_D.id.desc()).limit(1)
    return connection.execute(query).scalar() or 0


# --- positions as text --------------------------------------------------------------------------
#
# Rising positions above zero are runs, separated by commas. A run is its distance from the end of the run
# before. A plus and the number of further positions may follow. 7, 8, 9 and 12 are "7+2,3". `encode` writes
# this text for SQLite. The page's own statement writes it on PostgreSQL (`RECORDED`).
# INVARIANT: positions never change meaning within an epoch, so the text proves who received which row.


# The CTEs that record the rows of the CTE `page`, by the CTE `moment`. An empty page is not recorded: it
# discloses nothing. Position minus row number is the same for all rows of a run: positions are integers. The
# instant is that of the statement that reads the page: one snapshot, not two.
RECORDED: Final = """ends AS (
        SELECT min(first) AS first_position, max(last) AS last_position, string_agg(
            CASE WHEN last = first THEN gap::text ELSE gap::text || '+' || (last - first)::text END,
            ',' ORDER BY first) AS runs
        FROM (SELECT first, last, first - coalesce(lag(last) OVER (ORDER BY first), 0) AS gap
            FROM (SELECT min(position) AS first, max(position) AS last
                FROM (SELECT position, position - row_number() OVER (ORDER BY position) AS run FROM page) p
                GROUP BY run) r) g),
    recorded AS (
        INSERT INTO disclosure (member, recipient, at, kind, revision, generation, epoch, first_position,
            last_position, runs)
        SELECT $member, $nation, now, $kind, revision, generation, epoch, first_position, last_position, runs
        FROM moment JOIN ends ON first_position IS NOT NULL)"""


# The same on SQLite, with the text of `encode`.
# INVARIANT: disclosures are append-only evidence. Nothing changes or deletes an entry of a hub in use.
RECORD: Final = """INSERT INTO disclosure (member, recipient, at, kind, revision, generation, epoch,
        first_position, last_position, runs)
    VALUES ($member, $nation, $at, $kind, $revision, $generation, $epoch, $first_position, $last_position,
        $runs)"""


def encode(positions: Sequence[int]) -> str:
    """Return the text of rising positions above zero."""
    if _is_one_run(positions):  # as of most pages
        more = len(positions) - 1
        return f"{positions[0]}+{more}" if more else str(positions[0])
    found: list[str] = []
    last = index = 0
    while index < len(positions):
        start = end = positions[index]
        index += 1
        while index < len(positions) and positions[index] == end + 1:
            end += 1
            index += 1
        if start <= last:
            raise RuntimeError("positions rise")
        found.append(f"{start - last}+{end - start}" if end > start else str(start - last))
        last = end
    return ",".join(found)


def _is_one_run(positions: Sequence[int]) -> bool:
    # The length comes first: a range is no longer than the positions.
    if not positions or positions[0] <= 0 or positions[-1] - positions[0] != len(positions) - 1:
        return False
    return tuple(positions) == tuple(range(positions[0], positions[-1] + 1))


def decode(text: str) -> tuple[int, ...]:
    """Return the positions of a text of `encode`. Raises ValueError for any other text."""
    return tuple(position for start, end in _runs(text) for position in range(start, end + 1))


def held(text: str, positions: Sequence[int]) -> list[int]:
    """Return those of these rising positions that are in a text of `encode`."""
    found: list[int] = []
    for start, end in _runs(text):
        found += positions[bisect_left(positions, start) : bisect_right(positions, end)]
        if end >= positions[-1]:
            break
    return found


def _runs(text: str) -> Iterator[tuple[int, int]]:
    last = 0
    for run in text.split(","):
        read = _RUN.fullmatch(run)
        if read is None:
            raise ValueError("no list of positions")
        gap, more = int(read[1]), int(read[2] or 0)
        if more >= _LONGEST_RUN:
            raise ValueError("no list of positions")
        yield last + gap, last + gap + more
        last += gap + more
