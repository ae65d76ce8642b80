"""Which agreement keys a nation's people have named themselves: thumbprints kept on the reader's own machine.

A hub that gives another key for such a nation is found out, whatever it says of it.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from hub.client.errors import ClientError
from hub.proofs.keys import is_thumbprint

Pins = Mapping[str, frozenset[str]]  # by nation, the thumbprints of its agreement keys; no nation without one

NO_PINS: Final[Pins] = {}
_MAX_BYTES: Final = 1_048_576
_PATH: Final = ("allied-hub", "pins.json")


def default_path(environ: Mapping[str, str]) -> Path:
    """Return where pins are kept unless told otherwise: below XDG_CONFIG_HOME, by default ~/.config."""
    configured = environ.get("XDG_CONFIG_HOME", "")
    base = Path(configured) if Path(configured).is_absolute() else Path.home() / ".config"
    return base.joinpath(*_PATH)


def read(path: Path, url: str) -> Pins:
    """Return what is pinned for the hub at `url`; nothing where there is no file.

    Raises ClientError for a file that cannot be read, that others may write, or that holds something else.
    """
    return {nation: frozenset(pinned) for nation, pinned in _all(path).get(url, {}).items() if pinned}


def pin(path: Path, url: str, nation: str, thumbprint: str, *, is_added: bool = False) -> None:
    """Keep the thumbprint as that of the nation's key, in place of others or, `is_added`, beside them.

    Raises ClientError for what is no thumbprint, and as `read`; or when the file cannot be written.
    """
    if not is_thumbprint(thumbprint):
        raise ClientError(f"{thumbprint!r} is no thumbprint: it has 43 characters of base64url (RFC 7638)")
    hubs = _all(path)
    pinned = hubs.setdefault(url, {})
    before = pinned.get(nation, []) if is_added else []
    pinned[nation] = sorted({*before, thumbprint})
    _write(path, hubs)


def unpin(path: Path, url: str, nation: str) -> bool:
    """Forget what is pinned for the nation; return False when nothing is. Raises as `pin`."""
    hubs = _all(path)
    if hubs.get(url, {}).pop(nation, None) is None:
        return False
    _write(path, hubs)
    return True


def _all(path: Path) -> dict[str, dict[str, list[str]]]:
    """Return what is pinned, by hub and nation."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error.strerror}") from error
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ClientError(f"{path} can be written by others, who could pin their own keys: chmod 600 {path}")
    try:
        hubs: Any = orjson.loads(data)["pins"] if len(data) <= _MAX_BYTES else None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        hubs = None
    if not _is_whole(hubs):
        raise ClientError(f"{path} holds no pins as `hub keys pin` writes them: repair it, or move it away")
    found: dict[str, dict[str, list[str]]] = hubs
    return found


def _is_whole(hubs: object) -> bool:
    return isinstance(hubs, dict) and all(
        isinstance(nations, dict)
        and all(isinstance(pinned, list) and all(map(is_thumbprint, pinned)) for pinned in nations.values())
        for nations in hubs.values()
    )


def _write(path: Path, hubs: Mapping[str, Mapping[str, list[str]]]) -> None:
    """Put the pins in the file's place in one step, mode 0600: a crash leaves the one or the other."""
    data = orjson.dumps({"pins": hubs}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ClientError(f"{path} cannot be written: {error.strerror}") from error
