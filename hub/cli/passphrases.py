"""The passphrase of a private key: from the file in HUB_KEY_PASSPHRASE_FILE, or from a terminal."""

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
_MAX_BYTES: Final = 4_096  # more is no passphrase, and may be a device without an end
_OTHERS: Final = 0o077  # permissions of group and others


def passphrase_of(key: Path | None) -> Callable[[], bytes]:
    """Return a function that returns the passphrase of the key. Called only for an encrypted key.

    The function raises HubError if neither a file nor a terminal can give a passphrase.
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
    """Return the passphrase of a new key, asked twice on a terminal. HubError as for `passphrase_of`."""
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
    # Only for a regular file: the mode of a pipe, as of `<(pass show …)`, protects no text on a disk.
    if stat.S_ISREG(mode) and mode & _OTHERS:
        warn(f"{path} ({FILE_VARIABLE}) can be read by others on this machine: chmod 600 {path}")
    return data.partition(b"\n")[0].removesuffix(b"\r")
