"""Disclosures: exact positions, whatever their shape, in few bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, insert

from hub.model import NationCode
from hub.store.database.connection import Store
from hub.store.ledger.disclosures import (
    decode,
    encode,
    fetches,
    held,
)
from hub.store.schema.disclosure_tables import disclosure
from hub.store.schema.tables import member

rising = st.lists(st.integers(1, 2**40), min_size=1, max_size=200, unique=True).map(sorted).map(tuple)
dense = st.tuples(st.integers(1, 10**9), st.lists(st.booleans(), max_size=300)).map(
    lambda drawn: (drawn[0], *(drawn[0] + n for n, kept in enumerate(drawn[1], 1) if kept))
)


@pytest.mark.parametrize("positions", [(), (0,), (2, 2), (3, 1), (5, 6, 6)])
def test_what_is_no_rising_list_of_positions_is_a_fault_of_ours(positions: tuple[int, ...]) -> None:
    if not positions:
        assert encode(positions) == ""
        return
    with pytest.raises(RuntimeError):
        encode(positions)


@pytest.mark.parametrize("text", ["", "0", "1,", "1+0", "+1", "1+2+3", "-1", "1 ", "a", "\u0661"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="positions"):
        decode(text)


@given(st.one_of(rising, dense))
def test_positions_come_back_as_they_were(positions: tuple[int, ...]) -> None:
    assert decode(encode(positions)) == positions


def test_a_contiguous_page_takes_a_few_bytes() -> None:
    assert encode(range(1_000_001, 1_001_001)) == "1000001+999"


@given(data=st.data())
def test_what_is_held_is_found_without_the_rest(data: st.DataObject) -> None:
    numbers = st.lists(st.integers(1, 60), unique=True, min_size=1).map(sorted)
    positions, wanted = data.draw(numbers), data.draw(numbers)
    assert held(encode(positions), wanted) == [one for one in wanted if one in positions]


def test_answers_that_end_before_a_row_are_not_looked_at(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'hub.db'}")
    store.migrate()
    asked = []
    with store.read() as connection:
        event.listen(connection, "before_cursor_execute", lambda _c, _cursor, *said: asked.append(said[:2]))
        assert list(fetches(connection, NationCode("KR"), [5, 7])) == []
        ((statement, values),) = asked
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    store.close()
    assert "ix_disclosure_recipient_last_position (recipient=? AND last_position>?)" in str(plan)


def test_answers_that_begin_behind_the_last_row_are_not_read(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'hub.db'}")
    store.migrate()
    with store.write() as connection:
        names = {"id": "kr-cert", "kind": "cert", "name": "KR", "identity": "identity--1", "created_at": 1}
        connection.execute(insert(member).values(names))
        place = {"member": "kr-cert", "recipient": "KR", "at": 1, "kind": "objects", "epoch": ""}
        seen = {"revision": 0, "generation": 0}
        answer = {"first_position": 8, "last_position": 9, "runs": "not to be read"}
        connection.execute(insert(disclosure).values(place | seen | answer))
        assert list(fetches(connection, NationCode("KR"), [5, 7])) == []
    store.close()
