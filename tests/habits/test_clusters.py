"""A test run removes the database cluster of a killed run, and never a cluster in use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests import postgres

_MAKES_ONE = """
import sys, time
from pathlib import Path
from tests import postgres
print(postgres.make_home(Path(sys.argv[1])), flush=True)
time.sleep(1e6)
"""


def test_only_what_nobody_uses_any_more_is_removed(tmp_path: Path) -> None:
    used = postgres.make_home(tmp_path)
    command = [sys.executable, "-c", _MAKES_ONE, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as run:
        assert run.stdout is not None
        left = Path(run.stdout.readline().strip())
        run.send_signal(signal.SIGKILL)
    new = postgres.make_home(tmp_path)
    assert left.exists(), "it is too new to be sure"
    for home in (used, left):
        os.utime(home / "owner", (0, 0))
    postgres.remove(postgres.make_home(tmp_path))
    assert [home.exists() for home in (used, left, new)] == [True, False, True]
    for home in (used, new):
        postgres.remove(home)
