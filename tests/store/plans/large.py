"""Hubs with many rows: five nations, agreements between them, a few objects of each kind, and copies."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import func, select, text

from hub.store.database import statistics
from hub.store.schema.tables import release
from tests.lock_order import RECORDER
from tests.nations import CODES
from tests.stix_objects import Json, indicator, malware, relationship, report, sdo, stix_id
from tests.store.plans.multiplying import Multiplier, add_disclosures, add_outcomes
from tests.world import World, build, clause

_LEVELS = ("green", "amber", "amber+strict", "red")
_DIGITS = 12


def copied(id: str, n: int) -> str:
    """Return the id of the n-th copy."""
    return f"{id[:-_DIGITS]}{n:012}"


def models(code: str) -> list[Json]:
    """The objects of a nation that are copied: every level, and references."""
    n = 10 * CODES.index(code)
    every = [indicator(n + place, tlp=tlp) for place, tlp in enumerate(_LEVELS)]
    pair = [every[0]["id"], stix_id("malware", n)]
    linked = [relationship(n, tlp="amber", refs=pair), report(n, tlp="amber", refs=pair)]
    return [*every, malware(n, tlp="amber"), *linked]


@dataclass
class Large:
    """A hub whose objects are copied. `size` counts the copies of each object."""

    world: World
    agreements: list[Json] = field(default_factory=list)
    multiplier: Multiplier = field(default_factory=Multiplier)
    size: int = 0

    @property
    def ids(self) -> list[str]:
        return [one["id"] for code in CODES for one in models(code)]

    def grow(self, copies: int) -> None:
        """Copy every object so many times, and add pages and outcomes in proportion."""
        # Rows of all tables in any order: nobody else is there to wait for.
        with RECORDER.off(), self.world.service.store.write() as connection:
            self.multiplier.multiply(connection, self.ids, copies)
            if copies:
                add_disclosures(connection, {"kr-cert": "KR", "kr-agency": "KR"}, max(copies // 10, 1))
                add_outcomes(connection, copies // 10 + 1)
        self.size += copies

    def rows(self) -> int:
        with self.world.service.store.read() as connection:
            return connection.scalar(select(func.count()).select_from(release)) or 0

    def keep_statistics(self) -> None:
        """Give the planner the statistics that `hub init` and `hub work` keep."""
        store = self.world.service.store
        with store.write() as connection:
            statistics.keep(connection)
        store.close()  # open connections plan by the statistics of before

    def forget_statistics(self) -> None:
        """Leave the planner without any, as after an update before the next `hub init`."""
        store = self.world.service.store
        with store.write() as connection:
            if not store.is_sqlite:
                connection.execute(text("DELETE FROM pg_statistic"))
            elif connection.scalar(text("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'")):
                connection.execute(text("DELETE FROM sqlite_stat1"))
        store.close()

    def let(self, known: str) -> None:
        """Let the statistics be `kept` or `none`."""
        if known == "kept":
            self.keep_statistics()
        else:
            self.forget_statistics()


def large_hub(database_url: str) -> Large:
    """A hub with a few objects of each nation; `grow` makes it large."""
    world = build(database_url, kinds=("cert", "agency", "partner"))
    large = Large(world)
    for origin, recipients, level in (
        ("US", ["KR", "JP"], "amber"),
        ("KR", ["US"], "amber"),
        ("JP", ["KR"], "amber+strict"),
        ("AU", ["US", "IN"], "green"),
    ):
        terms = clause(origin, recipients, level, audience="agency")
        large.agreements.append(world.agree([origin, *recipients], terms))
    world.clock.wait(1)
    for code in CODES:
        world.accepted(f"{code.lower()}-agency", *models(code))
        # Few, and never copied: what a rare filter finds.
        world.accepted(f"{code.lower()}-partner", sdo("campaign", CODES.index(code), tlp="green"))
        world.clock.wait(1)
    world.rows("kr-agency")
    return large
