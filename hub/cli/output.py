"""What every command prints: one JSON value with --json, else a table or lines for people."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import click
import orjson
from rich.cells import cell_len
from rich.console import Console, ConsoleDimensions
from rich.table import Table

from hub.errors import HubError

_PIPE_WIDTH: Final = 1_000
_GAP: Final = 2  # between columns
_LONGEST_WORD: Final = 80  # beyond that a word is folded: an id or digest is shorter
_LONGEST_SENTENCE: Final = 8_000  # characters: what a hub says may be of any length

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value and nothing else.")


def print_json(value: Any) -> None:
    """Print the value as indented JSON on stdout. Raises HubError where it is nested too deeply."""
    text = _json(value)
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
    """Return JSON, equal as such, without what would steer a terminal: escaped as JSON escapes it."""
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1]


def write_in_any_encoding() -> None:
    """Let stdout and stderr escape the characters that their encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
    """Print rows under headings, or the sentence `empty` when there is none.

    Where a terminal is too narrow, cells are folded between words: ids, which are copied, stay whole.
    """
    cells = [["" if cell is None else plain(str(cell)) for cell in row] for row in rows]
    if not cells:
        click.echo(empty)
        return
    # A pipe has no width: there nothing is folded.
    console = Console(
        markup=False, emoji=False, highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH
    )
    widths = _widths(list(zip(headings, *cells, strict=True)), console.width)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading, width in zip(headings, widths, strict=True):
        table.add_column(heading, overflow="fold", width=width)
    for row in cells:
        table.add_row(*row)
    console.size = ConsoleDimensions(max(console.width, _whole(widths)), console.height)
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        click.echo(line.rstrip(), color=True)


def _widths(columns: Sequence[Sequence[str]], available: int) -> list[int]:
    """Return a width for each column: as few as `available` together, if no word has to be folded for it."""
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
    """Return `text`, which others wrote, without what would steer a terminal: escapes are shown as such."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def warn(sentence: str) -> None:
    """Say something on stderr."""
    cut = sentence if len(sentence) <= _LONGEST_SENTENCE else f"{sentence[:_LONGEST_SENTENCE]}…"
    click.echo(f"hub: {plain(cut)}", err=True)
