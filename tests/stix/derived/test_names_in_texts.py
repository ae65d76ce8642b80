"""A name in sentences of five nations, and in what encodes it, and what only resembles it (policy 7)."""

from __future__ import annotations

from unicodedata import normalize
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.stix.derived.renaming import may_mention, mentions
from tests.stix.samples import sdo

GRID = "한빛전력공사"
POLICE = "警視庁サイバー局"
LATIN = "Hanbit Electric"
POWER = "भारत ऊर्जा"
DOMAIN = "hanbit.example"


def places(text: str, name: str) -> list[str]:
    """Where the name is met; the quick look at the JSON text must not have ruled it out."""
    found = []
    for obj in (sdo(description=text), sdo(x_deep=[{text: 1}])):
        met = mentions(obj, [name])
        assert not met or may_mention(orjson.dumps(obj), [name], [])
        found += met
    return found


def alabel(text: str) -> str:
    return "xn--" + text.encode("punycode").decode()


MET = {
    GRID: [
        *(f"어제 {GRID}{particle} 알렸다" for particle in ("에서", "은", "는", "이", "가", "의", "에", "측")),
        *(f"{GRID}{particle} 온 지표" for particle in ("으로부터", "에게서", "와", "(주)", "님께서")),
        "주식회사한빛전력공사",
        "한빛 전력 공사의",
        "한빛·전력·공사",
        "한빛-전력공사는",
        "「한빛전력공사」",
        "“한빛전력”공사",
        "한빛전력\r\n공사",
        "한빛전력<br/>공사",
        "<b>한빛</b>전력공사에서",
        "한빛전력&nbsp;공사",
        "&#54620;&#xBE5B;&#51204;&#47141;&#44277;&#49324;",
        "한빛전력공사①",
        normalize("NFD", "한빛전력공사에서"),
        'rule x { strings: $a = "한빛전력공사" }',
        "[file:name LIKE '%한빛전력공사%']",
        "C:\\Users\\한빛전력공사\\n.hwp",
        "https://wiki.example/" + quote("한빛전력공사") + "?a=1",
        "https://wiki.example/" + quote(quote("한빛_전력공사")),
        f"http://www.{alabel('한빛전력공사')}.example/",
        f"http://{alabel('한빛전력공사몰')}.example/",
        "\\ud55c\\ube5b\\uc804\\ub825\\uacf5\\uc0ac",
        "".join(f"\\x{byte:02x}" for byte in "한빛전력공사".encode()),
        "x_한빛전력공사_id",
    ],
    POLICE: [
        *(f"昨日{POLICE}{particle}" for particle in ("は報告", "が", "の", "により", "様から", "殿", "御中")),
        "警視庁 サイバー局",
        "警視庁・サイバー局",
        "警視庁\uff08サイバー局\uff09",
        "警視庁ｻｲﾊﾞｰ局が",
        "警視廳サイバー局",
        "【警視庁\nサイバー局】",
        normalize("NFD", POLICE),
    ],
    LATIN: [
        *(f"{LATIN}{particle} 보고" for particle in ("은", "이", "의", "에서", "측")),
        *(f"昨日{LATIN}{particle}" for particle in ("は", "が", "社", "様")),
        f"{LATIN}की रिपोर्ट",
        "\uff28\uff21\uff2e\uff22\uff29\uff34\u3000electric社",
        "hanbit_electric",
        "hanbit-electric.example",
        "hanbit+electric@mail.example",
        "a/hanbit%20electric/b",
        "Hanbit&#32;Electric",
        "Hanbit\\nElectric",
        "Hanbit <em>Electric</em>",
        "<Hanbit%20Electric>",
        "Hanbit Elec-\n  tric",
        "Hanbit™ Electric",
        "Hanbit Electric²",
        "Hanbit Electric's",
        "\\thanbit electric",
        "H&aacute;nbit Eléctric",
        "%2548anbit Electric",
    ],
    POWER: [
        "भारत ऊर्जा ने बताया",
        "भारत-ऊर्जा।",
        "“भारत ऊर्जा”",
        "भारत\nऊर्जा",
        "भारत ऊर\u094d\u200dजा",
        "भारत ऊर्जा 2: ...",
        quote(POWER),
        "http://भारत-ऊर्जा.भारत/",
        f"http://{alabel('भारत-ऊर्जा')}.xn--h2brj9c/",
        "भारत ऊर्जाは",
    ],
    DOMAIN: [
        "hxxp://www.hanbit[.]example/",
        "hanbit[dot]example",
        "a@HANBIT.example의",
        "hanbit(DOT)example",
        "hanbit。example",
        "https%3A%2F%2Fhanbit.example",
    ],
}  # fmt: skip
CROSSES = {
    GRID: ["국내 전력 기관을 노린 공격", "한빛이 전력을 공사에", "한빛 전력", "한국전력공사에서"],
    POLICE: ["警視庁が", "警察庁サイバー局", "警視庁のサイバー局", "サイバー攻撃"],
    LATIN: [
        "electric power by Hanbit",
        "Hanbits Electric",
        "Hanbit Electrical은",
        "Hanbit2 Electric",
        "Hanbit the Electric",
        "100% electric &c. <b>hanbit</b>",
    ],
    POWER: ["भारत की ऊर्जा", "भारतीय ऊर्जा", "भारत ऊर्जावान", "भरत ऊर्जा", "भारती ऊर्जा"],
    DOMAIN: ["hanbit-x.com", "nothanbit.example", "hanbit.examples"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in MET.items() for text in texts])
