"""Observables that the text of STIX 2.1 allows, and that it allows though python-stix2 cannot read them."""

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
