"""Domain, relationship and meta objects, and what the text of STIX 2.1 says of each."""

from __future__ import annotations

from typing import Any

from tests.stix.samples import OTHER_UUID, UUID, WHEN, definition, indicator, sdo, without

EARLY, LATE = "2024-02-29T12:00:00Z", "2024-02-29T12:00:00.001Z"
NO_DAY = "2025-02-29T12:00:00Z"


def ref(object_type: str) -> str:
    return f"{object_type}--{OTHER_UUID}"


def nameless(object_type: str, **more: Any) -> dict[str, Any]:
    return without(sdo(object_type, **more), "name")


def relationship(**more: Any) -> dict[str, Any]:
    ends = {"relationship_type": "uses", "source_ref": ref("malware"), "target_ref": ref("tool")}
    return nameless("relationship", **{**ends, **more})


def sighting(**more: Any) -> dict[str, Any]:
    return nameless("sighting", **{"sighting_of_ref": ref("indicator"), **more})


def malware(**more: Any) -> dict[str, Any]:
    return sdo("malware", **{"is_family": False, **more})


def analysis(**more: Any) -> dict[str, Any]:
    return nameless("malware-analysis", **{"product": "x", "result": "benign", **more})


def observed(**more: Any) -> dict[str, Any]:
    seen = {"number_observed": 1, "first_observed": EARLY, "last_observed": EARLY}
    return nameless("observed-data", **{**seen, **more})


def report(**more: Any) -> dict[str, Any]:
    return sdo("report", **{"published": EARLY, "object_refs": [ref("malware")], **more})


def place(**more: Any) -> dict[str, Any]:
    return nameless("location", **more)


def note(**more: Any) -> dict[str, Any]:
    return nameless("note", **{"content": "x", "object_refs": [ref("malware")], **more})


def translation(**more: Any) -> dict[str, Any]:
    said = {"object_ref": ref("malware"), "contents": {"ko": {"name": "김수키"}}}
    return nameless("language-content", **{**said, **more})


def extension(**more: Any) -> dict[str, Any]:
    said = {"schema": "x", "version": "1.0.0", "extension_types": ["property-extension"]}
    return sdo("extension-definition", **{"created_by_ref": ref("identity"), **said, **more})


def referring(object_type: str, *references: dict[str, Any], **more: Any) -> dict[str, Any]:
    return sdo(object_type, external_references=list(references), **more)


CVE = {"source_name": "cve", "external_id": "CVE-2024-3094"}
NVD = {"source_name": "NVD", "external_id": "CVE-2024-3094"}
STATEMENT = {"definition_type": "statement", "definition": {"statement": "x"}}
EXTENDED = {"extension_type": "property-extension", "x_own": 1}

