"""A person at a terminal: a real one, with what is typed there."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence

from tests.patience import PATIENCE_SECONDS


def at_a_terminal(
    environ: Mapping[str, str], typed: str | Sequence[str], *arguments: object
) -> tuple[int, str]:
    """Run `hub` on a terminal of its own; return its exit code and what the terminal shows.

    `typed` goes in at once, or each part when the terminal has shown another question that ends in ": ".
    """
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "hub", *map(str, arguments)]
    own = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    waiting = [typed] if isinstance(typed, str) else list(typed)
    with subprocess.Popen(
        command,
        env={**own, **environ, "COLUMNS": "200"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    ) as process:
        os.close(follower)
        output, answered = b"", 0
        if isinstance(typed, str):
            os.write(leader, waiting.pop(0).encode())
        try:
            while chunk := os.read(leader, 65_536):
                output += chunk
                if waiting and output.endswith(b": ") and len(output) > answered:
                    answered = len(output)
                    os.write(leader, waiting.pop(0).encode())
        except OSError:
            pass  # nobody writes any more
        process.wait(PATIENCE_SECONDS)
    os.close(leader)
    return process.returncode, output.decode().replace("\r\n", "\n")
