"""Traces one submission of one indicator through the files of the hub, with the calls between files.

The submission is signed, in a world with one agreement. The same submission ran once before, so that imports
and caches are ready. A move is a call of a function in another file of the hub. An entry is the first such
call of a named function.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import orjson

import hub
from tests.hostility.in_process import in_process_hub
from tests.stix_objects import indicator
from tests.world import build, clause

_HUB = f"{Path(hub.__file__).parent}/"


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """The first call of a function from another file. `caller` is empty for a call from outside the hub."""

    caller: str
    file: str
    function: str


@dataclass
class Trace:
    """The calls, the moves between files, and the entries, in time order."""

    calls: Counter[CodeType] = field(default_factory=Counter)
    moves: list[tuple[str, str]] = field(default_factory=list)
    entries: dict[tuple[str, str], TraceEntry] = field(default_factory=dict)
    leading_on: set[tuple[str, str]] = field(default_factory=set)  # functions below which is another file

    def files(self) -> Counter[str]:
        """Return the number of calls of each file."""
        found: Counter[str] = Counter()
        for code, count in self.calls.items():
            found[_file(code)] += count
        return found

    def note(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call" or not frame.f_code.co_filename.startswith(_HUB):
            return
        self.calls[frame.f_code] += 1
        file, name = place = _place(frame.f_code)
        callers = [_place(outer.f_code) for outer in _outer(frame)]
        before = callers[0][0] if callers else ""
        if before == file:
            return
        self.moves.append((before, file))
        self.leading_on.update(caller for caller in callers if caller[0] != file)
        if not name.startswith("<"):  # a lambda or a comprehension has no name to show
            self.entries.setdefault(place, TraceEntry(before, file, name))


def _outer(frame: FrameType) -> Iterator[FrameType]:
    """Yield the frames of the hub around a frame, the nearest first."""
    outer = frame.f_back
    while outer is not None:
        if outer.f_code.co_filename.startswith(_HUB):
            yield outer
        outer = outer.f_back


def _place(code: CodeType) -> tuple[str, str]:
    return _file(code), code.co_qualname.rpartition("<locals>.")[2]


def _file(code: CodeType) -> str:
    return code.co_filename.removeprefix(_HUB)


def trace(act: Callable[[], object]) -> Trace:
    """Return the calls of `act` in the hub, in this thread."""
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


def trace_requests() -> tuple[Trace, Trace]:
    """Return the traces of a POST of one indicator and of a GET by its receiving nation, over HTTP."""
    with tempfile.TemporaryDirectory() as home, in_process_hub(Path(home)) as door:
        door.world.agree(["US", "KR"], clause("US", "KR", "amber"))
        path = door.objects_path("US")
        for number in (1, 2):  # the second is kept
            body = orjson.dumps({"objects": [indicator(number, tlp="amber")]})
            headers = door.signed("us-agency", path, body)
            pushed = trace(lambda: door.client.post(path, data=body, headers=headers))  # noqa: B023
            polled = trace(lambda: door.get("kr-cert", path).data)
            assert len(orjson.loads(door.get("kr-cert", path).data)["objects"]) == number
    return pushed, polled


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