# By the section and what is allowed there.
ACCEPTED: dict[str, dict[str, Any]] = {
    "2.3 a key with capitals": sdo(extensions={"x-Own_1": {"x_own": 1}}),
    "2.5.2 a CVE id by another source": referring("malware", NVD, is_family=False),
    "2.5.2 cve with nothing but a URL": referring(
        "malware", {"source_name": "cve", "url": "https://www.cve.org/"}, is_family=False
    ),
    "2.5.2 a description alone": referring("tool", {"source_name": "KISA", "description": "보호나라"}),
    "2.5.2 a capec id beside a tool": referring("tool", {"source_name": "x", "external_id": "CAPEC-98"}),
    "2.16 the last day of February": sdo("campaign", first_seen=EARLY, last_seen=EARLY),
    "2.16 nanoseconds": sdo("campaign", first_seen="2024-02-29T12:00:00.123456789Z"),
    "3.2 a name of an extension": sdo(extensions={"x-own-ext": {"x_own": 1}}),
    "3.2 another name of an extension": sdo(extensions={"own": {"x_own": 1}}),
    "3.8 phone_numbers is not reserved": sdo(phone_numbers=["+82-2-000-0000"]),
    "4.1 a CAPEC id": referring("attack-pattern", {"source_name": "capec", "external_id": "CAPEC-98"}),
    "4.1 a source of one's own": referring(
        "attack-pattern", {"source_name": "mitre-attack", "external_id": "T1566"}
    ),
    "4.2 seen": sdo("campaign", first_seen=EARLY, last_seen=LATE),
    "4.4 a custom type in a grouping": nameless(
        "grouping", context="suspicious-activity", object_refs=[ref("x-own")]
    ),
    "4.7 valid": indicator(valid_from=EARLY, valid_until=LATE),
    "4.7 types of one's own": indicator(indicator_types=["own-type"]),
    "4.10 a country": place(country="KR"),
    "4.10 coordinates": place(latitude=37.57, longitude=126.98, precision=10.5),
    "4.10 the ends of the world": place(latitude=-90, longitude=180),
    "4.10 a region of one's own": place(region="Seoul metropolitan area"),
    "4.11 a sample without a name": without(malware(sample_refs=[ref("file"), ref("artifact")]), "name"),
    "4.11 systems": malware(is_family=True, operating_system_refs=[ref("software")]),
    "4.12 of network traffic": analysis(sample_ref=ref("network-traffic"), host_vm_ref=ref("software")),
    "4.12 what was captured": without(analysis(analysis_sco_refs=[ref("file"), ref("x-own")]), "result"),
    "4.14 observables and a relationship": observed(object_refs=[ref("file"), ref("relationship")]),
    "4.14 a custom type that begins like another": observed(object_refs=[ref("tool-output")]),
    "4.14 the old container": observed(objects={"0": {"type": "file", "name": "한글.hwp"}}),
    "4.14 custom types in the old container": observed(
        objects={"0": {"type": "x-hwp-file-info", "name": "한글"}, "1": {"type": "url-list", "own": 1}}
    ),
    "2.9 keys as references in the old container": observed(
        objects={
            "0": {"type": "ipv4-addr", "value": "198.51.100.4"},
            "1": {"type": "network-traffic", "src_ref": "0", "protocols": ["tcp"]},
        }
    ),
    "4.15 an opinion": nameless("opinion", opinion="agree", object_refs=[ref("note")]),
    "4.16 a report of markings": report(object_refs=[ref("marking-definition"), ref("x-own")]),
    "4.18 a CVE id": referring("vulnerability", CVE),
    "4.18 another id": referring("vulnerability", {"source_name": "KVE", "external_id": "KVE-2024-0001"}),
    "5.1 observables at both ends": relationship(
        source_ref=ref("domain-name"), target_ref=ref("ipv4-addr"), relationship_type="resolves-to"
    ),
    "5.1 a time": relationship(start_time=EARLY, stop_time=LATE),
    "5.2 of a custom type": sighting(sighting_of_ref=ref("x-own"), count=0),
    "5.2 where": sighting(
        where_sighted_refs=[ref("identity"), ref("location")],
        observed_data_refs=[ref("observed-data")],
        first_seen=EARLY,
        last_seen=EARLY,
    ),
    "7.1 of an observable": translation(object_ref=ref("file")),
    "7.1 of a statement": translation(
        object_ref=ref("marking-definition"), contents={"ja-JP": {"name": "x"}, "zh-Hant": {"name": "y"}}
    ),
    "7.2.1 a type of one's own": definition(definition_type="PAP", definition={"pap": "amber"}),
    "7.2.1 a type that begins with statement": definition(
        definition_type="statement-of-ours", definition={"x_own": 1}
    ),
    "7.2.3 a language": sdo(granular_markings=[{"lang": "ko", "selectors": ["name"]}]),
    "7.3 an extension": extension(),
    "7.3 properties at the top": sdo(
        rank=1, extensions={ref("extension-definition"): {"extension_type": "toplevel-property-extension"}}
    ),
    "7.3 a new type": nameless(
        "own-type", extensions={ref("extension-definition"): {"extension_type": "new-sdo"}}
    ),
}

