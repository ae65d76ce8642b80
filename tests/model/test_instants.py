"""Version keys: as text they order as the instants do."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.model import version_key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-05-01",
        "2024-05-01T10:00:00",
        "2024-05-01T10:00:00z",
        "2024-05-01t10:00:00Z",
        "2024-05-01 10:00:00Z",
        "2024-05-01T10:00:00+00:00",
        "2024-05-01T10:00:00.Z",
        "2024-05-01T10:00Z",
        "2024-05-01T10:00:00.000Z\n",
        " 2024-05-01T10:00:00Z",
        "2024-13-01T10:00:00Z",
        "2024-02-30T10:00:00Z",
        "2023-02-29T10:00:00Z",
        "0000-01-01T00:00:00Z",
        "2024-05-01T24:00:00Z",
        "2024-05-01T10:60:00Z",
        "2016-12-31T23:59:60Z",
        "२०२४-05-01T10:00:00Z",
        "2024-05-01T10:00:00." + "0" * 20 + "Z",
    ],
)
def test_what_is_no_stix_timestamp_has_no_key(text):
    assert version_key(text) is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00"),
        ("2024-05-01T10:00:00.000Z", "2024-05-01T10:00:00"),
        ("2024-05-01T10:00:00.120Z", "2024-05-01T10:00:00.12"),
        ("2024-05-01T10:00:00.000001Z", "2024-05-01T10:00:00.000001"),
        ("2024-05-01T10:00:00.1234567890123456789Z", "2024-05-01T10:00:00.1234567890123456789"),
        ("2024-02-29T23:59:59.100Z", "2024-02-29T23:59:59.1"),
    ],
)
def test_a_key_is_the_timestamp_without_z_and_trailing_zeros(text, key):
    assert version_key(text) == key


def spelled(instant: datetime, zeros: int) -> str:
    whole, fraction = f"{instant:%Y}".zfill(4) + f"{instant:-%m-%dT%H:%M:%S}", f"{instant.microsecond:06}"
    return f"{whole}.{fraction}{'0' * zeros}Z" if instant.microsecond or zeros else f"{whole}Z"


@settings(max_examples=500)
@given(st.data())
def test_keys_order_as_their_instants(data):
    near = st.builds(
        datetime, st.just(2024), st.just(5), st.just(1), st.just(1), microsecond=st.integers(0, 200)
    )
    instants = near | st.datetimes()
    one, two = data.draw(instants), data.draw(instants)
    zeros = st.integers(0, 9)
    first, second = (version_key(spelled(instant, data.draw(zeros))) for instant in (one, two))
    assert first is not None
    assert second is not None
    assert (first < second, first == second) == (one < two, one == two)
