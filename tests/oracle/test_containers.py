"""What containers and defaults give to what is in them, and to names (policy 2.3)."""

from __future__ import annotations

import pytest

from tests.oracle.alliance import OracleAlliance, rel_to
from tests.oracle.two_nations import EIGHTS, JP, LAZARUS, UNKNOWN, level, two_nations
from tests.stix_objects import (
    TLP,
    Json,
    definition,
    grouping,
    indicator,
    note,
    relationship,
    report,
    stix_id,
)


@pytest.fixture
def world() -> OracleAlliance:
    return two_nations()


# --- containers (2.3) -----------------------------------------------------------------------------


def test_a_red_report_tightens_what_is_in_it_whenever_it_comes(world: OracleAlliance) -> None:
    inside, outer = indicator(), report(tlp="red", refs=[indicator()["id"], grouping()["id"]])
    world.says("jp-agency", inside)
    world.says("jp-agency", outer)
    assert level(world, inside) == "red"
    world.says("jp-agency", grouping(refs=[indicator(2)["id"]]), indicator(2))
    assert level(world, indicator(2)) == "red"
    world.says("jp-agency", indicator(version=2, tlp="green"))
    assert level(world, inside) == "green"


def test_a_later_container_only_tightens_the_default_too(world: OracleAlliance) -> None:
    world.says("jp-agency", indicator())
    world.says("jp-agency", report(tlp="green", refs=[indicator()["id"]]))
    assert level(world, indicator()) == "amber"
    world.says("jp-agency", indicator(version=2))  # anew, with what is held
    assert level(world, indicator()) == "green"


def test_an_unmarked_container_counts_at_its_default(world: OracleAlliance) -> None:
    inner, outer = grouping(refs=[indicator()["id"]]), report(tlp="green", refs=[grouping()["id"]])
    world.says("jp-agency", outer, inner, indicator())
    assert level(world, grouping()) == "green"
    assert level(world, indicator()) == "amber"


def test_red_of_one_container_is_not_addressed_by_rel_to_of_another(world: OracleAlliance) -> None:
    inside = indicator()
    world.says("jp-agency", inside, report(1, tlp="red", refs=[inside["id"]]))
    world.says("jp-agency", report(2, tlp="green", refs=[inside["id"]], marks=[rel_to("KR")]))
    assert world.nations(inside) == {"JP"}


@pytest.mark.parametrize("order", [1, -1])
def test_red_and_rel_to_of_one_container_address_what_is_in_it(world: OracleAlliance, order: int) -> None:
    inside = indicator()
    for part in [[inside], [report(1, tlp="red", refs=[inside["id"]], marks=[rel_to("KR")])]][::order]:
        world.says("jp-agency", *part)
    assert world.readers(inside) >= {"kr-cert"}
    assert "kr-agency" not in world.readers(inside)


def test_what_a_container_took_over_binds_it_alone(world: OracleAlliance) -> None:
    theirs, inside = indicator(1, tlp="amber"), indicator()
    world.says("jp-agency2", theirs)
    world.says("jp-agency", report(tlp="green", refs=[theirs["id"], inside["id"]]), inside)
    assert level(world, report()) == "amber"
    assert level(world, inside) == "green"


# --- names and addresses (2.3) --------------------------------------------------------------------


@pytest.mark.parametrize("name", [LAZARUS, EIGHTS])
def test_a_red_report_takes_back_no_green_one_that_names_the_same(world: OracleAlliance, name: Json) -> None:
    """MISP's fixed id of an actor, OpenCTI's of an address: said again with every event."""
    first = report(1, tlp="green", refs=[name["id"]])
    world.says("jp-agency", first, name)
    again = name | ({"created": "2026-02-01T00:00:00.000Z", "created_by_ref": JP} if name is LAZARUS else {})
    again |= {"modified": "2026-02-01T00:00:00.000Z"} if name is LAZARUS else {}
    secret = report(2, tlp="red", refs=[name["id"]])
    assert world.says("jp-agency", secret, again) == ["accepted", "equal"]
    assert level(world, name) == "green"
    assert "kr-partner" in world.readers(first) & world.readers(name)


def test_a_second_report_takes_back_nothing_for_the_address_that_both_name(world: OracleAlliance) -> None:
    first, second = report(1, tlp="green", refs=[EIGHTS["id"]]), report(2, tlp="amber", refs=[EIGHTS["id"]])
    world.says("jp-agency", first, EIGHTS)
    assert world.says("jp-agency", second, EIGHTS) == ["accepted", "equal"]
    assert "kr-partner" in world.readers(first) & world.readers(EIGHTS)
    # Other content beside a stricter report is left out, and not what is there.
    assert world.says(
        "jp-agency", report(3, tlp="amber", refs=[EIGHTS["id"]]), EIGHTS | {"x_sighted": 7}
    ) == [
        "accepted",
        "stands as it is",
    ]


