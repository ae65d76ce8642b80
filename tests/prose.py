"""Measures the prose of Python files: docstrings by relative words and pronouns, files by comment lines.

The figures are per 100 words of docstrings, and per 100 lines of files.

Relative words are `which who whom whose what whatever whoever`, and `that` as a relative. `that` counts as a
relative, except at the start of a sentence, and after a word of `_NOT_RELATIVE_AFTER` (`so that`, `note
that`, `of that`).

Pronouns are `it its itself they them their theirs themselves ones others`. A second group is `one this these
those that`. A word of the second group counts if no noun follows: a word of `_NO_NOUN`, a sign of punctuation
or the end follows (`this is`, `one of`, `those.`). A relative `that` is no pronoun.

A word is a run of letters. A hyphen or an apostrophe joins letters. Code in backticks and doctest lines hold
no words. A comment line is a line with a comment, alone or after code. Directives to tools (noqa, type:
ignore) do not count.

At commit 1191dc5 hub/ had 6.1 relative words, 5.9 pronouns and 2.7 comment lines. attrs 26.1 had 1.7, 2.1
and 3.8; hypothesis 6.170 had 1.6, 2.3 and 12.5.
"""

from __future__ import annotations

import argparse
import ast
import io
import random
import re
import signal
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RELATIVES = _words("which who whom whose what whatever whoever")
_PRONOUNS = _words("it its itself they them their theirs themselves ones others")
_PERHAPS = _words("one this these those that")
_NOT_RELATIVE_AFTER = _words("""
    so such note notes noted ensure ensures ensuring means meaning mean check checks checking checked
    say says said saying tell tells told show shows shown showing prove proves proven state states
    assume assumes indicate indicates indicating guarantee guarantees require requires required
    know knows known think see seen sure assert asserts verify verifies hold holds promise promises
    is are was be not now given and or but if than as of in on at to by with for from after before
    within under about into over until since
""")
_NO_NOUN = _words("""
    is are was were be been has have had does do did can cannot could may might must shall should will
    would that which who whom whose what where when while if unless until because since for so and or but
    nor than as of in on at to by with from after before within under about into over above below between
    without alone the a an it they we you he she not never only also then there here both all each every
    himself itself means makes made tells told says said gives given stands holds held comes goes works
    takes taken needs allows returns raises happens applies
""")
_TOKEN = re.compile(
    r"(?P<word>[^\W\d_]+(?:['\u2019-][^\W\d_]+)*)|(?P<end>[.,;:?!()\[\]\u2013\u2014])|(?P<other>[^\s])"
)
_CODE = re.compile(r"(`+)[^`]*\1")
_DOCTEST = re.compile(r"^[ \t]*(?:>>>|\.\.\.)(?: .*)?$", re.MULTILINE)
_BREAK = re.compile(r"(?<=[.;?!])[)\"]*\s+|:\s+(?=[A-Z])|\n\s*\n|\n\s*(?=[-*:] ?\w|\d+\. )")
_DIRECTIVE = re.compile(r"#\s*(?:noqa|type:|pragma:|ruff:|mypy:|pylint:|shellcheck|fmt:|!)")


@dataclass(frozen=True, slots=True)
class ProseText:
    """A docstring or a comment, with the line on which the text begins."""

    file: Path
    line: int
    of: str
    words: str


@dataclass(frozen=True, slots=True)
class Count:
    """The numbers of words, relatives and pronouns of a text; of lines and comment lines of a file."""

    words: int = 0
    relatives: int = 0
    pronouns: int = 0
    lines: int = 0
    comments: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.words + other.words,
            self.relatives + other.relatives,
            self.pronouns + other.pronouns,
            self.lines + other.lines,
            self.comments + other.comments,
        )

    @property
    def figures(self) -> tuple[float, float, float]:
        """Relatives and pronouns per 100 words; comment lines per 100 lines."""
        words, lines = max(self.words, 1), max(self.lines, 1)
        return 100 * self.relatives / words, 100 * self.pronouns / words, 100 * self.comments / lines

    @property
    def found(self) -> int:
        return self.relatives + self.pronouns


def count(text: str) -> Count:
    """Count words, relatives and pronouns of a text."""
    return sum((_count_sentence(sentence) for _, sentence in sentences(text)), Count())


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield each sentence with the number of line breaks before."""
    plain = _DOCTEST.sub("", text)
    code = [match.span() for match in _CODE.finditer(plain)]
    start = 0
    breaks = [match.span() for match in _BREAK.finditer(plain)]
    inside = [span for span in breaks if not any(one < span[0] < other for one, other in code)]
    for end, following in [*inside, (len(plain), len(plain))]:
        sentence = plain[start:end]
        if sentence.strip():
            before = len(sentence) - len(sentence.lstrip())
            yield plain.count("\n", 0, start + before), sentence.strip()
        start = following


def _count_sentence(sentence: str) -> Count:
    tokens = [(match.lastgroup, match[0].lower()) for match in _TOKEN.finditer(_CODE.sub(" § ", sentence))]
    words = relatives = pronouns = 0
    previous = ""
    for place, (kind, token) in enumerate(tokens):
        if kind == "word":
            words += 1
            following = tokens[place + 1] if place + 1 < len(tokens) else ("end", "")
            if token in _RELATIVES or (token == "that" and previous and previous not in _NOT_RELATIVE_AFTER):
                relatives += 1
            elif token in _PRONOUNS or (token in _PERHAPS and _is_alone(following)):
                pronouns += 1
        previous = token
    return Count(words, relatives, pronouns)


def _is_alone(following: tuple[str | None, str]) -> bool:
    kind, token = following
    return kind == "end" or token in _NO_NOUN


def docstrings(file: Path) -> Iterator[ProseText]:
    """Yield the docstrings of modules, classes and functions."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        match node.body:
            case [ast.Expr(value=ast.Constant(value=str() as words, lineno=line)), *_]:
                yield ProseText(file, line, getattr(node, "name", "module"), words)


