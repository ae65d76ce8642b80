"""The scripts in README exist and run."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.documents import all_pages, text

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())
COMMANDS = [path for path in [*SCRIPTS, ROOT / ".ci" / "run"] if not path.name.startswith("_")]


def named_in_documents() -> set[str]:
    texts = [text(page) for page in all_pages()]
    return {name for text in texts for name in re.findall(r"(?<![\w/])scripts/([a-z_]+)", text)}


def test_every_script_that_a_document_names_exists() -> None:
    assert named_in_documents() - {path.name for path in SCRIPTS} == set()


@pytest.mark.parametrize("script", COMMANDS, ids=lambda path: path.name)
def test_every_script_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK)
    first = script.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("#!/usr/bin/env ")
    if first.endswith("bash"):
        subprocess.run(["bash", "-n", str(script)], check=True)
