"""Texts as people read them: decoded, folded, and cut into words where their script sets words apart.

A name is one however a text encodes it (policy 7): in addresses, markup, escapes, signs. All of it is linear
in the text, whatever that is made of.
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
_VOICING: Final = frozenset("\u3099\u309a")  # these make another kana, not the same with an accent

# The scripts of India, in which vowels are marks: of combining class 0, as are anusvara and visarga.
_INDIC: Final = "\u0900-\u0dff"
_INDIC_TEXT: Final = re.compile(f"[{_INDIC}]")
_VOWEL_SIGNS: Final = "".join(
    char for char in map(chr, range(0x900, 0xE00)) if category(char)[0] == "M" and not combining(char)
)
_STRAY_SIGNS: Final = re.compile(f"(?<![{_INDIC}])[{_VOWEL_SIGNS}]+")
# Before a consonant Hindi writes a nasal as a letter or as anusvara: two spellings of one word.
_NASAL: Final = re.compile("[\u0919\u091e\u0923\u0928\u092e]\u094d[\u200b-\u200d]?(?=[\u0915-\u0939])|\u0901")
_ANUSVARA: Final = "\u0902"

# Letters that are written in two ways in the same word: kana, large where the law's name has them so; Han as
# Korea writes it and Japan did before 1946; the digits of Hindi.
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
_LONE_VOICING: Final = {"\u309b": "\u3099", "\u309c": "\u309a"}  # else a space stands before them

# Letters of scripts that set no words apart, or join particles to them: Hangul, kana, Han with bopomofo, and
# the scripts of South-East Asia.
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


def fold(text: str) -> str:  # (hub/README: same-name)
    """Return `text` without case, accents and what is not seen: NFKC, but for combining characters.

    Combining and zero-width characters and controls that are no space are left out; the voicing marks of kana
    and the vowel signs of India's scripts stay, for they make another word. Two texts that a reader takes for
    the same words give the same, with small or large kana, old or new forms of Han, a nasal or anusvara.
    """
    if text.isascii() and text.isprintable():
        return text.lower()
    is_indic = _INDIC_TEXT.search(text) is not None
    if is_indic:
        text = _NASAL.sub(_ANUSVARA, text)
    for lone, joined in _LONE_VOICING.items():
        text = text.replace(lone, joined)
    # Combining characters go first: in long runs of them, ordering takes time by the square.
    folded = _seen(normalize("NFKD", _seen(text)))
    folded = _seen(normalize("NFKD", folded.upper().casefold()))  # by way of upper case for the dotless i
    folded = normalize("NFC", folded)
    if is_indic:
        folded = _STRAY_SIGNS.sub("", folded)
    return folded if folded.isascii() else folded.translate(_VARIANTS)


def tokens(folded: str) -> list[str]:
    """Return the words of a folded text; of scripts that set none apart, the single letters.

    All but letters and digits sets apart, and so does the change between Latin, India's scripts, and these.
    """
    return (_ASCII_TOKEN if folded.isascii() else _TOKEN).findall(folded)


def spaced(folded: str) -> str:
    """Return the tokens of a folded text, each between two single spaces, so that `in` finds whole ones."""
    return f" {' '.join(tokens(folded))} "


def letters(folded: str) -> str:
    """Return a folded text with a space in place of each character that is no letter."""
    return "".join([char if char.isalpha() else " " for char in folded])


def _seen(text: str) -> str:
    hidden = [char for char in set(text) if _is_hidden(char)]
    return text.translate(dict.fromkeys(map(ord, hidden))) if hidden else text


@lru_cache(maxsize=65_536)
def _is_hidden(char: str) -> bool:
    kind = category(char)
    is_mark = kind[0] == "M" and char not in _VOICING and char not in _VOWEL_SIGNS
    return is_mark or char in _IGNORABLE or (kind in {"Cf", "Cc"} and not char.isspace())


# --- what is encoded ------------------------------------------------------------------------------

_MAX_ROUNDS: Final = 3  # what is encoded twice is decoded twice (hub/README: encoded-name)
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TAG: Final = re.compile(r"<[/!A-Za-z][^<>]{0,200}>")
_DOMAIN_LABEL: Final = re.compile(r"(?i)xn--([a-z0-9-]{1,59})")
_DEFANGED_DOT: Final = re.compile(r"(?i)[\[({] ?dot ?[\])}]")
_BROKEN_WORD: Final = re.compile(r"[-\u2010][ \t]?\r?\n[ \t]{0,8}")
_ESCAPE: Final = re.compile(r"\\(?:u\{?([0-9A-Fa-f]{4,5})\}?|((?:x[0-9A-Fa-f]{2}\\?)+)|[nrtfbv])")

# Signs, as a footnote's number or that of a trade mark, of which NFKC makes letters or digits of a word.
_SIGNS: Final = "".join(
    char
    for char in map(chr, (*range(0xA0, 0x2E80), *range(0x3200, 0x3400), *range(0x1F100, 0x1F300)))
    if category(char) in {"So", "No"} and any(map(str.isalnum, normalize("NFKC", char)))
)
_SIGN: Final = re.compile(f"[{_SIGNS}]")

# Of each of these one stands in every text that is read in more than one way; to look for it takes next to
# nothing, and only where it stands is the expression looked for.
_MARKS: Final = (
    ("%", _PERCENT),
    ("&", _ENTITY),
    ("<", re.compile(r"<[/!a-z]")),
    ("xn--", _DOMAIN_LABEL),
    ("dot", _DEFANGED_DOT),
)
_HYPHENS: Final = ("-", "- ", "-\t", "\u2010", "\u2010 ", "\u2010\t")
_LINE_ENDS: Final = ("\r", "\n")
_BROKEN: Final = tuple(hyphen + end for hyphen in _HYPHENS for end in _LINE_ENDS)
_BROKEN_JSON: Final = tuple(hyphen.replace("\t", "\\t") + "\\" for hyphen in _HYPHENS)


def is_encoded(json_text: str) -> bool:
    """Return False only if no text of this compact JSON text is read in more than one way."""
    return _is_marked(json_text, "\\\\", _BROKEN_JSON)


def _is_marked(text: str, backslash: str, broken: tuple[str, ...]) -> bool:
    lowered = text.lower()
    return (
        backslash in text
        or any(mark in lowered and found.search(lowered) for mark, found in _MARKS)
        or any(end in text for end in broken)
        or not (text.isascii() or _SIGN.search(text) is None)
    )


def readings(text: str) -> Iterator[str]:
    """Yield a text as it stands, and in each other way in which it may be read."""
    yield text
    if not _is_marked(text, "\\", _BROKEN):
        return
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
    """Return a label of a domain as people read it (RFC 3492); as it stands if it is none."""
    try:
        return found[1].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return found[0]


def _unescaped(found: re.Match[str]) -> str:
    """Return what an escape of a pattern or rule stands for."""
    if found[1]:
        return chr(int(found[1], 16))
    if found[2]:
        return bytes.fromhex(re.sub(r"[x\\]", "", found[2])).decode("utf-8", "replace")
    return " "
