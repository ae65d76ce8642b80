"""Three nations that share with each other, for the tests about what members say of each other's objects."""

from __future__ import annotations

import pytest

from tests.oracle.alliance import OracleAlliance


@pytest.fixture
def world() -> OracleAlliance:
    """Japan, Korea and Australia share with each other, each two in an agreement of their own; JP's with
    AU up to GREEN alone."""
    made = OracleAlliance()
    for origin, to in [("JP", "KR"), ("KR", "JP"), ("KR", "AU"), ("AU", "KR"), ("AU", "JP")]:
        made.shares(origin, to)
    made.shares("JP", "AU", "green")
    return made
