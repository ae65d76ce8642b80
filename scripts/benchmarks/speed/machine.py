"""The machine by name, and the CPU time and memory of processes, from /proc."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from tests import postgres, processes

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_STATE: Final = 0  # places in /proc/PID/stat behind the name
_CPU: Final = slice(11, 15)  # utime, stime, and those of children that have ended
_SYNCS: Final = 20


def describe(folder: Path) -> dict[str, Any]:
    """Return the names and versions that a reader of figures needs; `folder` is where databases are."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES >> 20,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": _postgresql(),
        "packages": {
            name: version(name) for name in ("flask", "gunicorn", "sqlalchemy", "psycopg", "orjson")
        },
        "load_at_start": [round(load, 2) for load in os.getloadavg()],
        "sync_ms": round(_sync_ms(folder), 3),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _postgresql() -> str | None:
    try:
        program = postgres.programs() / "postgres"
    except RuntimeError:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    return said.split()[2] if said else None


def _sync_ms(folder: Path) -> float:
    """Return the milliseconds of a durable write of 4 KB: what a commit costs here at least."""
    path = folder / "sync"
    with path.open("wb") as file:
        began = time.perf_counter()
        for _ in range(_SYNCS):
            file.write(bytes(4_096))
            file.flush()
            os.fdatasync(file.fileno())
        taken = time.perf_counter() - began
    path.unlink()
    return taken / _SYNCS * 1_000


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def families(roots: Collection[int]) -> list[int]:
    """Return these processes and their children."""
    return [pid for root in roots for pid in processes.family(root)]


def cpu_seconds(roots: Collection[int]) -> float:
    """Return the CPU seconds that these processes and their children have used."""
    return sum(_ticks(pid) for pid in families(roots)) / _TICKS


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:  # it has ended; its parent counts it
        return 0
    return sum(map(int, fields[_CPU]))


def memory_mb(roots: Collection[int]) -> list[float]:
    """Return the megabytes of each process: its share of pages (PSS) if readable, else its own pages."""
    return [_memory(pid) / 2**20 for pid in families(roots)]


def shared_mb(roots: Collection[int]) -> float:
    """Return the megabytes of memory that these processes share by intention, as PostgreSQL's buffers."""
    return sum(_memory(pid, "Pss_Shmem:") for pid in families(roots)) / 2**20


def _memory(pid: int, kind: str = "Pss:") -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(kind):
                return int(line.split()[1]) * 1_024
    except OSError:
        pass
    try:
        resident, shared = map(int, Path(f"/proc/{pid}/statm").read_text().split()[1:3])
    except OSError:
        return 0.0
    return (resident - shared) * _PAGE_BYTES
