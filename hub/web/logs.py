"""The log of `hub serve`: one line for each event on stderr, as journald expects, without secrets.

    TIME LEVEL LOGGER WORDS, or key=value for several values

Text from a client cannot leave its line: unprintable characters are escaped, and a traceback is indented.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from functools import lru_cache
from typing import Any, Final

from gunicorn.glogging import Logger

from hub.proofs import tokens
from hub.store.database import causes

_INDENT: Final = "    "
# Also a shortened id: messages shorten long texts.
_STIX_ID: Final = re.compile(
    r"(?<![a-z0-9-])(?!agreement--)([a-z0-9][a-z0-9-]*?)--[0-9a-fA-F]{4}[0-9a-fA-F-]*"
)
# gunicorn's messages quote unreadable input, and name addresses with their queries.
_QUOTED: Final = re.compile(r"b?(['\"]).*\1")
_TARGET: Final = re.compile(r"(Error handling request).*")
_VALUES_KEPT: Final = 256  # members, endpoints, methods: the same few in most lines
_SPECIAL: Final = re.compile(r'[\s"=\\]')


def configure() -> None:
    """Let this process and its children log on stderr: the hub from INFO, all others from WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("hub").setLevel(logging.INFO)
    # No line names its source line, thread, process or task, so these are not looked up (the Python Logging
    # HOWTO, Optimization).
    logging._srcfile = None
    logging.logThreads = logging.logMultiprocessing = logging.logProcesses = False


def pairs(values: dict[str, object]) -> str:
    """Return `key=value` for each value, in quotes if there is a space, a quote or `=` in the value."""
    return " ".join(f"{key}={_value(str(each))}" for key, each in values.items())


def _value(text: str) -> str:
    text = printable(text)
    if text and not _SPECIAL.search(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@lru_cache(_VALUES_KEPT)
def value(text: str) -> str:
    """Return `text` as the value of a pair, for texts that return in other lines."""
    return _value(text)


def printable(text: str) -> str:
    """Return `text` on one line, with escapes for unprintable characters."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def without_secrets(text: str) -> str:
    """Return `text` without secrets of tokens and without ids of objects: some objects are RED."""
    return _STIX_ID.sub(r"\1--…", tokens.masked(text))


class LineFormatter(logging.Formatter):
    """One line for each record. A traceback follows indented, without the words of a database."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        # INVARIANT: every line passes `without_secrets`, whichever library wrote it.
        said = record.getMessage()
        if record.name.startswith("gunicorn"):
            said = _TARGET.sub(r"\1", _QUOTED.sub("…", said))
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        head = f"{at}.{int(record.msecs):03d}Z {record.levelname.lower()} {record.name}"
        lines = [f"{head} {printable(without_secrets(said))}"]
        if record.exc_info and record.exc_info[1] is not None:
            # A database's message may quote stored values.
            trace = causes.traceback_of(record.exc_info[1]).splitlines()
            lines += [_INDENT + printable(without_secrets(line)) for line in trace]
        return "\n".join(lines)


class ServerLog(Logger):  # type: ignore[misc] # gunicorn ships no types
    """gunicorn's own log, in the hub's form. Its access log is off: see `request_log`."""

    def setup(self, cfg: Any) -> None:
        """Set up the log like gunicorn, but with the hub's form."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(LineFormatter())
