"""Checks the texts of observables: addresses, registry keys, names and tags of STIX 2.1."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from itertools import takewhile
from typing import Final

from hub.stix.values.languages import is_language_tag
from hub.stix.values.places import shown

# Each function returns the end of a sentence: the caller puts the JSON Pointer of the value before. Section
# numbers in docstrings are STIX 2.1's. Whether a value exists on the network is never checked.
_PREFIX: Final = re.compile(r"0|[1-9][0-9]{0,2}")
_MAC: Final = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_MAX_NAME: Final = 253
_MAX_LABEL: Final = 63
# Further characters of labels: hyphens, the underscore of SRV and DKIM names, and the contextual characters
# of IDNA (RFC 5892 appendix A). The context is not checked.
_BESIDES: Final = frozenset("-_\u00b7\u0375\u05f3\u05f4\u30fb\u200c\u200d")
_DOTS: Final = re.compile("[.\u3002\uff0e\uff61]")  # RFC 3490 section 3.1
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(.+)", re.DOTALL)
_NOT_IN_URL: Final = re.compile(r"[\s\x00-\x1f\x7f<>\"]")
_LOCAL: Final = re.compile(r"[^\s\x00-\x1f\x7f()<>@,;:\\\"\[\]]+|\"(?:[^\"\\]|\\.)*\"")
_HIVES: Final = {
    "hklm": "HKEY_LOCAL_MACHINE",
    "hkcu": "HKEY_CURRENT_USER",
    "hkcr": "HKEY_CLASSES_ROOT",
    "hkcc": "HKEY_CURRENT_CONFIG",
    "hku": "HKEY_USERS",
    "hkpd": "HKEY_PERFORMANCE_DATA",
    "hkdd": "HKEY_DYN_DATA",
}
_WHOLE_HIVES: Final = (
    "HKEY_CLASSES_ROOT", "HKEY_CURRENT_CONFIG", "HKEY_CURRENT_USER", "HKEY_CURRENT_USER_LOCAL_SETTINGS",
    "HKEY_DYN_DATA", "HKEY_LOCAL_MACHINE", "HKEY_PERFORMANCE_DATA", "HKEY_PERFORMANCE_NLSTEXT",
    "HKEY_PERFORMANCE_TEXT", "HKEY_USERS",
)  # fmt: skip
# Texts of tools before a hive: the name of the computer, the quote or bracket of a script, a provider.
_BEFORE_HIVE: Final = re.compile(r"(?:computer\\+|registry::)?[\s\\/\"'\[]*", re.IGNORECASE)
_HIVE: Final = re.compile(r"[^\\/]{0,40}")
_CPE: Final = re.compile(r"cpe:2\.3:[aho*-](?::(?:[^\\:\s]|\\[^\s])+){10}")


def ipv4_fault(text: str) -> str | None:
    """Return why `text` is no IPv4 address, alone or with a CIDR prefix (6.8), or None."""
    if _is_address(text, ipaddress.IPv4Address, 32):
        return None
    return f"{shown(text)} is no IPv4 address; write it as 192.0.2.1 or 192.0.2.0/24"


def ipv6_fault(text: str) -> str | None:
    """Return why `text` is no IPv6 address of RFC 4291 section 2.2, alone or with a CIDR prefix (6.9)."""
    # A zone (%eth0, RFC 4007) has a meaning on a single host only.
    if "%" not in text and _is_address(text, ipaddress.IPv6Address, 128):
        return None
    return f"{shown(text)} is no IPv6 address; write it as 2001:db8::1, ::ffff:192.0.2.1 or 2001:db8::/32"


def _is_address(text: str, address: Callable[[str], object], bits: int) -> bool:
    host, slash, prefix = text.partition("/")
    if slash and not (_PREFIX.fullmatch(prefix) and int(prefix) <= bits):
        return False
    try:
        address(host)
    except ValueError:
        return False
    return host.isascii()


def mac_fault(text: str) -> str | None:
    """Return why `text` is no MAC-48 address in lower case between colons (6.10), or None."""
    if _MAC.fullmatch(text):
        return None
    return f"{shown(text)} is no MAC address as STIX writes it; write it in lower case as d2:fb:49:24:37:18"


def domain_fault(text: str) -> str | None:  # (hub/README: names-and-addresses)
    """Return why `text` is no domain name (6.4: RFC 1034 and RFC 5890), or None.

    An underscore passes: such names are resolved daily.
    """
    labels = _DOTS.split(text.removesuffix("."))
    if len(text) <= _MAX_NAME and all(map(_is_label, labels)):
        return None
    return (
        f"{shown(text)} is no domain name; write the name alone, as mail.example.com, "
        'and say "defanged": true where it is defanged'
    )


def _is_label(label: str) -> bool:
    return (
        0 < len(label) <= _MAX_LABEL
        and not (label.startswith("-") or label.endswith("-"))
        and all(character in _BESIDES or unicodedata.category(character)[0] in "LMN" for character in label)
    )


def email_fault(text: str) -> str | None:
    """Return why `text` is no addr-spec of RFC 5322 section 3.4.1 (6.5), or None.

    Dots anywhere in the local part and letters of any script pass: real mailboxes have such names.
    """
    local, at, domain = text.rpartition("@")
    if at and _LOCAL.fullmatch(local):
        is_literal = domain.startswith("[") and domain.endswith("]")
        if is_literal or domain_fault(domain) is None:
            return None
    return (
        f"{shown(text)} is no e-mail address; write the address alone, as user@example.com, "
        "and a name as display_name"
    )


def url_fault(text: str) -> str | None:
    """Return why `text` can be no URL (6.15: RFC 3986), or None.

    Letters of any script pass, as mapped by RFC 3987; also characters sent unescaped by browsers.
    """
    if _SCHEME.fullmatch(text) and not _NOT_IN_URL.search(text):
        return None
    return (
        f"{shown(text)} is no URL; write it with scheme and without spaces, as https://example.com/a%20b, "
        'and say "defanged": true where it is defanged'
    )


def key_fault(text: str) -> str | None:  # (hub/README: names-and-addresses)
    """Return why a registry key's hive is not written in full (6.17), or None.

    A key without a hive passes.
    """
    before = _BEFORE_HIVE.match(text)
    begins = _HIVE.match(text, before.end() if before else 0)
    begun = begins[0].rstrip(":]\"' ") if begins else ""
    hive = _HIVES.get(begun.lower())
    if hive is None and begun.upper().startswith("HKEY") and begun.upper() not in _WHOLE_HIVES:
        hive = max(_WHOLE_HIVES, key=lambda whole: _alike(whole, begun.upper()))
    if hive is None:
        return None
    return (
        f"{shown(text)} does not have its hive in full; write {hive} instead of {begun}, as {hive}\\Software"
    )


def _alike(one: str, other: str) -> int:
    """Return the length of the common beginning of two texts."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def cpe_fault(text: str) -> str | None:
    """Return why `text` is no CPE 2.3 formatted string (6.14), or None."""
    if _CPE.fullmatch(text):
        return None
    return f"{shown(text)} is no CPE 2.3 name; write all parts, as cpe:2.3:a:vendor:product:1.0:*:*:*:*:*:*:*"


def language_fault(text: str) -> str | None:
    """Return why `text` is no language tag of RFC 5646, or None."""
    if is_language_tag(text):
        return None
    return f"{shown(text)} is no language tag of RFC 5646; write it as ko, ja-JP or zh-Hans"
