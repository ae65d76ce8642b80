"""One thread of a process watches the waits of all its COMMITs."""

from __future__ import annotations

import threading
import time

from hub.store.database.commits import _Watch
from tests.patience import PATIENCE_SECONDS


def test_a_wait_that_ends_in_time_is_left_alone_and_makes_no_thread() -> None:
    watch = _Watch()
    called: list[int] = []
    with watch.within(60, lambda: called.append(0)):
        pass
    before = threading.active_count()
    for n in range(50):
        with watch.within(60, lambda n=n: called.append(n)):
            assert threading.active_count() <= before
    assert called == []
    assert watch._due == {}


def test_each_wait_ends_by_its_own_bound_while_another_is_being_ended() -> None:
    """The shorter is asked for later, and the act of the first takes as long as it likes."""
    watch = _Watch()
    first, second, go_on = threading.Event(), threading.Event(), threading.Event()

    def stay() -> None:
        first.set()
        assert go_on.wait(PATIENCE_SECONDS)

    def wait_first() -> None:
        with watch.within(0.01, stay):
            assert first.wait(PATIENCE_SECONDS)

    with watch.within(PATIENCE_SECONDS * 2, lambda: None):
        thread = threading.Thread(target=wait_first)
        thread.start()
        assert first.wait(PATIENCE_SECONDS)
        with watch.within(0.01, second.set):
            assert second.wait(PATIENCE_SECONDS)
        assert thread.is_alive()  # it waits until its act has ended
        go_on.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def test_after_the_block_nothing_happens_any_more() -> None:
    watch = _Watch()
    called: list[int] = []
    for _ in range(20):
        with watch.within(0.002, lambda: called.append(1)):
            time.sleep(0.002)
        count = len(called)
        time.sleep(0.003)
        assert len(called) == count
