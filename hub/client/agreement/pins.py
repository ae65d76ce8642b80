"""Pins: thumbprints of agreement keys, named by the nations' people and kept on the reader's own machine.

A hub that names another key for a pinned nation is discovered, whatever else the hub says (policy 5).
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
import tempfile
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from hub.client.errors import ClientError
from hub.client.http.connection import origin
from hub.client.input.reading import refuse_ambiguous
from hub.proofs.keys import is_thumbprint

Pins = Mapping[str, frozenset[str]]  # by nation, thumbprints of its agreement keys; never an empty set

NO_PINS: Final[Pins] = {}
_MAX_BYTES: Final = 1_048_576  # the superuser can change every file anyway
_ROOT: Final = 0
_CODE: Final = re.compile(r"[A-Z]{2}")  # ISO 3166-1 alpha-2: no pin would be found under another form
_PATH: Final = ("allied-hub", "pins.json")


def default_path(environ: Mapping[str, str]) -> Path:
    """Return the usual file of pins: below XDG_CONFIG_HOME, by default ~/.config."""
    # The XDG Base Directory Specification says to ignore a relative path.
    configured = environ.get("XDG_CONFIG_HOME", "")
    base = Path(configured) if Path(configured).is_absolute() else Path.home() / ".config"
    return base.joinpath(*_PATH)


def read(path: Path, url: str) -> Pins:
    """Return the pins for the hub at `url`; none where there is no file.

    Raises ClientError for an unreadable file, a file that other accounts may write, and other data.
    """
    return {n: frozenset(pinned) for n, pinned in _all(path).get(_hub(url), {}).items() if pinned}


def other_hubs(path: Path, url: str) -> list[str]:
    """Return the other hubs with pins: the same hub may be among these under another name."""
    return sorted(hub for hub, nations in _all(path).items() if hub != _hub(url) and any(nations.values()))


def pin(path: Path, url: str, nation: str, thumbprint: str, *, is_added: bool = False) -> None:
    """Pin a thumbprint for the nation, in place of earlier pins or, with `is_added`, beside them.

    Raises ClientError for a text that is no thumbprint, for an unwritable file, and as `read`.
    """
    if not is_thumbprint(thumbprint):
        raise ClientError(f"{thumbprint!r} is no thumbprint: it has 43 characters of base64url (RFC 7638)")
    hubs = _all(path)
    pinned = hubs.setdefault(_hub(url), {})
    before = pinned.get(nation, []) if is_added else []
    pinned[nation] = sorted({*before, thumbprint})
    _write(path, hubs)


def unpin(path: Path, url: str, nation: str) -> bool:
    """Remove the nation's pins; return False when the nation has none. Raises as `pin`."""
    hubs = _all(path)
    if hubs.get(_hub(url), {}).pop(nation, None) is None:
        return False
    _write(path, hubs)
    return True


def _hub(url: str) -> str:
    """Return one spelling for all addresses of a hub. Without it, a pin would be missed.

    Raises ClientError for a text that is no address of a hub.
    """
    parts = urlsplit(origin(url))
    host = unicodedata.normalize("NFKC", parts.hostname or "").lower().rstrip(".")
    with suppress(ValueError):  # a name outside IDNA, which a resolver may still accept
        host = host.encode("idna").decode()
    with suppress(ValueError):  # a name, not an IP address
        host = str(ipaddress.ip_address(host))
    host = f"[{host}]" if ":" in host else host
    is_usual = parts.port in (None, {"http": 80, "https": 443}[parts.scheme])
    return f"{parts.scheme}://{host}" + ("" if is_usual else f":{parts.port}")


def _all(path: Path) -> dict[str, dict[str, list[str]]]:
    """Return all pins, by hub and nation."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # O_NONBLOCK: opening a pipe must not wait
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            _check_owned(path, status)  # the open file is checked, not the path
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error.strerror}") from error
    try:
        refuse_ambiguous(str(path), data)
        return _by_hub(orjson.loads(data)["pins"] if len(data) <= _MAX_BYTES else None)
    # RFC 8259 section 4: of a repeated key one value would hide the other pins.
    except (ValueError, LookupError, TypeError, ClientError) as error:
        raise ClientError(
            f"{path} holds no pins as `hub keys pin` writes them: repair it, or move it away"
        ) from error


def _check_owned(path: Path, status: os.stat_result) -> None:
    """Return if only the user and root can write the file. Raises ClientError otherwise."""
    if not stat.S_ISREG(status.st_mode):
        raise ClientError(f"{path} is a directory, a pipe or a device: name a file")
    if status.st_uid not in (os.geteuid(), _ROOT):
        raise ClientError(f"{path} belongs to another account, which could pin its own keys: name your own")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ClientError(f"{path} can be written by others, who could pin their own keys: chmod 600 {path}")


def _by_hub(hubs: Any) -> dict[str, dict[str, list[str]]]:
    """Return the pins under one spelling of each hub. Raises ValueError or ClientError for other data."""
    if not _is_whole(hubs):
        raise ValueError
    found: dict[str, dict[str, list[str]]] = {}
    for url, nations in hubs.items():
        if found.setdefault(_hub(url), nations) is not nations:
            raise ValueError
    return found


def _is_whole(hubs: object) -> bool:
    return isinstance(hubs, dict) and all(
        isinstance(nations, dict)
        and all(map(_CODE.fullmatch, nations))
        and all(isinstance(pinned, list) and all(map(is_thumbprint, pinned)) for pinned in nations.values())
        for nations in hubs.values()
    )


def _write(path: Path, hubs: Mapping[str, Mapping[str, list[str]]]) -> None:
    """Replace the file by the given pins in one step, mode 0600. After a crash the file is old or new."""
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
        except BaseException:  # also after Ctrl-C no temporary file stays
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ClientError(f"{path} cannot be written: {error.strerror}") from error
