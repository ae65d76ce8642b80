"""Texts as people read them: folded, and cut into words where their script sets words apart.

Both are linear in the text, whatever it is made of.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from unicodedata import category, combining, normalize

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


# (hub/README: same-name)
def fold(text: str) -> str:
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