@pytest.mark.parametrize(
    ("held", "beside", "expected"),
    [
        ([], [], "amber"),
        ([], ["red", "green"], "green"),  # the laxest of its own submission
        (["green"], ["red"], "red"),  # and not what is held, if its own submission has any
        (["red", "green"], [], "red"),  # else the strictest that is held
        (["green"], [], "green"),
    ],
)
def test_a_name_takes_its_level_once(
    world: OracleAlliance, held: list[str], beside: list[str], expected: str
) -> None:
    for n, tlp in enumerate(held):
        world.says("jp-agency", report(n, tlp=tlp, refs=[LAZARUS["id"]]))
    reports = [report(10 + n, tlp=tlp, refs=[LAZARUS["id"]]) for n, tlp in enumerate(beside)]
    world.says("jp-agency", *reports, LAZARUS)
    assert level(world, LAZARUS) == expected
    # Only a default may still be tightened, and once.
    world.says("jp-agency", *(report(20 + n, tlp=t, refs=[LAZARUS["id"]]) for n, t in enumerate(["red"])))
    assert level(world, LAZARUS) == ("red" if not held and not beside else expected)


def test_a_default_is_tightened_by_the_first_submission_that_brings_a_container(
    world: OracleAlliance,
) -> None:
    world.says("jp-agency", LAZARUS)
    world.says("jp-agency", report(1, tlp="green", refs=[LAZARUS["id"]]))
    assert level(world, LAZARUS) == "amber"
    world.says("jp-agency", report(2, tlp="red", refs=[LAZARUS["id"]]))
    assert level(world, LAZARUS) == "amber"


def test_said_again_beside_a_laxer_container_it_is_loosened(world: OracleAlliance) -> None:
    world.says("jp-agency", report(1, tlp="red", refs=[LAZARUS["id"]]), LAZARUS)
    world.says("jp-agency", report(2, tlp="green", refs=[LAZARUS["id"]]))  # named alone
    assert level(world, LAZARUS) == "red"
    assert world.says("jp-agency", report(3, tlp="green", refs=[LAZARUS["id"]]), LAZARUS)[1] == "equal"
    assert level(world, LAZARUS) == "green"


def test_a_name_takes_the_open_container_before_the_closed_and_who_any_of_them_goes_to(
    world: OracleAlliance,
) -> None:
    refs = [LAZARUS["id"]]
    closed = report(1, tlp="clear", refs=refs, marks=[UNKNOWN])
    to_kr, to_jp = (report(n, tlp="green", refs=refs, marks=[rel_to(c)]) for n, c in ((2, "KR"), (3, "AU")))
    world.says("jp-agency", closed, to_kr, to_jp, LAZARUS)
    given = world.version("jp-agency", LAZARUS)
    assert (given.level, given.nations, given.is_closed) == ("green", {"KR", "AU"}, False)


def test_the_closure_of_a_name_ends_with_its_containers(world: OracleAlliance) -> None:
    closed = report(1, tlp="green", refs=[LAZARUS["id"]], marks=[definition()["id"]])
    world.says("jp-agency", closed, LAZARUS)
    assert world.nations(LAZARUS) == {"JP"}
    world.says("jp-agency", definition())
    assert world.nations(LAZARUS) == {"JP", "KR"}


@pytest.mark.parametrize(
    ("said", "beside", "expected"),
    [
        ({"description": "New"}, "red", "stands as it is"),
        ({"description": "New"}, "green", "accepted"),
        ({"description": "New"}, None, "accepted"),  # with what is held
        ({"description": "New", "object_marking_refs": [TLP["red"]]}, None, "accepted"),
        ({"description": "New", "object_marking_refs": [UNKNOWN]}, None, "stands as it is"),
        ({"description": "New", "object_marking_refs": [rel_to("KR")]}, None, "stands as it is"),
        ({"revoked": True}, "red", "accepted"),  # it keeps its predecessor's
    ],
)
def test_a_name_stands_as_it_is(world: OracleAlliance, said: Json, beside: str | None, expected: str) -> None:
    world.says("jp-agency", report(1, tlp="green", refs=[LAZARUS["id"]]), LAZARUS)
    more = [report(2, tlp=beside, refs=[LAZARUS["id"]])] if beside else []
    newer = LAZARUS | {"modified": "2026-02-01T00:00:00.000Z"} | said
    assert world.says("jp-agency", *more, newer)[-1] == expected


def test_a_name_that_was_deleted_is_submitted_again(world: OracleAlliance) -> None:
    world.says("jp-agency", report(1, tlp="green", refs=[LAZARUS["id"]]), LAZARUS)
    assert world.deletes("jp-agency", LAZARUS["id"])
    assert world.says("jp-agency", LAZARUS) == ["deleted"]
    later = LAZARUS | {"modified": "2026-02-01T00:00:00.000Z"}
    assert world.says("jp-agency", report(2, tlp="amber", refs=[LAZARUS["id"]]), later)[1] == "accepted"
    assert level(world, LAZARUS) == "amber"
    address = report(3, tlp="green", refs=[EIGHTS["id"]])
    world.says("jp-agency", address, EIGHTS)
    world.deletes("jp-agency", EIGHTS["id"])
    assert world.says("jp-agency", EIGHTS) == ["accepted"]


def test_a_marked_report_goes_without_its_unmarked_names(world: OracleAlliance) -> None:
    world.says("jp-agency", report(1, tlp="amber", refs=[LAZARUS["id"]]), LAZARUS)
    link = relationship(tlp="green", refs=[LAZARUS["id"], stix_id("campaign", 5)])
    world.says("jp-agency", report(2, tlp="green", refs=[LAZARUS["id"]]), link, note(2, tlp="green"))
    assert "kr-partner" in world.readers(report(2))
    assert "kr-partner" not in world.readers(LAZARUS) | world.readers(link)
