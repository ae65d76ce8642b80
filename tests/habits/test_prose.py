"""`scripts/prose` counts relative words, pronouns and comments by the definitions in tests/prose.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prose import Count, comments, count, docstrings, measure, sentences


@pytest.mark.parametrize(
    ("text", "words", "relatives", "pronouns"),
    [
        ("Return the rows of a member.", 6, 0, 0),
        ("Return what the member submitted.", 5, 1, 0),
        ("The row which names the one whose key is known.", 10, 2, 1),
        ("The member who signs, and to whom rows go.", 9, 2, 0),
        ("Keep the rows that a member was shown.", 8, 1, 0),
        ("That row is kept, so that others see it.", 9, 0, 2),
        ("Note that ids differ. Ensure that none is lost.", 9, 0, 0),
        ("After that no row is read.", 6, 0, 0),
        ("The file of that.", 4, 0, 1),
        ("Its id and their names; they keep them themselves.", 9, 0, 5),
        ("One row for one of these.", 6, 0, 2),
        ("This is one.", 3, 0, 2),
        ("This member and these rows.", 5, 0, 0),
        ("Those that come first.", 4, 1, 1),
        ("Return `what it is` of ``that which`` one `row`.", 3, 0, 0),
        ("A table.\n\n    >>> what = it\n    ... that\n", 2, 0, 0),
        ("A member's well-known id of 12 digits.", 6, 0, 0),
        ("", 0, 0, 0),
    ],
)
def test_the_words_of_a_text_are_counted(text: str, words: int, relatives: int, pronouns: int) -> None:
    assert count(text) == Count(words, relatives, pronouns)


def test_figures_are_per_hundred() -> None:
    counts = Count(words=150, relatives=3, pronouns=6, lines=50) + Count(words=50, lines=50, comments=2)
    assert counts.figures == (1.5, 3.0, 2.0)
    assert Count().figures == (0.0, 0.0, 0.0)


def test_a_sentence_knows_its_line() -> None:
    text = "Keep a row. Read\na row (policy 2.4).\n\nRaises `A. B` if it\nis gone.\n- one\n"
    found = [(line, " ".join(sentence.split())) for line, sentence in sentences(text)]
    assert found == [
        (0, "Keep a row."),
        (0, "Read a row (policy 2.4)."),
        (3, "Raises `A. B` if it is gone."),
        (5, "- one"),
    ]


def test_docstrings_and_comments_are_found_where_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        '"""What it is."""\n\n# A row is kept,\n# a name is not.\nX = """no docstring that counts"""\n'
        'Y = 1  # seconds\nZ = []  # type: ignore[var]\n\n\nclass A:\n    """A row."""\n\n'
        "    def b(self) -> None:\n        '''Return.'''\n",
        encoding="utf-8",
    )
    assert [(text.line, text.of, text.words) for text in docstrings(file)] == [
        (1, "module", "What it is."),
        (11, "A", "A row."),
        (14, "b", "Return."),
    ]
    assert [(text.line, text.words) for text in comments(file)] == [
        (3, "A row is kept,\na name is not."),
        (6, "seconds"),
    ]
    assert measure(file) == Count(words=6, relatives=1, pronouns=1, lines=14, comments=3)
