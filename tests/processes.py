"""Processes with children, as PostgreSQL's are: who belongs to one, and how all of them stop, go on and end.

Every child of a postmaster leads a process group of its own, so that no signal to a group reaches them all.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from tests.patience import wait_for

_END_SECONDS = 30
_POLL_SECONDS = 0.01


def is_running(pid: int) -> bool:
    """Tell whether there is such a process, and it has not ended: nobody may have asked how it did."""
    return _state(pid) not in {None, "Z", "X"}


def is_stopped(pid: int) -> bool:
    """Tell whether the process stands still until it is told to go on."""
    return _state(pid) == "T"


def command_line(pid: int) -> str:
    """Return the process's arguments, separated by spaces; nothing when there is no such process."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def family(pid: int) -> list[int]:
    """Return the process and its children, as far as they run."""
    entries = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    children = [child for child in entries if (fields := _fields(child)) and int(fields[1]) == pid]
    return [member for member in (pid, *children) if is_running(member)]


def send(pid: int, number: signal.Signals) -> None:
    """Send the signal, if the process still exists."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def stop(pid: int) -> None:
    """Let the process stand still; return when it does, or has ended."""
    send(pid, signal.SIGSTOP)
    wait_for(lambda: is_stopped(pid) or not is_running(pid), f"process {pid} to stand still")


def stop_family(pid: int) -> None:
    """Let the process and its children stand still; the process first, so that it makes no more of them."""
    stop(pid)
    for member in family(pid)[1:]:
        stop(member)


def go_on(pid: int) -> None:
    """Let the process and its children go on, whichever of them stand still."""
    for member in family(pid):
        send(member, signal.SIGCONT)


def kill_family(pid: int) -> None:
    """Kill the process and its children, none of which can do anything more; return when they are gone."""
    stop(pid)
    members = family(pid)
    for member in members:
        send(member, signal.SIGKILL)
    wait_for(lambda: not any(map(is_running, members)), f"process {pid} and its children to be gone")


def end_family(pid: int, number: signal.Signals) -> None:
    """End the process by this signal, and it and its children by SIGKILL if that takes too long."""
    go_on(pid)
    members = family(pid)
    send(pid, number)
    deadline = time.monotonic() + _END_SECONDS
    while any(map(is_running, members)):
        if time.monotonic() > deadline:
            for member in members:
                send(member, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)


def _state(pid: int) -> str | None:
    fields = _fields(pid)
    return fields[0] if fields else None


def _fields(pid: int) -> list[str]:
    """The process's fields as Linux has them, from its state on; a name before them may hold anything."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return []
