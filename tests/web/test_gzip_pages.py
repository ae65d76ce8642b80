"""Pages in the coding gzip: equal to the plain pages, and equal whoever submitted the objects."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace

import orjson
import pytest
from werkzeug.test import TestResponse

from hub.actions.reading import poll
from hub.errors import Unavailable
from hub.model import Disclosed, MemberId, Page, Query
from tests.web.conftest import INDICATOR, TAXII, US, Played, Web, objects_url, page_of, row

GZIP = {"Accept-Encoding": "gzip, deflate"}
MANIFEST = f"/allied/collections/{US}/manifest/"
VERSIONS = objects_url(rest=f"{INDICATOR}/versions/")
PAGES = [objects_url(), objects_url("released"), objects_url(rest=f"{INDICATOR}/"), MANIFEST, VERSIONS]
BODIES = [orjson.dumps({"type": "malware", "name": f"한빛 {n}", "text": "secret " * n}) for n in range(1, 9)]


@pytest.fixture(autouse=True)
def _rows(played: Played) -> None:
    played.rows = tuple(row(n, body) for n, body in enumerate(BODIES, 1))
    played.more = True


def headers_of(answer: TestResponse, *without: str) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in without}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_in_gzip_is_the_plain_page(client: Web, path: str) -> None:
    plain, coded = client.get(path), client.get(path, headers=GZIP)
    assert (plain.status_code, coded.status_code) == (200, 200)
    assert gzip.decompress(coded.data) == plain.data
    assert coded.headers["Content-Encoding"] == "gzip"
    assert coded.headers["Content-Length"] == str(len(coded.data))
    differing = ("Content-Encoding", "Content-Length")
    assert headers_of(coded, *differing) == headers_of(plain, *differing)
    assert "Content-Encoding" not in plain.headers
    assert coded.content_type == TAXII


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("headers", [{}, GZIP, {"Accept-Encoding": "gzip;q=broken"}])
def test_every_page_varies_by_what_was_asked(
    client: Web, played: Played, path: str, headers: dict[str, str]
) -> None:
    assert client.get(path, headers=headers).headers.getlist("Vary") == ["Accept-Encoding"]
    played.rows, played.more, played.known = (), False, frozenset({INDICATOR})
    assert client.get(path, headers=headers).headers.getlist("Vary") == ["Accept-Encoding"]


@pytest.mark.parametrize("path", PAGES)
def test_an_empty_page_is_plain(client: Web, played: Played, path: str) -> None:
    played.rows, played.more, played.known = (), False, frozenset({INDICATOR})
    answer = client.get(path, headers=GZIP)
    assert (answer.data, "Content-Encoding" in answer.headers) == (b'{"more":false}', False)
    head = client.head(path, headers=GZIP)
    assert [each.headers.getlist("Content-Length") for each in (answer, head)] == [["14"]] * 2


@pytest.mark.parametrize("path", PAGES)
def test_head_in_gzip_is_get_without_the_body(client: Web, played: Played, path: str) -> None:
    head, got = client.head(path, headers=GZIP), client.get(path, headers=GZIP)
    assert (head.data, headers_of(head)) == (b"", headers_of(got))
    if path not in {VERSIONS, MANIFEST}:
        assert played.kinds == [Disclosed.MANIFEST, Disclosed.OBJECTS]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/taxii2/", 200),
        ("GET", "/allied/", 200),
        ("GET", "/allied/collections/", 200),
        ("GET", f"/allied/collections/{US}/", 200),
        ("GET", "/allied/markings/", 403),  # nothing answers here without a database
        ("GET", "/allied/status/2a7ec0a5-8e1c-44a7-8ba4-4d2a1e2a3a52/", 200),
        ("POST", objects_url(), 202),
        ("GET", "/governance/agreements/", 200),
        ("GET", "/governance/agreements/agreement--1/", 200),
        ("GET", "/healthz/", 200),
        ("GET", "/allied/nowhere/", 404),
        ("GET", objects_url() + "?limit=0", 400),
        ("PUT", objects_url(), 405),
    ],
)
def test_nothing_but_pages_is_compressed(client: Web, method: str, path: str, status: int) -> None:
    client.key = "us-writes" if status == 403 else "us-key"
    given = {"data": b"{}", "content_type": TAXII} if method == "POST" else {}
    answer = client.open(path, method=method, headers=GZIP, **given)
    assert answer.status_code == status
    assert "Content-Encoding" not in answer.headers
    assert orjson.loads(answer.data) is not None


def test_a_refused_page_is_plain(client: Web, played: Played) -> None:
    played.raises = Unavailable("Try again.")
    answer = client.get(objects_url(), headers=GZIP)
    assert (answer.status_code, "Content-Encoding" in answer.headers) == (503, False)
    assert orjson.loads(answer.data)["http_status"] == "503"


# --- what compression must not tell ---------------------------------------------------------------


def segments(member: bytes) -> list[bytes]:
    """Return the text of each segment of a gzip member, read with an empty dictionary."""
    *raw, last = member[10:-8].split(b"\x00\x00\xff\xff")
    assert last == b"\x03\x00"
    return [zlib.decompressobj(-15).decompress(one + b"\x00\x00\xff\xff") for one in raw]


def test_each_object_and_the_cursor_have_a_segment_of_their_own(client: Web) -> None:
    found = segments(client.get(objects_url(), headers=GZIP).data)
    assert found[0] == b'{"more":true,"next":"after-8","objects":['
    assert [text.removeprefix(b",") for text in found[1:-1]] == BODIES
    assert found[-1] == b"]}"


@pytest.mark.parametrize("path", [MANIFEST, VERSIONS])
def test_each_record_has_a_segment_of_its_own(client: Web, path: str) -> None:
    assert len(segments(client.get(path, headers=GZIP).data)) == len(BODIES) + 2


@pytest.mark.parametrize("path", PAGES)
def test_no_byte_depends_on_who_submitted(
    client: Web, played: Played, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """A cert's object and an anonymised one look alike (policy 7), in every coding."""
    page, answers = page_of(played.rows, more=False), []
    members = [["us-cert"] * len(BODIES), ["us-cert", "us-agency"] * (len(BODIES) // 2)]
    for one in members:
        given = replace(page, members=[MemberId(member) for member in one])

        def act(_service: object, _query: Query, *_kind: Disclosed, given: Page = given) -> Page:
            return replace(given, bodies=list(given.bodies))

        monkeypatch.setattr(poll, "objects", act)
        monkeypatch.setattr(poll, "manifest", act)
        answers.append(client.get(path, headers=GZIP).data)
    assert answers[0] == answers[1]
