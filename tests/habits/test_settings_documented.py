"""config/hub.toml is the documentation of the settings: complete, explained, and true."""

from __future__ import annotations

import re
import shutil
import tomllib
from dataclasses import fields, replace
from pathlib import Path

from hub.settings import Settings, load

CONFIG = Path(__file__).parents[2] / "config"
LINES = (CONFIG / "hub.toml").read_text(encoding="utf-8").splitlines()
ENTRY = re.compile(r"(?:# )?([a-z_]+) = (.+)")
KEYS = [field.name for field in fields(Settings) if field.name not in {"registry", "nations_file"}]


def test_every_key_is_documented_once_and_nothing_else_is() -> None:
    documented = [match[1] for line in LINES if (match := ENTRY.fullmatch(line))]
    assert sorted(documented) == sorted(KEYS)


def test_every_group_of_keys_says_what_it_is_for() -> None:
    groups = "\n".join(LINES).split("\n\n")
    for group in groups:
        lines = group.splitlines()
        explained = [line for line in lines if line.startswith("# ") and not ENTRY.fullmatch(line)]
        assert explained, f"no comment above {lines[0]}"


def test_the_documented_values_are_the_defaults(tmp_path: Path) -> None:
    shutil.copy(CONFIG / "nations.toml", tmp_path)
    file = tmp_path / "hub.toml"
    entries = [match for line in LINES if (match := ENTRY.fullmatch(line))]
    text = "\n".join(f"{entry[1]} = {entry[2]}" for entry in entries)
    file.write_text(text, encoding="utf-8")
    stated = load({"HUB_CONFIG": str(file), "HUB_HOME": str(tmp_path)})
    file.write_text("", encoding="utf-8")
    assert load({"HUB_CONFIG": str(file), "HUB_HOME": str(tmp_path)}) == stated
    assert set(tomllib.loads(text)) == set(KEYS)


def test_the_checkout_uses_the_defaults() -> None:
    settings = load({})
    bare = Settings(registry=settings.registry)
    assert replace(settings, database_url=bare.database_url, secrets_dir=bare.secrets_dir) == bare
