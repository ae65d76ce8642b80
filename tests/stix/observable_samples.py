"""Observables that the text of STIX 2.1 allows, allows though python-stix2 cannot read them, and forbids."""

from __future__ import annotations

from typing import Any

from tests.stix.samples import OTHER_UUID, WHEN, indicator, sdo

RANDOM = "8b6297fe-cae7-47c6-9256-5584b417849c"
BY_CONTENT = "04738bdf-b25a-5829-a801-b21a1d25095b"
MD5 = "d41d8cd98f00b204e9800998ecf8427e"
SHA_256 = MD5 * 2
TLSH = "8BD1E0FF" + "A" * 62


def sco(object_type: str, **more: Any) -> dict[str, Any]:
    return {"type": object_type, "spec_version": "2.1", "id": f"{object_type}--{RANDOM}", **more}


def ref(object_type: str) -> str:
    return f"{object_type}--{OTHER_UUID}"


def file(**more: Any) -> dict[str, Any]:
    return sco("file", **{"name": "a", **more})


def traffic(**more: Any) -> dict[str, Any]:
    return sco("network-traffic", **{"protocols": ["tcp"], "src_ref": ref("ipv4-addr"), **more})


def extended(object_type: str, name: str, **more: Any) -> dict[str, Any]:
    base = {"file": file(), "network-traffic": traffic()}.get(object_type, sco(object_type))
    return {**base, "extensions": {name: more}}


def mail(**more: Any) -> dict[str, Any]:
    return sco("email-message", **{"is_multipart": False, **more})


def observed(objects: Any, **more: Any) -> dict[str, Any]:
    seen = {"first_observed": WHEN, "last_observed": WHEN, "number_observed": 1, "objects": objects}
    obj = {**sdo("observed-data"), **seen, **more}
    del obj["name"]
    return obj


