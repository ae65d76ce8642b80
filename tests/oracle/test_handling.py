"""What markings, containers and defaults amount to, each as the smallest story (policy 2, 3, 6, 8)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.alliance import Alliance, oracle, rel_to, speaker
from tests.stix_objects import (
    INFORMATIVE,
    TLP,
    Json,
    definition,
    grouping,
    identity,
    indicator,
    note,
    observable,
    relationship,
    report,
    sdo,
    stix_id,
    value_id,
)

JP = speaker("jp-agency")
UNKNOWN = stix_id("marking-definition", 500)
LAZARUS = sdo("intrusion-set", 1, name="Lazarus")
EIGHTS = observable() | {"id": value_id()}


@pytest.fixture
def world() -> Alliance:
    """Japan shares all with Korea, whose default is AMBER too."""
    made = Alliance()
    made.shares("JP", "KR")
    return made


def level(world: Alliance, obj: Json, member: str = "jp-agency") -> str | None:
    return world.version(member, obj).level


# --- marks (2.1, 2.5, 2.6) ------------------------------------------------------------------------

TLP_2 = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"labels": ["tlp:amber"]}, "amber"),
        ({"labels": ['misp:tlp="red"']}, "red"),
        ({"labels": ["TLP2.0:RED"]}, "red"),
        ({"labels": ["\uff34\uff2c\uff30\uff1a\uff32\uff25\uff24"]}, "red"),  # full width
        ({"labels": ["t\u200blp:r\u200bed"]}, "red"),
        ({"labels": ["tlp:amber+strict"]}, "amber+strict"),
        ({"labels": ["TLP AMBER - STRICT"]}, "amber+strict"),
        ({"labels": ["tlpamber"]}, "amber"),
        ({"labels": ["tlp:redacted"]}, "green"),
        ({"labels": ["tlp:clear", "tlp:white"]}, "green"),
        ({"labels": ["TLP:AMBER, was tlp:red"]}, "red"),
        ({"extensions": {TLP_2: {"tlp_2_0": "red"}}}, "red"),
        ({"x_kept": [{"object": {"labels": ["tlp:red"]}}]}, "red"),
        ({"x_kept": [{"object": {"object_marking_refs": [TLP["red"]]}}]}, "red"),
        ({"x_kept": [{"granular_markings": [{"marking_ref": TLP["amber"], "selectors": ["x"]}]}]}, "amber"),
        ({"x_kept": [{"extensions": {TLP_2: {"tlp_2_0": "amber"}}}]}, "amber"),
        ({"granular_markings": [{"marking_ref": TLP["amber"], "selectors": ["name"]}]}, "amber"),
    ],
)
def test_whatever_spells_a_level_raises(world: Alliance, said: Json, expected: str) -> None:
    obj = indicator(tlp="green", name="Name", **said)
    world.says("jp-agency", obj)
    assert level(world, obj) == expected


def test_labels_alone_are_no_marking(world: Alliance) -> None:
    obj = indicator(labels=["tlp:green"])
    world.says("jp-agency", obj)
    assert level(world, obj) == "amber"


@pytest.mark.parametrize(
    ("said", "is_closed"),
    [
        ({"object_marking_refs": [TLP["green"], UNKNOWN]}, True),
        ({"object_marking_refs": [TLP["green"], INFORMATIVE]}, False),
        ({"x_kept": {"object_marking_refs": [UNKNOWN]}}, True),
        ({"x_kept": {"object_marking_refs": [INFORMATIVE]}}, False),
        ({"x_kept": {"object_marking_refs": [rel_to("KR")]}}, True),
        ({"granular_markings": [{"marking_ref": rel_to("KR"), "selectors": ["pattern"]}]}, True),
        ({"granular_markings": [{"marking_ref": TLP["green"], "selectors": ["x_missing"]}]}, True),
        ({"object_marking_refs": [TLP["green"], rel_to("KR")]}, False),
    ],
)
def test_what_nobody_knows_closes(world: Alliance, said: Json, is_closed: bool) -> None:
    obj = indicator(tlp="green") | said
    world.says("jp-agency", obj)
    assert world.version("jp-agency", obj).is_closed == is_closed
    assert ("KR" in world.nations(obj)) == (not is_closed)


def test_a_statement_opens_now_or_later(world: Alliance) -> None:
    obj = indicator(tlp="green", marks=[definition()["id"]])
    world.says("jp-agency", obj)
    world.says("jp-cert", definition())  # another member's does not count
    assert world.nations(obj) == {"JP"}
    world.says("jp-agency", definition())
    assert world.nations(obj) == {"JP", "KR"}
    assert level(world, definition()) == "green"


@pytest.mark.parametrize(
    ("claimed", "under", "expected"),
    [
        ("red", TLP["red"], "equal"),
        ("white", TLP["white"], "equal"),
        ("white", TLP["clear"], "equal"),
        ("green", TLP["red"], "disagrees with its id"),
        ("red", stix_id("marking-definition", 77), "claims TLP under another id"),
    ],
)
def test_tlp_definitions_say_what_their_ids_say(
    world: Alliance, claimed: str, under: str, expected: str
) -> None:
    said = definition() | {"id": under, "definition_type": "tlp", "definition": {"tlp": claimed}}
    assert world.says("jp-agency", said) == [expected]


# --- containers (2.3) -----------------------------------------------------------------------------


def test_a_red_report_tightens_what_is_in_it_whenever_it_comes(world: Alliance) -> None:
    inside, outer = indicator(), report(tlp="red", refs=[indicator()["id"], grouping()["id"]])
    world.says("jp-agency", inside)
    world.says("jp-agency", outer)
    assert level(world, inside) == "red"
    world.says("jp-agency", grouping(refs=[indicator(2)["id"]]), indicator(2))
    assert level(world, indicator(2)) == "red"
    world.says("jp-agency", indicator(version=2, tlp="green"))
    assert level(world, inside) == "green"


def test_a_later_container_only_tightens_the_default_too(world: Alliance) -> None:
    world.says("jp-agency", indicator())
    world.says("jp-agency", report(tlp="green", refs=[indicator()["id"]]))
    assert level(world, indicator()) == "amber"
    world.says("jp-agency", indicator(version=2))  # anew, with what is held
    assert level(world, indicator()) == "green"


def test_an_unmarked_container_counts_at_its_default(world: Alliance) -> None:
    inner, outer = grouping(refs=[indicator()["id"]]), report(tlp="green", refs=[grouping()["id"]])
    world.says("jp-agency", outer, inner, indicator())
    assert level(world, grouping()) == "green"
    assert level(world, indicator()) == "amber"


def test_red_of_one_container_is_not_addressed_by_rel_to_of_another(world: Alliance) -> None:
    inside = indicator()
    world.says("jp-agency", inside, report(1, tlp="red", refs=[inside["id"]]))
    world.says("jp-agency", report(2, tlp="green", refs=[inside["id"]], marks=[rel_to("KR")]))
    assert world.nations(inside) == {"JP"}


@pytest.mark.parametrize("order", [1, -1])
def test_red_and_rel_to_of_one_container_address_what_is_in_it(world: Alliance, order: int) -> None:
    inside = indicator()
    for part in [[inside], [report(1, tlp="red", refs=[inside["id"]], marks=[rel_to("KR")])]][::order]:
        world.says("jp-agency", *part)
    assert world.readers(inside) >= {"kr-cert"}
    assert "kr-agency" not in world.readers(inside)


def test_what_a_container_took_over_binds_it_alone(world: Alliance) -> None:
    theirs, inside = indicator(1, tlp="amber"), indicator()
    world.says("jp-agency2", theirs)
    world.says("jp-agency", report(tlp="green", refs=[theirs["id"], inside["id"]]), inside)
    assert level(world, report()) == "amber"
    assert level(world, inside) == "green"


# --- names and addresses (2.3) --------------------------------------------------------------------


@pytest.mark.parametrize("name", [LAZARUS, EIGHTS])
def test_a_red_report_takes_back_no_green_one_that_names_the_same(world: Alliance, name: Json) -> None:
    """MISP's fixed id of an actor, OpenCTI's of an address: said again with every event."""
    first = report(1, tlp="green", refs=[name["id"]])
    world.says("jp-agency", first, name)
    again = name | ({"created": "2026-02-01T00:00:00.000Z", "created_by_ref": JP} if name is LAZARUS else {})
    again |= {"modified": "2026-02-01T00:00:00.000Z"} if name is LAZARUS else {}
    secret = report(2, tlp="red", refs=[name["id"]])
    assert world.says("jp-agency", secret, again) == ["accepted", "equal"]
    assert level(world, name) == "green"
    assert "kr-partner" in world.readers(first) & world.readers(name)


def test_a_second_report_takes_back_nothing_for_the_address_that_both_name(world: Alliance) -> None:
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
    world: Alliance, held: list[str], beside: list[str], expected: str
) -> None:
    for n, tlp in enumerate(held):
        world.says("jp-agency", report(n, tlp=tlp, refs=[LAZARUS["id"]]))
    reports = [report(10 + n, tlp=tlp, refs=[LAZARUS["id"]]) for n, tlp in enumerate(beside)]
    world.says("jp-agency", *reports, LAZARUS)
    assert level(world, LAZARUS) == expected
    # Only a default may still be tightened, and once.
    world.says("jp-agency", *(report(20 + n, tlp=t, refs=[LAZARUS["id"]]) for n, t in enumerate(["red"])))
    assert level(world, LAZARUS) == ("red" if not held and not beside else expected)


def test_a_default_is_tightened_by_the_first_submission_that_brings_a_container(world: Alliance) -> None:
    world.says("jp-agency", LAZARUS)
    world.says("jp-agency", report(1, tlp="green", refs=[LAZARUS["id"]]))
    assert level(world, LAZARUS) == "amber"
    world.says("jp-agency", report(2, tlp="red", refs=[LAZARUS["id"]]))
    assert level(world, LAZARUS) == "amber"


def test_said_again_beside_a_laxer_container_it_is_loosened(world: Alliance) -> None:
    world.says("jp-agency", report(1, tlp="red", refs=[LAZARUS["id"]]), LAZARUS)
    world.says("jp-agency", report(2, tlp="green", refs=[LAZARUS["id"]]))  # named alone
    assert level(world, LAZARUS) == "red"
    assert world.says("jp-agency", report(3, tlp="green", refs=[LAZARUS["id"]]), LAZARUS)[1] == "equal"
    assert level(world, LAZARUS) == "green"


def test_a_name_takes_the_open_container_before_the_closed_and_who_any_of_them_goes_to(
    world: Alliance,
) -> None:
    refs = [LAZARUS["id"]]
    closed = report(1, tlp="clear", refs=refs, marks=[UNKNOWN])
    to_kr, to_jp = (report(n, tlp="green", refs=refs, marks=[rel_to(c)]) for n, c in ((2, "KR"), (3, "AU")))
    world.says("jp-agency", closed, to_kr, to_jp, LAZARUS)
    given = world.version("jp-agency", LAZARUS)
    assert (given.level, given.nations, given.is_closed) == ("green", {"KR", "AU"}, False)


def test_the_closure_of_a_name_ends_with_its_containers(world: Alliance) -> None:
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
def test_a_name_stands_as_it_is(world: Alliance, said: Json, beside: str | None, expected: str) -> None:
    world.says("jp-agency", report(1, tlp="green", refs=[LAZARUS["id"]]), LAZARUS)
    more = [report(2, tlp=beside, refs=[LAZARUS["id"]])] if beside else []
    newer = LAZARUS | {"modified": "2026-02-01T00:00:00.000Z"} | said
    assert world.says("jp-agency", *more, newer)[-1] == expected


def test_a_name_that_was_deleted_is_submitted_again(world: Alliance) -> None:
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


def test_a_marked_report_goes_without_its_unmarked_names(world: Alliance) -> None:
    world.says("jp-agency", report(1, tlp="amber", refs=[LAZARUS["id"]]), LAZARUS)
    link = relationship(tlp="green", refs=[LAZARUS["id"], stix_id("campaign", 5)])
    world.says("jp-agency", report(2, tlp="green", refs=[LAZARUS["id"]]), link, note(2, tlp="green"))
    assert "kr-partner" in world.readers(report(2))
    assert "kr-partner" not in world.readers(LAZARUS) | world.readers(link)


# --- what stays at home, identities (2.4) ---------------------------------------------------------


@pytest.fixture
def home() -> Alliance:
    made = Alliance(oracle(homes=["JP"]))
    made.shares("JP", "KR")
    return made


def test_unmarked_may_mean_home(home: Alliance) -> None:
    home.says("jp-agency", indicator(), indicator(1, tlp="amber"))
    home.says("jp-agency", report(tlp="green", refs=[indicator()["id"]]))
    assert home.readers(indicator()) == {"jp-agency", "jp-agency2", "jp-cert"}
    assert home.nations(indicator(1)) == {"JP", "KR"}
    home.says("jp-agency", indicator(version=2))
    assert "kr-partner" in home.readers(indicator(version=2))


def test_a_name_at_home_is_taken_out_by_saying_it_again_beside_a_container(home: Alliance) -> None:
    home.says("jp-agency", LAZARUS)
    home.says("jp-agency", report(1, tlp="amber", refs=[LAZARUS["id"]]))
    assert home.nations(LAZARUS) == {"JP"}
    home.says("jp-agency", report(2, tlp="amber", refs=[LAZARUS["id"]]), LAZARUS)
    assert home.nations(LAZARUS) == {"JP", "KR"}


def test_what_stays_at_home_keeps_at_home_what_refers_to_it_and_what_it_holds(home: Alliance) -> None:
    home.says("jp-agency", indicator(1))
    home.says("jp-agency2", note(tlp="green", refs=[indicator(1)["id"]]))
    home.says("jp-agency", indicator(2), grouping(refs=[indicator(2)["id"]]))
    assert home.nations(note()) == home.nations(indicator(2)) == {"JP"}


def test_containers_that_name_but_each_other_have_the_default(home: Alliance) -> None:
    one, other = grouping(1, refs=[grouping(2)["id"]]), grouping(2, refs=[grouping(1)["id"]])
    home.says("jp-agency", one, other)
    assert home.nations(one) == home.nations(other) == {"JP"}
    third, fourth = grouping(3, refs=[grouping(4)["id"]]), grouping(4, refs=[grouping(3)["id"]])
    home.says("jp-agency", third, fourth, report(tlp="green", refs=[third["id"]]))
    assert home.nations(third) == {"JP", "KR"}


def test_definitions_and_authors_cross_all_the_same(home: Alliance) -> None:
    author = identity()
    home.says("jp-agency", definition(), author)
    assert home.nations(definition()) == {"JP", "KR"}
    assert home.nations(author) == {"JP"}
    home.says("jp-agency", indicator(created_by=author["id"]))  # it stays at home itself
    assert home.nations(author) == {"JP"}
    home.says("jp-agency", indicator(1, tlp="green", created_by=author["id"]))
    assert "kr-partner" in home.readers(author)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (["amber+strict"], "amber+strict"),
        (["red", "clear"], "green"),
        (["green", "amber"], "green"),
        ([], "amber"),
    ],
)
def test_an_author_is_as_lax_as_the_laxest_that_names_it(
    world: Alliance, named: list[str], expected: str
) -> None:
    author = identity()
    objects = [indicator(n, tlp=tlp, created_by=author["id"]) for n, tlp in enumerate(named)]
    world.says("jp-agency", author, *objects)
    assert level(world, author) == expected
    for n in range(len(named)):
        world.deletes("jp-agency", indicator(n)["id"])
    assert level(world, author) == expected
    world.says("jp-agency", indicator(9, tlp="green", created_by=author["id"]))
    assert level(world, author) == "green"


# --- revoking versions (8) ------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("container", [None, "green", "red"])
def test_a_revoking_version_keeps_all_whatever_comes_first(
    world: Alliance, order: int, container: str | None
) -> None:
    first = indicator(tlp="amber", marks=[rel_to("KR"), definition()["id"]])
    last = indicator(version=2, revoked=True)
    more = [report(tlp=container, refs=[first["id"]])] if container else []
    for part in [[first], [last, *more]][::order]:
        world.says("jp-agency", *part)
    kept = world.version("jp-agency", last)
    assert (kept.level, kept.nations, kept.is_closed) == ("amber", {"KR"}, True)


def test_a_revoking_version_keeps_its_limits_and_its_home() -> None:
    world = Alliance(oracle(homes=["JP"]))
    world.shares("JP", ["KR", "AU"])
    world.shares("KR", "JP")
    theirs = indicator(5, tlp="amber")
    world.says("kr-agency", theirs)
    said: list[Any] = [note(tlp="green", refs=[theirs["id"]]), indicator()]
    world.says("jp-agency", *said)
    world.says("jp-agency", note(version=2, revoked=True), indicator(version=2, revoked=True))
    assert world.nations(note(version=2)) == {"JP", "KR"}
    assert world.nations(indicator(version=2)) == {"JP"}


# --- the newest decides (4) -----------------------------------------------------------------------


def test_a_stricter_version_takes_back_the_earlier_though_it_is_deleted(world: Alliance) -> None:
    world.says("jp-agency", indicator(tlp="green"), indicator(version=2, tlp="red"))
    assert world.nations(indicator()) == {"JP"}
    world.oracle.delete("jp-agency", indicator()["id"], [indicator(version=2)["modified"]])
    assert world.nations(indicator()) == {"JP"}


def test_audience_and_ceiling_and_start() -> None:
    made = Alliance()
    made.says("jp-agency", indicator(1, tlp="green"))
    made.wait()
    made.shares("JP", "KR", "amber", audience="agency", history=False)
    made.says("jp-agency", indicator(2, tlp="green"), indicator(3, tlp="amber+strict"))
    assert made.nations(indicator(1)) == made.nations(indicator(3)) == {"JP"}
    assert made.readers(indicator(2)) & {"kr-partner", "kr-agency"} == {"kr-agency"}
