"""Indicator patterns: the grammar decides, and hostile text ends in a sentence."""

from __future__ import annotations

import pytest
from stix2patterns.test.v21 import test_validator as package

from hub.stix.values.patterns import MAX_BYTES, pattern_fault

MD5 = "d41d8cd98f00b204e9800998ecf8427e"
TLSH = "8BD1E0FF" + "A" * 62
NEWER_PASS = getattr(package, "TIMESTAMP_PASS_CASES", [])  # since stix2-patterns 2.1
NEWER_FAIL = getattr(package, "TIMESTAMP_FAIL_CASES", [])
STARTED = "START t'2024-01-01T00:00:00Z' STOP t'2024-01-02T00:00:00Z'"


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        " " * 1000,
        "hello",
        "[",
        "[]",
        "[ipv4-addr:value]",
        "[ipv4-addr:value = 198.51.100.1]",
        "[ipv4-addr:value == '198.51.100.1'] trailing",
        "[a:b = 1] WITHIN",
        "[a:b = 1",
        "a:b = 1",
        "[a:b = 'ü] AND [c:d = 1]",
        "[a:b = 1] \x01",
        "[a:b = 1]; DROP TABLE objects",
        "(" * 16_000,
        "[" * 16_000,
        "[" + "(" * 7_000 + "a:b=1" + ")" * 7_000 + "]",
        "(" * 7_000 + "[a:b=1]" + ")" * 7_000,
    ],
    ids=lambda pattern: pattern[:20] or "empty",
)
def test_what_the_grammar_does_not_know_is_refused(pattern):
    sentence = pattern_fault(pattern)
    assert sentence is not None
    assert sentence.startswith("/pattern is no STIX pattern: ")
    assert len(sentence) < 300


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("198.51.100.4", "write for example [ipv4-addr:value = '198.51.100.4']"),
        ('[file:name = "x"]', "write texts between single quotes"),
        ("[file:name = “x”]", "write texts between single quotes"),
        ("[file:name = x]", "put a text between single quotes, as 'x'"),
        ("[file:name = 'C:\\Windows']", r"write a backslash in it as \\"),
        ("[url:value MATCHES 'a\\.b']", r"write a backslash in it as \\"),
        ("[file:name = 'it's']", r"write a single quote within a text as \'"),
        ("[file:name = 'a' and file:size = 3]", "write AND in capitals"),
        ("[file:name like 'a%']", "write LIKE in capitals"),
        ("[file:name = 'a' && file:size = 3]", "write AND ("),
        (f"[file:hashes.SHA-256 = '{'a' * 64}']", "between single quotes, as 'SHA-256'"),
        (f"[file:hashes['MD5'] = '{'a' * 32}']", "write a key behind a full stop"),
        ("[file:name IN 'a']", "as ('a', 'b')"),
        ("[file:size = 1] START '2024-01-01T00:00:00Z' STOP t'2024-01-02T00:00:00Z'", "write a time as t'"),
        ("[file:size]", "correct it"),
    ],
)
def test_a_common_mistake_in_a_pattern_is_told_with_its_remedy(pattern, remedy):
    said = pattern_fault(pattern) or ""
    assert said.startswith("/pattern is no STIX pattern: 1:")
    assert said.endswith(" (STIX 2.1 section 9)")
    assert remedy in said


@pytest.mark.parametrize("character", ["x", "ü"])
def test_a_pattern_over_16_kb_is_refused_unread(character):
    assert "longer than 16384 bytes" in (pattern_fault(character * (MAX_BYTES + 1)) or "")


@pytest.mark.parametrize(
    "pattern",
    [
        "[ipv4-addr:value = '198.51.100.1/32' OR ipv4-addr:value = '203.0.113.33/32']",
        f"[file:hashes.MD5 IN ('{MD5}', '{MD5}')]",
        "[file:hashes.'SHA-256' MATCHES '^aec0']",
        "[email-message:from_ref.value MATCHES '.+\\\\@example\\\\.com$']",
        "([a:b = 1] FOLLOWEDBY [c:d NOT LIKE 'x%']) WITHIN 300 SECONDS",
        "[a:dst_ref.type = 'ipv4-addr'] START t'2024-01-01T00:00:00Z' STOP t'2024-01-02T00:00:00Z'",
        "[EXISTS file:name]",
        "[domain-name:value = '위협.example']",
        "[" + " OR ".join(["a:b = 1"] * 300) + "]",
        "[" + "(" * 20 + "a:b = 1" + ")" * 20 + "]",
    ],
    ids=lambda pattern: pattern[:30],
)
def test_a_stix_pattern_passes(pattern):
    assert pattern_fault(pattern) is None