ACCEPTED = [
    # 2.7: hashes
    file(hashes={"MD5": MD5, "SHA-1": "a" * 40, "SHA-256": SHA_256, "SHA-512": "A" * 128}),
    file(hashes={"SHA3-256": SHA_256, "SHA3-512": "a" * 128, "x_own": "anything", "IMPHASH": MD5}),
    file(hashes={"SSDEEP": "96:s4Ud1Lj96tHHlZDrwciQmA+4uy1I0G:sF1LjEtHHlZDrJzrhuyZvHYm8tKp/RWO"}),
    file(hashes={"SSDEEP": "3::"}),
    file(hashes={"TLSH": TLSH}),
    # 6.1: artifact
    sco("artifact", mime_type="chemical/x-pdb", url="https://e.example/a", hashes={"MD5": MD5}),
    sco("artifact", payload_bin="VGVzdA==", encryption_algorithm="mime-type-indicated", decryption_key="x"),
    # 6.3, 6.7: encodings, times
    sco("directory", path="C:\\한글", path_enc="NF_Z_62-010_(1973)", ctime=WHEN),
    file(mtime="2024-02-29T00:00:00Z"),
    # 6.4, 6.5, 6.15: names
    *(
        sco("domain-name", value=value)
        for value in (
            "a.example",
            "_dmarc.a.example",
            "xn--bj0bj06e.example",
            "한글.example",
            "a.example.",
            "localhost",
            "r3---sn-4g5e6n.example",
            "コンピューター・ウイルス.example",
            "hi\u0928\u093f.example",
        )
    ),
    sco("domain-name", value="a[.]example", defanged=True),
    sco("domain-name", value="a.example", resolves_to_refs=[ref("ipv6-addr"), ref("domain-name")]),
    *(
        sco("email-addr", value=value)
        for value in (
            "a@b.example",
            "a..b@b.example",
            '"a b"@b.example',
            "a@[192.0.2.1]",
            "위협@한글.example",
        )
    ),
    *(
        sco("url", value=value)
        for value in (
            "https://a.example/",
            "ftp://192.0.2.1/x?y=[z]|{w}",
            "https://한글.example/파일",
            "mailto:a@b.example",
            "http://[2001:db8::1]:8080/a%20b",
            "data:,x",
        )
    ),
    sco("url", value="hxxps[:]//a[.]example", defanged=True),
    # 6.6: mail
    mail(additional_header_fields={"X-Mailer": ["one"], "Thread-subject": ["x", "y"]}),
    sco(
        "email-message",
        is_multipart=True,
        body_multipart=[{"body": "x", "body_raw_ref": ref("artifact")}, {"body_raw_ref": ref("file")}],
    ),
    # 6.7: extensions of files
    extended("file", "raster-image-ext", exif_tags={"subfileType": 1, "Make": "x"}),
    extended(
        "file", "windows-pebinary-ext", pe_type="dll", optional_header={"x_own": 1, "magic_hex": "0b01"}
    ),
    extended("file", "archive-ext", contains_refs=[ref("file"), ref("directory")]),
    file(contains_refs=[ref("url"), ref("x-own-observable")]),
    # 6.8 to 6.10: addresses
    *(sco("ipv4-addr", value=value) for value in ("192.0.2.1", "192.0.2.1/24", "0.0.0.0/0")),
    *(
        sco("ipv6-addr", value=value)
        for value in (
            "::ffff:192.0.2.33",
            "64:ff9b::192.0.2.33",
            "2001:db8::/32",
            "::1",
            "::",
            "2001:DB8:0:0:8:800:200C:417A",
            "2001:db8::1/128",
            "0:0:0:0:0:FFFF:129.144.52.38",
        )
    ),
    sco("mac-addr", value="d2:fb:49:24:37:18"),
    # 6.12: traffic
    traffic(extensions={"socket-ext": {"address_family": "AF_INET6", "options": {"IPV6_V6ONLY": 1}}}),
    traffic(start=WHEN, end=WHEN, is_active=False),
    traffic(start=WHEN, is_active=True, src_port=0, dst_port=65535, src_packets=0),
    # 6.13: process
    sco("process", created_time=WHEN),
    sco("process", environment_variables={"PATH": ""}),
    extended("process", "windows-process-ext", startup_info={"dwFlags": 1, "lpDesktop": "x", "cb": 68}),
    # 6.14: software
    sco("software", name="한글", languages=["zh-Hans", "ko", "ja-JP", "es-419", "i-klingon", "x-own", "eng"]),
    sco("software", name="x", cpe="cpe:2.3:a:haansoft:hangul_word_processor:2018:*:*:ko:*:*:*:*"),
    # 6.17: keys of the registry
    *(
        sco("windows-registry-key", key=key)
        for key in (
            "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\chkupdate",
            "HKEY_CURRENT_USER\\Software\\HKUST\\Agent",
            "hkey_users\\S-1-5-21\\Software\\hkcu",
            "HKEY_CURRENT_USER_LOCAL_SETTINGS\\Software",
            "Computer\\HKEY_LOCAL_MACHINE\\Software\\HKLM",
            "Software\\HKLM",
            "HKEY_CURRENT_USER\\Software\\한글과컴퓨터",
            "hkey_users\\hklm",
            "HKLMX\\a",
        )
    ),
    sco("windows-registry-key", modified_time=WHEN),
    # ids: version 5 SHOULD, others MAY
    {**file(), "id": f"file--{BY_CONTENT}"},
    {**file(), "id": "file--6b7c1a9e-0b1f-11ee-be56-0242ac120002"},
    sco("user-account", x_own=1, display_name="x"),
    # 2.13: the container of STIX 2.0
    observed(
        {"0": {"type": "file", "name": "한글.hwp"}, "1": {"type": "url", "value": "https://a.example/"}}
    ),
    observed({"0": {"type": "x-hwp-file-info", "name": "한글"}}),
    observed({"a/b": {"type": "file", "hashes": {"md5": MD5, "ssdeep": "3::"}}}),
]

