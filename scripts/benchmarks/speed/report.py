"""What a reader must know beside the table: the machine, the run, the limits; and everything as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from scripts.benchmarks.speed.figures import GROWTH_GOAL
from scripts.benchmarks.speed.run import Run, RunSettings

_LIMITS: Final = (
    "Limits: bare Flask returns the hub's own answers from memory under the same server and checks the same "
    "token; it verifies the same signature on a POST, and stores nothing. A raw transaction writes the hub's "
    "rows of the same objects (contents, versions, references, releases) by the bare driver."
)


def notes(described: dict[str, Any], settings: RunSettings, runs: Sequence[Run], seconds: float) -> list[str]:
    """Return the sentences below the table."""
    return list(_notes(described, settings, runs, seconds))


def _notes(
    described: dict[str, Any], settings: RunSettings, runs: Sequence[Run], seconds: float
) -> Iterator[str]:
    packages = ", ".join(f"{name} {version}" for name, version in described["packages"].items())
    load = " ".join(map(str, described["load_at_start"]))
    postgresql = described["postgresql"] or "absent"
    yield (
        f"Machine: {described['cpu']}, {described['cores']} cores, {described['memory_mb']:,} MB, "
        f"{described['system']}; Python {described['python']}, SQLite {described['sqlite']}, PostgreSQL "
        f"{postgresql}; {packages}. Load at start {load}; a durable write of 4 KB: {described['sync_ms']} ms."
    )
    yield (
        f"Run: {described['at']}, {seconds:,.0f} s; {settings.workers} workers; the median of "
        f"{settings.rounds} turns of {settings.seconds} s. The hub's rate limits are off. A walk has the "
        "first 20 pages of 1,000."
    )
    yield _LIMITS
    yield (
        "CPU: of all processes of a server, PostgreSQL's included, for one object or request. Growth: the "
        f"time of one, by that at the smallest N of the run; ! above {GROWTH_GOAL}."
    )
    for run in runs:
        if run.busy:
            yield (
                f"Client: {run.busy:.0%} of one core at the bare app with 8 connections ({run.database}, "
                f"{run.size:,}): its own ceiling is about {run.ceiling:,.0f} requests/s."
            )
        yield from (f"{name} ({run.database}, {run.size:,}): {why}." for name, why in run.notes.items())


def as_json(
    described: dict[str, Any], settings: RunSettings, runs: Sequence[Run], sentences: Sequence[str]
) -> dict[str, Any]:
    """Return a whole run as JSON values."""
    return {
        "machine": described,
        "settings": asdict(settings) | {"kept": settings.kept is not None},
        "figures": [figure.to_json() for run in runs for figure in run.figures],
        "runs": [
            {
                "database": run.database,
                "size": run.size,
                "absent_peers": run.notes,
                "client_share_of_a_core": run.busy,
                "client_requests_per_second": run.ceiling,
            }
            for run in runs
        ],
        "notes": list(sentences),
    }
