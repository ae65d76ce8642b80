"""Draws the picture of the hub as SVG: the layers with arrows, and the paths with a lane for each package."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from tests.packages import Package

_WIDTH = 1200
_MARGIN = 24
_RIGHT = _WIDTH - _MARGIN - 130  # right of it is the gutter, for arrows that pass layers
_LINE = 17
_LETTER = 6.4  # the width of a letter, on the large side
_TRACK = 7  # from one arrow to the next
_COLOURS = ("#1b6ca8", "#b3541e", "#2e7d32", "#8e3b8a", "#a61b29", "#00796b", "#5d4fb3", "#7a6200", "#455a64")
_PACKAGE, _INNER = "#f3f6f9", "#ffffff"  # colours of a box
_STYLE = """
text { font-family: 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif; font-size: 12px; fill: #24292f }
.title { font-weight: 600; font-size: 14px } .head { font-weight: 600; font-size: 18px }
.mono { font-family: ui-monospace, 'DejaVu Sans Mono', monospace; font-size: 10px }
"""

Layers = Sequence[Sequence[Package]]
Runs = Sequence[tuple[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Box:
    """The place and size of a package in the drawing."""

    x: int
    y: int
    width: int
    height: int


class Plan:
    """The layers on the page: the box of each package, and all arrows."""

    def __init__(self, layers: Layers, y: int) -> None:
        self.packages = {package.name: package for layer in layers for package in layer}
        self.layer_of = {package.name: number for number, layer in enumerate(layers) for package in layer}
        self.arrows = [(name, other) for name, package in self.packages.items() for other in package.imports]
        self.far = [arrow for arrow in self.arrows if self._passes(arrow)]
        self.boxes: dict[str, Box] = {}
        self._bottoms: list[int] = []
        for layer in layers:
            y = self._place(layer, y)

    def _place(self, layer: Sequence[Package], y: int) -> int:
        gap = 20
        width = (_RIGHT - _MARGIN - gap * (len(layer) - 1)) // len(layer)
        height = max(_height(package, width) for package in layer)
        for place, package in enumerate(layer):
            self.boxes[package.name] = Box(_MARGIN + place * (width + gap), y, width, height)
        self._bottoms.append(y + height)
        return y + height + 20 + _TRACK * len(self._below(len(self._bottoms) - 1))

    def _passes(self, arrow: tuple[str, str]) -> bool:
        """Return whether layers lie between the two ends."""
        return self.layer_of[arrow[1]] > self.layer_of[arrow[0]] + 1

    def _below(self, number: int) -> list[tuple[str, str]]:
        """Return the arrows with a track below a layer: arrows from this layer, or to the next layer."""
        at = self.layer_of
        return [(one, other) for one, other in self.arrows if number in (at[one], at[other] - 1)]

    def _track(self, number: int, arrow: tuple[str, str]) -> int:
        return self._bottoms[number] + 8 + _TRACK * self._below(number).index(arrow)

    def route(self, arrow: tuple[str, str]) -> list[tuple[int, int]]:
        """Return the corners of an arrow: down to a track, along the track, and past layers in the gutter."""
        name, other = arrow
        start, end = self.boxes[name], self.boxes[other]
        x1 = _share(start, [one for one in self.arrows if one[0] == name], arrow)
        x2 = _share(end, [one for one in self.arrows if one[1] == other], arrow)
        first = self._track(self.layer_of[name], arrow)
        last = self._track(self.layer_of[other] - 1, arrow)
        gutter = _RIGHT + 10 + _TRACK * (self.far.index(arrow) + 1) if self._passes(arrow) else x2
        return [
            (x1, start.y + start.height),
            (x1, first),
            (gutter, first),
            (gutter, last),
            (x2, last),
            (x2, end.y),
        ]


def _share(box: Box, arrows: Sequence[tuple[str, str]], arrow: tuple[str, str]) -> int:
    """Return the x coordinate at which an arrow touches its box."""
    return box.x + (arrows.index(arrow) + 1) * box.width // (len(arrows) + 1)


def svg(layers: Layers, paths: Mapping[str, Runs]) -> str:
    """Return the drawing of the layers, with each path below: its title, and its functions by package."""
    plan = Plan(layers, _MARGIN + 34)
    parts = [_text(_MARGIN, _MARGIN + 14, "Packages, and who imports whom", "head"), *_arrows(plan)]
    for name, package in plan.packages.items():
        parts += _drawn(package, plan.boxes[name])
    y = max(box.y + box.height for box in plan.boxes.values()) + 20
    tops = {package.partition("/")[0] for path in paths.values() for package, _ in path}
    for title, path in paths.items():
        parts.append(_text(_MARGIN, y + 24, title, "head"))
        drawn, y = _lanes(path, [name for name in plan.packages if name in tops], y + 40)
        parts += drawn
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + _MARGIN}" '
        f'width="{_WIDTH}" height="{y + _MARGIN}">\n<style>{_STYLE}</style>\n{_markers()}\n'
        f'<rect width="100%" height="100%" fill="{_INNER}"/>\n{body}\n</svg>\n'
    )


# --- layers -----------------------------------------------------------------------------------------


def _height(package: Package, width: int) -> int:
    return (
        30
        + _LINE * len(_caption(package, width))
        + sum(height + 8 for _, _, height in _inner_rows(package, width))
    )


def _caption(package: Package, width: int) -> list[str]:
    return textwrap.wrap(package.caption, int((width - 20) / _LETTER))


def _inner_rows(package: Package, width: int) -> Iterator[tuple[Sequence[Package], int, int]]:
    """Yield rows of inner packages, with the width and the height of each package."""
    for row in package.inner_rows(width // 200):
        each = (width - 20 - 8 * (len(row) - 1)) // len(row)
        yield row, each, max(_inner_height(one, each) for one in row)


def _inner_height(package: Package, width: int) -> int:
    return 26 + _LINE * len(_inner_lines(package, width))


def _inner_lines(package: Package, width: int) -> list[str]:
    imports = (
        textwrap.wrap(f"→ {', '.join(package.imports)}", int((width - 20) / _LETTER))
        if package.imports
        else []
    )
    return _caption(package, width) + imports


def _drawn(package: Package, box: Box) -> Iterator[str]:
    yield _rectangle(box, _PACKAGE)
    yield _text(box.x + 10, box.y + 20, package.name, "title")
    y = box.y + 20
    for line in _caption(package, box.width):
        y += _LINE
        yield _text(box.x + 10, y, line)
    y += 10
    for row, width, height in _inner_rows(package, box.width):
        for place, one in enumerate(row):
            inner = Box(box.x + 10 + place * (width + 8), y, width, height)
            yield _rectangle(inner, _INNER)
            yield _text(inner.x + 10, y + 18, one.name, "title")
            lines = _inner_lines(one, width)
            yield from (_text(inner.x + 10, y + 18 + _LINE * (at + 1), line) for at, line in enumerate(lines))
        y += height + 8


def _arrows(plan: Plan) -> Iterator[str]:
    """Draw an arrow for each import, in a colour for each importer."""
    importers = list(dict.fromkeys(name for name, _ in plan.arrows))
    for arrow in plan.arrows:
        points = " ".join(f"{x},{y}" for x, y in plan.route(arrow))
        colour = importers.index(arrow[0]) % len(_COLOURS)
        yield (
            f'<polyline points="{points}" fill="none" stroke="{_COLOURS[colour]}" stroke-width="1.4" '
            f'marker-end="url(#arrow{colour})"/>'
        )


# --- paths ------------------------------------------------------------------------------------------


def _lanes(path: Runs, lanes: Sequence[str], y: int) -> tuple[list[str], int]:
    """Draw a path downwards, with a lane for each package. Return the drawing and its lowest coordinate."""
    width = (_WIDTH - 2 * _MARGIN) // len(lanes)
    heads = [_text(_MARGIN + place * width + 8, y + 14, name, "title") for place, name in enumerate(lanes)]
    y += 26
    drawn: list[str] = []
    points: list[tuple[int, int]] = []
    begin = y
    for package, stations in path:
        top, _, inner = package.partition("/")
        x = _MARGIN + lanes.index(top) * width
        lines = [*([f"{inner}/"] if inner else []), *_broken(stations, int((width - 24) / _LETTER))]
        box = Box(x + 4, y, width - 12, 8 + 14 * len(lines))
        drawn.append(_rectangle(box, _INNER))
        drawn += [_text(box.x + 6, y + 14 + 14 * at, line, "mono") for at, line in enumerate(lines)]
        middle = box.x + box.width // 2
        points += [(middle, y - 5), (middle, y), (middle, y + box.height + 5)]
        y += box.height + 10
    stripes = [
        f'<rect x="{_MARGIN + place * width}" y="{begin - 26}" width="{width - 4}" height="{y - begin + 26}" '
        f'fill="{_PACKAGE}"/>'
        for place in range(len(lanes))
    ]
    line = " ".join(f"{x},{at}" for x, at in points[1:-1])
    joined = f'<polyline points="{line}" fill="none" stroke="{_COLOURS[0]}" stroke-width="1.4"/>'
    return [*stripes, *heads, joined, *drawn], y


def _broken(stations: Iterable[str], width: int) -> Iterator[str]:
    """Break long names after a full stop."""
    for station in stations:
        for number, line in enumerate(textwrap.wrap(station.replace(".", ". "), width)):
            yield f"{'  ' if number else ''}{line.replace('. ', '.')}"


# --- marks ------------------------------------------------------------------------------------------


def _rectangle(box: Box, fill: str) -> str:
    return (
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="6" '
        f'fill="{fill}" stroke="#57606a"/>'
    )


def _text(x: int, y: int, words: str, style: str = "") -> str:
    named = f' class="{style}"' if style else ""
    return f'<text x="{x}" y="{y}"{named}>{escape(words, quote=False)}</text>'


def _markers() -> str:
    made = (
        f'<marker id="arrow{number}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{colour}"/></marker>'
        for number, colour in enumerate(_COLOURS)
    )
    return f"<defs>{''.join(made)}</defs>"
