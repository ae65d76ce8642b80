"""The project's documents for the tests: pages in the order of their index, shell blocks and links."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
INDEXES = (ROOT / "deploy" / "guide" / "README.md", ROOT / "config" / "guide" / "README.md")

_FENCE = re.compile(r"(?ms)^```(\w*)\n(.*?)^```$")
_LINK = re.compile(r"\[[^\]\[]*\]\(([^)\s]+)\)")
_MADE_HERE = {".git", ".venv", ".venv-lowest", "var", "dist", "node_modules"}


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def all_pages() -> Iterator[Path]:
    """Yield every Markdown file of the tree."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in _MADE_HERE and not name.startswith(".")]
        yield from (Path(folder, name) for name in names if name.endswith(".md"))


def in_order(index: Path) -> list[Path]:
    """Return the pages of a guide in the order of the numbered list of its index."""
    numbered = re.findall(r"(?m)^\d+\. \[[^\]]+\]\(([^)]+)\)", text(index))
    return [index.with_name(name) for name in numbered]


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a page in a language."""
    return [block[2] for block in _FENCE.finditer(text(page)) if block[1] == language]


def languages(page: Path) -> set[str]:
    return {block[1] for block in _FENCE.finditer(text(page))}


def typed(page: Path) -> list[str]:
    """Return the shell lines that a reader of the page types, without their comments."""
    lines = "".join(blocks(page, "sh")).splitlines()
    return [bare for line in lines if (bare := re.split(r"\s+#\s", line.strip())[0].strip())]


def prose(page: Path) -> str:
    """Return the page without blocks and code."""
    return re.sub(r"`[^`\n]+`", "", _FENCE.sub("", text(page)))


def headings(page: Path) -> list[str]:
    return re.findall(r"(?m)^(#+ .+)$", _FENCE.sub("", text(page)))


def links(page: Path) -> list[str]:
    """Return the targets of the page's links to files of the tree."""
    found = _LINK.findall(_FENCE.sub("", text(page)))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchor(heading: str) -> str:
    """Return the fragment of a link to the heading."""
    words = re.sub(r"[^\w\s-]", "", heading.lstrip("# ").lower())
    return re.sub(r"\s", "-", words)
