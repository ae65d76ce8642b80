"""What the hub makes of markings, in whatever order objects come in (policy 2 and 3)."""

from __future__ import annotations

import itertools

import pytest

from tests.named_objects import LEVELS, campaign, identity, malware, relation, report, statement
from tests.stix_objects import INFORMATIVE, TLP
from tests.world import World, clause

HOME = ("us-cert", "us-agency", "us-agency-2", "us-partner")
ABROAD = ("kr-cert", "kr-agency", "kr-partner", "jp-cert")


def _levels_seen(world: World, item: dict[str, object]) -> str:
    """Return the level that the hub enforces, told from who sees the object at each ceiling."""
    readers = {"AU": "clear", "IN": "green", "JP": "amber", "KR": "amber+strict"}
    seen = [level for code, level in readers.items() if world.sees(f"{code.lower()}-cert", item)]
    return seen[0] if seen else "red"


def _by_ceiling(world: World) -> None:
    ceilings = {"AU": "clear", "IN": "green", "JP": "amber", "KR": "amber+strict"}
    clauses = [clause("US", code, max_tlp=level) for code, level in ceilings.items()]
    world.agree(["US", *ceilings], *clauses)


# --- inside the nation, and across ----------------------------------------------------------------


@pytest.mark.parametrize("submitter", ["us-cert", "us-agency", "us-partner"])
def test_inside_the_nation_the_level_tells_who_sees(world: World, submitter: str) -> None:
    expected = {
        "clear": set(HOME),
        "green": set(HOME),
        "amber": {"us-cert", "us-agency", "us-agency-2", submitter},
        "amber+strict": {"us-cert", submitter},
        "red": {"us-cert", submitter},
    }
    items = {level: malware(level, level) for level in LEVELS}
    world.accepted(submitter, *items.values())
    for level, item in items.items():
        assert set(world.readers(item, HOME)) == expected[level], level
        assert world.readers(item, ABROAD) == []


def test_across_nations_ceiling_and_audience_tell(world: World) -> None:
    wide = {"max_tlp": "red", "audience": "partner"}
    world.agree(["US", "KR"], clause("US", "KR", **wide))
    items = {level: malware(level, level) for level in LEVELS}
    world.accepted("us-agency", *items.values())
    seen = {level: world.readers(item, ABROAD) for level, item in items.items()}
    assert seen == {
        "clear": ["kr-cert", "kr-agency", "kr-partner"],
        "green": ["kr-cert", "kr-agency", "kr-partner"],
        "amber": ["kr-cert", "kr-agency"],
        "amber+strict": ["kr-cert"],
        "red": [],
    }


@pytest.mark.parametrize(
    ("audience", "readers"),
    [
        ("partner", ["kr-cert", "kr-agency", "kr-partner"]),
        ("agency", ["kr-cert", "kr-agency"]),
        ("cert", ["kr-cert"]),
    ],
)
def test_the_narrower_of_audience_and_level_counts(world: World, audience: str, readers: list[str]) -> None:
    world.agree(["US", "KR"], clause("US", "KR", audience=audience))
    world.accepted("us-cert", malware("a", "green"))
    assert world.readers(malware("a", "green"), ABROAD) == readers


