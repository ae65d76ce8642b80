"""The cause of a missing answer, with its remedy, and whether another attempt may help.

Causes follow from the standard library's exceptions in the chain. These have the same meaning in every
version of requests and urllib3.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Self
from urllib.parse import urlsplit

import requests

_PORTS: Final = {"http": 80, "https": 443}
_TLS_ALERT: Final = "\x15\x03"  # the first bytes of a TLS server's answer to plain text
# OpenSSL's reasons for an answer that is not TLS.
_NO_TLS: Final = frozenset(
    {
        "HTTP_REQUEST",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
        "UNKNOWN_PROTOCOL",
        "WRONG_VERSION_NUMBER",
    }
)
# No route to the host.
_NO_ROUTE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
# OpenSSL's X509_V_ERR_... codes.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_UNTRUSTED: Final = frozenset({2, 18, 19, 20, 21})  # no trusted issuer, or a self-signed certificate
_OTHER_NAME: Final = frozenset({62, 64})  # another host name or IP address


class Again(Enum):
    """Whether a request may be sent again."""

    NEVER = auto()  # the cause stays until a person acts
    NOT_SENT = auto()  # the request certainly was not carried out
    MAYBE_SENT = auto()  # the request may have been carried out: again only if repeatable


@dataclass(frozen=True, slots=True)
class ConnectionCause:
    """One sentence with the remedy, and whether another attempt may help.

    `is_away`: time alone may help. `at_first` is a further hint while the hub has never answered.
    """

    sentence: str
    again: Again
    is_away: bool = True
    at_first: str = ""


@dataclass(frozen=True, slots=True)
class _Target:
    """The target of a request, and the file of certificates for it; None means the system's certificates."""

    scheme: str
    host: str
    port: int
    ca: str | None

    @classmethod
    def of(cls, url: str, ca: str | None) -> Self:
        parts = urlsplit(url)
        return cls(parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0), ca)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def cause_of(error: BaseException, url: str, seconds: float, ca: str | None) -> ConnectionCause:
    """Return the cause of the error of a request to `url` after `seconds` seconds."""
    target, chain = _Target.of(url, ca), list(_chain(error))
    # Before the rest: the chain names the proxy's own errors, too.
    if any(isinstance(one, requests.exceptions.ProxyError) for one in chain):
        return _proxy(chain, target)
    if found := next(filter(None, (_known(one, target) for one in chain)), None):
        return found
    if any(isinstance(one, requests.exceptions.ConnectTimeout) for one in chain):
        sentence = (
            f"{target} did not take the connection within {seconds:.0f} s: a firewall on the way may drop "
            "it. Check --url (HUB_URL), and whether this machine may reach the hub"
        )
        return ConnectionCause(sentence, Again.NOT_SENT)
    if any(isinstance(one, TimeoutError) for one in chain):
        sentence = (
            f"{target} took the connection and then said nothing for {seconds:.0f} s: the hub is overloaded "
            "or hangs, which its operator sees"
        )
        return ConnectionCause(sentence, Again.MAYBE_SENT)
    return _broken(target)


def late(url: str, seconds: float) -> ConnectionCause:
    """Return the cause for an answer that was incomplete after the whole time limit."""
    sentence = (
        f"the answer of {_Target.of(url, None)} was not whole after {seconds:g} s and was cut off: the "
        "line is too slow, or what answers there holds it up"
    )
    return ConnectionCause(sentence, Again.NEVER)


def no_http(url: str) -> ConnectionCause:
    """Return the cause for an answer that is no HTTP."""
    return ConnectionCause(_not_http(_Target.of(url, None)), Again.NEVER, is_away=False)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []  # a chain may contain itself
    while error is not None and error not in seen:
        yield error
        seen.append(error)
        error = error.__cause__ or error.__context__


