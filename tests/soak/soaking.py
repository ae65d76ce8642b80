"""A soak from its beginning to its result, on one database."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.stix.marking.tlp import TLP_IDS
from tests import postgres, scratch
from tests.faults import faulty
from tests.journeys.live import Live
from tests.soak import governing
from tests.soak.journal import STOP_POLLING, STOP_WRITING, Journal, Setup, SoakEvidence, SoakMember, now
from tests.soak.polling import WAYS, entry_of, everything
from tests.soak.talking import Talker
from tests.soak.verifying import SoakResult, Verifier

WRITERS = (
    "us-agency",
    "kr-agency",
    "jp-agency",
    "us-cert",
    "in-agency",
    "au-partner",
    "kr-cert",
    "us-agency2",
)
_NEEDED = ("pushes", "versions", "agreements", "polls", "received")  # else nothing was tried
_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 1_200.0  # for everybody to come to an end


@dataclass(frozen=True)
class SoakPlan:
    """How a soak is to be. `kill_every` is seconds between kills of a worker on average; 0 is never.

    It lasts `seconds`, and until every writer has done `rounds` things: what a slow machine needs, it takes.
    """

    seconds: float
    seed: int
    rounds: int = 1
    writers: int = len(WRITERS)
    workers: int = 4
    polling_processes: int = 2
    kill_every: float = 0.0
    pace: float = 1.0


def soak(plan: SoakPlan, database_url: str, folder: Path) -> SoakResult:
    """Return what became of a soak on this empty database; the evidence stays in `folder`."""
    home = folder / "hub"
    home.mkdir()
    with faulty.killable_hub(database_url, home, plan.workers) as live:
        setup = _set_up(plan, live, folder)
        with ExitStack() as stack:
            roles = [stack.enter_context(_role(setup, "governor"))]
            _wait(roles, lambda: setup.has(governing.READY))
            for n, member in enumerate(WRITERS[: plan.writers]):
                roles.append(stack.enter_context(_role(setup, "writer", member, str(n + 1))))
            pollers = [
                stack.enter_context(_role(setup, "pollers", str(n), str(plan.polling_processes)))
                for n in range(plan.polling_processes)
            ]
            everybody = [*WRITERS[: plan.writers], *(way.name for way in WAYS)]
            _wait([*roles, *pollers], lambda: all(setup.has(f"ready-{name}") for name in everybody))
            kills = _kill_workers(plan, live, [*roles, *pollers])
            _wait(
                [*roles, *pollers], lambda: all(setup.has(f"done-{name}") for name in WRITERS[: plan.writers])
            )
            setup.raise_flag(STOP_WRITING)
            _wait(roles, lambda: all(role.poll() is not None for role in roles))
            _settle(setup)
            setup.raise_flag(STOP_POLLING)
            _wait(pollers, lambda: all(role.poll() is not None for role in pollers))
            failed = [str(role.args) for role in [*roles, *pollers] if role.returncode]
        _note_held(setup, WRITERS[: plan.writers])
        result = Verifier(SoakEvidence.read(folder)).result()
        result.counts["kills"] = kills
        result.violations += [f"it failed, see its .err: {role}" for role in failed]
        result.violations += [f"there was none of it: {name}" for name in _NEEDED if not result.counts[name]]
        result.violations += _unsound(live)
    return result


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database on a PostgreSQL cluster of our own, which is gone afterwards."""
    home = postgres.make_home(scratch.folder())
    try:
        with postgres.database(postgres.ensure_started(home)) as url:
            yield url
    finally:
        postgres.remove(home)


def _set_up(plan: SoakPlan, live: Live, folder: Path) -> Setup:
    ids = {*WRITERS[: plan.writers], *(way.member for way in WAYS)}
    ids |= {f"{code.lower()}-cert" for code in governing.NATIONS}
    members = {id: SoakMember.of(live.member(id)) for id in sorted(ids)}
    registry = live.service.registry
    own = [registry.hub_identity_id, *TLP_IDS, *(n.rel_to_id for n in registry.nations.values())]
    aliases = [*(code.lower() for code in registry.nations), "released"]
    collections = {alias: live.collection_url(alias) for alias in aliases}
    lengths = plan.rounds, plan.pace
    setup = Setup(live.url, plan.seed, str(folder), collections, members, [str(id) for id in own], *lengths)
    setup.write()
    return setup


@contextmanager
def _role(setup: Setup, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the soak, which is gone afterwards."""
    command = [sys.executable, "-m", "tests.soak.play", setup.folder, *arguments]
    name = "-".join(arguments)
    root = Path(__file__).parents[2]
    with (setup.home / f"{name}.err").open("wb") as err:
        process = subprocess.Popen(command, cwd=root, stdout=err, stderr=err)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _kill_workers(plan: SoakPlan, live: Live, roles: Sequence[subprocess.Popen[bytes]]) -> int:
    """Let time pass, kill a worker now and then, and return how often."""
    chance, kills, end = random.Random(f"{plan.seed}/kills"), 0, now() + plan.seconds
    pause = _pause(plan, chance)
    while now() < end and all(role.poll() is None for role in roles):
        time.sleep(_LOOK_SECONDS)
        pause -= _LOOK_SECONDS
        if pause <= 0:
            faulty.kill_worker(live, chance.choice)
            kills += 1
            pause = _pause(plan, chance)
    return kills


def _pause(plan: SoakPlan, chance: random.Random) -> float:
    return plan.kill_every * chance.uniform(0.5, 1.5) if plan.kill_every else float("inf")


def _wait(roles: Sequence[subprocess.Popen[bytes]], condition: Callable[[], bool]) -> None:
    """Wait for the condition; in vain when a process has failed or time is up."""
    deadline = now() + _PATIENCE_SECONDS
    while not condition() and not any(role.poll() for role in roles):
        if now() > deadline:
            raise TimeoutError("the soak does not come to its end")
        time.sleep(_LOOK_SECONDS)


def _settle(setup: Setup) -> None:
    """Wait until whatever the clock will begin or end soon has begun or ended."""
    soon = now() + 60 * setup.pace
    events = list(SoakEvidence.read(setup.home).of("agreement"))
    times = [at for event in events for at in (event["begin"], event["until"]) if at < soon]
    time.sleep(max(0.0, max(times, default=0.0) + 0.1 - now()))


def _note_held(setup: Setup, writers: Sequence[str]) -> None:
    for id in writers:
        member = setup.members[id]
        url = setup.collections[member.nation.lower()]
        found = [entry_of(item) for item in everything(Talker(member), url, {"match[version]": "all"})]
        Journal(setup, f"held-{id}").note("held", member=id, objects=found)


def _unsound(live: Live) -> list[str]:
    try:
        faulty.assert_sound(live)
    except AssertionError as error:
        return [f"the hub is not sound: {error}"]
    return []
