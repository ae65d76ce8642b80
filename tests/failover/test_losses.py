"""A standby is promoted that had not all: what is lost is named, and what it brings back stays shut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from hub.actions.operation import administer
from hub.errors import Closed, Unauthenticated, Unavailable
from hub.store.database import epochs
from tests import world
from tests.failover import parts
from tests.standbys import Server, Servers, one_of, servers
from tests.stix_objects import malware, stix_id
from tests.world import World

_US, _KR = "us-agency", "kr-agency"


class Forked(NamedTuple):
    pair: Servers
    small: World

    @property
    def standby(self) -> Server:
        return self.pair.standbys[0]

    def push(self, n: int, small: World | None = None) -> str:
        """Let US submit an object; return the id of the status."""
        small = small or self.small
        small.clock.wait()
        return parts.send(small, _US, parts.signed(small, _US, malware(n, tlp="green"))).id

    def stand_still(self) -> None:
        """Let the standby have what is there now, and nothing of what comes."""
        self.standby.catch_up(self.pair.primary)
        self.standby.freeze()

    def fail_over(self) -> None:
        self.pair.primary.kill()
        self.pair.fail_over()

    def loss(self) -> str:
        with self.small.service.store.read(when_closed=True) as connection:
            return "\n".join(epochs.loss(connection))

    def open_again(self) -> str:
        with self.small.service.store.write(when_closed=True) as connection:
            return "\n".join(epochs.open_again(connection))

    def is_closed(self, small: World | None = None) -> bool:
        return parts.state(small or self.small).closed_at is not None


@pytest.fixture
def forked() -> Iterator[Forked]:
    """A primary and a standby that confirms nothing, and an alliance in which KR sees what US submits."""
    with servers("a") as pair:
        small = parts.build(one_of(pair.primary, pair.standbys[0]))
        small.agree(["US", "KR"], world.clause("US", "KR", "green"))
        yield Forked(pair, small)
        small.close()


def test_what_is_lost_is_named_and_the_hub_is_closed_until_it_is_opened(forked: Forked) -> None:
    small, poller = forked.small, forked.small.follow(_KR)
    kept = forked.push(1)
    poller.poll()
    forked.stand_still()
    lost = forked.push(2)
    poller.poll()
    administer.revoke_token(small.service, small.tokens["kr-cert"].partition(".")[0])
    small.delete("us-cert", stix_id("malware", 1))
    with pytest.raises(Unauthenticated):
        small.ids("kr-cert")
    before = parts.signed(small, _US, malware(3, tlp="green"))
    forked.fail_over()
    for act in (lambda: small.ids("kr-cert"), lambda: small.ids(_KR), lambda: parts.send(small, _US, before)):
        with pytest.raises(Closed):
            act()
    said = forked.loss()
    assert lost in said
    assert kept not in said
    assert f"a deletion of {stix_id('malware', 1)}" in said
    last = poller.received[-1].position
    assert f"KR was served positions up to {last}" in said
    assert "00000002 after 00000001" in said
    parts.wait_out(small)
    administer.revoke_token(small.service, small.tokens["kr-cert"].partition(".")[0])
    small.delete("us-cert", stix_id("malware", 1))  # endings are taken
    assert forked.open_again() == said
    with pytest.raises(Unauthenticated):
        small.ids("kr-cert")
    with pytest.raises(Unavailable, match="sign again"):
        parts.send(small, _US, before)
    assert [row.id for row in poller.poll() if row.id.startswith("malware")] == []
    forked.push(2)
    forked.push(3)
    dates = [row.date_added for row in poller.received]
    new = poller.poll()
    assert [row.id for row in new if row.id.startswith("malware")] == [stix_id("malware", n) for n in (2, 3)]
    assert all(row.date_added > max(dates) for row in new)
    assert small.ids(_KR) == {stix_id("malware", n) for n in (2, 3)}


def test_each_process_names_what_it_acknowledged(forked: Forked) -> None:
    second = parts.another(forked.small)
    forked.push(1, second)
    forked.stand_still()
    lost = [forked.push(2), forked.push(3, second)]
    forked.fail_over()
    epoch = parts.state(forked.small).epoch
    assert [id in forked.loss() for id in lost] == [True, False]
    assert parts.state(second).epoch == epoch, "it changes once"
    assert [id in forked.loss() for id in lost] == [True, True]
    second.close()


def test_what_a_process_names_after_the_hub_was_opened_closes_it_again(forked: Forked) -> None:
    second = parts.another(forked.small)
    forked.push(1, second)
    forked.stand_still()
    lost = forked.push(2, second)
    forked.fail_over()
    assert forked.is_closed()
    forked.open_again()
    assert not forked.is_closed()
    assert forked.is_closed(second)
    assert lost in forked.open_again()
    assert not forked.is_closed(second), "it is said once"
    second.close()


def test_who_was_served_in_an_older_epoch_and_lost_nothing_closes_nothing(forked: Forked) -> None:
    second = parts.another(forked.small)
    forked.push(1)
    assert forked.small.ids(_KR) == second.ids(_KR)
    forked.stand_still()
    forked.fail_over()
    assert forked.is_closed(), "it might have lost something"
    forked.open_again()
    assert not forked.is_closed(second)
    second.close()


def test_commits_that_no_standby_had_to_confirm_are_remembered_by_every_process(forked: Forked) -> None:
    """The operator lifts the condition; one process notes it down, and it never reaches the standby."""
    second = parts.another(forked.small)
    forked.pair.primary.set_synchronous("a")
    forked.push(1)
    forked.push(2, second)
    forked.stand_still()
    forked.pair.primary.set_synchronous("")
    parts.state(forked.small)
    lost = forked.push(3, second)
    forked.fail_over()
    assert forked.is_closed(second)
    with second.service.store.read(when_closed=True) as connection:
        assert lost in "\n".join(epochs.loss(connection))
    second.close()


def test_whoever_starts_after_a_promotion_knows_from_what_is_kept_that_something_may_be_lost(
    forked: Forked,
) -> None:
    """All processes are gone with the old primary, and with them what they remembered."""
    forked.stand_still()
    forked.push(1)
    forked.fail_over()
    second = parts.another(forked.small)
    assert forked.is_closed(second)
    second.close()


def test_a_standby_that_is_not_the_furthest_is_promoted() -> None:
    """All was confirmed by the other one: what a process finds missing closes the hub all the same."""
    with servers("a", "b") as pair:
        a, b = pair.standbys
        small = parts.build(one_of(pair.primary, a))
        pair.primary.set_synchronous("ANY 1 (a, b)")
        forked = Forked(pair, small)
        forked.push(1)
        forked.stand_still()
        lost = forked.push(2)
        pair.standbys.remove(b)
        forked.fail_over()
        assert pair.primary is a
        assert forked.is_closed()
        assert lost in forked.loss()
        b.kill()
        small.close()
