"""Files in other forms than JSON in UTF-8: their likely form, and the remedy."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, BinaryIO, Final

import orjson

from hub.client.errors import ClientError

# A bound against gzip bombs: few bytes may unpack to gigabytes (hub/README: push-odd-files).
MOST_UNPACKED: Final = 256 * 1024 * 1024  # bytes: twenty times the largest feeds, and fits in memory

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"  # the byte order mark in UTF-8
_GZIP: Final = b"\x1f\x8b"
_ARCHIVES: Final = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "an empty zip archive",
    b"BZh": "packed by bzip2",
    b"\xfd7zXZ": "packed by xz",
    b"\x28\xb5\x2f\xfd": "packed by zstd",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive",
    _GZIP: "packed by gzip twice",
}
_DOCUMENTS: Final = {
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "a document of Office or Hangul",
    b"{\\rtf": "a document in RTF",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
}
_TAR: Final = b"ustar"  # at byte 257 of a tar archive
_WIDE_MARKS: Final = {
    b"\xff\xfe\x00\x00": "UTF-32LE",
    b"\x00\x00\xfe\xff": "UTF-32BE",
    b"\xff\xfe": "UTF-16LE",
    b"\xfe\xff": "UTF-16BE",
}
_WIDE: Final = {"x000": "UTF-32LE", "000x": "UTF-32BE", "x0": "UTF-16LE", "0x": "UTF-16BE"}
_SAMPLE: Final = 65_536  # bytes that decide on an encoding
_MOSTLY: Final = 4  # good characters for each broken one: other encodings rarely look like UTF-8
_MORE_LINES: Final = 100  # one line of an indented file has little text


def plain_lines(name: str, file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a text file, unpacked from gzip, without byte order marks.

    Raises ClientError, with the remedy, for another kind of file or another encoding than UTF-8.
    """
    head = file.read(len(_GZIP))
    if head == _GZIP:
        lines = _unpacked(name, _Joined(head, file))
        first = next(lines, b"")
    else:
        begun = head.splitlines(keepends=True) or [b""]
        begun[-1] += b"" if begun[-1].endswith(b"\n") else file.readline()
        lines = chain(begun, file)
        first = next(lines, b"")
    _refuse_binary(name, first)
    lines = chain([first], lines)
    for number, marked in enumerate(lines, 1):
        line = marked
        while line.startswith(_BYTE_ORDER_MARK):  # joined files have one before each part
            line = line[len(_BYTE_ORDER_MARK) :]
        if not _is_utf8(line):
            sample = line + b"".join(more[:_SAMPLE] for more in islice(lines, _MORE_LINES))
            raise ClientError(_other_encoding(name, number, sample))
        yield line


def _unpacked(name: str, packed: _Joined) -> Iterator[bytes]:
    total = 0
    try:
        with gzip.GzipFile(fileobj=io.BufferedReader(packed)) as file:  # never unpacks beyond the limit
            while line := file.readline(MOST_UNPACKED + 1 - total):
                total += len(line)
                if total > MOST_UNPACKED:
                    raise ClientError(
                        f"{name}: it unpacks to more than {MOST_UNPACKED >> 20} MB; "
                        "unpack it with gunzip, and push it in parts"
                    )
                yield line
    except (OSError, EOFError, zlib.error) as error:
        raise ClientError(f"{name}: packed by gzip, and damaged or cut off; fetch the file again") from error


