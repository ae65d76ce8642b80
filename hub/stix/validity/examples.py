"""Examples of right properties: a short JSON text for each property with frequent mistakes."""

from __future__ import annotations

from typing import Final

import orjson

# Addresses, domains and AS numbers are from the ranges for documentation (RFC 5737, 3849, 2606 and 5398).
UUID: Final = "8c6af861-7b20-41ef-9b59-6344fd872a8f"
INSTANT: Final = "2024-02-29T12:00:00.000Z"

# The extensions of STIX 2.1 chapter 6, by the type of their objects.
EXTENSIONS: Final = {
    "file": ("archive-ext", "ntfs-ext", "pdf-ext", "raster-image-ext", "windows-pebinary-ext"),
    "network-traffic": ("http-request-ext", "icmp-ext", "socket-ext", "tcp-ext"),
    "process": ("windows-process-ext", "windows-service-ext"),
    "user-account": ("unix-account-ext",),
}
HASH_NAMES: Final = ("MD5", "SHA-1", "SHA-256", "SHA-512", "SHA3-256", "SHA3-512", "SSDEEP", "TLSH")

# The usual properties of types with a choice of many required properties.
USUAL: Final = ("command_line", "pid", "account_login", "user_id", "key", "values", "hashes", "serial_number")

TIMES: Final = frozenset({
    "created", "modified", "valid_from", "valid_until", "published", "first_seen", "last_seen",
    "first_observed", "last_observed", "start_time", "stop_time", "submitted", "analysis_started",
    "analysis_ended", "start", "end", "date", "ctime", "mtime", "atime", "created_time", "modified_time",
    "account_created", "account_expires", "credential_last_changed", "account_first_login",
    "account_last_login", "validity_not_before", "validity_not_after", "object_modified",
})  # fmt: skip

