"""What refers to a withheld object is withheld with it (policy 2.7)."""

from __future__ import annotations

import pytest

from tests.named_objects import address, campaign, malware, relation, report
from tests.world import World, clause

ABROAD = ("kr-cert", "kr-agency", "kr-partner", "jp-cert")


def test_what_refers_to_a_withheld_object_is_withheld_until_it_opens(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    source, target = malware("source"), malware("target", "red")
    edge = relation(source, target)
    about = report("about", edge, tlp="green")
    world.accepted("us-agency", about, edge, source)
    assert world.readers(edge, ("us-partner", "kr-cert")) == ["us-partner", "kr-cert"]  # it dangles
    world.accepted("us-agency", target)
    for item in (edge, about):
        assert world.readers(item, ("us-agency", "us-agency-2", "us-partner", "kr-cert")) == ["us-agency"]
    assert world.sees("kr-cert", source)
    before = world.rows("kr-cert")
    world.accepted("us-agency", malware("target", "green", 2))
    new = {row.id for row in world.rows("kr-cert", added_after=before[-1].date_added)}
    assert new == {target["id"], edge["id"], about["id"]}


def test_a_later_version_that_refers_to_something_withheld_takes_along_what_refers_to_it(
    world: World,
) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    named, secret = campaign("named", "green"), campaign("secret", "red")
    middle = report("middle", named, tlp="green")
    outer = report("outer", middle, tlp="green")
    world.accepted("us-agency", named, secret, middle, outer)
    assert world.sees("kr-cert", outer)
    world.accepted("us-agency", report("middle", named, secret, tlp="green", version=2))
    assert not world.sees("kr-cert", outer)


def test_what_the_referring_member_may_not_see_does_not_count(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    secret = malware("secret", "red")
    edge = relation(malware("a"), secret)
    world.accepted("us-cert", secret)
    world.accepted("us-agency", edge)
    assert world.sees("kr-cert", edge)
    mine = relation(malware("b"), secret)
    world.accepted("us-cert", mine)
    assert not world.sees("kr-cert", mine)


def test_another_nations_object_does_not_count(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    world.accepted("jp-cert", malware("x", "red"))
    edge = relation(malware("a"), malware("x"))
    world.accepted("us-cert", edge)
    assert world.sees("kr-cert", edge)


@pytest.mark.parametrize("is_together", [False, True])
def test_a_copy_withholds_nothing_that_is_seen_elsewhere_whenever_it_comes(
    world: World, is_together: bool
) -> None:
    """Whether the copy is stored before what refers to it, or comes in the same submission (policy 2.7)."""
    world.agree(
        ["JP", "KR", "US", "AU"], clause("JP", ["KR", "US"]), clause("KR", ["US", "AU"], types=["report"])
    )
    copy = campaign("copied", "green")
    about = report("about", copy, tlp="green")
    world.accepted("jp-cert", copy)
    for parcel in [[copy, about]] if is_together else [[copy], [about]]:
        world.accepted("kr-cert", *parcel)
    assert world.sees("us-cert", about)  # it sees the original
    assert not world.sees("au-cert", about)


def test_a_circle_of_references_is_released_whole_or_not_at_all(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    a, b = (
        report("a", report("b", malware("x")), tlp="green"),
        report("b", report("a", malware("x")), tlp="green"),
    )
    world.accepted("us-cert", a, b)
    assert [world.sees("kr-cert", item) for item in (a, b)] == [True, True]
    world.accepted("us-cert", report("b", report("a", malware("x")), tlp="red", version=2))
    assert not world.sees("kr-cert", a)


def test_a_report_stands_only_as_long_as_what_it_names(world: World) -> None:
    strict = world.agree(["US", "KR"], clause("US", "KR", max_tlp="amber"))
    world.agree(["US", "KR"], clause("US", "KR", max_tlp="green", audience="partner"))
    content = malware("content", "amber")
    about = report("about", content, tlp="green")
    world.accepted("us-cert", about, content)
    assert world.readers(about, ABROAD) == ["kr-cert", "kr-agency"]
    world.terminate(strict, "KR")
    assert world.readers(about, ABROAD) == []


def test_observables_in_an_observation_are_referred_to(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    seen = address("192.0.2.1", "red")
    observed = {
        **malware("o"),
        "type": "observed-data",
        "id": malware("o")["id"].replace("malware", "observed-data"),
        "first_observed": "2026-01-01T00:00:00Z",
        "last_observed": "2026-01-01T00:00:00Z",
        "number_observed": 1,
        "object_refs": [seen["id"]],
    }
    world.accepted("us-cert", observed, seen)
    assert not world.sees("kr-cert", observed)
