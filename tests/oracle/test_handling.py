"""What markings, revocations and newest versions amount to, each as the smallest case (policy 2, 3, 4, 8)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.alliance import OracleAlliance, oracle, rel_to
from tests.oracle.two_nations import LAZARUS, UNKNOWN, level, two_nations
from tests.stix_objects import (
    INFORMATIVE,
    TLP,
    Json,
    definition,
    grouping,
    identity,
    indicator,
    note,
    report,
    stix_id,
)


@pytest.fixture
def world() -> OracleAlliance:
    return two_nations()


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
def test_whatever_spells_a_level_raises(world: OracleAlliance, said: Json, expected: str) -> None:
    obj = indicator(tlp="green", name="Name", **said)
    world.says("jp-agency", obj)
    assert level(world, obj) == expected


def test_labels_alone_are_no_marking(world: OracleAlliance) -> None:
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
def test_what_nobody_knows_closes(world: OracleAlliance, said: Json, is_closed: bool) -> None:
    obj = indicator(tlp="green") | said
    world.says("jp-agency", obj)
    assert world.version("jp-agency", obj).is_closed == is_closed
    assert ("KR" in world.nations(obj)) == (not is_closed)


def test_a_statement_opens_now_or_later(world: OracleAlliance) -> None:
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
    world: OracleAlliance, claimed: str, under: str, expected: str
) -> None:
    said = definition() | {"id": under, "definition_type": "tlp", "definition": {"tlp": claimed}}
    assert world.says("jp-agency", said) == [expected]


# --- what stays at home, identities (2.4) ---------------------------------------------------------


@pytest.fixture
def home() -> OracleAlliance:
    made = OracleAlliance(oracle(homes=["JP"]))
    made.shares("JP", "KR")
    return made


def test_unmarked_may_mean_home(home: OracleAlliance) -> None:
    home.says("jp-agency", indicator(), indicator(1, tlp="amber"))
    home.says("jp-agency", report(tlp="green", refs=[indicator()["id"]]))
    assert home.readers(indicator()) == {"jp-agency", "jp-agency2", "jp-cert"}
    assert home.nations(indicator(1)) == {"JP", "KR"}
    home.says("jp-agency", indicator(version=2))
    assert "kr-partner" in home.readers(indicator(version=2))


def test_a_name_at_home_is_taken_out_by_saying_it_again_beside_a_container(home: OracleAlliance) -> None:
    home.says("jp-agency", LAZARUS)
    home.says("jp-agency", report(1, tlp="amber", refs=[LAZARUS["id"]]))
    assert home.nations(LAZARUS) == {"JP"}
    home.says("jp-agency", report(2, tlp="amber", refs=[LAZARUS["id"]]), LAZARUS)
    assert home.nations(LAZARUS) == {"JP", "KR"}


def test_what_stays_at_home_keeps_at_home_what_refers_to_it_and_what_it_holds(home: OracleAlliance) -> None:
    home.says("jp-agency", indicator(1))
    home.says("jp-agency2", note(tlp="green", refs=[indicator(1)["id"]]))
    home.says("jp-agency", indicator(2), grouping(refs=[indicator(2)["id"]]))
    assert home.nations(note()) == home.nations(indicator(2)) == {"JP"}


def test_containers_that_name_but_each_other_have_the_default(home: OracleAlliance) -> None:
    one, other = grouping(1, refs=[grouping(2)["id"]]), grouping(2, refs=[grouping(1)["id"]])
    home.says("jp-agency", one, other)
    assert home.nations(one) == home.nations(other) == {"JP"}
    third, fourth = grouping(3, refs=[grouping(4)["id"]]), grouping(4, refs=[grouping(3)["id"]])
    home.says("jp-agency", third, fourth, report(tlp="green", refs=[third["id"]]))
    assert home.nations(third) == {"JP", "KR"}


def test_definitions_and_authors_cross_all_the_same(home: OracleAlliance) -> None:
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
    world: OracleAlliance, named: list[str], expected: str
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
    world: OracleAlliance, order: int, container: str | None
) -> None:
    first = indicator(tlp="amber", marks=[rel_to("KR"), definition()["id"]])
    last = indicator(version=2, revoked=True)
    more = [report(tlp=container, refs=[first["id"]])] if container else []
    for part in [[first], [last, *more]][::order]:
        world.says("jp-agency", *part)
    kept = world.version("jp-agency", last)
    assert (kept.level, kept.nations, kept.is_closed) == ("amber", {"KR"}, True)


def test_a_revoking_version_keeps_its_limits_and_its_home() -> None:
    world = OracleAlliance(oracle(homes=["JP"]))
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


def test_a_stricter_version_takes_back_the_earlier_though_it_is_deleted(world: OracleAlliance) -> None:
    world.says("jp-agency", indicator(tlp="green"), indicator(version=2, tlp="red"))
    assert world.nations(indicator()) == {"JP"}
    world.oracle.delete("jp-agency", indicator()["id"], [indicator(version=2)["modified"]])
    assert world.nations(indicator()) == {"JP"}


def test_audience_and_ceiling_and_start() -> None:
    made = OracleAlliance()
    made.says("jp-agency", indicator(1, tlp="green"))
    made.wait()
    made.shares("JP", "KR", "amber", audience="agency", history=False)
    made.says("jp-agency", indicator(2, tlp="green"), indicator(3, tlp="amber+strict"))
    assert made.nations(indicator(1)) == made.nations(indicator(3)) == {"JP"}
    assert made.readers(indicator(2)) & {"kr-partner", "kr-agency"} == {"kr-agency"}
