"""The work of `hub.web` for each request, counted in Python calls: equal on every machine."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
from flask import Flask, Response
from werkzeug.test import EnvironBuilder

from hub.actions.reading import poll
from hub.actions.service.service import Service
from hub.app import create_app
from hub.web.taxii import negotiation
from tests.web.conftest import INDICATOR, SETTINGS, TAXII, Played, Web, objects_url, page_of, row

_MOST = 2.6  # times the calls of a bare view


def _calls(app: Any, path: str) -> int:
    """Return the Python calls of the second request: the first one fills what is kept.

    Calls of the played acts do not count.
    """
    headers = {"Authorization": "Bearer us-key", "Accept": TAXII}
    count, statuses = 0, []

    def counted(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call" and "/tests/" not in frame.f_code.co_filename

    for _ in range(2):
        environ = EnvironBuilder(path=path, headers=headers).get_environ()
        count = 0
        sys.setprofile(counted)
        try:
            answer = app(environ, lambda status, *_: statuses.append(status))
            for _part in answer:
                pass
            answer.close()
        finally:
            sys.setprofile(None)
    assert set(statuses) == {"200 OK"}
    return count


def _bare() -> Flask:
    app = Flask("bare", static_folder=None)
    app.add_url_rule("/page/", view_func=lambda: Response(b'{"more":false}', content_type=TAXII))
    return app


@pytest.mark.parametrize("query", ["", "?added_after=2026-01-01T00:00:00.000000Z&limit=10"])
def test_a_poll_costs_little_more_than_a_view(played: Played, service: Service, query: str) -> None:
    bare = _calls(_bare(), "/page/")
    assert _calls(create_app(SETTINGS, service), objects_url() + query) <= _MOST * bare


def test_each_further_row_costs_no_call_of_the_web_layer(
    played: Played, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(SETTINGS, service)
    found = []
    for size in (10, 100):
        page = page_of([row(1)] * size, more=False)
        monkeypatch.setattr(poll, "objects", lambda *_, page=page, **_names: page)
        found.append(_calls(app, objects_url()))
    assert found[0] == found[1]


def test_what_is_kept_of_headers_is_bounded(client: Web) -> None:
    kept = negotiation._known_acceptance
    for n in range(1_000):
        client.get("/taxii2/", headers={"Accept": f"{TAXII}, text/x-{n}"})
    assert kept.cache_info().currsize == kept.cache_info().maxsize == 64
    before = kept.cache_info()
    client.get("/taxii2/", headers={"Accept": f"{TAXII}, text/{'x' * 300}"})
    assert kept.cache_info() == before


@pytest.mark.parametrize(
    "path", ["/taxii2/", "/allied/", objects_url(), objects_url(rest=f"{INDICATOR}/"), "/allied/status/1/"]
)
def test_no_view_answers_without_a_caller_even_without_admission(
    played: Played, service: Service, path: str
) -> None:
    app = create_app(SETTINGS, service)
    app.before_request_funcs.clear()
    assert app.test_client().get(path).status_code == 401
    assert played.queries == []