NOT_READ = [
    # Valid by the text, and python-stix2 raises all the same: each with its reason.
    (file(hashes={"TLSH": f"T1{TLSH}"}), "6.7: TLSH has T1 before its 70 digits since version 4"),
    (
        traffic(extensions={"socket-ext": {"address_family": "AF_INET", "options": {"UDP_CORK": 1}}}),
        "6.12.5: keys SHOULD be names of options, and those that begin otherwise exist",
    ),
    (
        observed(
            {
                "0": {"type": "ipv4-addr", "value": "192.0.2.1"},
                "1": {"type": "network-traffic", "src_ref": "0", "protocols": ["tcp"]},
            }
        ),
        "2.13: a reference within the container is one of its keys",
    ),
    (
        observed({"0": {"type": "file", "id": "any string", "name": "a"}}),
        "2.9: within the container an id is any string",
    ),
    (
        observed({"0": {"type": "process", "name": "a.exe"}}),
        "2.13: STIX 2.0 has `name`, which 2.1 doesn't count",
    ),
    (
        indicator(pattern=f"[file:hashes.MD5 IN ('{MD5}', '{MD5}')]"),
        "9.6: the pattern package takes the list for a string",
    ),
    (
        indicator(pattern="[file:hashes.'SHA-256' MATCHES '^aec0']"),
        "9.6: an expression is no hash",
    ),
    (
        indicator(pattern="[file:hashes.'SHA-256' LIKE 'aec0%']"),
        "9.6: a part is no hash",
    ),
]

