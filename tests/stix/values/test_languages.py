"""Language tags are those of RFC 5646."""

from __future__ import annotations

import pytest
from stix2validator.v21.enums import LANG_CODES

from hub.stix.values.languages import is_language_tag

TAGS = (
    "ko ja-JP zh-Hant zh-Hans-CN zh-Hant-TW ko-Kore-KR en-IN hi-Deva-IN ta EN-us es-419 sl-rozaj-biske "
    "de-1996 de-CH-1901 zh-cmn-Hans-CN zh-yue fil ar-u-nu-latn en-a-bbb-x-a-ccc x-own i-klingon en-GB-oed "
    "zh-min-nan sr-Latn-RS ko-KP ckb mni-Mtei"
)
NONE = [
    "",
    "ko_KR",
    "korean language",
    "한국어",
    "korean",
    "Japanese",
    "jp",
    "cn",
    "k",
    "ko-",
    "-ko",
    "ko--KR",
    "ko KR",
    "ko-KR\n",
    " ko",
    "k\u043e",
    "de-419-DE",
    "a-DE",
    "ar-a",
    "x",
    "en-US-",
    "ko-KR-KR",
    "日本語",
    "\uff4b\uff4f",
    "k" * 9,
    "en-" + "a" * 300,
]


@pytest.mark.parametrize("tag", TAGS.split())
def test_a_language_tag_is_one(tag):
    assert is_language_tag(tag)


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_language_tag_is_none(text):
    assert not is_language_tag(text)


def test_every_tag_that_the_validator_lists_is_one():
    """But for `ns`, by which it means Northern Sotho: the registry has `nso` alone."""
    assert {tag for tag in LANG_CODES if not is_language_tag(tag)} == {"ns", "ns-ZA"}
