"""Tells through which files of the hub one submission of one indicator goes, and how often between them.

A signed submission in a world with one agreement; the same was done once before, so that nothing is loaded
or cached for the first time. A move is a call of a function in another file of the hub.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import hub
from tests.stix_objects import indicator
from tests.world import build, clause

_HUB = f"{Path(hub.__file__).parent}/"


@dataclass
class Trace:
    """What was called, and the moves between files, in the order in which they came."""

    calls: Counter[CodeType] = field(default_factory=Counter)
    moves: list[tuple[str, str]] = field(default_factory=list)

    def files(self) -> Counter[str]:
        """Return how many calls each file had."""
        found: Counter[str] = Counter()
        for code, count in self.calls.items():
            found[_file(code)] += count
        return found

    def note(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call" or not frame.f_code.co_filename.startswith(_HUB):
            return
        self.calls[frame.f_code] += 1
        outer = frame.f_back
        while outer is not None and not outer.f_code.co_filename.startswith(_HUB):
            outer = outer.f_back
        before = _file(outer.f_code) if outer is not None else ""
        if before != _file(frame.f_code):
            self.moves.append((before, _file(frame.f_code)))


def _file(code: CodeType) -> str:
    return code.co_filename.removeprefix(_HUB)


def trace(act: Callable[[], object]) -> Trace:
    """Return what `act` called in the hub, in this thread."""
    found = Trace()
    sys.setprofile(found.note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return found


def trace_submission() -> Trace:
    """Return the trace of one indicator, submitted and released to one nation."""
    with tempfile.TemporaryDirectory() as home:
        world = build(f"sqlite:///{home}/hub.db", require_signature=True)
        world.agree(["US", "KR"], clause("US", "KR", "amber"))
        world.push("us-agency", indicator(1, tlp="amber"))
        found = trace(lambda: world.push("us-agency", indicator(2, tlp="amber")))
        assert len(world.ids("kr-cert")) == 2
        world.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--moves", action="store_true", help="list the moves, most frequent first")
    arguments = parser.parse_args()
    found = trace_submission()
    for file, count in sorted(found.files().items()):
        print(f"{count:6}  {file}")
    if arguments.moves:
        for (one, other), count in Counter(found.moves).most_common():
            print(f"{count:6}  {one or '(the test)'} -> {other}")
    print(f"{len(found.files())} files, {len(found.calls)} functions, {len(found.moves)} moves")


if __name__ == "__main__":
    main()