# By the section and what breaks it: with what the sentence says.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "2.5.2 a source name alone": (
        referring("tool", {"source_name": "KISA"}),
        "/external_references/0 has a source_name alone; add description, url or external_id",
    ),
    "2.5.2 a hash of another name": (
        referring(
            "tool", {"source_name": "x", "url": "https://example.com", "hashes": {"xSHA-1x": "a" * 40}}
        ),
        "/external_references/0/hashes",
    ),
    "2.5.2 a null": (
        referring("tool", {"source_name": "x", "url": "https://example.com", "x_own": None}),
        "/external_references/0/x_own",
    ),
    "2.16 no such day": (sdo("campaign", first_seen="2025-09-31T00:00:00Z"), "/first_seen is "),
    "2.16 no such day in a report": (report(published=NO_DAY), "/published is "),
    "2.16 no such day in an analysis": (analysis(submitted=NO_DAY), "/submitted is "),
    "2.16 no such day in a relationship": (relationship(start_time=NO_DAY), "/start_time is "),
    "2.16 no such day of a translation": (
        translation(object_modified=NO_DAY),
        "/object_modified is ",
    ),
    "2.16 no such day at depth": (
        observed(objects={"0": {"type": "file", "name": "x", "mtime": NO_DAY}}),
        "/objects/0/mtime is ",
    ),
    "2.16 a leap second": (sdo("campaign", first_seen="2016-12-31T23:59:60Z"), "/first_seen is "),
    "2.16 another offset": (
        indicator(valid_from="2024-02-29T12:00:00+09:00"),
        "/valid_from is ",
    ),
    "3.1 a name with a hyphen": (sdo(**{"x-own": 1}), "x-own"),
    "3.2 made by malware": (
        sdo(created_by_ref=ref("malware")),
        "/created_by_ref names the type 'malware'; it must name identity",
    ),
    "3.2 marked by an identity": (
        sdo(object_marking_refs=[ref("identity")]),
        "/object_marking_refs/0 names the type 'identity'; it must name marking-definition",
    ),
    "3.2 defanged": (sdo(defanged=True), "/defanged belongs to observables alone"),
    "3.2 an extension of another type": (
        sdo("campaign", extensions={"http-request-ext": {"request_method": "get"}}),
        "/extensions/http-request-ext is an extension of network-traffic",
    ),
    "3.2 modified with nanoseconds": (sdo(modified="2024-02-29T12:00:00.123456789Z"), "/modified is "),
    "3.2 created without milliseconds": (sdo(created=EARLY), "/created is "),
    "3.2 a language by its name": (
        sdo(lang="korean language"),
        "/lang 'korean language' is no language tag (RFC 5646); write for example ko",
    ),
    "3.2 a language with an underscore": (sdo(lang="ko_KR"), "/lang 'ko_KR' is no language tag"),
    "3.2 a country for a language": (sdo(lang="jp"), "/lang 'jp' is no language tag"),
    "3.2 an extension without identifier": (
        sdo(extensions={"extension-definition--1": EXTENDED}),
        "/extensions has the key 'extension-definition--1'",
    ),
    "3.2 a key that is none": (sdo(extensions={"own key": EXTENDED}), "/extensions has the key 'own key'"),
    "3.2 an extension that is none": (sdo(extensions={"own": 1}), "/extensions/own"),
    "11.1 an argument of python-stix2": (
        sdo(allow_custom=True),
        "/allow_custom is a name that python-stix2 cannot read",
    ),
    "11.1 another at depth": (
        referring("tool", {"source_name": "x", "url": "https://example.com", "self": 1}),
        "/external_references/0/self is a name",
    ),
    "3.8 severity": (sdo(severity="high"), "/severity is a reserved name"),
    "3.8 username": (sdo(username="x"), "/username is a reserved name"),
    "3.8 phone_number": (sdo(phone_number="+82-2-000-0000"), "/phone_number is a reserved name"),
    "3.8 action": (sdo("action"), "/type is action, a reserved name"),
    "4.1 a CAPEC id by another source": (
        referring("attack-pattern", {"source_name": "mitre", "external_id": "CAPEC-98"}),
        '"source_name": "capec"',
    ),
    "4.1 capec with another id": (
        referring("attack-pattern", {"source_name": "capec", "external_id": "98"}),
        "/external_references/0/external_id '98' is no id of capec; write it as CAPEC-98",
    ),
    "4.2 seen backwards": (
        sdo("campaign", first_seen=LATE, last_seen=EARLY),
        "/last_seen is earlier than first_seen (",
    ),
    "4.7 valid for no time": (
        indicator(valid_from=EARLY, valid_until=EARLY),
        "/valid_until is not later than valid_from (",
    ),
    "4.8 seen backwards": (sdo("infrastructure", first_seen=LATE, last_seen=EARLY), "/last_seen"),
    "4.9 seen backwards": (sdo("intrusion-set", first_seen=LATE, last_seen=EARLY), "/last_seen"),
    "4.10 nowhere": (place(city="Seoul"), "/country, region, or latitude and longitude must be there"),
    "4.10 half a point": (place(country="KR", latitude=1), "/longitude is missing beside latitude"),
    "4.10 the other half": (place(country="KR", longitude=1), "/latitude is missing beside longitude"),
    "4.10 precise about nothing": (place(country="KR", precision=1), "/latitude is missing beside precision"),
    "4.10 beyond the pole": (place(latitude=90.5, longitude=1), "/latitude"),
    "4.10 a negative distance": (place(latitude=9, longitude=1, precision=-1), "/precision"),
    "4.11 a family without a name": (
        without(malware(is_family=True), "name"),
        "/name is missing: a malware family has one",
    ),
    "4.11 a tool for a sample": (
        malware(sample_refs=[ref("tool")]),
        "/sample_refs/0 names the type 'tool'; it must name artifact or file",
    ),
    "4.11 no identifier for a sample": (malware(sample_refs=["0"]), "/sample_refs/0"),
    "4.11 a file for a system": (malware(operating_system_refs=[ref("file")]), "it must name software"),
    "4.11 seen backwards": (malware(first_seen=LATE, last_seen=EARLY), "/last_seen"),
    "4.12 no result": (without(analysis(), "result"), "/result or analysis_sco_refs is missing"),
    "4.12 a machine that is a file": (
        analysis(host_vm_ref=ref("file")),
        "/host_vm_ref names the type 'file'; it must name software",
    ),
    "4.12 malware captured": (
        analysis(analysis_sco_refs=[ref("malware")]),
        "/analysis_sco_refs/0 names the type 'malware'; it must name an observable",
    ),
    "4.12 a url for a sample": (
        analysis(sample_ref=ref("url")),
        "it must name artifact or file or network-traffic",
    ),
    "4.14 observed backwards": (
        observed(object_refs=[ref("file")], first_observed=LATE),
        "/last_observed is earlier than first_observed",
    ),
    "4.14 nothing": (observed(), "/object_refs is missing"),
    "4.14 both": (
        observed(object_refs=[ref("file")], objects={"0": {"type": "file", "name": "x"}}),
        "/objects stands beside object_refs",
    ),
    "4.14 malware observed": (
        observed(object_refs=[ref("malware")]),
        "/object_refs/0 names the type 'malware'",
    ),
    "4.14 relationships alone": (
        observed(object_refs=[ref("relationship")]),
        "/object_refs names no observable",
    ),
    "4.14 an empty container": (observed(objects={}), "/objects is empty"),
    "4.14 an untyped object": (
        observed(objects={"0": {"name": "x"}}),
        "/objects/0/type is missing; give it the type of an observable",
    ),
    "4.14 a tool in the container": (
        observed(objects={"0": {"type": "tool", "name": "x"}}),
        "/objects/0/type is 'tool', which is no observable",
    ),
    "4.14 an incomplete file": (observed(objects={"0": {"type": "url"}}), "/objects/0/value is missing"),
    "4.15 an opinion of one's own": (
        nameless("opinion", opinion="maybe", object_refs=[ref("note")]),
        "/opinion",
    ),
    "4.16 a bundle reported": (report(object_refs=[ref("bundle")]), "/object_refs/0 names the type 'bundle'"),
    "4.17 seen backwards": (sdo("threat-actor", first_seen=LATE, last_seen=EARLY), "/last_seen"),
    "4.18 a CVE id by another source": (referring("vulnerability", NVD), '"source_name": "cve"'),
    "4.18 cve with another id": (
        referring("vulnerability", {"source_name": "cve", "external_id": "2024-3094"}),
        "is no id of cve; write it as CVE-2024-3094",
    ),
    "5.1 from a sighting": (
        relationship(source_ref=ref("sighting")),
        "/source_ref names the type 'sighting'",
    ),
    "5.1 to a marking": (
        relationship(target_ref=ref("marking-definition")),
        "/target_ref names the type 'marking-definition'",
    ),
    "5.1 to an extension": (relationship(target_ref=ref("extension-definition")), "/target_ref"),
    "5.1 no time": (
        relationship(start_time=EARLY, stop_time=EARLY),
        "/stop_time is not later than start_time",
    ),
    "5.2 of a file": (
        sighting(sighting_of_ref=ref("file")),
        "/sighting_of_ref names the type 'file'; it must name a domain object",
    ),
    "5.2 of a relationship": (sighting(sighting_of_ref=ref("relationship")), "/sighting_of_ref"),
    "5.2 at a tool": (sighting(where_sighted_refs=[ref("tool")]), "it must name identity or location"),
    "5.2 of data that is a file": (sighting(observed_data_refs=[ref("file")]), "it must name observed-data"),
    "5.2 seen backwards": (sighting(first_seen=LATE, last_seen=EARLY), "/last_seen"),
    "7.1 a language by its name": (
        translation(contents={"korean_language": {"name": "x"}}),
        "/contents has the key 'korean_language', which is no language tag",
    ),
    "7.1 a text for a dictionary": (translation(contents={"ko": "x"}), "/contents/ko"),
    "7.1 of a bundle": (translation(object_ref=ref("bundle")), "/object_ref"),
    "7.2.1 tlp under another id": (
        definition(definition_type="tlp", definition={"tlp": "red"}),
        "/definition_type is tlp",
    ),
    "7.2.1 an empty statement": (
        definition(definition_type="statement", definition={"statement": ""}),
        "/definition/statement is empty",
    ),
    "7.2.1 marked by itself": (
        definition(**STATEMENT, object_marking_refs=[f"marking-definition--{UUID}"]),
        "names the marking definition itself",
    ),
    "7.2.1 a definition without its type": (
        definition(definition={"x_own": 1}, extensions={ref("extension-definition"): EXTENDED}),
        "/definition_type is missing",
    ),
    "7.2.3 marked by an identity": (
        sdo(granular_markings=[{"marking_ref": ref("identity"), "selectors": ["name"]}]),
        "/granular_markings/0/marking_ref names the type 'identity'",
    ),
    "7.2.3 a language by its own name": (
        sdo(granular_markings=[{"lang": "한국어", "selectors": ["name"]}]),
        "/granular_markings/0/lang '한국어' is no language tag",
    ),
    "7.3 by nobody": (without(extension(), "created_by_ref"), "/created_by_ref is missing"),
    "7.3 properties without their kind": (
        extension(extension_properties=["rank"]),
        "/extension_types lacks toplevel-property-extension",
    ),
    "7.2.3 neither": (
        sdo(granular_markings=[{"selectors": ["name"]}]),
        "/granular_markings/0 has neither marking_ref nor lang",
    ),
    "7.2.3 both": (
        sdo(
            granular_markings=[
                {"lang": "ko", "marking_ref": ref("marking-definition"), "selectors": ["name"]}
            ]
        ),
        "/granular_markings/0 has marking_ref and lang",
    ),
    "7.3 an extension without its kind": (
        sdo(extensions={ref("extension-definition"): {"x_own": 1}}),
        "/extension_type is missing",
    ),
    "3.2 modified before it was made": (
        sdo(created=WHEN, modified="2024-05-01T09:00:00.000Z"),
        "/modified is earlier than created",
    ),
}
