"""Put each fault into a copy of the checkout, and see whether its tests fail. Exit 0: each does."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from queue import SimpleQueue

from tests.mutants import ROOT, Mutant, mutants

SECONDS = 900  # that the tests of one fault may take
FAILED, PASSED = 1, 0  # exit codes of pytest


@dataclass(frozen=True)
class Result:
    """What the tests of one fault said, and how long they took."""

    mutant: Mutant
    word: str
    seconds: float
    output: str

    @property
    def is_seen(self) -> bool:
        return self.word == "seen"


def run_tests(place: Path, tests: Iterable[str], worlds: int, *options: str) -> tuple[int | None, str]:
    """Return pytest's exit code, None when the time was over, and its output."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *tests]
    environment = os.environ | {"PYTHONPATH": str(place), "HUB_TEST_EXAMPLES": str(worlds)}
    try:
        done = subprocess.run(
            command, cwd=place, env=environment, timeout=SECONDS, text=True, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stdout + done.stderr


@contextmanager
def with_fault(place: Path, mutant: Mutant) -> Iterator[None]:
    """The copy holds the fault meanwhile, and no bytecode of the file without it."""
    path = place / mutant.file
    text = path.read_text()
    try:
        path.write_text(mutant.put_into(text))
        shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)
        yield
    finally:
        path.write_text(text)
        shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)


def try_one(places: SimpleQueue[Path], mutant: Mutant, worlds: int) -> Result:
    """Put the fault into a free copy, and run its tests there."""
    place, start = places.get(), time.monotonic()
    try:
        with with_fault(place, mutant):
            code, output = run_tests(place, mutant.tests, worlds, "-x")
    finally:
        places.put(place)
    words = {FAILED: "seen", PASSED: "NOT SEEN", None: "TOO LONG"}
    return Result(mutant, words.get(code, f"BROKEN (pytest: {code})"), time.monotonic() - start, output)


def copy_of_the_checkout(place: Path) -> Path:
    """Copy what git knows and what it does not ignore; the shared data beside it stay where they are."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file() or (ROOT / name).is_symlink():
            target = place / "hub" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target, follow_symlinks=False)
    shared = ROOT.parent / "shared"
    if shared.exists():
        (place / "shared").symlink_to(shared.resolve())
    return place / "hub"


def chosen() -> tuple[list[Mutant], argparse.Namespace]:
    """Return the faults that the command line asks for."""
    parser = argparse.ArgumentParser(prog="scripts/mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="only faults whose name, file or promise holds one of these")
    parser.add_argument("--worlds", type=int, default=30, help="worlds that a property tries (default 30)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="faults tried side by side")
    parser.add_argument("--list", action="store_true", help="list the faults and try none")
    given = parser.parse_args()
    every = mutants()
    words = [word.casefold() for word in given.words]
    texts = {each: f"{each.name} {each.file} {each.promise}".casefold() for each in every}
    found = [each for each in every if not words or any(word in texts[each] for word in words)]
    if not found:
        parser.error(f"no fault's name, file or promise holds {' or '.join(given.words)}; see --list")
    return found, given


def main() -> int:
    """Try the faults; print a line each, and the output of the tests where a fault was not seen."""
    faults, given = chosen()
    if given.list:
        print(*(f"{each.file}: {each.name} ({each.promise})" for each in faults), sep="\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        places: SimpleQueue[Path] = SimpleQueue()
        for number in range(given.jobs):
            (Path(folder) / str(number)).mkdir()
            places.put(copy_of_the_checkout(Path(folder) / str(number)))
        place = places.get()
        tests = dict.fromkeys(chain.from_iterable(each.tests for each in faults))
        code, output = run_tests(place, tests, given.worlds)
        places.put(place)
        if code != PASSED:
            print(output, "Without any fault the tests do not pass; mend them first.", sep="\n")
            return 1
        with ThreadPoolExecutor(given.jobs) as pool:
            waiting = [pool.submit(try_one, places, each, given.worlds) for each in faults]
            results = [told(one.result()) for one in waiting]
    seen = sum(result.is_seen for result in results)
    print(f"{seen} of {len(results)} faults seen, properties of {given.worlds} worlds")
    return 0 if seen == len(results) else 1


def told(result: Result) -> Result:
    """Print the line of a result, and the end of what the tests said where the fault was not seen."""
    print(f"{result.word:8} {result.seconds:6.1f} s  {result.mutant.file}: {result.mutant.name}", flush=True)
    if not result.is_seen:
        print(result.output[-3000:], flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
