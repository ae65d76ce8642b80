"""Draws the packages and the paths of two requests: in hub/PICTURE.md between two markers, and as SVG.

The rooms come from the code (`tests.rooms`), the paths from a trace of two requests (`tests.tracing`).
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from tests.picture_svg import svg
from tests.rooms import HUB, Room, floors
from tests.tracing import Entry, Trace, trace_requests

PAGE = HUB / "PICTURE.md"
SVG = HUB / "picture.svg"
BEGIN = "<!-- The picture: scripts/picture writes all that stands up to the next marker. -->"
END = "<!-- The picture ends. -->"
_ROOMS_TOLD = (
    "The floors: a room imports from lower floors alone. An arrow names the imports of a room. An import is "
    "left out where one of the named rooms has the same import."
)
_SUBMISSION_TOLD = (
    "A submission of one indicator, as traced. A function stands at its first call from another file. A "
    "function is left out if it calls no other file (but a statement of `store` is shown), and if `rules`, "
    "`stix`, `proofs` or `store` calls itself."
)
_POLL_TOLD = "A poll of the same indicator by the nation that receives it, traced in the same way."
_WIDTH = 108
_TITLE_WIDTH = 28
_INNER_WIDTH = 25  # the least for an inner room

# The rooms that a path shows, and how far in. Of the rooms in which a path ends, their doors are shown.
DEPTHS = {"app": 0, "web": 0, "actions": 1, "rules": 2, "stix": 2, "proofs": 2, "store": 2}
_INSIDE_HIDDEN = frozenset({"rules", "stix", "proofs", "store"})
_ENDS = frozenset({"store"})  # a function is a statement there


# --- rooms ------------------------------------------------------------------------------------------


def drawn(rooms: Sequence[Sequence[Room]], width: int = _WIDTH) -> str:
    """Draw the floors, the highest first, with their rooms side by side."""
    return "\n".join("\n".join(_row(floor, width)) for floor in rooms)


def _row(beside: Sequence[Room], width: int) -> list[str]:
    """Draw rooms side by side, each as high as the highest."""
    widths = [width // len(beside)] * len(beside)
    widths[-1] += width - sum(widths)
    contents = [_content(room, one - 4) for room, one in zip(beside, widths, strict=True)]
    height = max(map(len, contents))
    boxes = [
        _box(room.name, content + [""] * (height - len(content)), one)
        for room, content, one in zip(beside, contents, widths, strict=True)
    ]
    return ["".join(parts) for parts in zip(*boxes, strict=True)]


def _content(room: Room, width: int) -> list[str]:
    lines = textwrap.wrap(room.caption, width)
    if room.imports:
        lines += textwrap.wrap(f"→ {', '.join(room.imports)}", width, subsequent_indent="  ")
    for row in room.inner_rows(width // _INNER_WIDTH):
        lines += _row(row, width)
    return lines


def _box(title: str, content: Iterable[str], width: int) -> list[str]:
    top = f"┌─ {title} ".ljust(width - 1, "─") + "┐"
    return [top, *(f"│ {line.ljust(width - 4)} │" for line in content), f"└{'─' * (width - 2)}┘"]


# --- paths ------------------------------------------------------------------------------------------


def runs(trace: Trace) -> list[tuple[str, list[str]]]:
    """Return the functions in the order of their first calls, together where they stand in one room."""
    shown = [entry for place, entry in trace.entries.items() if _is_shown(entry, place in trace.leading_on)]
    return [(room, list(_stations(run))) for room, run in groupby(shown, key=lambda entry: _room(entry.file))]


def path(trace: Trace) -> str:
    """Draw a line for each run in one room."""
    lines: list[str] = []
    for room, stations in runs(trace):
        title = f"{'    ' * DEPTHS[_top(room)]}{room}"
        for line in textwrap.wrap(" → ".join(stations), _WIDTH - _TITLE_WIDTH):
            lines.append(f"{title:{_TITLE_WIDTH}}{line}")
            title = ""
    return "\n".join(lines)


def _is_shown(entry: Entry, leads_on: bool) -> bool:
    room = _top(entry.file)
    is_inside = room in _INSIDE_HIDDEN and _top(entry.caller) == room
    return room in DEPTHS and not is_inside and (leads_on or room in _ENDS)


def _top(file: str) -> str:
    return file.partition("/")[0].removesuffix(".py")


def _room(file: str) -> str:
    return str(Path(file).parent) if "/" in file else _top(file)


def _stations(run: Iterable[Entry]) -> Iterator[str]:
    """Yield the functions of a run; the module stands before the first of each."""
    for file, entries in groupby(run, key=lambda entry: entry.file):
        stem = Path(file).stem
        module = "" if stem in ("__init__", _room(file)) else f"{stem}."
        for entry in entries:
            yield f"{module}{entry.function}"
            module = ""


# --- the page ---------------------------------------------------------------------------------------


def picture(pushed: Trace, polled: Trace) -> str:
    """Return what stands between the markers."""
    parts = [(_ROOMS_TOLD, drawn(floors())), (_SUBMISSION_TOLD, path(pushed)), (_POLL_TOLD, path(polled))]
    text = "\n\n".join(f"{textwrap.fill(told, 120)}\n\n```text\n{shown}\n```" for told, shown in parts)
    return f"The same as a drawing: [{SVG.name}]({SVG.name}).\n\n{text}"


def pages() -> dict[Path, str]:
    """Return each page that shows the picture, as the code now is."""
    pushed, polled = trace_requests()
    paths = {"A submission of one indicator": runs(pushed), "A poll": runs(polled)}
    page = with_picture(PAGE.read_text(encoding="utf-8"), picture(pushed, polled))
    return {PAGE: page, SVG: svg(floors(), paths)}


def with_picture(text: str, drawn: str) -> str:
    """Return the page with another picture. Raises ValueError without the two markers, in their order."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} needs two lines: {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{drawn}\n\n{END}{after}"


def _figures(beside: Iterable[Room], depth: int = 0) -> Iterator[str]:
    for room in beside:
        lines = sum(len(file.read_bytes().splitlines()) for file in room.files)
        yield f"{len(room.files):5} {lines:6}  {'  ' * depth}{room.name}"
        yield from _figures(room.inner, depth + 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--figures", action="store_true", help="print files and lines of each room instead")
    if parser.parse_args().figures:
        print("files  lines")
        print("\n".join(_figures(room for floor in floors() for room in floor)))
        return
    for page, text in pages().items():
        is_same = page.exists() and page.read_text(encoding="utf-8") == text
        page.write_text(text, encoding="utf-8")
        print(f"{page.name}: {'as it was' if is_same else 'another now'}")


if __name__ == "__main__":
    main()