# --- hashes (2.7) and qualifiers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (f"[file:hashes.'SHA-256' = '{'8' * 62}']", "1:25: '888"),
        (f"[file:hashes.'SHA-256' = '{'8' * 62}']", "it has 62 digits, and SHA-256 has 64"),
        ("[file:hashes.MD5 != 'aa']", "MD5 has 32"),
        ("[file:hashes.md5 NOT = 'aa']", "MD5 has 32"),
        ("[file:hashes.SHA1 = 'aa']", "SHA-1 has 40"),
        ("[file:hashes.SHA256 = 'aa']", "SHA-256 has 64"),
        ("[file:hashes.'SHA3-512' = 'aa']", "SHA3-512 has 128"),
        ("[artifact:hashes.'SHA-512' = 'aa']", "SHA-512 has 128"),
        ("[x509-certificate:hashes.'SHA-1' = 'aa']", "SHA-1 has 40"),
        ("[x-own:hashes.MD5 = 'aa']", "MD5 has 32"),
        (f"[file:hashes.MD5 IN ('{MD5}',\n '{MD5}a')]", "2:1: "),
        (f"[file:hashes.MD5 NOT IN ('{MD5}', '{'g' * 32}')]", "other characters"),
        (f"[file:hashes.MD5 IN ('{MD5}', 5)]", "between single quotes"),
        (f"[file:hashes.MD5 = h'{MD5}']", "between single quotes"),
        ("[file:hashes.ssdeep = 'aa']", "write it as 96:"),
        (f"[file:hashes.TLSH = 'T2{TLSH}']", "70 hexadecimal digits"),
        ("[file:extensions.'windows-pebinary-ext'.sections[*].hashes.MD5 = 'aa']", "1:65: 'aa'"),
        ("[file:extensions.'windows-pebinary-ext'.file_header_hashes.MD5 = 'aa']", "MD5 has 32"),
        ("[a:b = 1] WITHIN 5 SECONDS WITHIN 6 SECONDS", "1:27: a second WITHIN"),
        ("[a:b = 1] REPEATS 5 TIMES REPEATS 6 TIMES", "a second REPEATS"),
        (f"[a:b = 1] {STARTED} {STARTED}", "a second START"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_position(pattern, said):
    sentence = pattern_fault(pattern) or ""
    assert sentence.startswith("/pattern at ")
    assert said in sentence
    assert len(sentence) < 300


@pytest.mark.parametrize(
    "pattern",
    [
        f"[file:hashes.'SHA-256' = '{MD5}{MD5}' AND file:hashes.md5 = '{MD5.upper()}']",
        f"[file:hashes.TLSH = 'T1{TLSH}' OR file:hashes.TLSH = '{TLSH}']",
        "[file:hashes.IMPHASH = 'aa']",
        "[file:hashes[*] = 'aa']",
        "[file:hashes.'SHA-256' LIKE 'aec0%']",
        "[file:hashes.MD5 IN ()]",
        "[EXISTS file:hashes.MD5]",
        "[x-own:md5 = 'aa']",
        "([a:b = 1] WITHIN 5 SECONDS) WITHIN 6 SECONDS",
        f"[a:b = 1] WITHIN 5 SECONDS REPEATS 2 TIMES {STARTED}",
    ],
)
def test_what_is_no_whole_hash_of_a_known_algorithm_passes(pattern):
    assert pattern_fault(pattern) is None


@pytest.mark.parametrize("pattern", [*package.SPEC_CASES, *package.PASS_CASES, *NEWER_PASS])
def test_what_the_pattern_package_holds_for_a_pattern_is_one(pattern):
    assert pattern_fault(pattern) is None


@pytest.mark.parametrize(("pattern", "_said"), [*package.FAIL_CASES, *NEWER_FAIL])
def test_what_the_pattern_package_refuses_is_refused(pattern, _said):
    assert pattern_fault(pattern)
