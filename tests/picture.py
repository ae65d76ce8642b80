"""Draws the packages of the hub and the paths of two requests, into hub/PICTURE.md and as SVG.

The packages come from the code (`tests.packages`), the paths from a trace of two requests (`tests.tracing`).
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from tests.packages import HUB, Package, layers
from tests.picture_svg import svg
from tests.tracing import Trace, TraceEntry, trace_requests

PAGE = HUB / "PICTURE.md"
SVG = HUB / "picture.svg"
BEGIN = "<!-- The picture: scripts/picture writes all that stands up to the next marker. -->"
END = "<!-- The picture ends. -->"
_PACKAGES_TEXT = (
    "The layers: a package imports from lower layers alone. An arrow names the imports of a package. An "
    "import is left out where one of the named packages has the same import."
)
_SUBMISSION_TEXT = (
    "A submission of one indicator, as traced. A function stands at its first call from another file. A "
    "function is left out if it calls no other file (but a statement of `store` is shown), and if `rules`, "
    "`stix`, `proofs` or `store` calls itself."
)
_POLL_TEXT = "A poll of the same indicator by the nation that receives it, traced in the same way."
_WIDTH = 108
_TITLE_WIDTH = 28
_INNER_WIDTH = 25  # the least for an inner package

# The packages of a path, and the depth of folders shown. In a package at the end of a path, only functions
# called from other packages are shown.
DEPTHS = {"app": 0, "web": 0, "actions": 1, "rules": 2, "stix": 2, "proofs": 2, "store": 2}
_INSIDE_HIDDEN = frozenset({"rules", "stix", "proofs", "store"})
_ENDS = frozenset({"store"})  # a function is a statement there


# --- packages ------------------------------------------------------------------------------------------


def drawn(packages: Sequence[Sequence[Package]], width: int = _WIDTH) -> str:
    """Draw the layers, the highest first, with their packages side by side."""
    return "\n".join("\n".join(_row(layer, width)) for layer in packages)


def _row(beside: Sequence[Package], width: int) -> list[str]:
    """Draw packages side by side, each as high as the highest."""
    widths = [width // len(beside)] * len(beside)
    widths[-1] += width - sum(widths)
    contents = [_content(package, one - 4) for package, one in zip(beside, widths, strict=True)]
    height = max(map(len, contents))
    boxes = [
        _box(package.name, content + [""] * (height - len(content)), one)
        for package, content, one in zip(beside, contents, widths, strict=True)
    ]
    return ["".join(parts) for parts in zip(*boxes, strict=True)]


def _content(package: Package, width: int) -> list[str]:
    lines = textwrap.wrap(package.caption, width)
    if package.imports:
        lines += textwrap.wrap(f"→ {', '.join(package.imports)}", width, subsequent_indent="  ")
    for row in package.inner_rows(width // _INNER_WIDTH):
        lines += _row(row, width)
    return lines


def _box(title: str, content: Iterable[str], width: int) -> list[str]:
    top = f"┌─ {title} ".ljust(width - 1, "─") + "┐"
    return [top, *(f"│ {line.ljust(width - 4)} │" for line in content), f"└{'─' * (width - 2)}┘"]


# --- paths ------------------------------------------------------------------------------------------


def runs(trace: Trace) -> list[tuple[str, list[str]]]:
    """Return the functions in the order of their first calls, in groups of one package."""
    shown = [entry for place, entry in trace.entries.items() if _is_shown(entry, place in trace.leading_on)]
    return [
        (package, list(_stations(run)))
        for package, run in groupby(shown, key=lambda entry: _package(entry.file))
    ]


def path(trace: Trace) -> str:
    """Draw a line for each group of functions in one package."""
    lines: list[str] = []
    for package, stations in runs(trace):
        title = f"{'    ' * DEPTHS[_top(package)]}{package}"
        for line in textwrap.wrap(" → ".join(stations), _WIDTH - _TITLE_WIDTH):
            lines.append(f"{title:{_TITLE_WIDTH}}{line}")
            title = ""
    return "\n".join(lines)


def _is_shown(entry: TraceEntry, leads_on: bool) -> bool:
    package = _top(entry.file)
    is_inside = package in _INSIDE_HIDDEN and _top(entry.caller) == package
    return package in DEPTHS and not is_inside and (leads_on or package in _ENDS)


def _top(file: str) -> str:
    return file.partition("/")[0].removesuffix(".py")


def _package(file: str) -> str:
    return str(Path(file).parent) if "/" in file else _top(file)


def _stations(run: Iterable[TraceEntry]) -> Iterator[str]:
    """Yield the functions of a group, with the module before the first function of each module."""
    for file, entries in groupby(run, key=lambda entry: entry.file):
        stem = Path(file).stem
        module = "" if stem in ("__init__", _package(file)) else f"{stem}."
        for entry in entries:
            yield f"{module}{entry.function}"
            module = ""


# --- the page ---------------------------------------------------------------------------------------


def picture(pushed: Trace, polled: Trace) -> str:
    """Return the text between the markers."""
    parts = [(_PACKAGES_TEXT, drawn(layers())), (_SUBMISSION_TEXT, path(pushed)), (_POLL_TEXT, path(polled))]
    text = "\n\n".join(f"{textwrap.fill(told, 120)}\n\n```text\n{shown}\n```" for told, shown in parts)
    return f"The same as a drawing: [{SVG.name}]({SVG.name}).\n\n{text}"


def pages() -> dict[Path, str]:
    """Return each page with the picture of the present code."""
    pushed, polled = trace_requests()
    paths = {"A submission of one indicator": runs(pushed), "A poll": runs(polled)}
    page = with_picture(PAGE.read_text(encoding="utf-8"), picture(pushed, polled))
    return {PAGE: page, SVG: svg(layers(), paths)}


def with_picture(text: str, drawn: str) -> str:
    """Return the page with a new picture. Raises ValueError unless the page has both markers in order."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} needs two lines: {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{drawn}\n\n{END}{after}"


def _figures(beside: Iterable[Package], depth: int = 0) -> Iterator[str]:
    for package in beside:
        lines = sum(len(file.read_bytes().splitlines()) for file in package.files)
        yield f"{len(package.files):5} {lines:6}  {'  ' * depth}{package.name}"
        yield from _figures(package.inner, depth + 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--figures", action="store_true", help="print files and lines of each package instead"
    )
    if parser.parse_args().figures:
        print("files  lines")
        print("\n".join(_figures(package for layer in layers() for package in layer)))
        return
    for page, text in pages().items():
        is_same = page.exists() and page.read_text(encoding="utf-8") == text
        page.write_text(text, encoding="utf-8")
        print(f"{page.name}: {'as it was' if is_same else 'another now'}")


if __name__ == "__main__":
    main()
