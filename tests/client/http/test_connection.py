"""Why a request got no answer: each cause is a sentence, at once where asking again cannot help."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from hub.client import ClientError, Hub, HubAuth, Unreachable
from hub.client.http.connection import Connection, Patience
from hub.errors import Closed, Reconfigured
from tests.client.loopback import TOKEN, Answer, Loopback, error, indicator
from tests.client.tls import DAY, Authority, serving

SHORT = Patience(connect=0.2, silence=0.2, whole=30)
GONE = "refuses the connection: nothing listens there"


@pytest.fixture(autouse=True)
def _without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port that is ours and on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def refused(url: str, *, ca: Path | None = None, patience: Patience = SHORT) -> ClientError:
    """What a first request to `url` ends with: without a pause, and without telling of one."""
    said: list[str] = []
    connection = Connection(HubAuth(TOKEN), patience=patience, ca=ca, sleep=_never, tell=said.append)
    with pytest.raises(ClientError) as raised:
        connection.get(url)
    connection.close()
    assert said == []
    assert "\n" not in str(raised.value)
    return raised.value


def _never(seconds: float) -> None:
    raise AssertionError(f"waited {seconds} s for what does not change")


# --- nobody there ---


def test_a_name_that_does_not_resolve() -> None:
    found = refused("https://hub.invalid/")
    without_dns = "no name server answers for hub.invalid: check this machine's network and DNS"
    assert str(found).startswith("the name hub.invalid does not resolve (") or str(found) == without_dns
    assert isinstance(found, Unreachable)


def test_a_port_that_refuses(free_port: int) -> None:
    found = refused(f"http://127.0.0.1:{free_port}/")
    assert str(found).startswith(f"127.0.0.1:{free_port} {GONE}")
    assert isinstance(found, Unreachable)


def test_a_connection_that_is_not_taken_is_no_silence() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]  # more than the queue takes
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        found = refused(f"http://127.0.0.1:{full.getsockname()[1]}/")
        for one in waiting:
            one.close()
    assert "did not take the connection within" in str(found)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_silence_after_the_connection(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = refused(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/")
    assert "took the connection and then said nothing for" in str(found)
    assert isinstance(found, Unreachable)


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{free_port}")
    found = refused("https://hub.invalid/")
    assert str(found).startswith(
        "the proxy that HTTPS_PROXY or HTTP_PROXY names does not lead to hub.invalid:443"
    )
    assert "secret" not in str(found)


# --- certificates ---


def test_an_authority_is_trusted_when_it_is_given(authority: Authority) -> None:
    with serving(authority.certificate()) as port:
        connection = Connection(HubAuth(TOKEN), ca=authority.pem)
        assert connection.get(f"https://127.0.0.1:{port}/") == {"all": "well"}
        connection.close()


def test_the_environments_bundle_counts_where_none_is_given(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.pem))
    with serving(authority.certificate()) as port:
        connection = Connection(HubAuth(TOKEN))
        assert connection.get(f"https://127.0.0.1:{port}/") == {"all": "well"}
        connection.close()
        other = Authority(tmp_path, "other")
        found = refused(f"https://127.0.0.1:{port}/", ca=other.pem)
        assert f"is not by an authority in {other.pem}" in str(found)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing"))
        assert "missing" in str(refused(f"https://127.0.0.1:{port}/"))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"ends": -DAY / 2}, "has expired: its operator has to renew it"),
        ({"begins": DAY / 2}, "is not valid yet: check this machine's clock"),
        ({"host": "hub.example"}, "is for another name than 127.0.0.1: give the name in it as --url"),
    ],
)
def test_a_certificate_that_does_not_hold(authority: Authority, given: Any, sentence: str) -> None:
    with serving(authority.certificate(**given)) as port:
        found = refused(f"https://127.0.0.1:{port}/", ca=authority.pem)
    assert str(found).startswith(f"the certificate of 127.0.0.1:{port} {sentence}")
    assert not isinstance(found, Unreachable)  # `--follow` does not wait for it


def test_an_authority_that_is_not_trusted(authority: Authority) -> None:
    with serving(authority.certificate()) as port:
        found = refused(f"https://127.0.0.1:{port}/")
    assert "is not by an authority that this machine trusts (" in str(found)
    assert "give it with --ca (HUB_CA)" in str(found)


def test_tls_where_none_is_spoken_and_none_where_it_is(authority: Authority) -> None:
    with serving(None) as port:
        found = refused(f"https://127.0.0.1:{port}/")
    assert str(found).startswith(f"127.0.0.1:{port} does not speak TLS: check the port")
    with serving(authority.certificate()) as port:
        found = refused(f"http://127.0.0.1:{port}/")
    assert str(found).endswith("speaks TLS, write https:// in --url (HUB_URL)")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read for --ca (HUB_CA): No such file"),
        ("no PEM", "holds no certificate: --ca (HUB_CA)"),
    ],
)
def test_a_file_that_is_no_authority_is_refused_before_anything_is_sent(
    tmp_path: Path, text: str | None, sentence: str
) -> None:
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ClientError, match=r"ca\.pem") as raised:
        Hub("https://hub.invalid", TOKEN, ca=file)
    assert sentence in str(raised.value)


@pytest.mark.parametrize("url", ["http://[::1", "http://h:99999", "http://h:x", "http://h:0"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(ClientError, match="no address of a hub"):
        Hub(url, TOKEN)


def test_a_name_that_no_host_can_have_is_told() -> None:
    url = f"http://{'a' * 70}.example/"
    assert str(refused(url)).startswith(f"the request to {url} could not be made: ")


# --- waiting ---


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def waiting(server: Loopback, pauses: list[float], said: list[str]) -> Iterator[Hub]:
    connection = Connection(HubAuth(TOKEN), sleep=pauses.append, tell=said.append)
    with Hub(server.url, TOKEN, connection=connection) as hub:
        yield hub


def closed(seconds: str | None) -> Any:
    status, headers, body = error(503, "Unavailable", "the hub is closed")
    return status, headers if seconds is None else headers | {"Retry-After": seconds}, body


def test_what_is_waited_for_is_said(
    waiting: Hub, server: Loopback, pauses: list[float], said: list[str]
) -> None:
    server.fail("/taxii2/", closed(None), closed("7"), closed("tomorrow"))
    waiting.collections()
    assert pauses == [1.0, 7.0, 4.0]
    assert said[:2] == [
        "the hub answers 503 (Unavailable: the hub is closed): trying again in 1 s, attempt 2 of 6",
        "the hub answers 503 (Unavailable: the hub is closed): trying again in 7 s, attempt 3 of 6",
    ]


@pytest.mark.parametrize("asked", ["86400", "9" * 400, timedelta(hours=1)])
def test_a_long_wait_is_said_and_not_waited_for(
    waiting: Hub, server: Loopback, asked: str | timedelta
) -> None:
    is_date = isinstance(asked, timedelta)
    server.fail("/taxii2/", closed(format_datetime(datetime.now(UTC) + asked) if is_date else asked))
    with pytest.raises(
        Unreachable, match=r"closed \(HTTP 503\); it asks to wait (\d+|inf) s: try again"
    ) as raised:
        waiting.collections()
    assert raised.value.retry_after is not None
    assert raised.value.retry_after > 3_000
    assert len(server.seen) == 1


@pytest.mark.parametrize("title", [Closed.title, Reconfigured.title])
def test_a_hub_that_waits_for_its_operator_is_said_at_once(
    waiting: Hub, server: Loopback, pauses: list[float], title: str
) -> None:
    status, headers, body = error(503, title, "the hub waits for its operator")
    server.fail("/taxii2/", (status, headers | {"Retry-After": "60"}, body))
    with pytest.raises(Unreachable, match=rf"^{title}: .*; it asks to wait 60 s: try again after that$"):
        waiting.collections()
    assert (pauses, len(server.seen)) == ([], 1)


def test_a_date_to_wait_for_is_waited_for(waiting: Hub, server: Loopback, pauses: list[float]) -> None:
    server.fail("/taxii2/", closed(format_datetime(datetime.now(UTC) - timedelta(hours=1))))
    waiting.collections()
    assert pauses == [0.0]


def test_a_hub_that_went_away_in_the_middle_is_waited_for(
    waiting: Hub, server: Loopback, pauses: list[float], said: list[str]
) -> None:
    server.objects = [indicator(1)]
    waiting.collections()
    server.fail("/objects/", None, None)
    assert len(list(waiting.poll("kr"))) == 1
    assert pauses == [1.0, 2.0]
    assert "closed the connection before its answer was whole: trying again in 1 s, attempt 2 of 6" in said[0]


def test_a_port_that_refuses_is_waited_for_once_work_is_under_way(
    server: Loopback, free_port: int, pauses: list[float]
) -> None:
    connection = Connection(HubAuth(TOKEN), sleep=pauses.append)
    connection.get(f"{server.url}/taxii2/")
    for write in (True, False):  # nothing was sent: what must not be done twice was not done either
        pauses.clear()
        with pytest.raises(Unreachable, match=GONE):
            connection.post(f"http://127.0.0.1:{free_port}/", data=b"{}", is_repeatable=write)
        assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0]
    connection.close()


def test_what_lies_in_netrc_is_not_sent(
    waiting: Hub, server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    waiting.collections()
    assert {seen.headers["Authorization"] for seen in server.seen} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(waiting: Hub, server: Loopback, status: int) -> None:
    server.fail("/taxii2/", (status, {"Location": f"{server.url}/elsewhere/"}, b""))
    with pytest.raises(ClientError, match=r"redirects to .*/elsewhere/: use that address instead"):
        waiting.collections()
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("answer", "is_known"),
    [
        ((200, {}, b"<html>"), False),
        ((204, {}, b""), False),
        ((200, {"Content-Encoding": "br"}, b"{}"), False),
        ((200, {"Content-Encoding": "gzip"}, b"no gzip"), False),
        ((200, {"Content-Length": "5"}, {}), False),  # two lengths
        ((302, {"Location": "http://[::x"}, b""), True),  # an address that cannot be read
        ((502, {}, {"title": "Bad gateway"}), False),
        (None, False),
        ((302, {"Location": "http://other.example/"}, b""), True),
        ((403, {}, {"title": "Refused"}), True),
        ((404, {}, b"<html>"), True),
    ],
)
def test_whether_it_was_done_is_said_to_be_unknown_where_no_answer_says(
    member: Hub, server: Loopback, answer: Answer | None, is_known: bool
) -> None:
    server.fail("/objects/indicator--1/", answer)
    with pytest.raises(ClientError) as refused:
        member.delete("us", "indicator--1")
    assert ("whether it was done is not known" in str(refused.value)) is not is_known
    assert "could not be made" not in str(refused.value)
