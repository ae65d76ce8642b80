"""`hub` on a terminal of its own, as a person sees it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from tests.patience import PATIENCE_SECONDS


@dataclass
class Screen:
    """What came to the terminal, from stdout and stderr together, and how the command ended."""

    text: bytes
    exit_code: int


def on_a_terminal(*arguments: str, env: dict[str, str], is_stdout: bool = True) -> Screen:
    """Run `hub` with stderr on a terminal, and stdout too unless told otherwise; then that goes nowhere."""
    ours, theirs = pty.openpty()
    environ = os.environ | {"TERM": "xterm", "COLUMNS": "200", "NO_PROXY": "*"} | env
    stdout = theirs if is_stdout else subprocess.DEVNULL
    command = [sys.executable, "-m", "hub", *arguments]
    process = subprocess.Popen(command, env=environ, stdin=theirs, stdout=stdout, stderr=theirs)
    os.close(theirs)
    text, deadline = b"", time.monotonic() + PATIENCE_SECONDS
    with suppress(OSError):  # how a terminal ends
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.1)[0]:
                if not (part := os.read(ours, 65_536)):
                    break
                text += part
    os.close(ours)
    return Screen(text, process.wait(PATIENCE_SECONDS))
