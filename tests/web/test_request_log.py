"""One line a request: who, what, what came of it; on one line, and without a secret."""

from __future__ import annotations

import logging
import re
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from hub import errors
from hub.actions.access import authenticate
from hub.model import Outcome, StixId
from hub.web import logs
from tests.web.conftest import INDICATOR, KR, TAXII, US, Played, Web, basic, objects_url, row

_TOKEN = "abcdefgh23.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO, logger="hub"):
        yield


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    form = logs.LineFormatter()
    return [form.format(record) for record in caplog.records]


def _told(caplog: pytest.LogCaptureFixture) -> dict[str, str]:
    """The pairs of the one request that was logged."""
    (line,) = [line for line in _lines(caplog) if ".request_log request id=" in line]
    assert "\n" not in line
    head, _, pairs = line.partition(" request ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (info|warning) hub\.web\.request_log", head)
    found = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', pairs)
    return {key: value.strip('"') for key, value in found}


def _ask(client: Web, path: str, method: str = "GET", **options: Any) -> int:
    answer = client.open(path, method=method, buffered=True, **options)
    return answer.status_code


def test_a_request_is_told_with_who_and_what_and_what_came_of_it(
    client: Web, played: Played, caplog: pytest.LogCaptureFixture
) -> None:
    played.rows = (row(1), row(2))
    answer = client.get(objects_url(), buffered=True)
    told = _told(caplog)
    assert re.fullmatch("[0-9a-f]{8}", told.pop("id"))
    assert told.pop("ms").isdecimal()
    assert told == {
        "member": "us-cert",
        "method": "GET",
        "endpoint": "/allied/collections/us/objects/",
        "status": "200",
        "bytes": str(len(answer.data)),
    }


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/taxii2/", "/taxii2/"),
        ("/allied/", "/allied/"),
        ("/allied", "/allied/"),
        ("/elsewhere/", "/{api_root}/"),
        ("/allied/collections/", "/allied/collections/"),
        (objects_url(KR), "/allied/collections/kr/objects/"),
        (objects_url("released"), "/allied/collections/released/objects/"),
        (objects_url("no-such"), "/allied/collections/{collection_id}/objects/"),
        (objects_url(rest=f"{INDICATOR}/"), "/allied/collections/us/objects/{object_id}/"),
        (objects_url(rest=f"{INDICATOR}/versions/"), "/allied/collections/us/objects/{object_id}/versions/"),
        (f"/allied/collections/{US}/manifest/", "/allied/collections/us/manifest/"),
        ("/allied/status/2a7ec0a5-8e1c-44a7-8ba4-4d2a1e2a3a52/", "/allied/status/{status_id}/"),
        ("/allied/markings/", "/allied/markings/"),
        ("/governance/agreements/agreement--1/", "/governance/agreements/{agreement_id}/"),
        ("/no/such/address/at/all", "-"),
        ("/phpmyadmin.php\n2026 info forged", "/{api_root}/"),
    ],
)
def test_an_endpoint_is_a_rule_and_names_no_object(
    client: Web, played: Played, caplog: pytest.LogCaptureFixture, path: str, endpoint: str
) -> None:
    _ask(client, path)
    assert _told(caplog)["endpoint"] == endpoint


def test_a_submission_counts_what_became_of_its_objects(
    client: Web, played: Played, caplog: pytest.LogCaptureFixture
) -> None:
    one = Outcome(StixId(INDICATOR), "2026-01-01T00:00:00Z", True)
    played.outcomes = (one, one, replace(one, succeeded=False), replace(one, succeeded=False, count=40))
    assert _ask(client, objects_url(), "POST", data=b"{}", content_type=TAXII) == 202
    told = _told(caplog)
    assert (told["accepted"], told["refused"], told["status"]) == ("2", "41", "202")


REFUSALS = [
    errors.BadRequest("one sentence"),
    errors.Unauthenticated("one sentence"),
    errors.Forbidden("one sentence"),
    errors.Conflict("one sentence"),
    errors.TooLarge("one sentence"),
    errors.UnsupportedMedia("one sentence"),
    errors.Unprocessable("one sentence"),
    errors.TooManyRequests("one sentence", 3),
    errors.Unavailable("one sentence"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: str(one.status))
def test_a_refusal_is_told_with_its_reason(
    client: Web, played: Played, caplog: pytest.LogCaptureFixture, refusal: errors.Refused
) -> None:
    played.raises = refusal
    assert _ask(client, objects_url()) == refusal.status
    told = _told(caplog)
    assert (told["status"], told["reason"]) == (str(refusal.status), "one sentence")
    assert "detail" not in told


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: str(one.status))
def test_what_the_operator_is_told_beyond_does_not_go_out(
    client: Web, played: Played, caplog: pytest.LogCaptureFixture, refusal: errors.Refused
) -> None:
    played.raises = type(refusal)("one sentence", cause="the cause of it")
    answer = client.get(objects_url(), buffered=True)
    assert b"the cause" not in answer.data
    assert _told(caplog)["detail"] == "the cause of it"