class _Joined(io.RawIOBase):
    """A stream after a read of the first bytes, as a file from the beginning."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        super().__init__()
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        taken = self._head or self._rest.read(len(buffer))
        self._head = b""
        buffer[: len(taken)] = taken
        return len(taken)


def _refuse_binary(name: str, first: bytes) -> None:
    for start, what in _ARCHIVES.items():
        if first.startswith(start):
            raise ClientError(f"{name}: the file is {what}; unpack it, and push the JSON files in it")
    if _TAR in first[:512] and b"\0" in first[:512]:
        raise ClientError(f"{name}: the file is a tar archive; unpack it, and push the JSON files in it")
    for start, what in _DOCUMENTS.items():
        if first.startswith(start):
            raise ClientError(f"{name}: the file is {what}, not JSON; make STIX 2.1 objects of it first")
    wide = next((what for mark, what in _WIDE_MARKS.items() if first.startswith(mark)), None)
    if wide is None:  # ASCII characters have zero bytes around them
        zeros = "".join("0" if byte == 0 else "x" for byte in first[:4])
        wide = next((what for start, what in _WIDE.items() if zeros.startswith(start)), None)
    if wide is not None:
        raise ClientError(_save_as_utf8(name, "the file is", wide))
    # A NUL in JSON gets an error with its place.
    if b"\0" in first and first.lstrip()[:1] not in (b"{", b"["):
        raise ClientError(f"{name}: the file is no text; name a file of STIX 2.1 objects as JSON")


def _save_as_utf8(name: str, what: str, encoding: str) -> str:
    remedy = f"iconv -f {encoding} -t UTF-8 FILE > NEW, or `Save as` with UTF-8 in an editor"
    return f"{name}: {what} {encoding}, and the hub takes UTF-8 alone; save it as UTF-8 ({remedy})"


def _is_utf8(line: bytes) -> bool:
    if line.isascii():
        return True
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _other_encoding(name: str, number: int, line: bytes) -> str:
    text = line.decode(errors="replace")
    broken = text.count("\ufffd")
    if sum(char > "\x7f" for char in text) > _MOSTLY * broken:
        place = text.index("\ufffd") + 1
        return (
            f"{name}: line {number} column {place} is no UTF-8, and the text around it is: a character was "
            "cut, or bytes stand in a text; write it whole, or fetch the file again as UTF-8"
        )
    found = likely_encoding(line)
    return _save_as_utf8(name, f"line {number} is no UTF-8, but most likely", found)


# --- the likely encoding --------------------------------------------------------------------------

_RUN: Final = re.compile("[^\x00-\x7f]+")
_KANA: Final = re.compile("[\u3041-\u30fa\u30fc]")
_HAN: Final = re.compile("[\u4e00-\u9fff]")
_HALF_KANA: Final = re.compile("[\uff66-\uff9f]")
_HANGUL: Final = re.compile("[\uac00-\ud7a3]")
_DECODERS: Final = {"CP949": "cp949", "SHIFT_JIS": "cp932", "EUC-JP": "euc_jp"}


def likely_encoding(text: bytes) -> str:
    """Return the most likely encoding of a text outside UTF-8, by the name that iconv uses."""
    start = next((place for place, byte in enumerate(text) if byte > 0x7F), 0)  # noqa: PLR2004
    sample = text[start : start + _SAMPLE]
    best = max(_DECODERS, key=lambda name: _likeness(sample, name))
    return best if _likeness(sample, best) > _likeness_of_western(sample) else "WINDOWS-1252"


def _likeness(sample: bytes, name: str) -> float:
    """Return how much the sample, decoded so, looks like Korean or Japanese, from 0 to 1."""
    text = _decoded(sample, _DECODERS[name])
    foreign = "".join(_RUN.findall(text or ""))
    if not foreign:
        return 0.0
    han = len(_HAN.findall(foreign))
    if name == "CP949":
        return (sum(map(_is_common, _HANGUL.findall(foreign))) + 0.1 * han) / len(foreign)
    # Other encodings, decoded as Shift-JIS, look like half-width kana, too: these count less.
    half = len(_HALF_KANA.findall(foreign))
    return (len(_KANA.findall(foreign)) + 0.6 * han + 0.3 * half) / len(foreign)


def _is_common(syllable: str) -> bool:
    """Return whether a syllable is among the 2,350 of KS X 1001, which make up nearly all Korean text."""
    return min(syllable.encode("cp949")) > 0xA0  # noqa: PLR2004


def _decoded(sample: bytes, codec: str) -> str | None:
    for length in range(len(sample), max(len(sample) - 4, 0), -1):  # the sample may end inside a character
        try:
            return sample[:length].decode(codec)
        except UnicodeDecodeError as error:
            if error.start < length - 3:
                return None
    return None


def _likeness_of_western(sample: bytes) -> float:
    """Return how much the sample looks like a Western language: its letters are single among ASCII."""
    runs = _RUN.findall(sample.decode("latin-1"))
    alone = sum(len(run) == 1 for run in runs)
    return 0.65 * alone / len(runs) if runs else 0.0


# --- other forms than JSON --------------------------------------------------------------------------


def refuse_others(name: str, first: bytes) -> None:
    """Return if a file with this first line may be JSON. Raises ClientError with its likely form."""
    start = first.lstrip().removeprefix(_BYTE_ORDER_MARK)[:1_000]
    if start.startswith(b"<"):
        if re.match(rb"<(!doctype )?html", start, re.IGNORECASE):
            raise ClientError(f"{name}: the file is a web page (HTML), not JSON; fetch the feed itself")
        raise ClientError(
            f"{name}: the file is XML, as STIX 1.x is, and the hub takes STIX 2.1 as JSON; "
            "convert it with stix2-elevator, or ask the source for STIX 2.1"
        )
    if re.match(rb"[^\[{\"]*?[,;\t]|\"[^\"]*\"\s*[,;\t]", start) and not re.match(
        rb"-?[0-9.eE+]+\s*$", start
    ):
        raise ClientError(
            f"{name}: the file looks like CSV or other text, not JSON; "
            "make STIX 2.1 objects of its rows first"
        )
    if start[:1] == b"\x1e":
        raise ClientError(f"{name}: the file is a JSON text sequence (RFC 7464); take out the characters 1E")
    if not _MAY_BE_JSON.match(start):
        begins = start.split(b"\n")[0].strip()[:_MAX_SHOWN].decode(errors="replace")
        begins = "".join(char for char in begins if char.isprintable())
        raise ClientError(
            f"{name}: the file begins with {begins!r}, which is no JSON; make STIX 2.1 objects of it first"
        )


def not_json(name: str, data: bytes, error: orjson.JSONDecodeError, line: int, column: int = 0) -> str:
    """Return the sentence on a text that is no JSON, with its place; `column` counts from 0."""
    if _ESCAPES.search(data):
        encoding = "ISO-2022-KR" if b"\x1b$)C" in data else "ISO-2022-JP"
        return _save_as_utf8(name, "the file is most likely", encoding)
    place = (
        f"{name} line {line + error.lineno - 1} column {error.colno + (error.lineno == 1) * column}: not JSON"
    )
    text = data.decode(errors="replace")
    return f"{place}: {_remedy(text, error)}"


def is_of_all(data: bytes, error: orjson.JSONDecodeError) -> bool:
    """Return whether the flaw concerns the whole file: a lost end, or another encoding."""
    return _ESCAPES.search(data) is not None or not data.decode(errors="replace")[error.pos :].strip()


def _remedy(text: str, error: orjson.JSONDecodeError) -> str:
    near = text[max(error.pos - 1, 0) : error.pos + 40].lstrip(" \t\r\n,{[:")
    if not text[error.pos :].strip():
        return "the text ends too early; it may have been cut off"
    for begins, said in _REMEDIES.items():
        if near.startswith(begins):
            return said
    if _BARE_KEY.match(near):
        return "put the name of each property in double quotes"
    hint = next((said for part, said in _HINTS.items() if part in error.msg), "")
    return f"{error.msg}{hint}"


_ESCAPES: Final = re.compile(rb"\x1b[$(]")  # ISO-2022 changes its character set so
_MAX_SHOWN: Final = 40
# An object, a list, or another value of JSON or close to it.
_MAY_BE_JSON: Final = re.compile(
    rb"[\[{\"'#/]|(?:true|false|null|NaN|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*$"
)
_BARE_KEY: Final = re.compile(r"[A-Za-z_$][\w$-]*\s*:")
_REMEDIES: Final = {
    **dict.fromkeys(("//", "/*", "#"), "JSON has no comments; take them out"),
    "'": "texts and keys stand in double quotes, not in single ones",
    **dict.fromkeys(("\u201c", "\u201d"), 'texts and keys stand in straight double quotes (")'),
    "None": "write null as JSON does, or leave the property out",
    "True": "write true in lower case",
    "False": "write false in lower case",
}
_HINTS: Final = {
    "trailing comma": "; take the last comma out",
    "control character": "; within a text write a line break as \\n, and a tab as \\t",
    "escaped": "; within a text write a backslash as \\\\",
    "content after document": "; put all objects into one list, or each on a line of its own",
}
