"""What hostile requests are made of: names, values and pieces that one part or another might not expect."""

from __future__ import annotations

from typing import Any

from tests.hostility.in_process import JSON, TAXII
from tests.stix_objects import (
    TLP,
    definition,
    grouping,
    identity,
    indicator,
    malware,
    note,
    observable,
    relationship,
    report,
    sdo,
    stix_id,
)

METHODS = ["GET"] * 12 + [
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "G",
]
ENDPOINTS = [
    "/taxii2/", "/allied/", "/allied/collections/", "/allied/collections/us/",
    "/allied/collections/us/objects/", "/allied/collections/released/objects/",
    "/allied/collections/us/manifest/", "/allied/status/x/",
    f"/allied/collections/us/objects/{stix_id('malware')}/",
    f"/allied/collections/us/objects/{stix_id('malware')}/versions/", "/allied/markings/",
    "/governance/members/", "/governance/agreements/", "/governance/agreements/x/",
    "/governance/simulations/", "/governance/explanations/", "/governance/disclosures/", "/healthz",
    "/governance/recoveries/", "/governance/recoveries/x/confirmation/",
    "/readyz/", "/metrics", "/log/checkpoint", "/", "",
]  # fmt: skip
INSERTS = [
    "%00", "\0", "%", "%zz", "%2e%2e/", "../", "./", "//", "/", "%2f", "\\", "%5c", ";", ":", "@", "%ff",
    "%c0%af", "%ed%a0%80", "é", "%F0%9F%98%80", "~", "'", '"', "<script>", "{{7*7}}", "%0d%0aX: y", "\t",
    " ", "+", "a" * 3_000, "%61" * 900, "/" * 500, "..%2f" * 200, "\x7f", "\xa0", "%e2%80%ae", "*", "()",
    "[", "]", "|", "#",
]  # fmt: skip
MATCH = [
    "match[id]",
    "match[type]",
    "match[version]",
    "match[spec_version]",
    "match[relationships]",
    "match[]",
]
NAMES = [
    *MATCH,
    "match",
    "match[id",
    "MATCH[ID]",
    "match%5bid%5d",
    "limit",
    "next",
    "added_after",
    "x",
    "",
    "[",
    "id",
]
VALUES = [
    "", "0", "1", "-1", "99999999999999999999999", "1e3", "٣", "0x10", "1.0", "null", "true", "all",
    "first", "last", "first,last,all", ",", ",,,", "," * 4_000, "x," * 3_500, "2.1", "2.0,2.1", "2.2",
    stix_id("malware"), "malware", "malware," * 900, "2026-01-01T00:01:00.000Z",
    "2026-01-01T00:01:00Z,all", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59.999999999999Z",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z",
    "2026-01-01T00:00:60Z", "2026-01-01 00:00:00", "2024-01-01T00:00:00." + "1" * 4_000 + "Z", "%00",
    "%ff", "%ed%a0%80", "%F0%9F%98%80", "';DROP TABLE version;--", "%25", "\\", "a" * 7_000, "A" * 60,
    "AAAA", "9" * 5_000, "%2c", "[", "]", "{}", "\x80", "é",
]  # fmt: skip
FIELDS = {
    "Accept": [
        "*/*", TAXII, "application/taxii+json", "application/taxii+json;version=2.0", "text/html", "", ",",
        ";", "q",
        "*/*;q=0", "*/*;q=2", "*/*;q=nan", "*/*;q=-1", "a/b;q=" + "9" * 400,
        'application/taxii+json;version="2.1"',
        'application/taxii+json;version="', "application/*;q=0.5,application/taxii+json;q=0",
        "a/b," * 1_500, "\xff/\xfe",
        "application/json;" * 500, "*", "*/json", "/", TAXII.upper(),
        "application/taxii+json;version=2.1;version=2.0",
    ],
    "Content-Type": [
        TAXII, JSON, "", ";", "text/plain", "application/stix+json;version=2.1",
        "application/taxii+json;charset=x",
        "multipart/form-data; boundary=" + "x" * 100, "application/x-www-form-urlencoded", "\xff",
        'a/b;c="', "a" * 8_000,
        "application/json; charset=utf-7", "application/json;version*0=2;version*1=.1",
        "application/json,text/html",
    ],
    "Content-Encoding": ["gzip", "", "identity", "br, gzip", "\xff"],
    "X-API-Key": ["", "x", "\xff", "a" * 8_000, "hub_x_y"],
    "Host": ["evil.example", "", "[::1", "a:b:c", "\xff", "hub.example:99999999"],
    "X-Forwarded-For": ["1.2.3.4", "x" * 8_000],
    "X-Forwarded-Proto": ["https"],
    "X-HTTP-Method-Override": ["DELETE"],
    "Range": ["bytes=0-1", "items 0-5", "bytes=-", "bytes=" + "0-1," * 1_000, "\xff"],
    "If-None-Match": ["*", '"', "W/"],
    "If-Modified-Since": ["Thu, 01 Jan 1970 00:00:00 GMT", "x", "Thu, 01 Jan 99999 00:00:00 GMT"],
    "Cookie": ["a=b", "=", ";" * 4_000, "\xff"],
    "Accept-Encoding": ["gzip", "*;q=0"],
    "Accept-Language": ["xx;q=q"],
    "Expect": ["200-ok"],
    "Upgrade": ["websocket", "h2c"],
    "Transfer-Encoding": ["identity"],
    "Origin": ["null"],
    "Date": ["x"],
}  # fmt: skip
SIGNATURE_PIECES = [
    '"', "(", ")", ";", "=", ":", ",", "sig=", "hub=", ";tag=\"taxii-hub-v1\"", ";created=1",
    ";created=-1", "?1", "1.5", ";created=9999999999999999", ";expires=99999999999999999999",
    ";nonce=\"\"", ";nonce=1", ";keyid=x", ";alg=\"none\"", ";alg=\"hmac-sha256\"", "\\", "\x00", "é",
    "::", ":AAAA:", "(\"@method\";req)", "\"@query-param\";name=\"x\"", "\"@authority\"",
    "\"authorization\"", "\"content-digest\";sf", "\"x\";bs;key=\"y\"", "a" * 3_000, "(" * 500, " ", "\t",
    "\"@status\"", "\"@\"", "\"\"", "sha-256=", "sha-512=:AAAA:", "md5=:AAAA:", "@1659578233", "%\"a\"",
    "*", "--", "0x1", ";p" * 2_000, ",a" * 2_000,
]  # fmt: skip
SIGNED_FIELDS = ("Signature-Input", "Signature", "Content-Digest", "content-type")
JSON_PIECES = [
    b"{", b"}", b"[", b"]", b'"', b":", b",", b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-0",
    b"0.1e-400", b"\\", b"9" * 400, b"9007199254740993", b"1e400", b'\\ud800', b"\\udc00\\ud800",
    b"\\u0000", b"\xff", b"\xed\xa0\x80", b"\x00", b"\xef\xbb\xbf", b"\xff\xfe{\x00", b'"a":1,"a":2',
    b"[" * 70 + b"]" * 70, b"[" * 5_000, b'{"a":' * 3_000, b"//", b"/**/", b"'", b"\t", b"\r\n", b"\x7f",
    b'"objects":{}', b'"objects":[]', b'"objects":null', b'"type":"bundle"', b"[" * 64, b"]" * 64,
]  # fmt: skip
SEEDS = [
    b'{"objects":[]}', b"{}", b"[]", b'""', b"1", b'{"objects":[1,null,"x",[],{}]}',
    b'{"type":"bundle","id":"x","objects":[{}]}', b'{"objects":{"a":1}}', b'{"objects":[{"objects":[]}]}',
    b'{"more":true,"next":"x","objects":[{"type":"malware"}]}',
]  # fmt: skip
OBJECTS: list[Any] = [
    indicator(tlp="green"), malware(tlp="amber", labels=["tlp:red"]), identity(),
    report(refs=[stix_id("malware")]), grouping(refs=[stix_id("report")]), note(), relationship(),
    sdo("sighting"), sdo("x-custom", x=1), definition(), definition(3, statement=False),
    observable(refs=[stix_id("ipv4-addr")]), observable(1, tlp="red"),
    malware(5, external_references=[{"source_name": "x", "url": "https://x.example"}]),
    malware(8, kill_chain_phases=[{"kill_chain_name": "a", "phase_name": "b"}]),
    malware(6, granular_markings=[{"marking_ref": TLP["red"], "selectors": ["name"]}]),
    malware(7, extensions={stix_id("extension-definition"): {"extension_type": "property-extension"}}),
    sdo(
        "observed-data",
        1,
        first_observed="2026-01-01T00:00:00Z",
        last_observed="2026-01-01T00:00:00Z",
        number_observed=1,
        object_refs=[stix_id("domain-name")],
    ),
    {"type": "file", "id": stix_id("file"), "hashes": {"MD5": "d41d8cd98f00b204e9800998ecf8427e"}},
    definition(0) | {"id": TLP["red"], "definition_type": "tlp"},
]  # fmt: skip
LEAVES: list[Any] = [
    None, True, False, 0, -1, 2**53 - 1, -(2**53 - 1), 0.1, -0.0, 1e308, 5e-324, "", " ", "x" * 5_000,
    "\x01", "\ufeff", "\u202e", "\U0001f600", "malware", "bundle", "marking-definition", "x", "--",
    "malware--", "tlp:amber", "TLP:RED", "2.0", "2.1", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z", "0000-01-01T00:00:00Z", "not a time", "[a:b = 1]",
    "[a:b = 1" + " OR a:b = 1" * 200 + "]", "((((", *TLP.values(), stix_id("malware"), stix_id("report"),
    stix_id("identity"), stix_id("marking-definition", 3), "$", "a.[0].b", "labels.[0]", "[0]", "..",
    "stix", "yara", [], {}, [[]], [{}], {"": ""}, [None], ["x", "x"], {"extension_type": "new-sdo"},
    [TLP["green"], TLP["red"]], ["tlp:clear"],
]  # fmt: skip
KEYS = [
    "type", "id", "spec_version", "created", "modified", "created_by_ref", "revoked", "labels",
    "confidence", "lang", "defanged", "object_marking_refs", "granular_markings", "object_refs",
    "source_ref", "target_ref", "extensions", "definition", "definition_type", "name", "pattern",
    "pattern_type", "valid_from", "x_refs", "x_ref", "", "a" * 300, "é", "constructor", "__proto__",
    "objects", "selectors", "marking_ref", "hashes", "value", "x_opencti_definition_type",
    "x_opencti_definition",
]  # fmt: skip
AGREEMENT_LEAVES: list[Any] = [
    *LEAVES, "US", "ZZ", "us", "KR", ["US", "US"], ["US"], ["US", "KR", "JP"], "clear", "amber+strict",
    "red", "RED", "partner", "redact", 1.5, "2026-01-01T00:00:00+09:00", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z", ["*"], [""],
]  # fmt: skip
