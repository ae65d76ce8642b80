"""Texts as people read them: folded, and cut into words where their script sets words apart.

Both are linear in the text, whatever it is made of.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from unicodedata import category, normalize

# Unicode's default ignorable characters outside of category Cf (DerivedCoreProperties.txt).
_IGNORABLE: Final = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x3164, 0xFFA0))
)
_VOICING: Final = frozenset("\u3099\u309a")  # these make another kana, not the same with an accent

# Letters of scripts that set no words apart, or join particles to them: Hangul, kana, Han with bopomofo, and
# the scripts of South-East Asia.
_UNSPACED: Final = (
    "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb"
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\U0001aff0-\U0001b16f"
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3105-\u312f\u31a0-\u31bf"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9fe\uaa60-\uaa7f"
)
_TOKEN: Final = re.compile(rf"(?=[^\W_])[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_ASCII_TOKEN: Final = re.compile(r"[a-z0-9]+")


def fold(text: str) -> str:
    """Return `text` without case, accents and what is not seen: NFKC, but for combining characters.

    Combining and zero-width characters and controls that are no space are left out; the voicing marks of kana
    stay. Two texts that a reader takes for the same words give the same.
    """
    if text.isascii() and text.isprintable():
        return text.lower()
    # Combining characters go first: in long runs of them, ordering takes time by the square.
    folded = _seen(normalize("NFKD", _seen(text)))
    folded = _seen(normalize("NFKD", folded.upper().casefold()))  # by way of upper case for the dotless i
    return normalize("NFC", folded)


def tokens(folded: str) -> list[str]:
    """Return the words of a folded text; of scripts that set none apart, the single letters.

    All but letters and digits sets apart, and so does the change from one kind of script to the other.
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
    is_mark = kind[0] == "M" and char not in _VOICING
    return is_mark or char in _IGNORABLE or (kind in {"Cf", "Cc"} and not char.isspace())
