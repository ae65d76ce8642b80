"""Who was given which rows, when: one entry for every answer that held anything."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, insert, select

from hub.model import Disclosed, Disclosure, MemberId, NationCode, from_microseconds, to_microseconds
from hub.store.disclosure_tables import disclosure

_D = disclosure.c
_BITS: Final = 7
_LONGEST_RUN: Final = 1_000_000  # more than any page holds; what damaged bytes may ask for
_MORE: Final = 1 << _BITS  # marks every byte of a number but its last


def add(connection: Connection, disclosures: Sequence[Disclosure]) -> None:
    """Record the disclosures, in the order given."""
    connection.execute(
        insert(disclosure),
        [
            {
                "member": one.member,
                "recipient": one.recipient,
                "at": to_microseconds(one.at),
                "kind": one.kind,
                "revision": one.revision,
                "generation": one.generation,
                "first_position": one.positions[0],
                "last_position": one.positions[-1],
                "positions": encode(one.positions),
            }
            for one in disclosures
        ],
    )


@dataclass(frozen=True, slots=True)
class Fetch:
    """That a member was given one row. `disclosure` numbers the answers in the order of their commits."""

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
    """Give who was given one of these rows of the recipient's ledger, the earliest first.

    Answers that are numbered up to `after`, or end before the first of the rows, are not looked at, those
    that begin behind the last are passed over, and of the others no more is decoded than lies before the
    last: a page is a few runs.
    """
    wanted = sorted(positions)
    if not wanted:
        return
    is_around = (_D.last_position >= wanted[0], _D.first_position <= wanted[-1])
    query = select(disclosure).where(_D.recipient == recipient, *is_around)
    if after:
        query = query.where(_D.id > after)
    query = query.order_by(_D.id)
    for row in connection.execute(query):
        for position in held(row.positions, wanted):
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
    """Return the number of the last answer that was read before this instant; 0: there is none."""
    query = select(_D.id).where(_D.at < to_microseconds(at)).order_by(_D.id.desc()).limit(1)
    return connection.execute(query).scalar() or 0


def all_of(connection: Connection, recipient: NationCode) -> Iterator[Disclosure]:
    """Return every disclosure of rows of the recipient's ledger, the earliest first."""
    query = select(disclosure).where(_D.recipient == recipient).order_by(_D.id)
    yield from _read(connection, query)


def _read(connection: Connection, query: Select[Any]) -> Iterator[Disclosure]:
    for row in connection.execute(query):
        yield Disclosure(
            MemberId(row.member),
            NationCode(row.recipient),
            from_microseconds(row.at),
            Disclosed(row.kind),
            decode(row.positions),
            row.revision,
            row.generation,
        )


# --- positions as bytes -------------------------------------------------------------------------


def encode(positions: Sequence[int]) -> bytes:
    """Return rising positions above zero as runs: how far on each begins, and how many more follow it.

    Both as LEB128 numbers; a contiguous page is one run of a few bytes.
    """
    found = bytearray()
    last = 0
    index = 0
    while index < len(positions):
        start = end = positions[index]
        index += 1
        while index < len(positions) and positions[index] == end + 1:
            end += 1
            index += 1
        if start <= last:
            raise RuntimeError("positions rise")
        found += _number(start - last) + _number(end - start)
        last = end
    return bytes(found)


def decode(data: bytes) -> tuple[int, ...]:
    """Return the positions that `encode` gave these bytes for. Raises ValueError for any others."""
    return tuple(position for start, end in _runs(data) for position in range(start, end + 1))


def held(data: bytes, positions: Sequence[int]) -> list[int]:
    """Return which of these rising positions are among those that `encode` gave these bytes for."""
    found: list[int] = []
    for start, end in _runs(data):
        found += positions[bisect_left(positions, start) : bisect_right(positions, end)]
        if end >= positions[-1]:
            break
    return found


def _runs(data: bytes) -> Iterator[tuple[int, int]]:
    numbers = _numbers(data)
    last = 0
    for gap in numbers:
        start = last + gap
        last = start + next(numbers, -1)
        if not gap or not start <= last < start + _LONGEST_RUN:
            raise ValueError("no list of positions")
        yield start, last


def _number(value: int) -> bytes:
    found = bytearray()
    while value >= _MORE:
        found.append(value % _MORE | _MORE)
        value //= _MORE
    found.append(value)
    return bytes(found)


def _numbers(data: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in data:
        value |= (byte % _MORE) << shift
        shift += _BITS
        if byte < _MORE:
            yield value
            value = shift = 0
    if shift:
        raise ValueError("no list of positions")
