"""The cases of `hostile_costs`: each prepares a hub, and measures one request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.hostility import hostile
from tests.hostility.in_process import InProcessHub
from tests.stix_objects import indicator, malware, note, report, stix_id
from tests.world import clause

_PATTERN_BYTES: Final = 15_900
_THREADS: Final = 8  # of a worker (hub/web/serving.py)
_POLLS: Final = 16
_A_POST: Final = 10_000
_TERMS: Final = {"granular": "redact", "anonymise": "agency"}  # gives the largest number of forms


class Cost(NamedTuple):
    """The measured values of one request. Memory is the growth of the process during the answer."""

    size: int
    cpu_seconds: float
    megabytes: float
    growth: float
    answer: str
    is_reading: bool = False


Case = Callable[[InProcessHub, Path, float], Cost]
Bodies = Callable[[Callable[[int], int]], Iterator[bytes]]


def _measured(folder: Path, size: int, act: Callable[[], str], *, is_reading: bool = False) -> Cost:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    held, stored = _status("VmRSS"), _stored(folder)
    start = time.process_time()
    answer = act()
    spent = time.process_time() - start
    return Cost(size, spent, _status("VmHWM") - held, _stored(folder) - stored, answer, is_reading)


def _status(name: str) -> float:
    """Return a figure of this process in MB (proc_pid_status(5))."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def _stored(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _said(answer: Any) -> str:
    value = orjson.loads(answer.data)
    if "total_count" in value:
        failures = value.get("failures", [])
        first = failures[0]["message"] if failures else ""
        return f"{answer.status_code}: {value['success_count']} of {value['total_count']}; {first}"
    return f"{answer.status_code}: {value.get('description', value.get('detail', len(value)))}"


def _post(
    bodies: Bodies, hub: InProcessHub, folder: Path, scale: float, *, member: str = "us-agency"
) -> Cost:
    """Post all bodies, and measure the last. The earlier bodies prepare the hub."""
    _agreement(hub)
    *before, last = bodies(lambda count: max(2, int(count * scale)))
    for body in before:
        answer = hub.push_bytes(member, body)
        if answer.status_code != 202:  # noqa: PLR2004
            raise RuntimeError(f"the hub could not be prepared: {_said(answer)}")
    del before
    return _measured(folder, len(last), lambda: _said(hub.push_bytes(member, last)))


def _agreement(hub: InProcessHub) -> None:
    hub.world.agree(["US", "KR"], clause("US", "KR", "green", **_TERMS))


def _in_posts(objects: list[Any], most: int = 5_000) -> Iterator[bytes]:
    for n in range(0, len(objects), most):
        yield hostile.envelope(objects[n : n + most])


# --- patterns and items ---------------------------------------------------------------------------


def _patterns(shapes: tuple[str, ...], scaled: Callable[[int], int]) -> Iterator[bytes]:
    made = [hostile.PATTERNS[shape](_PATTERN_BYTES) for shape in shapes]
    yield hostile.envelope([indicator(n, pattern=made[n % len(made)]) for n in range(scaled(250))])


def _unreadable(item: Any, count: int, scaled: Callable[[int], int]) -> Iterator[bytes]:
    yield hostile.envelope([item] * scaled(count))


def _observables(scaled: Callable[[int], int]) -> Iterator[bytes]:
    yield hostile.many_small_objects(scaled(_A_POST))


def _text(obj: Callable[[Callable[[int], int]], Any], scaled: Callable[[int], int]) -> Iterator[bytes]:
    yield hostile.envelope([obj(scaled)])


# --- references and versions ----------------------------------------------------------------------


def _report(reports: int, scaled: Callable[[int], int]) -> Iterator[bytes]:
    refs = [hostile.id_of("malware", n) for n in range(scaled(38_000))]
    yield hostile.envelope([report(n, refs=refs) for n in range(reports)])


def _remarked(scaled: Callable[[int], int]) -> Iterator[bytes]:
    yield hostile.envelope([malware(0, tlp="green")])
    yield from _in_posts([note(n, tlp="green", refs=[stix_id("malware", 0)]) for n in range(scaled(8_000))])
    yield hostile.envelope([malware(0, version=2, tlp="red")])


def _ring(scaled: Callable[[int], int]) -> Iterator[bytes]:
    count = scaled(4_000)
    ring = [malware(n, tlp="green", refs=[stix_id("malware", (n + 1) % count)]) for n in range(count)]
    yield hostile.envelope(ring)