def _known(error: BaseException, target: _Target) -> ConnectionCause | None:  # noqa: PLR0911 - a table
    """Return the cause for an exception of the standard library."""
    match error:
        case ssl.SSLCertVerificationError():
            return ConnectionCause(_certificate(error, target), Again.NEVER, is_away=False)
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return _broken(target)
        case ssl.SSLError():
            return ConnectionCause(_tls(error, target), Again.NEVER, is_away=False)
        case socket.gaierror():
            return _name(error, target)
        case ConnectionRefusedError():
            return _refused(target)
        case http.client.RemoteDisconnected() | http.client.IncompleteRead():
            return _broken(target)
        case http.client.HTTPException():
            return ConnectionCause(_no_http(error, target), Again.NEVER, is_away=False)
        case OSError() if error.errno in _NO_ROUTE:
            sentence = (
                f"there is no way to {target} from this machine ({error.strerror}): check its network, or "
                "the VPN that leads to the hub"
            )
            return ConnectionCause(sentence, Again.NOT_SENT)
        case _:
            return None


def _name(error: socket.gaierror, target: _Target) -> ConnectionCause:
    if error.errno == socket.EAI_AGAIN:  # no answer, so a later attempt may help
        sentence = f"no name server answers for {target.host}: check this machine's network and DNS"
        return ConnectionCause(sentence, Again.NOT_SENT)
    sentence = (
        f"the name {target.host} does not resolve ({error.strerror}): check --url (HUB_URL), and this "
        "machine's DNS if the name is right"
    )
    return ConnectionCause(sentence, Again.NEVER)


def _refused(target: _Target) -> ConnectionCause:
    sentence = (
        f"{target} refuses the connection: nothing listens there. Check the port in --url (HUB_URL); if it "
        "is right, the hub or the proxy before it is down"
    )
    return ConnectionCause(sentence, Again.NOT_SENT)


def _certificate(error: ssl.SSLCertVerificationError, target: _Target) -> str:
    code, said = error.verify_code, error.verify_message
    if code == _EXPIRED:
        why = "has expired: its operator has to renew it, unless this machine's clock is wrong"
    elif code == _NOT_YET_VALID:
        why = "is not valid yet: check this machine's clock"
    elif code in _OTHER_NAME:
        why = f"is for another name than {target.host}: give the name in it as --url (HUB_URL)"
    elif code in _UNTRUSTED and target.ca is None:
        why = (
            f"is not by an authority that this machine trusts ({said}): if the hub has an authority of its "
            "own, get that one's certificate from the operator and give it with --ca (HUB_CA)"
        )
    elif code in _UNTRUSTED:
        why = f"is not by an authority in {target.ca} ({said}): get the right one from the operator"
    else:
        why = f"cannot be trusted ({said}): its operator should look"
    return f"the certificate of {target} {why}"


def _tls(error: ssl.SSLError, target: _Target) -> str:
    reason = error.reason or ""
    if reason in _NO_TLS:
        return (
            f"{target} does not speak TLS: check the port in --url (HUB_URL); http:// is for a hub on this "
            "machine alone"
        )
    if reason.startswith("NO_CERTIFICATE"):
        named = target.ca or "the file in REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"
        return f"{named} holds no certificate: it has to be PEM text"
    why = reason.replace("_", " ").lower() or str(error)
    return f"{target} and this machine do not agree on TLS ({why}): the hub's operator should look"


def _proxy(chain: Sequence[BaseException], target: _Target) -> ConnectionCause:
    why = next((one.strerror for one in reversed(chain) if isinstance(one, OSError) and one.strerror), None)
    sentence = (
        f"the proxy that HTTPS_PROXY or HTTP_PROXY names does not lead to {target} ({why or 'it refuses'}): "
        "check it, or name the host in NO_PROXY if the hub is reached without one"
    )
    return ConnectionCause(sentence, Again.NOT_SENT)


def _no_http(error: http.client.HTTPException, target: _Target) -> str:
    if isinstance(error, http.client.BadStatusLine) and str(error).startswith(_TLS_ALERT):
        return f"{target} speaks TLS: write https:// in --url (HUB_URL)"
    return _not_http(target)


def _not_http(target: _Target) -> str:
    return f"what listens at {target} does not speak HTTP: check the port in --url (HUB_URL)"


def _broken(target: _Target) -> ConnectionCause:
    hint = "if it speaks TLS, write https:// in --url (HUB_URL)" if target.scheme == "http" else ""
    sentence = f"{target} closed the connection before its answer was whole"
    return ConnectionCause(sentence, Again.MAYBE_SENT, at_first=hint)
