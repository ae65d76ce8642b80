"""The commonest mistakes, and what the sender of each is told: the place, what is wrong, what is right."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hub.stix.validity import validation
from tests.stix.samples import UUID, WHEN, definition, indicator, observable, sdo, without

FILE = f"file--{UUID}"
MARKING = f"marking-definition--{UUID}"


def nameless(object_type: str, **more: Any) -> dict[str, Any]:
    return without(sdo(object_type, **more), *(() if "name" in more else ("name",)))


def sco(object_type: str, **more: Any) -> dict[str, Any]:
    return {"type": object_type, "id": f"{object_type}--{UUID}", **more}


def traffic(**more: Any) -> dict[str, Any]:
    return sco("network-traffic", **{"src_ref": f"ipv4-addr--{UUID}", "protocols": ["tcp"], **more})


def report(**more: Any) -> dict[str, Any]:
    return sdo("report", **{"published": WHEN, "object_refs": [FILE], **more})


def relationship(**more: Any) -> dict[str, Any]:
    ends = {"relationship_type": "uses", "source_ref": f"malware--{UUID}", "target_ref": f"tool--{UUID}"}
    return nameless("relationship", **{**ends, **more})


def marked(**more: Any) -> dict[str, Any]:
    return sdo(granular_markings=[more])


def referring(**more: Any) -> dict[str, Any]:
    return sdo(external_references=[more])


OBSERVED = {"number_observed": 1, "first_observed": WHEN, "last_observed": WHEN}
MISTAKES = [
    # what at least one of is needed
    (nameless("malware", is_family=True), "^/name is missing: a malware family has one"),
    (nameless("malware", name="x"), "^/is_family is missing; add it, for example \"is_family\": true"),
    (sdo("location"), "^/country, region, or latitude and longitude must be there"),
    (sdo("location", latitude=1.5), "^/longitude is missing beside latitude"),
    (sdo("location", country="KR", precision=4), "^/latitude is missing beside precision"),
    (sco("file", size=3), "at least one of hashes or name"),
    (nameless("malware-analysis", product="x"), "^/result or analysis_sco_refs is missing"),
    (without(traffic(), "src_ref"), "at least one of src_ref or dst_ref"),
    (nameless("observed-data", **OBSERVED), "^/object_refs is missing; add it"),
    (sco("artifact"), "^/payload_bin is missing: an artifact has payload_bin, or url with hashes"),
    (sco("artifact", url="http://example.com/"), "^/hashes is missing"),
    (sco("process"), "at least one of .*command_line"),
    (sco("user-account"), "at least one of .*user_id"),
    (sco("email-message"), "^/is_multipart is missing"),
    (sco("email-message", is_multipart=True, body="x"), "^/body is given though is_multipart is true"),
    (traffic(is_active=True, end=WHEN), "^/end is given though is_active is true"),
    # nothing where something must stand, or need not
    (report(object_refs=[]), "^/object_refs is an empty list, and may not be left out; give it at least one"),
    (nameless("grouping", context="x", object_refs=[]), "^/object_refs is .* at least one value"),
    (nameless("note", content="x", object_refs=[]), "^/object_refs is .* at least one value"),
    (nameless("opinion", opinion="agree", object_refs=[]), "^/object_refs is .* at least one value"),
    (without(report(), "object_refs"), "^/object_refs is missing; add it, for example"),
    (nameless("observed-data", **OBSERVED, object_refs=[]), "^/object_refs is an empty list, and may not"),
    (sco("file", name=None), "^/name is null, and may not be left out"),
    (sco("file", name=None, hashes={"MD5": "0" * 32}), "^/name is null; leave the property out"),
    (sdo(name=None), "^/name is null, and may not be left out"),
    (sdo(description=None), "^/description is null; leave the property out"),
    (sdo(labels=[]), "^/labels is an empty list; leave the property out"),
    (sdo(labels=[None]), "^/labels/0 is null; leave labels out"),
    (sdo(labels=[None, "x"]), "^/labels/0 is null; take it out of the list"),
    (traffic(protocols=[None, "tcp"]), "^/protocols/0 is null; take it out .* for example \"ipv4\"$"),
    (report(object_refs=[None]), "^/object_refs/0 is null, and may not be left out; give it a value"),
    (sco("file", hashes={"MD5": None}), "^/hashes/MD5 is null, and may not be left out"),
    (sco("file", name="x", hashes={"MD5": None}), "^/hashes/MD5 is null; leave hashes out"),
    (sco("file", hashes={"MD5": None, "SHA-1": "a" * 40}), "^/hashes/MD5 is null; leave the property out"),
    (sco("process", extensions={"windows-process-ext": {}}), "^/extensions/windows-.* may not be left out"),
    (traffic(extensions={"tcp-ext": {}}), "^/extensions/tcp-ext is empty; leave extensions out"),
    (nameless("language-content", object_ref=FILE, contents={"ko": {}}), "^/contents/ko is empty, and may"),
    (nameless("language-content", object_ref=FILE, contents={"ko": {}, "ja": {"name": "x"}}),
     "^/contents/ko is empty; leave the property out"),
    (sco("email-message", is_multipart=True, body_multipart=[{"body": None}, {"body": "x"}]),
     "^/body_multipart/0/body is null; take item 0 of body_multipart out"),
    (sdo(external_references=[{"source_name": "a", "url": "b"}, {"source_name": "a", "url": None}]),
     "^/external_references/1/url is null, and may not be left out"),
    (referring(source_name="a", url=None), "^/external_references/0/url is null, and may not be left out"),
    # names
    (sdo("incident", severity="high"), "^/severity is a reserved name .*x_severity"),
    (sdo("incident", username="x"), "^/username is a reserved name"),
    (sdo(**{"my-own": 1}), "^/my-own is no name of a property: .*my_own$"),
    (sdo(extensions={"any thing": {"xyz": 1}}), "^/extensions has the key .any thing"),
    (sco("file", name="x", extensions={"pdfext": {"x1": 1}}), "^/extensions/pdfext/x1 is no name of a"),
    (sco("file", hashes={"SHA 256": "x"}), "^/hashes/SHA 256 is no name of a hash: use SHA-256"),
    # JSON types
    (sdo(confidence="80"), "^/confidence .*the string \"80\" and .* an integer; write 80 without quotes"),
    (sdo(confidence="high"), "^/confidence .* must be an integer; for example 80"),
    (sdo(confidence=101), "^/confidence is 101; it must be at most 100"),
    (sdo(revoked="false"), "^/revoked .*write false without quotes"),
    (nameless("malware", name="x", is_family="true"), "^/is_family .*write true without quotes"),
    (traffic(dst_port="443"), "^/dst_port .*write 443 without quotes"),
    (sdo("location", latitude="37.5", longitude=2), "^/latitude .*write 37.5 without quotes"),
    (traffic(protocols="tcp"), "^/protocols .*must be a list; write \\[\"tcp\"\\]"),
    (sdo(labels="phishing"), "^/labels .*write \\[\"phishing\"\\]"),
    (sdo(labels=[1]), "^/labels/0 .*write \"1\" in quotes"),
    (sdo(name=["x"]), "^/name .*it is a list and must be a string; write \"x\" without"),
    (report(object_refs=[sco("file", name="x")]), "^/object_refs/0 .*write the id of the object alone"),
    (sdo("tool", kill_chain_phases=["x"]), "^/kill_chain_phases/0 .*must be a JSON object; .*phase_name"),
    (sdo("tool", kill_chain_phases=[{"phase_name": "x"}]), "^/kill_chain_phases/0/kill_chain_name is miss"),
    # values
    (nameless("opinion", opinion="Agreed", object_refs=[FILE]), "^/opinion is \"Agreed\".*use \"agree\""),
    (sdo(object_marking_refs=["TLP:RED"]), "^/object_marking_refs/0 is \"TLP:RED\": this is no id; .*e828b"),
    (sdo(object_marking_refs=["tlp amber-strict"]), "^/object_marking_refs/0 .*AMBER.STRICT .*-939a9"),
    (sdo(object_marking_refs=["White"]), "^/object_marking_refs/0 .*for TLP:CLEAR .*94868"),
    (sdo(object_marking_refs=["TLP:PINK"]), "^/object_marking_refs/0 .* the id of a marking"),
    (sdo(object_marking_refs="TLP:GREEN"), "^/object_marking_refs .* write .*--bab4a63c"),
    (marked(marking_ref="TLP:AMBER", selectors=["name"]), "^/granular_markings/0/marking_ref .*-55d920b0"),
    (nameless("vulnerability"), "^/name is missing; .*CVE-"),
    (sco("mutex"), "^/name is missing; .*Global"),
    (sdo(created_by_ref="CERT"), "^/created_by_ref .*no id; .*for example identity--"),
    (relationship(target_ref="APT"), "^/target_ref is \"APT\": this is no id"),
    (relationship(target_ref=f"sighting--{UUID}"), "^/target_ref names the type .sighting.; it must name"),
    (relationship(relationship_type="Uses It"), "^/relationship_type is \"Uses It\": use a-z"),
    (without(relationship(), "source_ref"), "^/source_ref is missing; add it, for example"),
    (sco("file", hashes={"MD5": "a" * 31}), "^/hashes/MD5 .* has 31 digits, and MD5 has 32; write the whole"),
    (sco("file", hashes={"MD5": "a" * 40}), "^/hashes/MD5 .* MD5 has 32; name it SHA-1 if it is one"),
    (sco("file", hashes={"MD5": "0x" + "a" * 30}), "^/hashes/MD5 .* write its digits alone"),
    (sco("file", name="x", extensions={"windows-pebinary-ext": {"pe_type": "dll"}}), " besides pe_type; add"),
    (sdo("Threat_Actor"), "^/type .*Threat_Actor. is no STIX type name; .* for example threat-actor$"),
    (sdo("ipv4_addr"), "^/type .*for example ipv4-addr$"),
    (nameless("observed-data", **(OBSERVED | {"last_observed": "2020-01-01T00:00:00Z"}), object_refs=[FILE]),
     "^/last_observed is earlier than first_observed .2020-01-01T00:00:00Z, .*correct one of them$"),
    (sco("file", hashes={"SHA-256": "b" * 32}), "^/hashes/SHA-256 .* has 32 digits, and SHA-256 has 64"),
    (observable(value="999.1.1.1"), "^/value .999.1.1.1. is no IPv4 address; write it as"),
    (sco("artifact", payload_bin="한글"), "^/payload_bin .*base64"),
    (sdo(id="identity--1"), "^/id 'identity--1' does not end in an RFC 4122 UUID; .*identity--8c6"),
    # times
    (indicator(valid_from="2024-02-29"), "^/valid_from .*the time of day and Z are missing"),
    (indicator(valid_from="2024-02-29T12:00:00"), "^/valid_from .*Z is missing at the end"),
    (indicator(valid_from="2024-02-29T12:00:00+09:00"), "offset .*write \"2024-02-29T03:00:00.000Z\""),
    (indicator(valid_from=1709200000), "^/valid_from .*for example \"2024"),
    (indicator(valid_from="1709200000"), "^/valid_from .*number of seconds"),
    # parts
    (without(indicator(), "pattern_type"), "^/pattern_type is missing; .*\"stix\""),
    (without(indicator(), "pattern"), "^/pattern is missing; .*ipv4-addr:value"),
    (without(indicator(), "valid_from"), "^/valid_from is missing; .*2024-02-29T12:00:00.000Z"),
    (referring(url="https://example.com/"), "^/external_references/0/source_name is missing"),
    (referring(source_name="KISA"), "^/external_references/0 .* description, url or external_id"),
    (sdo("vulnerability", external_references=[{"source_name": "NVD", "external_id": "CVE-2024-3094"}]),
     "^/external_references/0/source_name is .NVD. .*write .*\"cve\""),
    (marked(selectors=["name"]), "^/granular_markings/0 has neither marking_ref nor lang"),
    (marked(marking_ref=MARKING, lang="ko", selectors=["name"]), "^/granular_markings/0 has marking_ref and"),
    (marked(marking_ref=MARKING, selectors="name"), "^/granular_markings/0/selectors .*write .\"name\""),
    (marked(marking_ref=f"identity--{UUID}", selectors=["name"]), "it must name marking-definition"),
    (definition(), "^/definition_type is missing"),
    (definition(definition_type="statement"), "^/definition is missing"),
]  # fmt: skip


def is_plain(said: str | None) -> bool:
    """Return whether a sentence is one short line that begins with a place and shows no expression."""
    return (
        said is not None
        and said.startswith("/")
        and len(said) <= 300
        and said.isprintable()
        and not re.search(r"\^|\[a-z|\[0-9|\[A-Z|\\d|\(\?|breaks a rule|see STIX 2\.1", said)
    )


@pytest.mark.parametrize(("obj", "expected"), MISTAKES)
def test_a_common_mistake_is_told_with_its_place_and_its_remedy(obj, expected):
    said = validation.fault(obj)
    assert re.search(expected, said or "")
    assert is_plain(said)
    assert "leave the property out" in expected or "leave the property out" not in (said or "")


# --- whatever is broken -------------------------------------------------------------------------------

BROKEN = (None, [], {}, 7, "^[a-z]+\n", ["x"], [{}], True)
WHOLE = [
    sdo(description="x", labels=["x"], confidence=5, revoked=False, created_by_ref=f"identity--{UUID}"),
    indicator(valid_until="2030-01-01T00:00:00Z"),
    sdo("tool", kill_chain_phases=[{"kill_chain_name": "x", "phase_name": "y"}]),
    nameless("malware", name="x", is_family=True, aliases=["x"]),
    sdo("location", region="eastern-asia"), report(), relationship(), traffic(),
    sco("file", name="x", hashes={"MD5": "0" * 32}, size=3),
    nameless("observed-data", **OBSERVED, object_refs=[FILE]),
    nameless("malware-analysis", product="x", result="benign"),
    nameless("sighting", sighting_of_ref=f"malware--{UUID}", count=1),
    nameless("opinion", opinion="agree", object_refs=[FILE]),
    sco("artifact", payload_bin="eA=="), sco("process", pid=3), observable(),
    sco("email-message", is_multipart=False, body="x"),
    definition(definition_type="statement", definition={"statement": "x"}),
]  # fmt: skip


@pytest.mark.parametrize("obj", WHOLE, ids=lambda obj: str(obj["type"]))
def test_every_mutation_of_an_object_is_told_in_one_plain_line(obj):
    assert validation.fault(obj) is None
    for name in obj:
        mutants = [without(obj, name), *({**obj, name: value} for value in BROKEN)]
        for mutant in mutants:
            said = validation.fault(mutant)
            if said is None:
                continue
            assert is_plain(said.replace("^[a-z]+", "")), said
            if mutant.get(name) is None and name in mutant and "leave the property out" in said:
                assert validation.fault(without(obj, name)) is None, said  # no circle


def test_a_mistake_at_the_end_of_a_long_list_costs_no_more_than_one_at_its_beginning():
    good = {"source_name": "a", "url": "b"}
    obj = sdo(
        external_references=[*([good] * 20_000), {**good, "url": None}], **{f"x_{n}": 1 for n in range(9000)}
    )
    assert (validation.fault(obj) or "").startswith("/external_references/20000/url is null, and may not")


@pytest.mark.parametrize(
    ("obj", "besides"),
    [
        (without(indicator(), "pattern_type", "spec_version"), '"pattern_type": "stix"'),
        (without(nameless("malware", name="x", labels=["bot"]), "spec_version"), '"is_family"'),
        (without(nameless("observed-data", **OBSERVED, objects={}), "spec_version"), "object_refs"),
        (without(relationship(), "spec_version"), "in each object, not in the bundle"),
        (without(indicator(spec_version="2.0"), "pattern_type"), '"pattern_type": "stix"'),
    ],
)
def test_stix_20_is_told_what_21_needs_besides(obj, besides):
    said = validation.fault(obj) or ""
    assert besides in said
    assert "elevator" not in said
    assert is_plain(said)
