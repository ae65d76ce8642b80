"""What every command prints: one JSON value with --json, else a table or lines for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import click
import orjson
from rich.console import Console
from rich.table import Table

_PIPE_WIDTH: Final = 1_000

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value and nothing else.")


def print_json(value: Any) -> None:
    """Print the value as indented JSON on stdout."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
    """Print rows under headings, or the sentence `empty` when there is none."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else plain(str(cell)) for cell in row))
    if table.row_count:
        # A pipe has no width: there nothing is folded.
        width = None if sys.stdout.isatty() else _PIPE_WIDTH
        Console(markup=False, highlight=False, width=width).print(table)
    else:
        click.echo(empty)


def plain(text: str) -> str:
    """Return `text`, which others wrote, without what would steer a terminal: escapes are shown as such."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def warn(sentence: str) -> None:
    """Say something on stderr."""
    click.echo(f"hub: {plain(sentence)}", err=True)
