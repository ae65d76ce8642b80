"""Anything may happen to a hub: after every step it is what the policy says (section 10, all but I6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hub.model import Tlp
from tests import postgres
from tests.budgets import machines
from tests.properties import world_strategies
from tests.properties.test_worlds import EXAMPLES, FEWER
from tests.properties.watching import WatchedPlay, slow_histories
from tests.properties.worlds import (
    DEFAULTS,
    LEVELS,
    MEMBERS,
    NATIONS,
    Agree,
    Amend,
    Delete,
    Draft,
    Event,
    HistoryStep,
    Push,
    Resume,
    Sign,
    Suspend,
    Terminate,
    Wait,
    Work,
)
from tests.world import Copies, World, build

which = st.integers(0, 50)


class AllianceMachine(RuleBasedStateMachine):
    """Everybody acts on one hub, whose histories are on their way until somebody brings them further."""

    def __init__(self, cast: Callable[[], World], discard: Callable[[World], None]) -> None:
        super().__init__()
        self.discard = discard
        self.watch = WatchedPlay(cast(), lags=True)
        self.pushed: list[tuple[str, Draft]] = []
        # Whole histories in few steps, as in a small hub, would leave nothing half way.
        self.slow = ExitStack()
        self.slow.enter_context(slow_histories())

    def happen(self, event: Event) -> None:
        if isinstance(event, Push):
            self.pushed += [(event.member, draft) for draft in event.drafts]
        self.watch.step(event)

    def agreement(self, which: int) -> int:
        return which % len(self.watch.agreements)

    @initialize(
        readers=st.lists(st.sampled_from(MEMBERS), min_size=2, max_size=4, unique=True),
        push=world_strategies.pushes,
        agreement=world_strategies.broad_agreements,
    )
    def begin(self, readers: list[str], push: Push, agreement: Agree) -> None:
        self.watch.follow(readers)
        self.happen(push)
        self.happen(agreement)

    @rule(push=world_strategies.pushes)
    def submit(self, push: Push) -> None:
        self.happen(push)

    @rule(which=which, tlp=st.sampled_from([None, *LEVELS]), version=st.integers(2, 9))
    def mark(self, which: int, tlp: str | None, version: int) -> None:
        """A version like the one before, but for its marking."""
        member, draft = self.pushed[which % len(self.pushed)]
        self.happen(Push(member, (replace(draft, version=version, tlp=tlp),)))

    @rule(which=which, by_cert=st.booleans(), version=st.booleans())
    def delete(self, which: int, *, by_cert: bool, version: bool) -> None:
        member, draft = self.pushed[which % len(self.pushed)]
        deleter = f"{member[:2]}-cert" if by_cert else member
        self.happen(Delete(deleter, draft.place, draft.version if version else None))

    @precondition(lambda self: len(self.watch.agreements) < 6)
    @rule(agreement=world_strategies.broad_agreements)
    def agree(self, agreement: Agree) -> None:
        self.happen(agreement)

    @precondition(lambda self: len(self.watch.agreements) < 9)
    @rule(amendment=world_strategies.amendments, which=which)
    def amend(self, amendment: Amend, which: int) -> None:
        self.happen(replace(amendment, agreement=self.agreement(which)))

    @rule(which=which)
    def sign(self, which: int) -> None:
        self.happen(Sign(self.agreement(which)))

    @rule(which=which, by=world_strategies.by)
    def suspend(self, which: int, by: int) -> None:
        self.happen(Suspend(self.agreement(which), by))

    @rule(which=which, by=world_strategies.by)
    def resume(self, which: int, by: int) -> None:
        self.happen(Resume(self.agreement(which), by))

    @rule(which=which, by=world_strategies.by)
    def terminate(self, which: int, by: int) -> None:
        self.happen(Terminate(self.agreement(which), by))

    @rule(wait=world_strategies.waits)
    def wait(self, wait: Wait) -> None:
        self.happen(wait)

    @rule(step=world_strategies.steps)
    def come_further(self, step: HistoryStep) -> None:
        self.happen(step)

    @rule()
    def work(self) -> None:
        self.happen(Work())
        self.watch.check()

    @rule(which=which)
    def poll(self, which: int) -> None:
        readers = sorted(self.watch.pollers)
        self.watch.poll(readers[which % len(readers)])

    def teardown(self) -> None:
        self.slow.close()
        try:
            if self.pushed:
                self.watch.finish()
        finally:
            self.discard(self.watch.hub)


@pytest.fixture(scope="module")
def copies() -> Copies:
    return Copies(codes=NATIONS, defaults={code: Tlp.of(level) for code, level in DEFAULTS.items()})


def test_it_is_what_the_policy_says_whatever_happens(copies: Copies) -> None:
    long = settings(FEWER, stateful_step_count=20, max_examples=max(1, EXAMPLES // 2))
    run_state_machine_as_test(machines(lambda: AllianceMachine(copies.copy, copies.discard)), settings=long)


@pytest.fixture
def cast(postgres_server: str) -> Iterator[Callable[[], World]]:
    """Makes worlds on PostgreSQL; the databases go when the test has ended."""
    open_ = []

    def made() -> World:
        database = postgres.database(postgres_server)
        open_.append(database)
        defaults = {code: Tlp.of(level) for code, level in DEFAULTS.items()}
        return build(database.__enter__(), codes=NATIONS, defaults=defaults)

    yield made
    for database in open_:
        database.__exit__(None, None, None)


def test_it_is_so_on_postgresql(cast: Callable[[], World]) -> None:
    short = settings(FEWER, stateful_step_count=15, max_examples=max(1, EXAMPLES // 10))
    run_state_machine_as_test(machines(lambda: AllianceMachine(cast, World.close)), settings=short)
