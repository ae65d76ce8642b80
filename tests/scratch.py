"""Where tests keep databases that nobody needs afterwards: in memory where there is room, else on disk.

A disk costs more than the hub does: most of what a test did was to write files that are removed at once.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_IN_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 2 * 1024**3  # a container's is often 64 MB, which is too small for a cluster


def folder() -> Path:
    """Return the folder for what is thrown away: TMPDIR when it is set, else one in memory, else on disk."""
    if "TMPDIR" not in os.environ and _has_room():
        return _IN_MEMORY
    return Path(tempfile.gettempdir())


def _has_room() -> bool:
    return os.access(_IN_MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(_IN_MEMORY).free >= _ROOM_BYTES


def use() -> None:
    """Let this process and all that it starts keep temporary files there."""
    os.environ["TMPDIR"] = str(folder())
    tempfile.tempdir = None  # it is asked for again
