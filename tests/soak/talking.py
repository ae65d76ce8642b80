"""Requests over HTTP that outlast whatever is done to the hub; anything but the permitted is an error."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from hub.client import HubAuth
from tests.patience import PATIENCE_SECONDS
from tests.soak.journal import SoakMember, now

TAXII = "application/taxii+json;version=2.1"
_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
_LATER = (429, 503)
_TIMEOUT = (10, 60)
BROKEN = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
)


class WrongAnswer(Exception):
    """The hub answered in a way that no fault excuses."""


@dataclass(frozen=True)
class SoakAnswer:
    """A response and when it was asked for: at first, at last; and when it was there."""

    response: requests.Response
    first_sent: float
    sent: float
    answered: float
    attempts: int

    @property
    def span(self) -> tuple[float, float]:
        """When it was asked for, and when it was there."""
        return self.sent, self.answered


class Talker:
    """One member's session. `tally` counts refusals for the moment and broken connections."""

    def __init__(self, member: SoakMember) -> None:
        self.session = requests.Session()
        self.session.auth = HubAuth(member.token, member.submit_key.encode())
        self.tally: Counter[str] = Counter()

    def ask(
        self, method: str, url: str, *, params: Mapping[str, Any] | None = None, data: bytes | None = None
    ) -> SoakAnswer:
        """Return the first answer but 429 and 503: after those and broken connections, ask again."""
        headers = {"Accept": TAXII} | ({} if data is None else {"Content-Type": TAXII})
        first, attempts = now(), 0
        while True:
            attempts += 1
            sent, pause = now(), _PAUSE_SECONDS
            try:
                response = self.session.request(
                    method, url, params=params, data=data, headers=headers, timeout=_TIMEOUT
                )
            except BROKEN:
                self.tally["broken"] += 1
            else:
                if response.status_code not in _LATER:
                    return SoakAnswer(response, first, sent, now(), attempts)
                self.tally[str(response.status_code)] += 1
                pause = min(self._retry_after(response), _LONGEST_PAUSE_SECONDS)
            if now() - first > PATIENCE_SECONDS:
                raise WrongAnswer(f"{method} {url} did not succeed in {PATIENCE_SECONDS} s: {self.tally}")
            time.sleep(pause)

    def get(self, url: str, params: Mapping[str, Any] | None = None) -> SoakAnswer:
        """Return the answer to a GET that succeeds."""
        return succeeded(self.ask("GET", url, params=params))

    def _retry_after(self, response: requests.Response) -> float:
        text = response.headers.get("Retry-After", "")
        if not text.isdecimal() or response.headers.get("Content-Type") != TAXII:
            raise WrongAnswer(
                f"{response.status_code} without Retry-After or in another form: {response.text}"
            )
        return float(text)


def succeeded(answer: SoakAnswer) -> SoakAnswer:
    if not answer.response.ok:
        raise WrongAnswer(f"{answer.response.url}: {answer.response.status_code} {answer.response.text}")
    return answer
