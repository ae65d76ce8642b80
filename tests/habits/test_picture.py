"""The picture in hub/PICTURE.md shows the present code."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests import picture
from tests.packages import HUB, Graph, Package, layers, nearest
from tests.picture_svg import svg

SVG = "{http://www.w3.org/2000/svg}"

SMALL = {
    "pyproject.toml": """
        [[tool.importlinter.contracts]]
        type = "layers"
        containers = ["small"]
        layers = ["door", "acts", "rules | store", "words"]
    """,
    "small/__init__.py": "",
    "small/door.py": '"""The way in. No more."""\nfrom small.acts.push import send\nimport small.words\n',
    "small/acts/__init__.py": '"""What is done: all of it;\nand more."""\n',
    "small/acts/common.py": "",
    "small/acts/pull/__init__.py": "from small import store\nfrom small.acts import common\n",
    "small/acts/push/__init__.py": '"""Sends."""\n',
    "small/acts/push/send.py": "def f():\n    import small.acts.pull\n    from small import rules, words\n",
    "small/rules.py": "from small.words import WORD\n",
    "small/store.py": "import small.words\n",
    "small/words.py": "WORD = 1\n",
}

SMALL_DRAWN = """
┌─ door ───────────────────────────────────────────────────┐
│ The way in                                               │
│ → acts                                                   │
└──────────────────────────────────────────────────────────┘
┌─ acts ───────────────────────────────────────────────────┐
│ What is done: all of it                                  │
│ → rules, store                                           │
│ ┌─ push ───────────────────┐┌─ pull ───────────────────┐ │
│ │ Sends                    ││ → store                  │ │
│ │ → pull, rules            ││                          │ │
│ └──────────────────────────┘└──────────────────────────┘ │
└──────────────────────────────────────────────────────────┘
┌─ rules ────────────────────┐┌─ store ────────────────────┐
│ → words                    ││ → words                    │
└────────────────────────────┘└────────────────────────────┘
┌─ words ──────────────────────────────────────────────────┐
└──────────────────────────────────────────────────────────┘
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    for name, text in SMALL.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / "small"


def test_the_picture_is_that_of_this_code() -> None:
    for page, text in picture.pages().items():
        assert page.read_text(encoding="utf-8") == text, f"{page.name} is an earlier one: run scripts/picture"


def test_a_folder_inside_a_package_is_drawn_inside_it(small: Path) -> None:
    assert picture.drawn(layers(small), 60) == SMALL_DRAWN.strip()


def test_the_drawing_has_every_package_and_an_arrow_for_each_import(small: Path) -> None:
    shown = ElementTree.fromstring(
        svg(layers(small), {"A <path>": [("door", ["f"]), ("acts/push", ["send.f"])]})
    )
    assert [text.text for text in shown.iter(f"{SVG}text")] == [
        "Packages, and who imports whom",
        *("door", "The way in", "acts", "What is done: all of it", "push", "Sends", "→ pull, rules"),
        *("pull", "→ store", "rules", "store", "words"),
        *("A <path>", "door", "acts", "f", "push/", "send.f"),
    ]
    arrows = [line.get("points", "") for line in shown.iter(f"{SVG}polyline") if line.get("marker-end")]
    assert len(arrows) == len(set(arrows)) == 5
    boxes = [box for box in shown.iter(f"{SVG}rect") if box.get("rx")]
    assert len(boxes) == 7 + 2
    assert max(int(box.get("y", 0)) + int(box.get("height", 0)) for box in boxes) < int(
        shown.get("height", 0)
    )


@pytest.mark.parametrize(
    ("inner", "most", "rows"), [(0, 4, []), (1, 4, [1]), (6, 4, [3, 3]), (5, 2, [2, 2, 1])]
)
def test_inner_packages_are_in_rows_of_about_one_length(inner: int, most: int, rows: list[int]) -> None:
    package = Package("a", HUB, "", (), tuple(Package(str(at), HUB, "", ()) for at in range(inner)))
    assert [len(row) for row in package.inner_rows(most)] == rows
    assert [one for row in package.inner_rows(most) for one in row] == list(package.inner)


def test_every_file_of_the_hub_lies_in_one_package() -> None:
    files = [file for layer in layers() for package in layer for file in package.files]
    assert sorted(files) == sorted({*HUB.rglob("*.py")} - {HUB / "__init__.py"})


def test_the_packages_of_a_path_exist() -> None:
    assert {package.name for layer in layers() for package in layer} >= picture.DEPTHS.keys()


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"a": "bc", "b": "c", "c": ""}, "b"),
        ({"a": "bd", "b": "c", "c": "d", "d": ""}, "b"),
        ({"a": "bc", "b": "", "c": ""}, "bc"),
        ({"a": "bc", "b": "ca", "c": ""}, "bc"),  # b imports back: what it imports implies nothing
        ({"a": "bc", "b": "c", "c": "b"}, "bc"),
        ({"a": ""}, ""),
    ],
)
def test_what_another_import_implies_is_left_out(graph: dict[str, str], expected: str) -> None:
    read: Graph = {name: frozenset(imports) for name, imports in graph.items()}
    assert nearest(read, "a") == frozenset(expected)


@pytest.mark.parametrize("page", ["", picture.BEGIN, picture.END, f"{picture.END}\n{picture.BEGIN}"])
def test_a_page_without_the_two_markers_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="needs two lines"):
        picture.with_picture(page, "a picture")


def test_the_rest_of_the_page_stays() -> None:
    once = picture.with_picture(f"before {picture.BEGIN}{picture.END} after", "one")
    assert picture.with_picture(once, "two") == f"before {picture.BEGIN}\n\ntwo\n\n{picture.END} after"
