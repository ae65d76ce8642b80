"""Which objects go in which POST: containers with their parts or before them, names with the laxest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.client.input.reading import Role
from hub.client.pushing.packing import posts, size_of
from hub.client.pushing.spool import SpooledItem
from hub.model import Tlp

LEVELS = [None, *Tlp]


def container(id: str, *names: str, level: Tlp | None = Tlp.GREEN, size: int = 10) -> SpooledItem:
    return SpooledItem(id, size, Role.CONTAINER, level, names=names)


def name(id: str, size: int = 10) -> SpooledItem:
    return SpooledItem(id, size, Role.NAME)


def part(id: str, size: int = 10, level: Tlp | None = None) -> SpooledItem:
    return SpooledItem(id, size, Role.PART, level)


def ids(made: Sequence[Sequence[SpooledItem]]) -> list[str]:
    return [" ".join(piece.id for piece in post) for post in made]


def packed(*pieces: SpooledItem, most: int = 100) -> list[str]:
    return ids(list(posts(pieces, 1_000_000, most)))


# --- by hand ---


@pytest.mark.parametrize(
    ("sizes", "room", "most", "expected"),
    [
        ([], 100, 10, []),
        ([10], 14 + 11, 10, [1]),
        ([10, 10, 10], 1_000, 10, [3]),
        ([10, 10, 10], 1_000, 2, [2, 1]),
        ([10, 10, 10], 14 + 22, 10, [2, 1]),
        ([10, 10, 10], 14 + 21, 10, [1, 1, 1]),
        ([40, 10, 10, 40], 14 + 41, 10, [1, 2, 1]),
    ],
)
def test_posts_are_as_full_as_fits(sizes: list[int], room: int, most: int, expected: list[int]) -> None:
    pieces = [part(str(number), size) for number, size in enumerate(sizes)]
    made = list(posts(pieces, room, most))
    assert [len(post) for post in made] == expected
    assert [piece for post in made for piece in post] == pieces


def test_what_belongs_to_nothing_goes_by_the_thousand() -> None:
    made = list(posts([part(str(number)) for number in range(2_500)], 10**9))
    assert [len(post) for post in made] == [1_000, 1_000, 500]


def test_a_container_and_what_it_holds_go_together_beyond_a_thousand() -> None:
    held = [str(number) for number in range(5_000)]
    made = list(posts([*map(part, held), part("x"), container("c", *held)], 10**9))
    assert [len(post) for post in made] == [5_001, 1]


A, B, C = part("a"), part("b"), part("c")
X, Y = name("x"), name("y")


@pytest.mark.parametrize(
    ("pieces", "most", "expected"),
    [
        # a container goes with what it names, wherever that stands, and before it
        ([A, B, container("r", "b")], 2, ["r b", "a"]),
        # what does not fit one POST is cut behind the container
        ([A, B, C, container("r", "a", "b", "c")], 2, ["r a", "b c"]),
        # names come first behind it
        ([A, B, X, container("r", "a", "b", "x")], 2, ["r x", "a b"]),
        # containers that share a part go together, else the part behind the last of them
        ([A, container("r", "a"), container("s", "a")], 3, ["r s a"]),
        ([A, container("r", "a"), container("s", "a")], 2, ["r", "s a"]),
        # containers that share a name go together, else the name with the laxest
        ([X, container("r", "x", level=Tlp.RED), container("s", "x")], 3, ["r s x"]),
        ([X, container("r", "x", level=Tlp.RED), container("s", "x")], 2, ["r", "s x"]),
        ([X, container("r", "x"), container("s", "x", level=Tlp.RED)], 2, ["r x", "s"]),
        # an unmarked container is taken for AMBER, behind one that is marked so
        ([X, container("r", "x", level=None), container("s", "x", level=Tlp.AMBER)], 2, ["r", "s x"]),
        ([X, container("r", "x", level=None), container("s", "x", level=Tlp.RED)], 2, ["r x", "s"]),
        # … and for what the container that names it has
        (
            [
                X,
                container("r", "x", level=None),
                container("t", "r", level=Tlp.RED),
                container("s", "x", level=Tlp.AMBER_STRICT),
            ],
            2,
            ["t r", "s x"],
        ),
        # an unmarked container goes behind those that name it
        ([container("r", "a", level=None), A, container("s", "r"), B], 2, ["s", "r a", "b"]),
        ([container("r", level=None), container("s", "r"), container("t", "r")], 1, ["s", "t", "r"]),
        # a marked one need not
        ([container("r"), container("s", "r")], 1, ["r", "s"]),
        # circles end
        ([container("r", "s", "r", level=None), container("s", "r", level=None)], 2, ["r s"]),
        ([container("r", "s", "r", level=None), container("s", "r", level=None)], 1, ["r", "s"]),
        # versions of one id stay in their order, together
        ([part("a", 1), X, part("a", 2), container("r", "a")], 3, ["r a a", "x"]),
        ([container("r", "x", level=Tlp.RED), X, container("r", "x")], 3, ["r r x"]),
        # definitions lead, also those that a container names: they are marked by nothing
        ([A, SpooledItem("d", 1, Role.DEFINITION), container("r", "a", "d")], 9, ["d r a"]),
        # what has no id belongs to nothing
        ([part(""), part(""), container("r", "a"), A], 2, ["r a", " "]),
    ],
)  # fmt: skip
def test_what_belongs_together_goes_together(
    pieces: list[SpooledItem], most: int, expected: list[str]
) -> None:
    assert packed(*pieces, most=most) == expected


def test_a_long_chain_of_containers_is_no_matter() -> None:
    chain = [container(str(number), str(number - 1), level=None) for number in range(5_000)]
    assert packed(*chain, most=1) == [str(number) for number in reversed(range(5_000))]


# --- by the rule ---


@st.composite
def pushes(draw: st.DrawFn) -> list[SpooledItem]:
    """Containers that name names, parts and, without circles, each other; versions; strangers. Shuffled."""
    sizes, levels = st.integers(1, 60), st.sampled_from(LEVELS)
    contents = [f"{kind}{number}" for kind in ("n", "p") for number in range(6)]
    pieces: list[SpooledItem] = []
    for number in range(draw(st.integers(0, 5))):
        inner = [f"c{each}" for each in range(number)]
        names = draw(st.lists(st.sampled_from([*contents, "absent", *inner]), unique=True))
        versions = st.builds(container, st.just(f"c{number}"), level=levels, size=sizes)
        found = draw(st.lists(versions, min_size=1, max_size=2))
        pieces += [replace(one, names=tuple(names)) for one in found]
    for id in draw(st.lists(st.sampled_from(contents), min_size=4)):
        pieces += [name(id, draw(sizes)) if id[0] == "n" else part(id, draw(sizes), draw(levels))]
    numbered = enumerate(draw(st.permutations(pieces)))
    return [replace(piece, offset=offset) for offset, piece in numbered]


@given(pushes(), st.integers(75, 400), st.integers(1, 12))
def test_order_and_limits_hold_for_any_push(pieces: list[SpooledItem], room: int, most: int) -> None:
    made = list(posts(pieces, room, most))
    assert all(0 < len(post) <= most and size_of(p.size for p in post) <= room for post in made)
    sent = [piece for post in made for piece in post]
    assert sorted(sent, key=lambda p: p.offset) == pieces
    for id in {piece.id for piece in pieces}:
        versions = [piece.offset for piece in sent if piece.id == id]
        assert versions == sorted(versions)
    assert list(posts(pieces, room, most)) == made
    place = {piece.offset: number for number, post in enumerate(made) for piece in post}
    for one in pieces:
        for other in pieces:
            is_covered = other.level is None and other.role is not Role.NAME and other.id in one.names
            if one.role is Role.CONTAINER and is_covered:
                assert place[one.offset] <= place[other.offset], (one, other)


@given(pushes(), st.integers(100, 400), st.integers(2, 6))
def test_a_name_is_in_the_post_of_its_laxest_container(
    pieces: list[SpooledItem], room: int, most: int
) -> None:
    made, levels = list(posts(pieces, room, most)), levels_of(pieces)
    for id in {piece.id for piece in pieces if piece.role is Role.NAME}:
        holders = {p.id for p in pieces if id in p.names}
        laxest = {one for one in holders if levels[one] == min(levels[each] for each in holders)}
        if holders and all(fits(pieces, one, room, most) for one in laxest):
            [with_it] = [post for post in made if any(p.id == id for p in post)]
            assert {p.id for p in with_it} & laxest


def levels_of(pieces: Sequence[SpooledItem]) -> Mapping[str, Tlp]:
    """What each container hands down at least: its own level, else AMBER or what names it."""
    found: dict[str, Tlp] = {}

    def level(id: str) -> Tlp:
        if id not in found:
            above = max([Tlp.AMBER, *(level(p.id) for p in pieces if id in p.names)])
            found[id] = min(above if p.level is None else p.level for p in pieces if p.id == id)
        return found[id]

    for piece in pieces:
        if piece.role is Role.CONTAINER:
            level(piece.id)
    return found


def fits(pieces: Sequence[SpooledItem], id: str, room: int, most: int) -> bool:
    """Whether the container fits a POST with all names that it names."""
    named = {name for p in pieces if p.id == id for name in p.names}
    block = [p for p in pieces if p.id == id or (p.role is Role.NAME and p.id in named)]
    return len(block) <= most and size_of(p.size for p in block) <= room
