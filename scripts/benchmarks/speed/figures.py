"""One measured figure: the hub's value beside its limit and its peers, and the goal for it."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any, Final

RATE: Final = "objects/s"
REQUESTS: Final = "requests/s"
GROWTH_GOAL: Final = 1.5
_LEAST_CPU_SECONDS: Final = 0.03  # three ticks of /proc


@dataclass(frozen=True)
class Goal:
    """A bound of the design: for the ratio to the limit, or for the value itself."""

    bound: float
    is_ratio: bool = True
    is_at_most: bool = False

    def is_met(self, figure: Figure) -> bool | None:
        """Return None where there is nothing to compare."""
        found = figure.ratio if self.is_ratio else figure.hub
        if found is None:
            return None
        return found <= self.bound if self.is_at_most else found >= self.bound

    def __str__(self) -> str:
        sign = "≤" if self.is_at_most else "≥"
        return f"{sign} {self.bound:,}{' ×' if self.is_ratio else ''}"


@dataclass
class Figure:
    """A row of the table. Rates count for objects or requests, CPU microseconds for the same unit."""

    database: str
    size: int
    name: str
    unit: str
    hub: float | None
    limit: float | None = None
    limit_name: str = ""
    goal: Goal | None = None
    cpu_us: float | None = None
    bare_cpu_us: float | None = None
    wire_bytes: float | None = None  # received and sent, for one object or request
    peers: dict[str, float] = field(default_factory=dict)
    growth: float | None = None  # time of one object or request, relative to the smallest size
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.hub / self.limit if self.hub is not None and self.limit else None

    @property
    def is_read(self) -> bool:
        return self.unit in (RATE, REQUESTS) and not self.name.startswith(("PUSH", "AGREE", "raw"))

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "ratio": self.ratio,
            "goal": None if self.goal is None else str(self.goal),
            "is_met": None if self.goal is None else self.goal.is_met(self),
        }


@dataclass
class Measure:
    """The measures of one server at one work, of several turns."""

    rates: list[float] = field(default_factory=list)
    units: float = 0
    cpu: float = 0.0
    wire: float = 0.0

    def add(self, units: float, seconds: float, cpu: float, wire: float) -> None:
        self.rates.append(units / seconds)
        self.units += units
        self.cpu += cpu
        self.wire += wire

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def cpu_us(self) -> float | None:
        """The CPU time of one unit; None where Linux has counted too little to divide."""
        return self.cpu / self.units * 1e6 if self.cpu >= _LEAST_CPU_SECONDS else None

    @property
    def wire_bytes(self) -> float:
        return self.wire / self.units


def with_growth(figures: list[Figure]) -> None:
    """Give each read its growth: the time at this size by the time at the smallest size of the run."""
    smallest: dict[tuple[str, str], Figure] = {}
    for figure in sorted(figures, key=lambda one: one.size):
        first = smallest.setdefault((figure.database, figure.name), figure)
        if figure.is_read and figure.hub and first.hub and figure is not first:
            figure.growth = first.hub / figure.hub
