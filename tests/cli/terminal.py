"""`hub` on a terminal of its own, as a person sees it, with what is typed there."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tests.patience import PATIENCE_SECONDS


@dataclass
class Screen:
    """What came to the terminal, from stdout and stderr together, and how the command ended."""

    text: bytes
    exit_code: int


def on_a_terminal(
    *arguments: object, env: Mapping[str, str], is_stdout: bool = True, typed: str | Sequence[str] = ()
) -> Screen:
    """Run `hub` with stderr on a terminal, and stdout too unless told otherwise; then that goes nowhere.

    `typed` goes in at once, or each part when the terminal has shown another question that ends in ": ".
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hub", *map(str, arguments)],
        env=os.environ | {"TERM": "xterm", "COLUMNS": "200", "NO_PROXY": "*"} | dict(env),
        stdin=theirs,
        stdout=theirs if is_stdout else subprocess.DEVNULL,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    if isinstance(typed, str):
        os.write(ours, typed.encode())
    waiting = [] if isinstance(typed, str) else list(typed)
    text, answered, deadline = b"", 0, time.monotonic() + PATIENCE_SECONDS
    with suppress(OSError):  # how a terminal ends
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.1)[0]:
                if not (part := os.read(ours, 65_536)):
                    break
                text += part
            if waiting and text.endswith(b": ") and len(text) > answered:
                answered = len(text)
                os.write(ours, waiting.pop(0).encode())
    os.close(ours)
    return Screen(text, process.wait(PATIENCE_SECONDS))


def at_a_terminal(
    environ: Mapping[str, str], typed: str | Sequence[str], *arguments: object
) -> tuple[int, str]:
    """Run `hub` as `on_a_terminal` does; return its exit code and the lines that the terminal shows."""
    screen = on_a_terminal(*arguments, env=environ, typed=typed)
    return screen.exit_code, screen.text.decode().replace("\r\n", "\n")
