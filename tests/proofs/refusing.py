"""A register of the fixed keys, and requests that are refused by it."""

from __future__ import annotations

from datetime import datetime

import pytest

from hub.errors import BadSignature
from hub.model import HttpRequest
from hub.proofs import requests
from tests.proofs.signers import EDWARDS, NIST, NOW, OTHER, register

ALL = register(EDWARDS, NIST, OTHER)


def assert_refused(request: HttpRequest, words: str, now: datetime = NOW) -> None:
    with pytest.raises(BadSignature) as caught:
        requests.verify(request, ALL, now)
    assert words in str(caught.value)