def test_a_404_tells_the_operator_more(client: Web, played: Played, caplog: pytest.LogCaptureFixture) -> None:
    assert _ask(client, objects_url(rest=f"{INDICATOR}/")) == 404
    told = _told(caplog)
    assert told["reason"] == "Nothing is here that this account may see"
    assert told["detail"] == "no such object, or not for this reader"


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/nowhere/a/b/c", "GET", 404), ("/taxii2/", "PUT", 405)]
)
def test_what_no_rule_takes_is_told_too(
    client: Web, caplog: pytest.LogCaptureFixture, path: str, method: str, status: int
) -> None:
    assert _ask(client, path, method) == status
    told = _told(caplog)
    assert (told["status"], told["member"], told["endpoint"]) == (str(status), "-", "-")
    assert told["reason"]


def test_a_head_sends_no_bytes(client: Web, played: Played, caplog: pytest.LogCaptureFixture) -> None:
    played.rows = (row(1),)
    assert _ask(client, objects_url(), "HEAD") == 200
    told = _told(caplog)
    assert (told["method"], told["bytes"]) == ("HEAD", "0")


def test_an_answer_that_breaks_off_is_told_with_what_left(
    client: Web, played: Played, caplog: pytest.LogCaptureFixture
) -> None:
    played.rows = tuple(row(n, b'{"x":"' + b"y" * 100_000 + b'"}') for n in range(1, 6))
    answer = client.get(objects_url())
    parts = iter(answer.response)
    first = len(next(parts))  # type: ignore[arg-type]
    answer.close()
    told = _told(caplog)
    assert told["sent"] == "part"
    assert first <= int(told["bytes"]) < 500_000


@pytest.mark.parametrize("path", ["/healthz", "/readyz/"])
def test_probes_are_not_told(client: Web, caplog: pytest.LogCaptureFixture, path: str) -> None:
    assert _ask(client, path) == 200
    assert _lines(caplog) == []


def test_what_nobody_foresaw_is_told_with_the_request_and_without_its_address(
    client: Web, played: Played, caplog: pytest.LogCaptureFixture
) -> None:
    played.raises = RuntimeError(f"about {INDICATOR}\nforged line")
    assert _ask(client, objects_url(rest=f"{INDICATOR}/?next=cursor-of-a-walk")) == 500
    said = "\n".join(_lines(caplog))
    assert "unforeseen error: request id=" in said
    assert "endpoint=/allied/collections/us/objects/{object_id}/" in said
    assert "RuntimeError: about indicator--…" in said
    assert INDICATOR not in said
    assert "cursor-of-a-walk" not in said
    assert not any(line.startswith("forged") for line in said.splitlines())


# --- secrets and forgeries --------------------------------------------------------------------------

_BESIDE = "access_token_{}x"  # without an edge that sets it apart
_EVERYWHERE = [
    ("GET", "/governance/explanations/?Bearer%20{}=1", {}),  # a message repeats the first 60 characters
    ("GET", f"/governance/explanations/?{_BESIDE}", {}),
    ("GET", objects_url() + "?match[version]=Bearer%20{}", {}),
    ("GET", objects_url() + "?match[version=Bearer%20{}", {}),
    ("DELETE", objects_url(rest=f"{INDICATOR}/?Bearer%20{{}}"), {}),
    ("GET", objects_url() + "?next={}", {}),
    ("GET", objects_url() + "?match[{}]=x", {}),
    ("GET", objects_url() + "?limit={}", {}),
    ("GET", "/governance/explanations/?{}=1", {}),
    ("GET", "/governance/explanations/?object={}", {}),
    ("GET", "/governance/explanations/?object=x&to={}", {}),
    ("GET", "/{}/", {}),
    ("GET", objects_url("{}"), {}),
    ("GET", objects_url(rest="{}/"), {}),
    ("GET", "/governance/agreements/{}/", {}),
    ("GET", objects_url(), {"Authorization": "Bearer {}"}),
    ("GET", objects_url(), {"Authorization": "Basic {}"}),
    ("GET", objects_url(), {"Authorization": "{}"}),
    ("GET", objects_url(), {"X-API-Key": "{}"}),
    ("GET", objects_url(), {"Accept": "{}"}),
    ("POST", objects_url(), {"Content-Type": "{}"}),
    ("POST", objects_url(), {"Content-Encoding": "{}", "Content-Type": TAXII}),
    ("POST", objects_url(), {"Signature": "{}", "Content-Type": TAXII}),
    ("{}", objects_url(), {}),
]