def test_a_clause_has_one_direction_and_its_types(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR", types=["malware"]))
    mine, edge, theirs = malware("a"), relation(malware("a"), malware("b")), malware("c")
    world.accepted("us-cert", mine, edge, identity("i", "green"), statement("s"))
    world.accepted("kr-cert", theirs)
    assert world.sees("kr-cert", mine)
    assert world.sees("kr-cert", identity("i", "green"))  # what crosses stays readable
    assert world.sees("kr-cert", statement("s"))
    assert not world.sees("kr-cert", edge)
    assert not world.sees("us-cert", theirs)


def test_what_was_submitted_before_the_start_stays(world: World) -> None:
    world.accepted("us-cert", malware("before"))
    world.agree(["US", "KR"], clause("US", "KR"))
    world.accepted("us-cert", malware("before"), malware("after"))
    assert not world.sees("kr-cert", malware("before"))
    assert world.sees("kr-cert", malware("after"))
    world.accepted("us-cert", malware("before", version=2))
    assert world.sees("kr-cert", malware("before", version=2))


def test_judging_again_does_not_release_what_is_older_than_the_start(world: World) -> None:
    old = relation(malware("old"), malware("target"))
    world.accepted("us-cert", old)
    world.agree(["US", "KR"], clause("US", "KR"))
    world.accepted("us-cert", malware("target"))
    assert world.readers(old, ["us-cert", "kr-cert"]) == ["us-cert"]


def test_two_clauses_give_the_widest_audience_and_stand_alone(world: World) -> None:
    narrow = world.agree(["US", "KR"], clause("US", "KR", audience="cert"))
    wide = world.agree(["US", "KR"], clause("US", "KR", audience="partner"))
    world.accepted("us-cert", malware("a"))
    assert world.readers(malware("a"), ABROAD) == ["kr-cert", "kr-agency", "kr-partner"]
    world.terminate(wide, "KR")
    assert world.readers(malware("a"), ABROAD) == ["kr-cert"]
    world.terminate(narrow, "US")
    assert world.readers(malware("a"), ABROAD) == []


# --- levels ---------------------------------------------------------------------------------------


def test_unmarked_is_the_nations_default_and_labels_alone_are_unmarked(world: World) -> None:
    _by_ceiling(world)
    items = {
        "amber": malware("unmarked", None),
        "amber+strict": malware("raised", "green", labels=["tlp:amber+strict"]),
        "red": malware(
            "part", "green", granular_markings=[{"selectors": ["name"], "marking_ref": TLP["red"]}]
        ),
        "green": malware("lower", "green", labels=["tlp:clear"]),
    }
    lower_label = malware("label", None, labels=["tlp:clear"])
    world.accepted("us-cert", *items.values(), lower_label)
    assert {level: _levels_seen(world, item) for level, item in items.items()} == {
        level: level for level in items
    }
    assert _levels_seen(world, lower_label) == "amber"


_CONTAINER_TABLE = [
    # container's level, content's own level, level enforced
    ("red", None, "red"),
    ("green", None, "green"),
    ("clear", None, "clear"),
    (None, None, "amber"),
    ("red", "green", "green"),
]


@pytest.mark.parametrize("order", ["container first", "together", "container last"])
@pytest.mark.parametrize(("outer", "own", "enforced"), _CONTAINER_TABLE)
def test_content_without_level_takes_its_containers(
    world: World, order: str, outer: str | None, own: str | None, enforced: str
) -> None:
    _by_ceiling(world)
    content = malware("content", own)
    container = report("container", content, tlp=outer)
    parcels = {
        "container first": [[container], [content]],
        "together": [[content, container]],
        "container last": [[content], [container]],
    }
    for parcel in parcels[order]:
        world.accepted("us-cert", *parcel)
    if order == "container last" and own is None and outer in {"green", "clear"}:
        enforced = "amber"  # what arrives later can only tighten
    assert _levels_seen(world, content) == enforced


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_nested_containers_tighten_in_every_order(world: World, order: tuple[int, ...]) -> None:
    _by_ceiling(world)
    content = campaign("content", None)
    inner = report("inner", content)
    items = [content, inner, report("outer", inner, tlp="red")]
    for n in order:
        world.accepted("us-cert", items[n])
    assert _levels_seen(world, content) == "red"
    assert _levels_seen(world, inner) == "red"


def test_a_new_version_of_the_object_itself_can_loosen(world: World) -> None:
    _by_ceiling(world)
    content = malware("content", None)
    world.accepted("us-cert", content, report("container", content, tlp="red"))
    world.accepted("us-cert", malware("content", "green", 2))
    assert _levels_seen(world, malware("content", "green", 2)) == "green"


def test_every_version_of_a_container_counts(world: World) -> None:
    _by_ceiling(world)
    content = malware("content", None)
    world.accepted("us-cert", report("container", content, tlp="red"))
    world.accepted("us-cert", report("container", content, tlp="green", version=2))
    world.accepted("us-cert", content)
    assert _levels_seen(world, content) == "red"


@pytest.mark.parametrize("is_container_first", [True, False])
@pytest.mark.parametrize("content", [campaign("content", None), malware("content", None)])
def test_only_the_members_own_containers_count(
    world: World, content: dict[str, object], is_container_first: bool
) -> None:
    _by_ceiling(world)
    if not is_container_first:
        world.accepted("us-agency", content)
    world.accepted("us-cert", report("container", content, tlp="red"))
    if is_container_first:
        world.accepted("us-agency", content)
    assert _levels_seen(world, content) == "amber"


def test_circles_of_containers_are_judged(world: World) -> None:
    _by_ceiling(world)
    one, two = (
        report("one", {"id": report("two", malware("x"))["id"]}),
        report("two", report("one", malware("x"))),
    )
    world.accepted("us-cert", one, two)
    assert [_levels_seen(world, item) for item in (one, two)] == ["amber", "amber"]
    world.accepted("us-cert", report("three", one, tlp="red"))
    assert [_levels_seen(world, item) for item in (one, two)] == ["red", "red"]


# --- closure --------------------------------------------------------------------------------------


def test_an_unknown_marking_closes_and_the_status_says_so(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    unknown = statement("nobody's")["id"]
    closed = malware("a", object_marking_refs=[TLP["green"], unknown])
    outcome = world.one("us-cert", closed)
    assert outcome.succeeded
    assert "withheld from all other nations" in str(outcome.message)
    assert unknown in str(outcome.message)
    assert world.readers(closed, ("us-partner", "kr-cert")) == ["us-partner"]


def test_a_statement_that_arrives_later_opens_with_a_new_date(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    marked = malware("a", object_marking_refs=[TLP["green"], statement("s")["id"]])
    world.accepted("us-cert", marked)
    world.accepted("us-cert", malware("b"))
    before = world.rows("kr-cert")
    assert not world.sees("kr-cert", marked)
    world.accepted("us-agency", statement("s"))  # another member's opens nothing
    assert not world.sees("kr-cert", marked)
    world.accepted("us-cert", statement("s"))
    assert world.sees("kr-cert", marked)
    new = world.rows("kr-cert", added_after=before[-1].date_added)
    assert marked["id"] in {row.id for row in new}


def test_an_informative_marking_closes_nothing(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    marked = malware("a", object_marking_refs=[TLP["green"], INFORMATIVE])
    assert "withheld" not in (world.one("us-cert", marked).message or "")
    assert world.sees("kr-cert", marked)


def test_a_selector_that_matches_nothing_closes(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    item = malware("a", granular_markings=[{"selectors": ["nowhere"], "marking_ref": TLP["green"]}])
    outcome = world.one("us-cert", item)
    assert "withheld" in str(outcome.message)
    assert world.readers(item, ("us-partner", "kr-cert")) == ["us-partner"]


@pytest.mark.parametrize("is_container_first", [True, False])
def test_closure_reaches_what_a_closed_container_names(world: World, is_container_first: bool) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    content = malware("content", None)
    container = report("c", content, object_marking_refs=[TLP["green"], statement("s")["id"]])
    for item in (container, content) if is_container_first else (content, container):
        world.accepted("us-cert", item)
    assert world.readers(content, ("us-cert", "kr-cert")) == ["us-cert"]
    world.accepted("us-cert", statement("s"))
    assert world.readers(content, ("us-cert", "kr-cert")) == ["us-cert", "kr-cert"]


# --- identities -----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_named_first", [True, False])
@pytest.mark.parametrize(
    ("levels", "enforced"), [(["red", "green"], "green"), (["clear"], "green"), (["red"], "red")]
)
def test_an_unmarked_identity_follows_the_laxest_that_name_it(
    world: World, is_named_first: bool, levels: list[str], enforced: str
) -> None:
    _by_ceiling(world)
    who = identity("who")
    named = [malware(level, level, created_by_ref=who["id"]) for level in levels]
    for item in (*named, who) if is_named_first else (who, *named):
        world.accepted("us-cert", item)
    if not is_named_first and levels == ["red"]:
        enforced = "amber"  # those who name it later only loosen it
    assert _levels_seen(world, who) == enforced


def test_whoever_sees_an_identity_only_now_gets_it_with_a_new_date(world: World) -> None:
    who = identity("who")
    world.accepted("us-cert", who, malware("a"))
    seen = world.rows("us-partner")
    assert not world.sees("us-partner", who)
    world.accepted("us-cert", malware("b", "green", created_by_ref=who["id"]))
    new = world.rows("us-partner", added_after=seen[-1].date_added)
    assert {row.id for row in new} == {who["id"], malware("b")["id"]}
    assert len(world.rows("us-agency")) == 3


def test_an_identity_is_not_tightened_when_its_laxest_namer_is(world: World) -> None:
    _by_ceiling(world)
    who = identity("who")
    world.accepted("us-cert", who, malware("a", "green", created_by_ref=who["id"]))
    assert _levels_seen(world, who) == "green"
    world.accepted("us-cert", malware("a", "amber", 2, created_by_ref=who["id"]))
    assert _levels_seen(world, who) == "green"


def test_an_identity_nobody_names_and_one_that_is_marked_follow_nobody(world: World) -> None:
    _by_ceiling(world)
    alone, marked = identity("alone"), identity("marked", "red")
    world.accepted("us-cert", alone, marked, malware("a", "clear", created_by_ref=marked["id"]))
    world.accepted("us-agency", malware("b", "clear", created_by_ref=alone["id"]))
    assert _levels_seen(world, alone) == "amber"
    assert _levels_seen(world, marked) == "red"