_OBJECTS: Final = {
    "external_references": '{"source_name": "KISA", "url": "https://example.com/report"}',
    "kill_chain_phases": '{"kill_chain_name": "lockheed-martin-cyber-kill-chain", "phase_name": "delivery"}',
    "granular_markings": f'{{"marking_ref": "marking-definition--{UUID}", "selectors": ["description"]}}',
    "hashes": '{"SHA-256": "64 hexadecimal digits"}',
    "extensions": f'{{"extension-definition--{UUID}": {{"extension_type": "property-extension"}}}}',
    "contents": '{"ko": {"name": "a name in Korean"}}',
    "definition": '{"statement": "text of the marking"}',
}
# The usual type of each reference.
_REFERENTS: Final = {
    "created_by_ref": "identity", "object_marking_refs": "marking-definition",
    "marking_ref": "marking-definition",
    "source_ref": "malware", "target_ref": "tool", "sighting_of_ref": "indicator",
    "where_sighted_refs": "identity", "observed_data_refs": "observed-data", "src_ref": "ipv4-addr",
    "dst_ref": "ipv4-addr", "sample_refs": "file", "sample_ref": "file", "analysis_sco_refs": "file",
    "resolves_to_refs": "mac-addr", "belongs_to_ref": "user-account", "belongs_to_refs": "autonomous-system",
    "from_ref": "email-addr", "sender_ref": "email-addr", "to_refs": "email-addr", "cc_refs": "email-addr",
    "bcc_refs": "email-addr", "raw_email_ref": "artifact", "parent_directory_ref": "directory",
    "contains_refs": "file", "content_ref": "artifact", "image_ref": "file", "parent_ref": "process",
    "child_refs": "process", "creator_user_ref": "user-account", "opened_connection_refs": "network-traffic",
    "operating_system_ref": "software", "operating_system_refs": "software", "host_vm_ref": "software",
    "installed_software_refs": "software",
}  # fmt: skip
_PLAIN: Final = {
    "spec_version": '"2.1"',
    "name": '"APT37"',
    "description": '"what is known of it"',
    "labels": '["phishing"]',
    "aliases": '["Kimsuky"]',
    "lang": '"ko"',
    "confidence": "80",
    "revoked": "false",
    "defanged": "false",
    "pattern": "\"[ipv4-addr:value = '198.51.100.4']\"",
    "pattern_type": '"stix"',
    "is_family": "true",
    "is_multipart": "false",
    "is_active": "false",
    "number_observed": "1",
    "count": "1",
    "context": '"suspicious-activity"',
    "content": '"text of the note"',
    "opinion": '"agree"',
    "product": '"name of the product"',
    "result": '"malicious"',
    "relationship_type": '"uses"',
    "country": '"KR"',
    "region": '"eastern-asia"',
    "latitude": "37.57",
    "longitude": "126.98",
    "precision": "1000",
    "protocols": '["ipv4", "tcp"]',
    "number": "64496",
    "path": '"C:\\\\Windows"',
    "size": "1024",
    "src_port": "443",
    "dst_port": "443",
    "pid": "4711",
    "kill_chain_name": '"lockheed-martin-cyber-kill-chain"',
    "phase_name": '"delivery"',
    "source_name": '"KISA"',
    "external_id": '"CVE-2024-3094"',
    "url": '"https://example.com/report"',
    "payload_bin": '"VGVzdA=="',
    "selectors": '["description"]',
    "extension_type": '"property-extension"',
    "extension_types": '["property-extension"]',
    "schema": '"https://example.com/schema.json"',
    "version": '"1.0"',
    "definition_type": '"statement"',
    "statement": '"text of the marking"',
    "key": '"HKEY_LOCAL_MACHINE\\\\Software\\\\Example"',
    "values": '[{"name": "Run", "data": "x.exe", "data_type": "REG_SZ"}]',
    "command_line": '"x.exe /quiet"',
    "account_login": '"admin"',
    "user_id": '"1001"',
    "serial_number": '"03:a1"',
    "mime_type": '"application/pdf"',
    "languages": '["ko"]',
    "cpe": '"cpe:2.3:a:example:product:1.0:*:*:*:*:*:*:*"',
    "request_method": '"get"',
    "request_value": '"/index.html"',
    "icmp_type_hex": '"08"',
    "icmp_code_hex": '"00"',
    "address_family": '"AF_INET"',
    "pe_type": '"dll"',
    "is_self_signed": "false",
    "is_hidden": "false",
    "received_lines": '["from mail.example.com ..."]',
}
# Names by type; other types have the name of a group of attackers.
_NAMES: Final = {
    "attack-pattern": '"Spearphishing Attachment"', "campaign": '"Operation Example"',
    "course-of-action": '"Block the address"', "directory": '"Windows"', "file": '"example.hwp"',
    "extension-definition": '"Extension of KISA"', "identity": '"KISA"', "incident": '"Intrusion in May"',
    "infrastructure": '"Command and control server"', "location": '"Seoul"', "malware": '"AppleJeus"',
    "mutex": '"Global\\\\example"', "report": '"Report of May 2024"', "software": '"Hangul 2024"',
    "tool": '"PsExec"', "vulnerability": '"CVE-2024-3094"',
}  # fmt: skip
_VALUES: Final = {
    "ipv4-addr": '"198.51.100.4"',
    "ipv6-addr": '"2001:db8::1"',
    "mac-addr": '"d2:fb:49:24:37:18"',
    "domain-name": '"example.com"',
    "email-addr": '"kim@example.com"',
    "url": '"https://example.com/x"',
}

_BY_TYPE: Final = {"name": _NAMES, "value": _VALUES}

DICTIONARIES: Final = frozenset(_OBJECTS)  # properties with a JSON object as value or items
_SINGLE: Final = frozenset({"hashes", "extensions", "contents", "definition"})  # no lists


def example(name: str, object_type: str) -> str:
    """Return a right value of the property `name` of an `object_type` as JSON, or an empty string."""
    if name == "id":
        return f'"{object_type}--{UUID}"'
    if found := _BY_TYPE.get(name, {}).get(object_type):
        return found
    if name in TIMES:
        return f'"{INSTANT}"'
    if name in _OBJECTS:
        return _OBJECTS[name] if name in _SINGLE else f"[{_OBJECTS[name]}]"
    if name.endswith(("_ref", "_refs")):
        reference = f'"{referent(name)}--{UUID}"'
        return f"[{reference}]" if name.endswith("_refs") else reference
    return _PLAIN.get(name, "")


def item(name: str) -> str:
    """Return a right item of the list `name`, as JSON, or an empty string."""
    right = example(name, "")
    return _OBJECTS.get(name) or (orjson.dumps(orjson.loads(right)[0]).decode() if right[:1] == "[" else "")


def referent(name: str) -> str:
    """Return a permitted type for the reference `name`."""
    return _REFERENTS.get(name, "indicator")