@pytest.mark.parametrize(("method", "path", "headers"), _EVERYWHERE)
def test_a_token_is_in_no_line_wherever_it_was_sent(
    client: Web, caplog: pytest.LogCaptureFixture, method: str, path: str, headers: dict[str, str]
) -> None:
    given = {name: value.format(_TOKEN) for name, value in headers.items()}
    answer = client.open(
        path.format(_TOKEN), method=method.format(_TOKEN), headers=given, data=b"{}", buffered=True
    )
    assert answer.status_code
    said = "\n".join(_lines(caplog))
    assert " request id=" in said
    assert not re.search("a{20}", said.lower())  # nor most of its secret


@pytest.mark.parametrize("length", [*range(1, 60, 7), *range(440, 520, 7)])
def test_what_is_too_long_to_be_told_is_not_cut_into_half_a_secret(
    client: Web, played: Played, caplog: pytest.LogCaptureFixture, length: int
) -> None:
    for secret, told in [(_TOKEN, "a{20}"), (INDICATOR, "8e2e2d2b")]:
        played.raises = errors.BadRequest("x" * (length - 1) + f" {secret} " + "x" * 600, cause=f"{secret}y")
        _ask(client, objects_url())
        played.raises = None
        client.get(f"/governance/explanations/?{'x' * length}%20{secret}", buffered=True)
        assert not re.search(told, "\n".join(_lines(caplog)).lower())


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\x1b[31mb", "a\u202eb", "a\u2028b", "a\0b"])
def test_nothing_that_was_sent_begins_a_line_or_steers_a_terminal(
    client: Web, played: Played, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    played.raises = errors.BadRequest(f'{text} status=200 "quoted"')
    _ask(client, objects_url())
    (line,) = _lines(caplog)
    assert line.isprintable()
    assert _told(caplog)["status"] == "400"


_BROKEN = "Invalid request from ip=1.2.3.4: Invalid HTTP Header: 'Authorization Bearer x'"
_HALF = "Error handling request GET /allied/?next=cursor"
_ABOUT = f"about {INDICATOR} and agreement--{INDICATOR[11:]}"


@pytest.mark.parametrize(
    ("name", "said", "kept", "lost"),
    [
        ("gunicorn.error", _BROKEN, "1.2.3.4", "Bearer"),
        ("gunicorn.error", _HALF, "Error handling request", "cursor"),
        ("hub.x", _ABOUT, "indicator--… and agreement--8e2e", INDICATOR),
        ("hub.x", f"token {_TOKEN}", "token abcdefgh23.…", "AAAA"),
        ("hub.x", "in connection._execute_on_connection(", "connection._execute_on_connection(", "…"),
    ],
)
def test_a_line_leaves_out_what_is_secret(name: str, said: str, kept: str, lost: str) -> None:
    line = logs.LineFormatter().format(logging.LogRecord(name, logging.WARNING, "", 0, said, None, None))
    assert kept in line
    assert lost not in line


def test_of_a_databases_error_the_traceback_shows_no_value() -> None:
    value = "what a member sent"
    try:
        try:
            raise sqlite3.IntegrityError(f"Key (id)=({value}) already exists")  # noqa: TRY301
        except sqlite3.IntegrityError as cause:
            raise IntegrityError("INSERT", {"id": value}, cause) from cause
    except IntegrityError:
        record = logging.LogRecord("hub.x", logging.ERROR, "", 0, "failed", None, sys.exc_info())
    said = logs.LineFormatter().format(record)
    assert "sqlite3.IntegrityError" in said
    assert "test_request_log.py" in said
    assert value not in said


def test_a_basic_header_that_fits_nobody_names_nobody(client: Web, caplog: pytest.LogCaptureFixture) -> None:
    client.get(objects_url(), headers={"Authorization": basic("us-cert", _TOKEN)}, buffered=True)
    told = _told(caplog)
    assert (told["member"], told["status"]) == ("-", "401")


@pytest.mark.parametrize(
    ("token", "public_id", "is_there", "said"),
    [
        (None, None, False, "no token was presented"),
        ("x", None, False, "what was presented has not the form of a token"),
        (_TOKEN, "abcdefgh23", False, "there is no token abcdefgh23"),
        (_TOKEN, "abcdefgh23", True, "the secret is not that of token abcdefgh23"),
    ],
)
def test_the_operator_is_told_why_nobody_is_known(
    token: str | None, public_id: str | None, is_there: bool, said: str
) -> None:
    assert authenticate._unknown(token, public_id, is_there=is_there) == said
