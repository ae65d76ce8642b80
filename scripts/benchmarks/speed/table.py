"""The table of a run, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from scripts.benchmarks.speed.figures import GROWTH_GOAL, Figure

_TEXTS: Final = frozenset({"database", "work", "unit", "note"})
_SMALL: Final = 10  # below it, figures have a decimal
_COLUMNS: Final = (
    *("database", "N", "work", "unit", "hub", "limit", "hub/limit", "goal", "met"),
    *("CPU µs", "bare CPU µs", "bytes", "growth"),
)


def lines(figures: Sequence[Figure], peers: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the table. A peer's cell has its value, and the ratio of the hub to it."""
    headings = [*_COLUMNS, *peers, "note"]
    rows = [_cells(figure, peers) for figure in figures]
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    yield _line(headings, headings, widths)
    rules = [
        "-" * (width - 1) + ("-" if heading in _TEXTS else ":")
        for heading, width in zip(headings, widths, strict=True)
    ]
    yield _line(rules, headings, widths)
    yield from (_line(row, headings, widths) for row in rows)


def _line(cells: Sequence[str], headings: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.ljust(width) if heading in _TEXTS else cell.rjust(width)
        for cell, heading, width in zip(cells, headings, widths, strict=True)
    )
    return f"| {' | '.join(padded)} |"


def _cells(figure: Figure, peers: Sequence[str]) -> list[str]:
    met = None if figure.goal is None else figure.goal.is_met(figure)
    growth = "" if figure.growth is None else f"{figure.growth:.2f}"
    if figure.growth is not None and figure.growth > GROWTH_GOAL:
        growth += " !"
    return [
        figure.database,
        _size(figure.size),
        figure.name,
        figure.unit,
        _number(figure.hub),
        f"{_number(figure.limit)} {figure.limit_name}".strip(),
        "" if figure.ratio is None else f"{figure.ratio:.3f}",
        "" if figure.goal is None else str(figure.goal),
        "" if met is None else "yes" if met else "no",
        _number(figure.cpu_us),
        _number(figure.bare_cpu_us),
        _number(figure.wire_bytes),
        growth,
        *(_beside(figure, peer) for peer in peers),
        figure.note,
    ]


def _beside(figure: Figure, peer: str) -> str:
    found = figure.peers.get(peer)
    return "" if not found or figure.hub is None else f"{_number(found)} ({figure.hub / found:,.1f} ×)"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.1f}" if abs(value) < _SMALL else f"{value:,.0f}"


def _size(size: int) -> str:
    for unit, letter in ((1_000_000, "M"), (1_000, "k")):
        if size % unit == 0:
            return f"{size // unit}{letter}"
    return f"{size}"
