"""Environment variables of the command line: options given by variables, and a warning for unknown names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, Final

import click

# Variables of a member, and of the places of the hub's own files. `known_names` adds the keys of
# hub/settings.py, each as HUB_ and the key in upper case.
_READ: Final = frozenset(
    {
        "HUB_URL",
        "HUB_TOKEN",
        "HUB_KEY",
        "HUB_CA",
        "HUB_KEY_PASSPHRASE_FILE",
        "HUB_PINS",
        "HUB_HOME",
        "HUB_CONFIG",
        "HUB_DEBUG",
    }
)
_FOR_TESTS: Final = "HUB_TEST_"
_FROM_FILES: Final = frozenset({"registry", "nations_file"})  # fields of Settings without a variable


class EnvironmentOption(click.Option):
    """A required option, also read from an environment variable. The error for a missing value names both."""

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the value. Raises UsageError for a missing value."""
        try:
            return super().process_value(ctx, value)
        except click.MissingParameter:
            raise click.UsageError(f"Give {self.opts[0]} or set {self.envvar}.", ctx) from None


def unknown(environ: Mapping[str, str]) -> list[str]:
    """Return a sentence for each HUB_… variable that the hub does not read: most are misspelt."""
    given = sorted(name for name in environ if name.startswith("HUB_") and not name.startswith(_FOR_TESTS))
    # The usual case needs no import of hub.settings, so that a member's commands start fast.
    if _READ.issuperset(given):
        return []
    known = known_names()
    return [_sentence(name, known) for name in given if name not in known]


def known_names() -> frozenset[str]:
    """Return the names of all variables that the hub reads."""
    from hub.settings import Settings  # noqa: PLC0415 - a member's machine seldom has a reason to load it

    return _READ | {f"HUB_{key.name.upper()}" for key in fields(Settings) if key.name not in _FROM_FILES}


def _sentence(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name.upper(), sorted(known), n=1)
    return f"{name} is set, and nothing reads it" + (f"; is {near[0]} meant?" if near else "")
