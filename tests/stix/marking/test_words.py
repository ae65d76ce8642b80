"""Folding a text: printable ASCII is folded apart from all other characters, with the same result."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from hub.stix.marking.words import fold

# A text with this control character is folded as a whole; the character itself stays.
WHOLE = "\x1c"
PARTS = (
    *"aZ éカ゛ガｋ①İıſßΣς㈱한글攝~\t\n",
    "e\u0301",
    "\u3099",
    "क्षि",
    "\u093e",
    "\u0902",
    "\u200d",
    "\u00ad",
    "\x00",
)
MIXED = st.lists(st.sampled_from(PARTS), max_size=20).map("".join)


@given(st.text(st.characters(exclude_characters=WHOLE)) | MIXED)
@example("a\u3099 カ\u3099")
@example("\u0915\x00\u093e a\u093e")
@example("Cherokee ꭰᎠ")
def test_runs_fold_alone_as_they_fold_in_the_whole_text(text: str) -> None:
    assert WHOLE + fold(text) == fold(WHOLE + text)
