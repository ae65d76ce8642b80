"""Output of every command: one JSON value with --json, else a table or lines for people."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final
from unicodedata import east_asian_width

import click
import orjson
from rich.cells import cell_len
from rich.console import Console, ConsoleDimensions
from rich.table import Table

from hub.errors import HubError

_PIPE_WIDTH: Final = 1_000
_GAP: Final = 2  # between columns
_LONGEST_WORD: Final = 80  # a longer word is folded; ids and digests are shorter
_LONGEST_SENTENCE: Final = 8_000  # characters; a hub may send sentences of any length

_LEAST_WIDTH: Final = 40
_MAYBE_WIDE: Final = "AFW"  # A (ambiguous): the terminal's font decides between one and two cells
_GOES_ON: Final = " " * 14 + "| "
_ONE_WORD: Final = re.compile(r"\s*(\S+\s+)?[A-Za-z0-9:_-]{1,100}")
# Printable by Unicode, but invisible: fillers, joiners, selectors, the empty Braille pattern. In a document
# to sign, such characters would hide a difference.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
).match

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value and nothing else.")


def print_json(value: Any) -> None:
    """Print the value as indented JSON on stdout. Raises HubError for a value nested too deeply."""
    text = _json(value)
    # A pipe gets the text as JSON allows it; a terminal gets escapes in place of control characters.
    if sys.stdout.isatty():
        text = plain_json(text)
    elif sys.stdout.encoding.lower().replace("-", "") != "utf8":
        text = "".join(c if c.isascii() else _escaped(c) for c in text)
    click.echo(text)


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONEncodeError:
        pass  # deeper than 254, or a file name that is not UTF-8
    try:
        return json.dumps(value, indent=2)
    except RecursionError as error:
        raise HubError("the answer is nested too deeply to be printed") from error


def plain_json(text: str) -> str:
    """Return the same JSON value as text without control characters: each is escaped as in JSON."""
    return "".join(c if c == "\n" or _is_seen(c) else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1]


def write_in_any_encoding() -> None:
    """Let stdout and stderr escape all characters outside their encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def open_missing_streams() -> None:
    """Open the closed streams of stdin, stdout and stderr, so that no other file gets their numbers.

    Output to a closed stdout then fails, and does not count as written.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # stdout is opened for reading: a write fails, so that `hub poll --state` keeps its place.
            flags = os.O_WRONLY if name == "stderr" else os.O_RDONLY
            descriptor = os.open(os.devnull, flags)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            raw = io.FileIO(number, "r" if name == "stdin" else "w", closefd=False)
            binary = io.BufferedReader(raw) if name == "stdin" else raw  # unbuffered: no flush at the end
            setattr(sys, name, io.TextIOWrapper(binary, encoding="utf-8", write_through=True))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
    """Print rows under headings, or the sentence `empty` if there are no rows.

    A terminal that is too narrow gets cells folded between words. Ids stay whole, because users copy ids.
    """
    cells = [["" if cell is None else plain(str(cell)) for cell in row] for row in rows]
    if not cells:
        click.echo(empty)
        return
    # A pipe has no width, and nothing is folded there.
    console = Console(
        markup=False, emoji=False, highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH
    )
    widths = _widths(list(zip(headings, *cells, strict=True)), console.width)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading, width in zip(headings, widths, strict=True):
        table.add_column(heading, overflow="fold", width=width)
    for row in cells:
        table.add_row(*row)
    # The table may be wider than the terminal, so that the terminal folds and no id is cut.
    console.size = ConsoleDimensions(max(console.width, _whole(widths)), console.height)
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        click.echo(line.rstrip(), color=True)


def _widths(columns: Sequence[Sequence[str]], available: int) -> list[int]:
    """Return a width for each column, at most `available` together if no word has to be folded."""
    least = [max(map(_longest_word, column)) for column in columns]
    available = max(available, _whole(least))
    widths = [min(max(map(cell_len, column)), available) for column in columns]
    while _whole(widths) > available:
        spare = [width - word for width, word in zip(widths, least, strict=True)]
        widths[spare.index(max(spare))] -= 1
    return widths


def _whole(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _longest_word(text: str) -> int:
    return min(max(map(cell_len, text.split()), default=0), _LONGEST_WORD)


def plain(text: str) -> str:
    """Return `text`, written by others, without control characters: escape sequences are shown as text."""
    return "".join(c if _is_seen(c) else c.encode("unicode_escape").decode() for c in text)


def _is_seen(character: str) -> bool:
    """Return whether the character is visible and does not control the terminal."""
    return character.isprintable() and not _UNSEEN(character)


def echo_whole(line: str) -> None:
    """Print a whole line written by others, so that no part of the line looks like a separate line.

    A line wider than the terminal is folded, and each further piece begins with a mark. A line of one word is
    left to the terminal: an id or a digest can then be copied.
    """
    text = plain(line)
    if sys.stdout.isatty() and not _ONE_WORD.fullmatch(text):
        width = max(_LEAST_WIDTH, shutil.get_terminal_size().columns - 1)
        first, *rest = _pieces(text, width)
        text = "\n".join([first, *(_GOES_ON + piece for piece in rest)])
    click.echo(text)


def _pieces(text: str, width: int) -> list[str]:
    """Return the pieces of a text for lines of `width` cells; all pieces but the first have room for a mark.

    A word that fits in the next line is moved whole: the word may be an id.
    """
    pieces, left = [""], width
    for character in text:
        if _cells(character) > left:
            room = width - len(_GOES_ON)
            head, space, word = pieces[-1].rpartition(" ")
            is_moved = character != " " and bool(head.strip()) and _cells(word) < room
            pieces[-1:] = [head + space, word] if is_moved else [pieces[-1], ""]
            left = room - _cells(pieces[-1])
        pieces[-1] += character
        left -= _cells(character)
    return pieces


def _cells(text: str) -> int:
    """Return the largest number of terminal cells that a text can take."""
    return sum(1 + (east_asian_width(character) in _MAYBE_WIDE) for character in text)


def warn(sentence: str) -> None:
    """Print a sentence on stderr, cut after 8,000 characters."""
    click.echo(f"hub: {plain(_cut(sentence))}", err=True)


def say(sentence: str) -> None:
    """Print a sentence that may quote others, cut after 8,000 characters."""
    click.echo(plain(_cut(sentence)))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SENTENCE else f"{text[:_LONGEST_SENTENCE]}…"
