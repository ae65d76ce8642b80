"""README is short, each guide page has one task and a link to the page, and no link is broken."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
from pathlib import Path

import pytest

import hub
from hub.model.clause_terms import TERMS
from tests.documents import (
    INDEXES,
    README,
    ROOT,
    all_pages,
    anchor,
    headings,
    in_order,
    languages,
    links,
    text,
    typed,
)

MAX_LINES = 100
GUIDES = [page for index in INDEXES for page in in_order(index)]
# The first words of titles: each title names the task of its page.
TASK = re.compile(
    r"# (?:Change|Check|Choose|Connect|Delete|Explain|Install|Keep|Make|Manage|Mark|Measure|Poll|Protect|Push"
    r"|Read|Refer|Restore|Run) "
)
# What a block may be: typed, shown, or another program's text. Without a language nobody knows.
LANGUAGES = {"sh", "text", "python", "toml"}
# A line that begins otherwise is typed by nobody.
PROGRAMS = ("hub ", "export ", "sudo ", "mkdir ", "scripts/", "python3 ", "cp ", "for ", "HUB_TOKEN=")


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def targets(page: Path) -> set[Path]:
    return {(page.parent / link.partition("#")[0]).resolve() for link in links(page)}


def test_readme_is_two_screens() -> None:
    assert len(text(README).splitlines()) <= MAX_LINES


@pytest.mark.parametrize("index", INDEXES, ids=shown)
def test_an_index_numbers_each_page_of_its_folder_once(index: Path) -> None:
    assert sorted(in_order(index)) == sorted(page for page in index.parent.glob("*.md") if page != index)


def test_readme_leads_to_every_guide_page_and_to_the_other_documents() -> None:
    others = [ROOT / "hub" / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")]
    wanted = {page.resolve() for page in [*INDEXES, *GUIDES, *others]}
    assert sorted(shown(page) for page in wanted - targets(README)) == []


def test_the_map_is_one_step_from_readme_and_the_rules_are_one_step_from_both() -> None:
    decides = (ROOT / "hub" / "rules" / "release" / "deciding.py").resolve()
    assert decides in targets(README)
    assert decides in targets(ROOT / "hub" / "README.md")


@pytest.mark.parametrize("page", sorted(all_pages()), ids=shown)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    lost = []
    for link in links(page):
        place, _, fragment = link.partition("#")
        target = page.parent / place if place else page
        if not target.exists() or (fragment and fragment not in map(anchor, headings(target))):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("page", GUIDES, ids=shown)
def test_a_guide_page_has_one_title_that_names_a_task(page: Path) -> None:
    titles = [heading for heading in headings(page) if heading.startswith("# ")]
    assert len(titles) == 1
    assert TASK.match(titles[0])
    index = page.with_name("README.md")
    assert f"[{titles[0].removeprefix('# ')}]({page.name})" in text(index)


@pytest.mark.parametrize("page", [README, *INDEXES, *GUIDES], ids=shown)
def test_a_block_says_its_language_and_what_is_typed_begins_with_a_program(page: Path) -> None:
    assert languages(page) <= LANGUAGES
    assert not re.search(
        r"(?m)^ {4,}(?:hub|sudo|export|scripts/)", re.sub(r"(?ms)^```.*?^```$", "", text(page))
    )
    assert [line for line in typed(page) if not line.startswith(PROGRAMS)] == []


@pytest.mark.parametrize("index", INDEXES, ids=shown)
def test_nothing_is_typed_from_an_index(index: Path) -> None:
    assert typed(index) == []


def test_the_page_of_terms_has_a_line_for_each_and_no_other() -> None:
    rows = re.findall(r"(?m)^\| (`.+?`) \|", text(ROOT / "config" / "guide" / "terms.md"))
    assert re.findall(r"`(\w+)`", " ".join(rows)) == [term.name for term in TERMS]


# A name of the code in a document: `rules.release.deciding.decide`.
LAYERS = sorted(path.stem for path in (ROOT / "hub").iterdir() if path.suffix in {"", ".py"})
NAMED = re.compile(rf"`((?:{'|'.join(LAYERS)})(?:\.\w+)+)`")


def exists(name: str) -> bool:
    """Whether the dotted name is a module below hub, or a value in one."""
    found: object = hub
    for depth, part in enumerate(name.split("."), 1):
        below = getattr(found, part, None)
        if below is None and inspect.ismodule(found):
            with contextlib.suppress(ModuleNotFoundError):
                below = importlib.import_module(".".join(["hub", *name.split(".")[:depth]]))
        if below is None:
            return False
        found = below
    return True


@pytest.mark.parametrize("page", sorted((ROOT / "hub").glob("*.md")), ids=shown)
def test_every_name_of_the_code_in_a_document_exists(page: Path) -> None:
    assert [name for name in NAMED.findall(text(page)) if not (name.endswith(".py") or exists(name))] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rules.release.deciding.decide", True),
        ("store.database.connection.Store.write", True),
        ("rules.release.deciding.decided", False),
        ("actions.submission.absent", False),
    ],
)
def test_a_name_is_looked_for_in_the_code(name: str, expected: bool) -> None:
    assert exists(name) is expected
