"""Reads texts as people read them: decoded, folded, and cut into words at the borders of the script.

A name counts in each encoding of the text: in addresses, markup, escapes, signs (policy 7). Each function
takes time linear in the text, also for hostile texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from html import unescape
from typing import Final
from unicodedata import category, combining, normalize
from urllib.parse import unquote

# Unicode's default ignorable characters outside of category Cf (DerivedCoreProperties.txt).
_IGNORABLE: Final = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x3164, 0xFFA0))
)
_VOICING: Final = frozenset("\u3099\u309a")  # a kana with such a mark is another kana, not an accented one

# The scripts of India. Vowels are marks there, of combining class 0, like anusvara and visarga.
_INDIC: Final = "\u0900-\u0dff"
_INDIC_TEXT: Final = re.compile(f"[{_INDIC}]")
_VOWEL_SIGNS: Final = "".join(
    char for char in map(chr, range(0x900, 0xE00)) if category(char)[0] == "M" and not combining(char)
)
_STRAY_SIGNS: Final = re.compile(f"(?<![{_INDIC}])[{_VOWEL_SIGNS}]+")
# Before a consonant Hindi writes a nasal as a letter or as anusvara: two spellings of one word.
_NASAL: Final = re.compile("[\u0919\u091e\u0923\u0928\u092e]\u094d[\u200b-\u200d]?(?=[\u0915-\u0939])|\u0901")
_ANUSVARA: Final = "\u0902"

# Two spellings of one letter in the same word: large and small kana, as in company names; old and new forms
# of Han, as in Korea and in Japan before 1946; the digits of Hindi.
_KANA: Final = "ァアィイゥウェエォオッツャヤュユョヨヮワヵカヶケ"
_HAN: Final = (
    "國国學学會会廳庁縣県廣広澤沢齋斎邊辺濱浜櫻桜龍竜應応澁渋﨑崎髙高惠恵榮栄鐵鉄驛駅發発變変團団"
    "圓円區区號号總総經経濟済醫医藥薬氣気佛仏豐豊寶宝萬万獨独勞労衞衛戰戦對対體体臺台灣湾證証險険"
    "實実藝芸藏蔵嶋島舊旧淺浅燈灯當当黨党讀読來来靜静眞真檢検查査專専處処數数關関點点觀観權権勸勧"
    "顯顕鹽塩聲声寫写賣売兩両靈霊瀧滝壽寿澀渋敎教靑青淸清產産黑黒增増橫横德徳緖緒綠緑歷歴曆暦錄録"
    "郞郎鄕郷內内攝摂圖図傳伝擴拡爲為營営單単彈弾斷断聽聴轉転鑛鉱鐮鎌遞逓"
)
_DIGITS: Final = "\u0966\u0967\u0968\u0969\u096a\u096b\u096c\u096d\u096e\u096f"
_PAIRS: Final = _KANA + _HAN
_VARIANTS: Final = str.maketrans(_PAIRS[::2] + _DIGITS, _PAIRS[1::2] + "0123456789")
_VARIANT_LETTERS: Final = frozenset(map(chr, _VARIANTS))
_LONE_VOICING: Final = {"\u309b": "\u3099", "\u309c": "\u309a"}  # NFKD alone would put a space before them

# Letters of scripts without spaces between words, or with particles joined to words: Hangul, kana, Han with
# bopomofo, and the scripts of South-East Asia. Policy 7: a name counts there inside a longer text too.
_UNSPACED: Final = (
    "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb"
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\U0001aff0-\U0001b16f"
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3105-\u312f\u31a0-\u31bf"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9fe\uaa60-\uaa7f"
)
_TOKEN: Final = re.compile(
    rf"(?=[^\W_])[{_UNSPACED}]|(?:(?=[^\W_]|[{_VOWEL_SIGNS}])[{_INDIC}])+|[^\W_{_UNSPACED}{_INDIC}]+"
)
_ASCII_TOKEN: Final = re.compile(r"[a-z0-9]+")
_OTHER_CHARACTERS: Final = re.compile("([^ -~]+)")
# Between runs in one text: a control character that folding keeps, joins to no other character, and never
# makes of other characters.
_RUN_END: Final = "\x1c"
_ASCII: Final = bytes(range(128))


def fold(text: str) -> str:  # (hub/README: same-name)
    """Return `text` without case, accents and invisible characters: NFKC without combining characters.

    Removed are combining characters, zero-width characters, and controls other than spaces. The voicing marks
    of kana and the vowel signs of India's scripts stay: without a mark the word is another word. Two
    spellings of the same words give the same text: small or large kana, old or new forms of Han, a nasal or
    anusvara.
    """
    if text.isascii() and text.isprintable():  # nearly every text; NFKC changes no ASCII character
        return text.lower()
    # Printable ASCII never changes beside other characters, so each run of other characters is folded once.
    parts = _OTHER_CHARACTERS.split(text)
    plain = parts[::2]
    runs = parts[1::2]
    if not any(plain) or _RUN_END in text:
        return _folded(text)
    distinct = list(dict.fromkeys(runs))
    folded = dict(zip(distinct, _folded(_RUN_END.join(distinct)).split(_RUN_END), strict=True))
    parts[::2] = [part.lower() for part in plain]
    parts[1::2] = [folded[run] for run in runs]
    return "".join(parts)


def _folded(text: str) -> str:
    """Return the result of `fold` for a text of any characters."""
    is_indic = _INDIC_TEXT.search(text) is not None
    if is_indic:
        text = _NASAL.sub(_ANUSVARA, text)
    for lone, joined in _LONE_VOICING.items():
        text = text.replace(lone, joined)
    # Combining characters are removed first: the time to order a long run grows with the square of the run.
    # Upper case comes before case folding: the dotless i folds to i only by way of I.
    folded = _without_hidden(normalize("NFKD", _without_hidden(text)))
    folded = _without_hidden(normalize("NFKD", folded.upper().casefold()))
    folded = normalize("NFC", folded)
    if is_indic:
        folded = _STRAY_SIGNS.sub("", folded)
    # The search costs less than the translation, and few texts have such a letter.
    return folded if _VARIANT_LETTERS.isdisjoint(folded) else folded.translate(_VARIANTS)


def tokens(folded: str) -> list[str]:
    """Return the words of a folded text; single letters for scripts without spaces between words.

    Words end at all characters other than letters and digits, and at a change between Latin, India's scripts,
    and scripts without spaces.
    """
    return (_ASCII_TOKEN if folded.isascii() else _TOKEN).findall(folded)


def spaced(folded: str) -> str:
    """Return the tokens of a folded text, each between two single spaces: `in` then finds whole tokens."""
    return f" {' '.join(tokens(folded))} "


def letters(folded: str) -> str:
    """Return a folded text with a space in place of each character other than a letter."""
    return "".join([char if char.isalpha() else " " for char in folded])


def _without_hidden(text: str) -> str:
    hidden = [char for char in set(text) if _is_hidden(char)]
    return text.translate(dict.fromkeys(map(ord, hidden))) if hidden else text


@lru_cache(maxsize=65_536)
def _is_hidden(char: str) -> bool:
    kind = category(char)
    is_mark = kind[0] == "M" and char not in _VOICING and char not in _VOWEL_SIGNS
    return is_mark or char in _IGNORABLE or (kind in {"Cf", "Cc"} and not char.isspace())


# --- what is encoded ------------------------------------------------------------------------------

_MAX_ROUNDS: Final = 3  # a text may be encoded more than once (hub/README: encoded-name)
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TAG: Final = re.compile(r"<[/!A-Za-z][^<>]{0,200}>")
_DOMAIN_LABEL: Final = re.compile(r"(?i)xn--([a-z0-9-]{1,59})")
_DEFANGED_DOT: Final = re.compile(r"(?i)[\[({] ?dot ?[\])}]")
_BROKEN_WORD: Final = re.compile(r"[-\u2010][ \t]?\r?\n[ \t]{0,8}")
_ESCAPE: Final = re.compile(r"\\(?:u\{?([0-9A-Fa-f]{4,5})\}?|((?:x[0-9A-Fa-f]{2}\\?)+)|[nrtfbv])")

# Signs, such as a footnote's number or a trade mark: NFKC turns them into letters or digits of a word.
_SIGNS: Final = "".join(
    char
    for char in map(chr, (*range(0xA0, 0x2E80), *range(0x3200, 0x3400), *range(0x1F100, 0x1F300)))
    if category(char) in {"So", "No"} and any(map(str.isalnum, normalize("NFKC", char)))
)
_SIGN: Final = re.compile(f"[{_SIGNS}]")
_ALL_SIGNS: Final = frozenset(_SIGNS)

# Every text with a second reading holds one of these marks, or one of the signs above. The search for a mark
# costs little; only a found mark starts the search for its expression.
_ENCODING_MARKS: Final = tuple(
    (mark, re.compile(found.pattern.encode()))
    for mark, found in (
        (b"%", _PERCENT),
        (b"&", _ENTITY),
        (b"<", re.compile(r"<[/!a-z]")),
        (b"xn--", _DOMAIN_LABEL),
        (b"dot", _DEFANGED_DOT),
    )
)
_HYPHENS: Final = ("-", "- ", "-\t", "\u2010", "\u2010 ", "\u2010\t")
_LINE_ENDS: Final = ("\r", "\n")
_BROKEN: Final = tuple(hyphen + end for hyphen in _HYPHENS for end in _LINE_ENDS)
_BROKEN_JSON: Final = tuple((hyphen.replace("\t", "\\t") + "\\").encode() for hyphen in _HYPHENS)
_BACKSLASH: Final = b"\\"
_HALVES: Final = "surrogatepass"


def is_encoded(body: bytes) -> bool:
    """Return False only if each text of this compact JSON text has a single reading."""
    # A backslash is written as two. Without any backslash no word is broken by a line end.
    if _BACKSLASH in body and (_BACKSLASH * 2 in body or any(mark in body for mark in _BROKEN_JSON)):
        return True
    return _has_mark(body)


def _may_be_encoded(text: str) -> bool:
    is_broken = "\\" in text or any(end in text for end in _BROKEN)
    return is_broken or _has_mark(text.encode(errors=_HALVES))


def _has_mark(text: bytes) -> bool:
    lowered = text.lower()
    for mark, found in _ENCODING_MARKS:
        if mark in lowered and found.search(lowered):
            return True
    if text.isascii():
        return False
    # A set of characters: an expression would compare each character with hundreds of ranges.
    return not _ALL_SIGNS.isdisjoint(text.translate(None, _ASCII).decode(errors=_HALVES))


def readings(text: str) -> Iterator[str]:
    """Yield a text unchanged, then in each other reading."""
    yield text
    if not _may_be_encoded(text):
        return
    # Addresses and entities are decoded first. Tags, escapes and signs are taken out of separate readings: a
    # name encoded by two of these three kinds at once is not found.
    decoded = _decoded(text)
    found = {text, decoded, _TAG.sub(" ", decoded), _ESCAPE.sub(_unescaped, decoded), _SIGN.sub(" ", decoded)}
    yield from found - {text}


def _decoded(text: str) -> str:
    for _ in range(_MAX_ROUNDS):
        before = text
        if _PERCENT.search(text):
            text = unquote(text)
        text = _ENTITY.sub(lambda found: unescape(found[0]), text)
        if text == before:
            break
    text = _BROKEN_WORD.sub("", _DEFANGED_DOT.sub(".", text))
    return _DOMAIN_LABEL.sub(_label, text)


def _label(found: re.Match[str]) -> str:
    """Return a label of a domain as people read it (RFC 3492), or unchanged if the label is malformed."""
    try:
        return found[1].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return found[0]


def _unescaped(found: re.Match[str]) -> str:
    """Return the text of an escape in a pattern or rule."""
    if found[1]:
        return chr(int(found[1], 16))
    if found[2]:
        return bytes.fromhex(re.sub(r"[x\\]", "", found[2])).decode("utf-8", "replace")
    return " "
