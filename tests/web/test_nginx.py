"""deploy/nginx.conf is one that nginx takes, and what nginx answers by itself has the form of its address."""

from __future__ import annotations

import datetime
import gzip
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from tests import nginx
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.ports import free_port

TAXII = "application/taxii+json;version=2.1"
PROBLEM = "application/problem+json"


def certify(chain: Path, key: Path) -> None:
    """Write a certificate that certifies itself, and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub.example.org")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(private, SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    chain.write_bytes(built.public_bytes(encoding))
    key.write_bytes(private.private_bytes(encoding, form, serialization.NoEncryption()))


def test_nginx_takes_the_whole_file_as_it_is_shipped(tmp_path: Path) -> None:
    chain, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    certify(chain, key)
    site = nginx.CONFIGURATION.read_text().replace("listen 443", f"listen 127.0.0.1:{free_port()}")
    site = site.replace("/etc/ssl/hub/", f"{tmp_path}/")
    command = [nginx.program(), "-t", "-p", tmp_path, "-c", nginx.configured(tmp_path, site)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "[warn]" in done.stderr) == (0, False), done.stderr


@dataclass
class Upstream:
    """What stands in for the hub: a socket whose answer, if any, is always the same."""

    socket: socket.socket
    answer: bytes
    heard: list[bytes] = field(default_factory=list)

    def serve(self) -> None:
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.heard.append(peer.recv(65_536))
            if self.answer:
                peer.sendall(self.answer)
                peer.close()


@dataclass
class NginxProxy:
    port: int
    upstream: Upstream

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **fields: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            headers = {name.replace("_", "-"): value for name, value in fields.items()}
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()


@pytest.fixture
def around() -> str:
    """What the operator's own nginx.conf says around the site, for all sites of the machine."""
    return "gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; gzip_http_version 1.0; gunzip on;\n"


@pytest.fixture
def proxy(tmp_path: Path, request: pytest.FixtureRequest, around: str) -> Iterator[NginxProxy]:
    """nginx before an upstream that gives the test's parameter as its answer; None: nobody listens there."""
    answer: bytes | None = getattr(request, "param", None)
    port, behind = free_port(), free_port()
    site = around + nginx.shipped(port, f"127.0.0.1:{behind}", proxy_read_timeout="1s")
    with socket.socket() as listener, nginx.running(tmp_path, site):
        upstream = Upstream(listener, answer or b"")
        if answer is not None:
            listener.bind(("127.0.0.1", behind))
            listener.listen()
            threading.Thread(target=upstream.serve, daemon=True).start()
        wait_for(lambda: _listens(port), "nginx to listen")
        yield NginxProxy(port, upstream)
        if answer is not None:
            listener.shutdown(socket.SHUT_RDWR)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


AWAY = None
SILENT = b""
PATHS = [("/allied/", TAXII), ("/taxii2/", TAXII), ("/governance/members/", PROBLEM), ("/readyz?x", PROBLEM)]


def assert_own(answer: tuple[int, dict[str, str], bytes], status: int, form: str, retry: str | None) -> None:
    found, headers, body = answer
    assert (found, headers["content-type"], headers.get("retry-after")) == (status, form, retry)
    assert headers["cache-control"] == "no-store"
    said = orjson.loads(body)
    if form == TAXII:
        assert said.keys() == {"title", "description", "http_status"}
        assert said["http_status"] == str(status)
    else:
        assert said.keys() == {"type", "title", "status", "detail"}
        assert said["status"] == status


@pytest.mark.parametrize("proxy", [AWAY], indirect=True)
def test_what_nginx_says_of_a_hub_that_is_away(proxy: NginxProxy) -> None:
    for path, form in PATHS:
        assert_own(proxy.ask(path), 502, form, "5")


@pytest.mark.parametrize("proxy", [SILENT], indirect=True)
def test_what_nginx_says_of_a_hub_that_does_not_answer(proxy: NginxProxy) -> None:
    for path, form in PATHS:
        assert_own(proxy.ask(path), 504, form, "5")


@pytest.mark.parametrize("proxy", [AWAY], indirect=True)
def test_what_nginx_says_of_a_body_that_is_too_long_or_a_method_that_is_none(proxy: NginxProxy) -> None:
    for path, form in PATHS:
        assert_own(proxy.ask(path, "POST", b"x" * 11_600_000), 413, form, None)
        assert_own(proxy.ask(path, "TRACE"), 405, form, None)
    assert_own(proxy.ask("/.hub/taxii/404"), 404, TAXII, None)


@pytest.mark.parametrize("proxy", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], indirect=True)
def test_what_nginx_says_of_an_address_with_an_octet_that_no_address_has(proxy: NginxProxy) -> None:
    for path, form in PATHS:
        for octet in (b"\xff", "é".encode()):
            assert_own(_asked(proxy.port, path.encode() + octet), 400, form, None)
    assert proxy.upstream.heard == []


def _asked(port: int, target: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send what a library for HTTP does not let anybody send."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as peer:
        peer.sendall(b"GET %s HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n" % target)
        answer = HTTPResponse(peer)
        answer.begin()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()


REFUSED = (
    b"HTTP/1.1 %d x\r\nContent-Type: application/taxii+json;version=2.1\r\nRetry-After: 7\r\n"
    b"Cache-Control: no-store\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhub!"
)


@pytest.mark.parametrize(
    ("proxy", "status"), [(REFUSED % code, code) for code in (400, 404, 413, 429, 503)], indirect=["proxy"]
)
def test_what_the_hub_refuses_reaches_the_client_as_it_is(proxy: NginxProxy, status: int) -> None:
    found, headers, body = proxy.ask("/allied/")
    assert (found, headers["retry-after"], body) == (status, "7", b"hub!")


@pytest.mark.parametrize("proxy", [REFUSED % 404], indirect=True)
def test_the_hub_hears_the_target_as_it_was_signed_and_no_field_with_an_underscore(proxy: NginxProxy) -> None:
    target = "/allied/collections/x/objects/?match%5Btype%5D=a%2Cb&x=%2F../y//"
    connection = HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE_SECONDS)
    connection.request("GET", target, headers={"Content_Digest": "forged", "Signature": "kept"})
    connection.getresponse().read()
    connection.close()
    heard = proxy.upstream.heard[-1].decode()
    assert heard.startswith(f"GET {target} HTTP/1.1\r\n")
    assert ("forged" in heard, "Signature: kept" in heard) == (False, True)


_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/taxii+json;version=2.1\r\nConnection: close\r\n"
_PACKED = gzip.compress(b'{"more":false}' * 100)
_CODED = _OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_PACKED) + _PACKED
_BARE = _OK + b"Content-Length: 1400\r\n\r\n" + b'{"more":false}' * 100


@pytest.mark.parametrize(
    ("proxy", "body", "coding"),
    [(_CODED, _PACKED, "gzip"), (_BARE, b'{"more":false}' * 100, None)],
    indirect=["proxy"],
    ids=["coded", "plain"],
)
def test_nginx_neither_packs_nor_unpacks_whatever_is_configured_around_it(
    proxy: NginxProxy, body: bytes, coding: str | None
) -> None:
    """Governance answers stay plain, and pages keep the segments that the hub has made."""
    for asked in ({}, {"Accept_Encoding": "gzip"}):
        _, headers, found = proxy.ask("/allied/", **asked)
        assert (headers.get("content-encoding"), found) == (coding, body)
    heard = [request.decode().lower() for request in proxy.upstream.heard]
    assert ["accept-encoding: gzip" in request for request in heard[-2:]] == [False, True]