REFUSED = [
    (
        extended("file", "windows-pebinary-ext", pe_type="exe", optional_header={"x_own": 1}),
        "/extensions/windows-pebinary-ext/optional_header",
        "",
    ),
    (
        extended("file", "ntfs-ext", alternate_data_streams=["a"]),
        "/extensions/ntfs-ext/alternate_data_streams/0",
        "object",
    ),
    (file(hashes={"MD5": "a" * 31}), "/hashes/MD5", "31 digits, and MD5 has 32"),
    (file(hashes={"SHA-1": "a" * 32}), "/hashes/SHA-1", "SHA-1 has 40"),
    (file(hashes={"SHA-256": "8" * 62}), "/hashes/SHA-256", "62 digits, and SHA-256 has 64"),
    (file(hashes={"SHA256": "8" * 62}), "/hashes/SHA256", "62 digits, and SHA-256 has 64"),
    (file(hashes={"SHA-512": "8" * 64}), "/hashes/SHA-512", "SHA-512 has 128"),
    (file(hashes={"SHA3-256": "8" * 63}), "/hashes/SHA3-256", "SHA3-256 has 64"),
    (file(hashes={"SHA3-512": "g" * 128}), "/hashes/SHA3-512", "other characters"),
    (file(hashes={"SSDEEP": "no hash"}), "/hashes/SSDEEP", "write it as 96:"),
    (file(hashes={"TLSH": TLSH + "A"}), "/hashes/TLSH", "70 hexadecimal digits"),
    (file(hashes={"TLSH": "T2" + TLSH}), "/hashes/TLSH", "T1"),
    (file(hashes={"MD5": 5}), "/hashes/MD5", "string"),
    (file(hashes={}), "/hashes", "empty"),
    (sco("x509-certificate", hashes={"SHA-1": "aa"}), "/hashes/SHA-1", "SHA-1 has 40"),
    (sco("artifact", url="https://a.example/", hashes={"MD5": "aa"}), "/hashes/MD5", "MD5 has 32"),
    (
        extended("file", "ntfs-ext", alternate_data_streams=[{"name": "a", "hashes": {"MD5": "a"}}]),
        "/extensions/ntfs-ext/alternate_data_streams/0/hashes/MD5",
        "MD5 has 32",
    ),
    (
        extended(
            "file", "windows-pebinary-ext", pe_type="exe", sections=[{"name": "a", "hashes": {"MD5": "a"}}]
        ),
        "/extensions/windows-pebinary-ext/sections/0/hashes/MD5",
        "MD5 has 32",
    ),
    (
        sdo(
            external_references=[{"source_name": "x", "url": "https://a.example", "hashes": {"SHA-256": "a"}}]
        ),
        "/external_references/0/hashes/SHA-256",
        "SHA-256 has 64",
    ),
    # values
    (sco("ipv4-addr", value="192.0.2.256"), "/value", "192.0.2.1"),
    (sco("ipv4-addr", value="192.0.2.1/33"), "/value", "192.0.2.0/24"),
    (sco("ipv4-addr", value="192.0.2.1/255.255.255.0"), "/value", "192.0.2.0/24"),
    (sco("ipv4-addr", value="192.0.02.1"), "/value", "192.0.2.1"),
    (sco("ipv4-addr", value="192.0.2[.]1"), "/value", "192.0.2.1"),
    (sco("ipv6-addr", value="::ffff:d.d.d.d"), "/value", "2001:db8::1"),
    (sco("ipv6-addr", value="sss::1"), "/value", "2001:db8::1"),
    (sco("ipv6-addr", value="192.0.2.1"), "/value", "2001:db8::1"),
    (sco("ipv6-addr", value="::ffff:192.0.2.300"), "/value", "2001:db8::1"),
    (sco("ipv6-addr", value="2001:db8::1/129"), "/value", "2001:db8::/32"),
    (sco("ipv6-addr", value="fe80::1%eth0"), "/value", "2001:db8::1"),
    (sco("mac-addr", value="D2:FB:49:24:37:18"), "/value", "lower case"),
    (sco("mac-addr", value="d2-fb-49-24-37-18"), "/value", "d2:fb:49:24:37:18"),
    (sco("domain-name", value="https://a.example/"), "/value", "mail.example.com"),
    (sco("domain-name", value="a[.]example"), "/value", '"defanged": true'),
    (sco("domain-name", value="a b.example"), "/value", "mail.example.com"),
    (sco("domain-name", value="a..example"), "/value", "mail.example.com"),
    (sco("domain-name", value="-a.example"), "/value", "mail.example.com"),
    (sco("domain-name", value=""), "/value", "mail.example.com"),
    (sco("email-addr", value="Kim <kim@a.example>"), "/value", "display_name"),
    (sco("email-addr", value="kim.a.example"), "/value", "user@example.com"),
    (sco("email-addr", value="a@b@c.example"), "/value", "user@example.com"),
    (sco("url", value="a.example/x"), "/value", "https://"),
    (sco("url", value="https://a.example/a b"), "/value", "%20"),
    (sco("windows-registry-key", key="HKLM\\Software\\X"), "/key", "HKEY_LOCAL_MACHINE"),
    (sco("windows-registry-key", key="hkcu\\Software\\X"), "/key", "HKEY_CURRENT_USER"),
    (sco("windows-registry-key", key="HKCR"), "/key", "HKEY_CLASSES_ROOT"),
    (sco("windows-registry-key", key="HKLM:\\Software"), "/key", "HKEY_LOCAL_MACHINE"),
    (sco("windows-registry-key", key="\\HKLM\\Software"), "/key", "HKEY_LOCAL_MACHINE"),
    (sco("windows-registry-key", key="[HKCU\\Software]"), "/key", "HKEY_CURRENT_USER"),
    (sco("windows-registry-key", key='"HKU\\S-1-5"'), "/key", "HKEY_USERS"),
    (sco("windows-registry-key", key="Registry::HKCC\\x"), "/key", "HKEY_CURRENT_CONFIG"),
    (sco("windows-registry-key", key="Computer\\HKLM\\Software"), "/key", "HKEY_LOCAL_MACHINE"),
    (sco("windows-registry-key", key="HKEY_LOCAL_MACHIN\\Software"), "/key", "HKEY_LOCAL_MACHINE"),
    (sco("windows-registry-key", key="HKEY_CURRENT\\Software"), "/key", "HKEY_CURRENT"),
    (sco("software", name="x", languages=["ko", "jp"]), "/languages/1", "RFC 5646"),
    (sco("software", name="x", languages=["ko_KR"]), "/languages/0", "ja-JP"),
    (sco("software", name="x", languages=["ko", "Korean"]), "/languages/1", "ja-JP"),
    (sco("software", name="x", cpe="x cpe:2.3:a:v:p:1:*:*:*:*:*:*:*"), "/cpe", "cpe:2.3:a:vendor"),
    (sco("software", name="x", cpe="cpe:/a:v:p:1"), "/cpe", "cpe:2.3:a:vendor"),
    # references
    (
        sco("ipv4-addr", value="192.0.2.1", resolves_to_refs=[ref("domain-name")]),
        "/resolves_to_refs/0",
        "mac-addr",
    ),
    (
        sco("ipv6-addr", value="::1", belongs_to_refs=[ref("identity")]),
        "/belongs_to_refs/0",
        "autonomous-system",
    ),
    (
        sco("domain-name", value="a.example", resolves_to_refs=[ref("url")]),
        "/resolves_to_refs/0",
        "ipv4-addr or",
    ),
    (sco("directory", path="a", contains_refs=[ref("url")]), "/contains_refs/0", "file or directory"),
    (
        sco("email-addr", value="a@b.example", belongs_to_ref=ref("identity")),
        "/belongs_to_ref",
        "user-account",
    ),
    (mail(from_ref=ref("identity")), "/from_ref", "email-addr"),
    (mail(cc_refs=[ref("email-addr"), ref("url")]), "/cc_refs/1", "email-addr"),
    (mail(raw_email_ref=ref("file")), "/raw_email_ref", "artifact"),
    (
        sco("email-message", is_multipart=True, body_multipart=[{"body_raw_ref": ref("url")}]),
        "/body_multipart/0/body_raw_ref",
        "artifact or file",
    ),
    (file(parent_directory_ref=ref("file")), "/parent_directory_ref", "directory"),
    (file(content_ref=ref("file")), "/content_ref", "artifact"),
    (file(contains_refs=[ref("malware")]), "/contains_refs/0", "an observable"),
    (file(contains_refs=["0"]), "/contains_refs/0", "no identifier"),
    (
        extended("file", "archive-ext", contains_refs=[ref("url")]),
        "/extensions/archive-ext/contains_refs/0",
        "file",
    ),
    (traffic(src_ref="0", dst_ref="1"), "/src_ref", "no identifier; write the id of ipv4-addr"),
    (traffic(dst_ref=ref("url")), "/dst_ref", "ipv4-addr or ipv6-addr or mac-addr or domain-name"),
    (traffic(encapsulates_refs=[ref("file")]), "/encapsulates_refs/0", "network-traffic"),
    (
        extended(
            "network-traffic",
            "http-request-ext",
            request_method="get",
            request_value="/",
            message_body_data_ref=5,
        ),
        "/extensions/http-request-ext/message_body_data_ref",
        "string",
    ),
    (sco("process", pid=1, image_ref=ref("process")), "/image_ref", "file"),
    (sco("process", pid=1, child_refs=[ref("file")]), "/child_refs/0", "process"),
    (sco("process", pid=1, creator_user_ref=ref("identity")), "/creator_user_ref", "user-account"),
    (
        extended("process", "windows-service-ext", service_dll_refs=[ref("process")]),
        "/extensions/windows-service-ext/service_dll_refs/0",
        "file",
    ),
    (sco("windows-registry-key", key="a", creator_user_ref=ref("tool")), "/creator_user_ref", "user-account"),
    # times
    (file(ctime="2024-02-30T00:00:00Z"), "/ctime", "no date and time of the calendar"),
    (mail(date="2023-02-29T00:00:00Z"), "/date", "no date and time of the calendar"),
    (
        sco(
            "x509-certificate",
            x509_v3_extensions={"private_key_usage_period_not_before": "2024-04-31T00:00:00Z"},
        ),
        "/x509_v3_extensions/private_key_usage_period_not_before",
        "no date and time of the calendar",
    ),
    (traffic(start="2024-05-01T10:00:01Z", end=WHEN, is_active=False), "/end", "earlier than start"),
    (traffic(end=WHEN), "/is_active", "must be false"),
    (traffic(end=WHEN, is_active=True), "/", ""),
    # what a type needs
    (traffic(src_port=65536), "/src_port", "65535"),
    (traffic(dst_packets=-1), "/dst_packets", ""),
    (sco("process", name="a.exe"), "/name", "STIX 2.0"),
    (sco("process", environment_variables={"PATH": 1}), "/environment_variables/PATH", "string"),
    (sco("windows-registry-key", modified=WHEN), "/modified", "STIX 2.0"),
    (sco("artifact", payload_bin="VGVzdA==", url="https://a.example"), "/", ""),
    (sco("artifact", url="https://a.example"), "/", ""),
    (sco("artifact", payload_bin="VGVzdA==", decryption_key="x"), "/", ""),
    (sco("artifact", payload_bin="VGVzdA==", encryption_algorithm="rot13"), "/encryption_algorithm", ""),
    (mail(additional_header_fields={"X-Mailer": "one"}), "/additional_header_fields/X-Mailer", '["one"]'),
    (
        extended(
            "network-traffic",
            "http-request-ext",
            request_method="get",
            request_value="/",
            request_header={"Host": "a.example"},
        ),
        "/extensions/http-request-ext/request_header/Host",
        '["a.example"]',
    ),
    (extended("user-account", "unix-account-ext", gid=1.5), "/extensions/unix-account-ext/gid", "integer"),
    ({**sco("process", pid=1), "id": f"process--{BY_CONTENT}"}, "/id", "version 4"),
    (
        {**sco("artifact", url="x:y", hashes={"MD5": MD5}), "id": f"artifact--{BY_CONTENT}", "hashes": {}},
        "/",
        "",
    ),
    ({**sco("user-account", display_name="x"), "id": f"user-account--{BY_CONTENT}"}, "/id", "version 4"),
    (file(phone_number="+82-2-000-0000"), "/", ""),
    # the container
    (observed({}), "/objects", "empty"),
    (observed({"0": {"name": "x"}}), "/objects/0/type", "is missing"),
    (observed({"0": {"name": "x", "type": 5}}), "/objects/0/type", "is not a string"),
    (
        observed({"0": {"type": "network-traffic", "protocols": ["tcp"], "src_ref": "1"}, "1": {"type": []}}),
        "/objects/1/type",
        "is not a string",
    ),
    (
        observed({"0": {"type": "malware", "name": "x"}}),
        "/objects/0/type",
        "'malware', which is no observable",
    ),
    (observed({"0": {"type": "file"}}), "/objects/0 ", "lacks a property"),
    (observed({"0": None, "1": file()}), "/objects/0", "is null; leave the property out"),
    (observed({"0": {"type": "file", "name": "x", "id": 5}}), "/objects/0/id", "not a string"),
    (observed({"a/b": {"type": "file", "hashes": {"MD5": "aa"}}}), "/objects/a~1b/hashes/MD5", "MD5 has 32"),
    (observed({"0": {"type": "ipv6-addr", "value": "sss::1"}}), "/objects/0/value", "no IPv6 address"),
    (
        observed(
            {
                "0": {"type": "url", "value": "https://a.example"},
                "1": {"type": "ipv4-addr", "value": "192.0.2.1", "resolves_to_refs": ["0"]},
            }
        ),
        "/objects/1/resolves_to_refs/0",
        "mac-addr",
    ),
    (observed({"0": "file"}), "/objects/0", "object"),
]