def comments(file: Path) -> Iterator[ProseText]:
    """Yield each comment; lines of comments that follow each other are one text."""
    block: list[str] = []
    start = 0
    for number, comment in _comment_lines(file):
        if block and number != start + len(block):
            yield ProseText(file, start, "comment", "\n".join(block))
            block = []
        if not block:
            start = number
        block.append(comment.lstrip("#: "))
    if block:
        yield ProseText(file, start, "comment", "\n".join(block))


def _comment_lines(file: Path) -> Iterator[tuple[int, str]]:
    source = file.read_bytes()
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type == tokenize.COMMENT and not _DIRECTIVE.match(token.string):
            yield token.start[0], token.string


def measure(file: Path) -> Count:
    """Count a file."""
    of_text = sum((count(text.words) for text in docstrings(file)), Count())
    lines = len(file.read_bytes().splitlines())
    return of_text + Count(lines=lines, comments=sum(1 for _ in _comment_lines(file)))


def _files(paths: Iterable[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for path in paths:
        found.update(dict.fromkeys(sorted(path.rglob("*.py")) if path.is_dir() else [path]))
    return list(found)


def _short(path: Path) -> str:
    counts = sum((measure(file) for file in _files([path])), Count())
    relatives, pronouns, lines = counts.figures
    return (
        f"prose of {_shown(path)}/: {relatives:.1f} relative words and {pronouns:.1f} pronouns in 100 words "
        f"of docstrings, {lines:.1f} comment lines in 100 lines"
    )


def _shown(path: Path) -> str:
    path = path.resolve()
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _table(rows: dict[str, Count]) -> Iterator[str]:
    yield "relatives  pronouns  comments   words   lines"
    for name, counts in sorted(rows.items(), key=lambda row: -sum(row[1].figures[:2])):
        one, two, three = counts.figures
        yield f"{one:9.1f} {two:9.1f} {three:9.1f} {counts.words:7} {counts.lines:7}  {name}"


def _folders(path: Path) -> dict[str, Count]:
    counts = {file: measure(file) for file in _files([path])}
    folders = sorted({folder for file in counts for folder in file.parents if folder.is_relative_to(path)})
    return {
        f"{_shown(folder)}/": sum((n for file, n in counts.items() if file.is_relative_to(folder)), Count())
        for folder in folders
    }


def _worst(files: list[Path], most: int) -> Iterator[str]:
    found: list[tuple[int, float, str]] = []
    for file in files:
        for text in [*docstrings(file), *comments(file)]:
            for line, sentence in sentences(text.words):
                counts = _count_sentence(sentence)
                if counts.found:
                    shown = f"{_shown(file)}:{text.line + line}: {' '.join(sentence.split())}"
                    found.append((counts.found, counts.found / counts.words, shown))
    for number, _, shown in sorted(found, reverse=True)[:most]:
        yield f"{number:2}  {shown}"


def _draw(files: list[Path], number: int, seed: int | None) -> Iterator[str]:
    texts = [text for file in files for text in docstrings(file)]
    for text in random.Random(seed).sample(texts, min(number, len(texts))):
        yield f"{_shown(text.file)}:{text.line}: {text.of}\n    {text.words.strip()}\n"


def main() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends a listing
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, help="list these files, and those of these folders")
    parser.add_argument("--folders", action="store_true", help="list folders in place of files")
    parser.add_argument("--short", action="store_true", help="print one line for hub/")
    parser.add_argument("--sentences", action="store_true", help="print the sentences with the most of both")
    parser.add_argument("--most", type=int, default=40, help="print no more sentences than this (40)")
    parser.add_argument("--draw", type=int, metavar="N", help="print N docstrings, drawn at random")
    parser.add_argument("--seed", type=int, help="draw the same docstrings each time")
    arguments = parser.parse_args()
    paths = [path.resolve() for path in arguments.paths] or [ROOT / "hub"]
    if arguments.short:
        print(_short(ROOT / "hub"))
    elif arguments.sentences:
        print("\n".join(_worst(_files(paths), arguments.most)))
    elif arguments.draw:
        print("\n".join(_draw(_files(paths), arguments.draw, arguments.seed)))
    else:
        rows: dict[str, Count] = {}
        for path in paths:
            if arguments.folders or not arguments.paths:
                rows |= _folders(path)
            else:
                rows |= {_shown(file): measure(file) for file in _files([path])}
        print("\n".join(_table(rows)))


if __name__ == "__main__":
    main()
