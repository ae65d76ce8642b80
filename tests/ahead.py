"""A member whose clock is as far ahead as the hub allows: in a new epoch its requests count as new sooner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from hub.client.http import auth
from hub.proofs import requests

_SECONDS = requests.SKEW_SECONDS - 1


class _Ahead(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz or UTC) + timedelta(seconds=_SECONDS)


def sign_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whatever this process signs from now on be signed by such a clock."""
    monkeypatch.setattr(auth, "datetime", _Ahead)
