"""The passphrase of a private key: from a file that is named, or asked for on a terminal."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from hub.cli.output import warn
from hub.errors import HubError

FILE_VARIABLE: Final = "HUB_KEY_PASSPHRASE_FILE"
_MAX_BYTES: Final = 4_096
_ALONE: Final = 0o077


def passphrase_of(key: Path | None) -> Callable[[], bytes]:
    """Return what gives the passphrase of the key in that file; called only for an encrypted key.

    It raises HubError where there is neither a file nor a terminal.
    """

    def secret() -> bytes:
        if named := os.environ.get(FILE_VARIABLE):
            return _first_line(Path(named))
        if sys.stdin.isatty():
            asked: str = click.prompt(f"Passphrase of {key}", hide_input=True, err=True)
            return asked.encode()
        raise HubError(
            f"The private key {key} has a passphrase: name a file that holds it ({FILE_VARIABLE}), or run "
            "this on a terminal."
        )

    return secret


def new_passphrase(key: Path) -> bytes:
    """Return the passphrase for a new key, asked for twice on a terminal; HubError as `passphrase_of`."""
    if named := os.environ.get(FILE_VARIABLE):
        found = _first_line(Path(named))
        if not found:
            raise HubError(f"{named} ({FILE_VARIABLE}) has an empty first line: write the passphrase there.")
        return found
    if not sys.stdin.isatty():
        raise HubError(
            f"There is no terminal to ask for a passphrase on: name a file that holds it ({FILE_VARIABLE})."
        )
    asked: str = click.prompt(f"New passphrase of {key}", hide_input=True, confirmation_prompt=True, err=True)
    return asked.encode()


def _first_line(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MAX_BYTES)
    except OSError as error:
        raise HubError(f"{path} ({FILE_VARIABLE}) cannot be read: {error.strerror}.") from error
    if stat.S_ISREG(mode) and mode & _ALONE:
        warn(f"{path} ({FILE_VARIABLE}) can be read by others on this machine: chmod 600 {path}")
    return data.partition(b"\n")[0].removesuffix(b"\r")
