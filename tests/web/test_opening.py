"""A worker that cannot open the hub yet: alive, not ready, and 503 in the form of each address."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import Client

from hub.errors import SettingsError, Unavailable
from hub.web import opening
from hub.web.opening import Opening
from tests.patience import PATIENCE_SECONDS

TAXII = "application/taxii+json;version=2.1"
PROBLEM = "application/problem+json"
JSON = "application/json"


class LastingUnavailable(Unavailable):
    is_lasting = True


class FactoryUnderTest:
    """A factory that raises what it is told to, and what was made of it."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.tries = 0
        self.failed: list[str] = []
        self.began = threading.Event()

    def factory(self) -> Flask:
        self.tries += 1
        if self.error is not None:
            raise self.error
        app = Flask("open")
        app.add_url_rule("/allied/", view_func=lambda: "served")
        return app

    def opening(self) -> Opening:
        return Opening(self.factory, lambda _app: self.began.set(), self.failed.append)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_PAUSE_SECONDS", 0.01)


@pytest.mark.parametrize(
    ("path", "status", "content_type"),
    [
        ("/allied/", 503, TAXII),
        ("/taxii2/", 503, TAXII),
        ("/governance/members/", 503, PROBLEM),
        ("/healthz", 200, JSON),
        ("/healthz/", 200, JSON),
        ("/readyz/", 503, JSON),
    ],
)
def test_until_the_hub_is_open_each_address_is_answered_in_its_form(
    path: str, status: int, content_type: str
) -> None:
    waiting = FactoryUnderTest(Unavailable("gone")).opening()
    answer = Client(waiting).get(path)
    waiting.stop()
    assert (answer.status_code, answer.content_type) == (status, content_type)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers.get("Retry-After") == ("5" if content_type in {TAXII, PROBLEM} else None)
    if content_type == TAXII:
        assert answer.json == {
            "title": "Temporarily unavailable",
            "description": "The hub is about to begin: try again.",
            "http_status": "503",
        }


def test_it_serves_from_the_moment_in_which_it_can_be_opened() -> None:
    made = FactoryUnderTest(Unavailable("gone"))
    served = made.opening()
    assert Client(served).get("/allied/").status_code == 503
    made.error = None
    assert made.began.wait(PATIENCE_SECONDS)
    _until(lambda: Client(served).get("/allied/").status_code == 200)
    assert (made.failed, made.tries > 1) == ([], True)


def test_what_can_be_opened_at_once_serves_at_once() -> None:
    assert Client(FactoryUnderTest(None).opening()).get("/allied/").text == "served"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SettingsError("run `hub init`"), "run `hub init`"),
        (LastingUnavailable("no such role"), "no such role"),
        (RuntimeError("password"), "the hub cannot be opened; what went wrong stands above"),
    ],
)
def test_what_will_not_change_is_said_once_and_not_tried_again(error: Exception, said: str) -> None:
    made = FactoryUnderTest(error)
    assert Client(made.opening()).get("/allied/").status_code == 503
    assert (made.failed, made.tries) == ([said], 1)


def test_the_same_cause_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    made = FactoryUnderTest(Unavailable("gone"))
    waiting = made.opening()
    _until(lambda: made.tries > 3)
    waiting.stop()
    assert caplog.text.count("waits to begin: gone") == 1


def test_a_worker_that_ends_while_it_begins_lets_the_try_end() -> None:
    """What the hub has begun is then there to be stopped."""
    made, goes_on, began = FactoryUnderTest(Unavailable("gone")), threading.Event(), threading.Event()

    def begin(_app: Flask) -> None:
        began.set()
        goes_on.wait(PATIENCE_SECONDS)
        made.began.set()

    waiting = Opening(made.factory, begin, made.failed.append)
    made.error = None
    assert began.wait(PATIENCE_SECONDS)
    threading.Timer(0.05, goes_on.set).start()
    waiting.stop()
    assert made.began.is_set()


def _until(is_so: Callable[[], bool]) -> None:
    pause, left = threading.Event(), PATIENCE_SECONDS
    while not is_so():
        assert left > 0
        pause.wait(0.05)
        left -= 0.05
