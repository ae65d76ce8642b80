"""Indicator patterns: the grammar decides, and hostile text ends in a sentence."""

from __future__ import annotations

import pytest

from hub.stix.patterns import MAX_BYTES, pattern_fault

MD5 = "d41d8cd98f00b204e9800998ecf8427e"


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
