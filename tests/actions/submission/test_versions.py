"""What STIX 2.1 section 3 asks of the versions of one record (policy 8). Refusals first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from hub.model import format_instant
from tests.actions.alliance import VENDOR, allied, galaxy
from tests.stix_objects import Json, indicator, report, stamp
from tests.world import World

BY, OTHERS = "us-agency", ("jp-agency", "kr-agency", "kr-partner")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world, _ = allied(database_url)
    yield world
    assert world.is_sound()
    world.close()


def one(version: int = 1, tlp: str | None = "green", **more: Any) -> Json:
    return indicator(1, version=version, tlp=tlp, **more)


def only(world: World, obj: Json) -> str:
    [answer] = world.refusals(BY, obj)
    assert answer is not None
    return answer


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_revocation_is_final(world: World, is_deleted: bool) -> None:
    assert world.refusals(BY, one(1), one(2, revoked=True)) == [None, None]
    if is_deleted:
        world.delete(BY, one()["id"])
    assert "revoked it, and that is final" in only(world, one(3))
    assert "revoked it, and that is final" in only(world, one(3, revoked=True))


def test_the_same_revocation_again_succeeds(world: World) -> None:
    for _ in range(2):
        assert world.refusals(BY, one(1), one(2, revoked=True)) == [None, None]


def test_a_revoking_version_is_the_latest(world: World) -> None:
    assert world.refusals(BY, one(3)) == [None]
    assert "earlier than a version that the hub holds" in only(world, one(2, revoked=True))


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2))))
def test_created_stays_the_same(world: World, order: tuple[int, int]) -> None:
    first, second = (one(n, created=stamp(0 if n == 1 else 1)) for n in order)
    assert world.refusals(BY, first) == [None]
    assert "created must stay" in only(world, second)


def test_so_does_the_creator_or_its_absence(world: World) -> None:
    assert world.refusals(BY, one(1, created_by=VENDOR)) == [None]
    assert "created_by_ref is" in only(world, one(2))
    assert "created_by_ref is" in only(world, one(2, created_by=world.identity_of(BY)))
    bare = indicator(2, tlp="green")
    assert world.refusals(BY, bare) == [None]
    assert "created_by_ref is absent" in only(world, indicator(2, tlp="green", version=2, created_by=VENDOR))
    claimed = indicator(2, tlp="green", version=2, created_by=world.identity_of(BY))
    assert world.refusals(BY, claimed) == [None]
    assert "created_by_ref is" in only(world, indicator(2, tlp="green", version=3))


@pytest.mark.parametrize(("before", "after"), [(None, None), (None, "amber"), ("red", None)])
def test_unmarked_names_may_change_both(world: World, before: str | None, after: str | None) -> None:
    assert world.refusals(BY, galaxy(1, tlp=before)) == [None]
    assert world.refusals(BY, galaxy(2, tlp=after, created_by=VENDOR, description="Another")) == [None]
    assert len([row for row in world.see("us-cert") if row.id == galaxy(1)["id"]]) == 2


def test_names_that_are_marked_twice_change_neither(world: World) -> None:
    assert world.refusals(BY, galaxy(1, tlp="green")) == [None]
    assert "created must stay" in only(world, galaxy(2, tlp="green"))


@pytest.mark.parametrize("by", [BY, "us-cert", "us-partner"])
@pytest.mark.parametrize("place", ["created", "modified"])
def test_the_far_future_is_refused(world: World, by: str, place: str) -> None:
    now = world.clock.now + timedelta(seconds=1)  # of what is submitted next
    near = format_instant(now + timedelta(hours=24))
    far = format_instant(now + timedelta(hours=24, seconds=1))
    [answer] = world.refusals(by, one() | {"created": stamp(0), "modified": far, place: far})
    assert answer is not None
    assert f"{place if place == 'modified' else 'modified'} lies more than a day in the future" in answer
    assert world.refusals(by, one() | {"modified": near}) == [None]


def test_a_version_that_is_not_the_newest_is_still_taken(world: World) -> None:
    for n in (3, 1, 2):
        assert world.refusals(BY, one(n)) == [None]


def test_the_same_version_says_the_same(world: World) -> None:
    assert world.refusals(BY, one(1)) == [None]
    assert "different content" in only(world, one(1, confidence=3))
    reordered = dict(reversed(one(1).items()))
    assert world.refusals(BY, reordered) == [None]


# --- revoking versions without a level ------------------------------------------------------------


@pytest.mark.parametrize("order", ["predecessor first", "revoking first"])
def test_the_order_in_which_versions_come_decides_nothing(world: World, order: str) -> None:
    """A revoking version that comes before its predecessor is judged again when that comes."""
    addressed = one(1, "amber", marks=world.rel_to("JP"))
    revoking = one(2, None, revoked=True)
    items = [addressed, revoking] if order == "predecessor first" else [revoking, addressed]
    for item in items:
        assert world.refusals(BY, item) == [None]
    assert world.readers_of_any(one(), *OTHERS) == ["jp-agency"]


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ({"tlp": "red"}, []),
        ({"tlp": "amber"}, ["jp-agency", "kr-agency"]),
        ({"tlp": "green"}, ["jp-agency", "kr-agency", "kr-partner"]),
        ({"tlp": "green", "labels": ["tlp:amber"]}, ["jp-agency", "kr-agency"]),
        ({"tlp": "green", "marks": ["marking-definition--8b0e9a3c-7a55-4a3d-9f0b-6a5f3e0c9d11"]}, []),
    ],
)
def test_a_revocation_reaches_whom_its_predecessor_did(
    world: World, first: dict[str, Any], expected: list[str]
) -> None:
    assert world.refusals(BY, one(1, **first)) == [None]
    lax = report(1, tlp="clear", refs=[one()["id"]])
    assert world.refusals(BY, one(2, None, revoked=True), lax) == [None, None]
    assert world.readers_of_any(one(), *OTHERS) == expected
    revoked = [row.body for row in world.see("jp-agency") if row.id == one()["id"] and "revoked" in row.body]
    assert len(revoked) == len(expected[:1])


def test_a_revocation_that_drops_rel_to_goes_nowhere_else(world: World) -> None:
    assert world.refusals(BY, one(1, marks=world.rel_to("KR"))) == [None]
    assert world.refusals(BY, one(2, None, revoked=True)) == [None]
    assert world.readers_of_any(one(), *OTHERS) == ["kr-agency", "kr-partner"]


def test_one_that_is_marked_itself_says_how_it_is_handled(world: World) -> None:
    assert world.refusals(BY, one(1, "amber")) == [None]
    assert world.refusals(BY, one(2, "green", revoked=True)) == [None]
    assert "kr-partner" in world.readers_of_any(one(), *OTHERS)
