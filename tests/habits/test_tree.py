"""Rules for every file: bounded length, docstrings, and nothing from the author's own machine."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MADE_HERE = {".git", ".hypothesis", ".venv", ".venv-lowest", "var", "dist", "node_modules"}
MODULES = sorted((ROOT / "hub").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MAX_LINES = 400

# Written in two parts, so that this file does not match.
HOSTS = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "npmjs" + ".org",
    "npmjs" + ".com",
    "deb." + "debian.org",
    "crates" + ".io",
    "proxy." + "golang.org",
]
PERSONAL = re.compile(rb"(?<![\w.~$}*-])/(?:home|root|Users|work|workspace|opt/wheels)/[\w.]")


def files() -> Iterator[Path]:
    """Yield every file of the tree."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [
            name for name in folders if name not in MADE_HERE and not name.endswith(("_cache", "__pycache__"))
        ]
        yield from (Path(folder, name) for name in names if name != ".git")


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_file_names_a_registry() -> None:
    pattern = re.compile("|".join(map(re.escape, HOSTS)).encode())
    assert [shown(path) for path in files() if pattern.search(path.read_bytes())] == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    assert [shown(path) for path in files() if PERSONAL.search(path.read_bytes())] == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-lowest.lock"])
def test_a_lock_names_no_place_and_has_a_hash_for_everything(name: str) -> None:
    lock = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"(?m)^\s*--(?!hash=)|://|file:| @ ", lock)
    pins = re.split(r"(?m)^(?=[a-z0-9])", lock)[1:]
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin or "==" not in pin] == []


def test_no_file_is_too_long_to_read() -> None:
    lengths = {shown(path): len(path.read_bytes().splitlines()) for path in [*MODULES, *TESTS]}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


@pytest.mark.parametrize("module", [p for p in MODULES if p.stat().st_size], ids=shown)
def test_modules_and_their_public_functions_say_what_they_promise(module: Path) -> None:
    tree = ast.parse(module.read_bytes())
    assert ast.get_docstring(tree), "no module docstring"
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    generated = "migrations" in module.parts  # Alembic's upgrade and downgrade say it all
    public = [node for node in functions if not node.name.startswith("_") and not generated]
    assert [node.name for node in public if not ast.get_docstring(node)] == []
