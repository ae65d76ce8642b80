"""What the log of `hub serve` looks like: a line an event on stderr, as journald takes it, without secrets.

    TIME LEVEL LOGGER WORDS, or key=value where there are several things to tell

Whatever a stranger had a part in is written so that it stays on its line: characters that do not print are
spelled out, and a traceback is indented.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from typing import Any, Final

from gunicorn.glogging import Logger

from hub.proofs import tokens
from hub.store.database import causes

_INDENT: Final = "    "
# Also one that was cut off, as messages are that repeat what is long.
_STIX_ID: Final = re.compile(
    r"(?<![a-z0-9-])(?!agreement--)([a-z0-9][a-z0-9-]*?)--[0-9a-fA-F]{4}[0-9a-fA-F-]*"
)
# gunicorn repeats what it could not read, in quotes, and addresses with their queries.
_QUOTED: Final = re.compile(r"b?(['\"]).*\1")
_TARGET: Final = re.compile(r"(Error handling request).*")
_SPECIAL: Final = re.compile(r'[\s"=\\]')


def configure() -> None:
    """Let this process and its children log on stderr: what the hub says, and warnings of everybody else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("hub").setLevel(logging.INFO)


def pairs(values: dict[str, object]) -> str:
    """Return `key=value` for each, the value in quotes where it has a space, a quote or `=` in it."""
    return " ".join(f"{key}={_value(printable(str(value)))}" for key, value in values.items())


def _value(text: str) -> str:
    if text and not _SPECIAL.search(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def printable(text: str) -> str:
    """Return `text` on one line, every character that does not print spelled out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def discreet(text: str) -> str:
    """Return `text` without secrets of tokens, and without the ids of objects: some are RED."""
    return _STIX_ID.sub(r"\1--…", tokens.masked(text))


class LineFormatter(logging.Formatter):
    """One line a record; of an exception the traceback below it, indented, without what a database said."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        said = record.getMessage()
        if record.name.startswith("gunicorn"):
            said = _TARGET.sub(r"\1", _QUOTED.sub("…", said))
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        head = f"{at}.{int(record.msecs):03d}Z {record.levelname.lower()} {record.name}"
        lines = [f"{head} {printable(discreet(said))}"]
        if record.exc_info and record.exc_info[1] is not None:
            told = causes.traceback_of(record.exc_info[1]).splitlines()
            lines += [_INDENT + printable(discreet(line)) for line in told]
        return "\n".join(lines)


class ServerLog(Logger):  # type: ignore[misc] # gunicorn ships no types
    """gunicorn's own log, in the hub's form. Its access log is off: the hub has a better one."""

    def setup(self, cfg: Any) -> None:
        """Set the log up as gunicorn does, but for its form."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(LineFormatter())
