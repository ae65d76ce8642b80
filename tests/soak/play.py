"""One process of the soak: `python -m tests.soak.play FOLDER ROLE [MEMBER NUMBER | FROM STEP]`."""

from __future__ import annotations

import sys
import threading
import traceback
from pathlib import Path

from tests.soak.governing import Governor
from tests.soak.journal import Setup
from tests.soak.polling import WAYS, SoakPoller, make
from tests.soak.writing import SoakWriter


def main(folder: str, role: str, *arguments: str) -> int:
    """Play the role until it is told to stop; return 1 when anything was not as it may be."""
    setup = Setup.read(Path(folder))
    match role, arguments:
        case "writer", (member, number):
            SoakWriter(setup, member, int(number)).run()
        case "governor", ():
            Governor(setup).run()
        case "pollers", (begin, step):
            ways = [way for way in WAYS if way.member in setup.members]
            return _poll([make(setup, way) for way in ways[int(begin) :: int(step)]])
        case _:
            raise SystemExit(f"no such role: {role} {arguments}")
    return 0


def _poll(pollers: list[SoakPoller]) -> int:
    """Let all poll side by side; whatever one of them raises is printed."""
    failed: list[str] = []

    def run(poller: SoakPoller) -> None:
        try:
            poller.run()
        except Exception:  # noqa: BLE001 - the process says it for its threads
            failed.append(poller.way.name)
            traceback.print_exc()

    threads = [threading.Thread(target=run, args=[poller]) for poller in pollers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
