"""Disclosures: exact positions, whatever their shape, in few bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.store.disclosures import decode, encode

rising = st.lists(st.integers(1, 2**40), min_size=1, max_size=200, unique=True).map(sorted).map(tuple)
dense = st.tuples(st.integers(1, 10**9), st.lists(st.booleans(), max_size=300)).map(
    lambda drawn: (drawn[0], *(drawn[0] + n for n, kept in enumerate(drawn[1], 1) if kept))
)


@pytest.mark.parametrize("positions", [(), (0,), (2, 2), (3, 1), (5, 6, 6)])
def test_what_is_no_rising_list_of_positions_is_a_fault_of_ours(positions: tuple[int, ...]) -> None:
    if not positions:
        assert encode(positions) == b""
        return
    with pytest.raises(RuntimeError):
        encode(positions)


@pytest.mark.parametrize("data", [b"\x00", b"\x01", b"\x80", b"\x01\x00\x00\x00", b"\x01\x00\x80"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="positions"):
        decode(data)


@given(st.one_of(rising, dense))
def test_positions_come_back_as_they_were(positions: tuple[int, ...]) -> None:
    assert decode(encode(positions)) == positions


def test_a_contiguous_page_takes_a_few_bytes() -> None:
    assert len(encode(range(1_000_001, 1_001_001))) <= 5
