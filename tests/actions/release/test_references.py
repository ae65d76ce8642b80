"""What refers to a withheld object is withheld with it (policy 2.7)."""

from __future__ import annotations

import pytest

from tests.actions.hubs import Hub, address, campaign, clause, malware, relation, report

ABROAD = ("kr-cert", "kr-agency", "kr-partner", "jp-cert")


def test_what_refers_to_a_withheld_object_is_withheld_until_it_opens(hub: Hub) -> None:
    hub.agree(clause("US", "KR"))
    source, target = malware("source"), malware("target", "red")
    edge = relation(source, target)
    about = report("about", edge, tlp="green")
    hub.accepted("us-agency", about, edge, source)
    assert hub.readers(edge, ("us-partner", "kr-cert")) == ["us-partner", "kr-cert"]  # it dangles
    hub.accepted("us-agency", target)
    for item in (edge, about):
        assert hub.readers(item, ("us-agency", "us-agency-2", "us-partner", "kr-cert")) == ["us-agency"]
    assert hub.sees("kr-cert", source)
    before = hub.rows("kr-cert")
    hub.accepted("us-agency", malware("target", "green", 2))
    new = {row.id for row in hub.rows("kr-cert", added_after=before[-1].date_added)}
    assert new == {target["id"], edge["id"], about["id"]}


def test_a_later_version_that_refers_to_something_withheld_takes_along_what_refers_to_it(hub: Hub) -> None:
    hub.agree(clause("US", "KR"))
    named, secret = campaign("named", "green"), campaign("secret", "red")
    middle = report("middle", named, tlp="green")
    outer = report("outer", middle, tlp="green")
    hub.accepted("us-agency", named, secret, middle, outer)
    assert hub.sees("kr-cert", outer)
    hub.accepted("us-agency", report("middle", named, secret, tlp="green", version=2))
    assert not hub.sees("kr-cert", outer)


def test_what_the_referring_member_may_not_see_does_not_count(hub: Hub) -> None:
    hub.agree(clause("US", "KR"))
    secret = malware("secret", "red")
    edge = relation(malware("a"), secret)
    hub.accepted("us-cert", secret)
    hub.accepted("us-agency", edge)
    assert hub.sees("kr-cert", edge)
    mine = relation(malware("b"), secret)
    hub.accepted("us-cert", mine)
    assert not hub.sees("kr-cert", mine)


def test_another_nations_object_does_not_count(hub: Hub) -> None:
    hub.agree(clause("US", "KR"))
    hub.accepted("jp-cert", malware("x", "red"))
    edge = relation(malware("a"), malware("x"))
    hub.accepted("us-cert", edge)
    assert hub.sees("kr-cert", edge)


@pytest.mark.parametrize("is_together", [False, True])
def test_a_copy_withholds_nothing_that_is_seen_elsewhere_whenever_it_comes(
    hub: Hub, is_together: bool
) -> None:
    """Whether the copy is stored before what refers to it, or comes in the same submission (policy 2.7)."""
    hub.agree(clause("JP", "KR", "US"), clause("KR", "US", "AU", types=["report"]))
    copy = campaign("copied", "green")
    about = report("about", copy, tlp="green")
    hub.accepted("jp-cert", copy)
    for parcel in [[copy, about]] if is_together else [[copy], [about]]:
        hub.accepted("kr-cert", *parcel)
    assert hub.sees("us-cert", about)  # it sees the original
    assert not hub.sees("au-cert", about)


def test_a_circle_of_references_is_released_whole_or_not_at_all(hub: Hub) -> None:
    hub.agree(clause("US", "KR"))
    a, b = (
        report("a", report("b", malware("x")), tlp="green"),
        report("b", report("a", malware("x")), tlp="green"),
    )
    hub.accepted("us-cert", a, b)
    assert [hub.sees("kr-cert", item) for item in (a, b)] == [True, True]
    hub.accepted("us-cert", report("b", report("a", malware("x")), tlp="red", version=2))
    assert not hub.sees("kr-cert", a)


def test_a_report_stands_only_as_long_as_what_it_names(hub: Hub) -> None:
    strict = hub.agree(clause("US", "KR", max_tlp="amber"))
    hub.agree(clause("US", "KR", max_tlp="green", audience="partner"))
    content = malware("content", "amber")
    about = report("about", content, tlp="green")
    hub.accepted("us-cert", about, content)
    assert hub.readers(about, ABROAD) == ["kr-cert", "kr-agency"]
    hub.terminate("kr-cert", strict)
    assert hub.readers(about, ABROAD) == []


def test_observables_in_an_observation_are_referred_to(hub: Hub) -> None:
    hub.agree(clause("US", "KR"))
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
    hub.accepted("us-cert", observed, seen)
    assert not hub.sees("kr-cert", observed)