def _versions(scaled: Callable[[int], int]) -> Iterator[bytes]:
    count = scaled(12_000)
    yield from _in_posts([malware(0, version=n, tlp="green") for n in range(1, count + 1)])
    yield hostile.envelope([malware(0, version=count + 1, tlp="green")])


def _explanation(hub: InProcessHub, folder: Path, scale: float) -> Cost:
    _agreement(hub)
    for body in _ring(lambda count: max(2, int(count * scale))):
        hub.push_bytes("us-agency", body)
    path = f"/governance/explanations/?object={stix_id('malware', 0)}"
    return _measured(folder, len(path), lambda: _said(hub.get("us-agency", path)))


# --- polls ----------------------------------------------------------------------------------------


def _polls(hub: InProcessHub, folder: Path, scale: float) -> Cost:
    """Measure sixteen polls of one worker. Eight pages are ready at the same time, and are sent slowly."""
    for n in range(max(1, int(4 * scale))):
        objects = [malware(n * 300 + i, tlp="green", description="x" * 33_000) for i in range(300)]
        hub.push_bytes("us-agency", hostile.envelope(objects))
    barrier = threading.Barrier(_THREADS)

    def poll(_n: int) -> int:
        headers = {"Authorization": f"Bearer {hub.world.tokens['us-cert']}"}
        environ = EnvironBuilder(path=hub.objects_path("US"), headers=headers).get_environ()
        parts, status, _headers = run_wsgi_app(hub.app, environ, buffered=False)
        barrier.wait(60)
        if not status.startswith("200"):
            raise RuntimeError(status)
        return sum(map(len, parts))

    def act() -> str:
        with ThreadPoolExecutor(_THREADS) as pool:
            sizes = list(pool.map(poll, range(_POLLS)))
        return f"{len(sizes)} pages of {max(sizes):,} bytes"

    return _measured(folder, 0, act, is_reading=True)


# --- shapes of the tests --------------------------------------------------------------------------


def _shape(make: Callable[[], Iterator[bytes]], hub: InProcessHub, folder: Path, scale: float) -> Cost:
    return _post(lambda _scaled: make(), hub, folder, scale)


def _query(query: str, hub: InProcessHub, folder: Path, scale: float) -> Cost:
    hub.push_bytes("us-agency", hostile.many_small_objects(max(2, int(_A_POST * scale))))
    path = f"{hub.objects_path('US')}?{query}"
    return _measured(folder, len(query), lambda: _said(hub.get("us-cert", path)), is_reading=True)


_UNCLOSED: Final = ("escaped quotes without an end",)

CASES: Final[dict[str, Case]] = {
    "patterns with a string of escaped quotes without an end": partial(_post, partial(_patterns, _UNCLOSED)),
    "patterns of all other shapes": partial(_post, partial(_patterns, tuple(hostile.PATTERNS))),
    "10,000 observables": partial(_post, _observables),
    "10,000 numbers as objects": partial(_post, partial(_unreadable, 0, _A_POST)),
    "50,000 numbers as objects": partial(_post, partial(_unreadable, 0, 5 * _A_POST)),
    "10,000 objects without a property": partial(_post, partial(_unreadable, {}, _A_POST)),
    "a long key above many texts": partial(
        _post, partial(_text, lambda scaled: malware(0, x_a={"k" * scaled(10**6): ["a"] * scaled(250_000)}))
    ),
    "combining marks out of order": partial(
        _post, partial(_text, lambda scaled: malware(0, description="\u0315\u0300" * scaled(500_000)))
    ),
    "sixteen polls": _polls,
    "a report of 38,000 references, by an agency": partial(_post, partial(_report, 1)),
    "a report of 38,000 references, by a cert": partial(_post, partial(_report, 1), member="us-cert"),
    "five reports of 38,000 references, by an agency": partial(_post, partial(_report, 5)),
    "a re-marking of what 8,000 notes name": partial(_post, _remarked),
    "a ring of 4,000 references": partial(_post, _ring),
    "an explanation of one in a ring of 4,000": _explanation,
    "one more version of a record of 12,000": partial(_post, _versions),
}
SHAPES: Final[dict[str, Case]] = {
    **{name: partial(_shape, make) for name, make in hostile.BODIES.items()},
    **{name: partial(_query, query) for name, query in hostile.QUERIES.items()},
}