def test_a_sentence_that_names_its_source_tells_of_it(name: str, text: str) -> None:
    assert places(text, name)[0] == "description"
    assert len(places(text, name)) == 2


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in CROSSES.items() for text in texts]
)
def test_a_sentence_that_does_not_name_it_tells_nothing(name: str, text: str) -> None:
    assert places(text, name) == []


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("नाम", "नाम"),
        ("हिन्दी", "हिंदी"),
        ("केंद्रीय", "केन्द्रीय"),
        ("आँख", "आंख"),
        ("क़लम", "कलम"),
        ("श्रीमान्", "श्रीमान"),
        ("सेल ५", "सेल 5"),
        ("भा॰वि॰नि॰", "भा.वि.नि."),
        ("キヤノン", "キャノン"),
        ("國際電力", "国際電力"),
        ("ヴァルト", "ウ゛ァルト"),
        ("tooltip", "TOOLTİP"),
        ("কলকাতা", "কলকাতা!"),
        ("தமிழ்", "தமிழ்"),
    ],
)
def test_two_spellings_of_a_name_are_one(name: str, other: str) -> None:
    assert places(other, name)
    assert places(name, other)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("नाम", "नम"),
        ("काम", "कमी"),
        ("दिन", "दीन"),
        ("कल", "काल"),
        ("बल", "बिल"),
        ("बल", "बैल"),
        ("भारत", "भारतीय"),
        ("மன்", "மான்"),
        ("ガス", "カス"),
    ],
)
def test_vowels_and_voicing_make_another_word(name: str, other: str) -> None:
    assert places(f"{other} {other}", name) == []
    assert places(f"{name} {name}", other) == []


def test_a_vowel_sign_where_no_letter_is_hides_nothing() -> None:
    assert places("Han\u093ebit Elec\u0902tric", LATIN)


NAMES = st.sampled_from([GRID, POLICE, LATIN, POWER, DOMAIN])
PARTS = st.sampled_from(
    ["%20", "%41", "&amp;", "&#32;", "<b>", "<", ">", "\\n", "\\x41", "\\", '"', "™", "-\n", "[dot]", "xn--a",
     "\n", "\t", "\u200b", "가", "は", "ि", " ", "x", "%", "&", "\u0301", "-", "\x08"]
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(NAMES, st.lists(PARTS, max_size=6).map("".join), st.lists(PARTS, max_size=6).map("".join), st.data())
def test_the_quick_look_misses_nothing_that_the_slow_one_finds(
    name: str, before: str, after: str, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(name)))
    obj = sdo(description=before + name[:cut] + data.draw(PARTS | st.just("")) + name[cut:] + after)
    assert may_mention(orjson.dumps(obj), [name], []) or not mentions(obj, [name])
