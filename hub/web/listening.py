"""The server's address: the text of `--bind`, and the bound socket.

The socket is bound before any worker begins, so an unusable address is one clear error.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.errors import SettingsError

_FORMS: Final = "give HOST:PORT, [IPV6]:PORT or unix:PATH"
_TCP: Final = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\[\]:/\s]+)):([0-9]+)")
_MAX_PORT: Final = 65_535
_SOCKET_UMASK: Final = 0o117  # 0660: the hub's user, and its group with the proxy's user


@dataclass(frozen=True, slots=True)
class Address:
    """An address to listen at: TCP, a UNIX socket, or a socket bound by the starting process."""

    text: str
    host: str = ""
    port: int = 0
    path: str = ""
    inherited: int | None = None  # a descriptor (systemd's socket activation)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound socket by its descriptor. `is_exposed`: other machines may reach it."""

    descriptor: int
    is_exposed: bool


def parse(text: str) -> Address:
    """Return the address in `text`. Raises ValueError, with the remedy, for other text."""
    if path := _after("unix:", text):
        return Address(text, path=path)
    if number := _after("fd://", text):
        if not re.fullmatch("[0-9]{1,6}", number):
            raise ValueError(f"{text!r} is no address; after fd:// comes the number of an open socket")
        return Address(text, inherited=int(number))
    found = _TCP.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no address; {_FORMS}")
    host, port = found[1] or found[2], found[3]
    if len(port) > len(str(_MAX_PORT)) or not 0 < int(port) <= _MAX_PORT:
        raise ValueError(f"port {port} is out of range; give one from 1 to {_MAX_PORT}")
    return Address(text, host=host, port=int(port))


def _after(prefix: str, text: str) -> str:
    return text.removeprefix(prefix) if text.startswith(prefix) else ""


def listen(address: Address) -> Listener:
    """Bind the address. Raises SettingsError, with the cause, for an unusable address."""
    try:
        if address.inherited is not None:
            return _inherited(address.inherited)
        return _unix(address) if address.path else _tcp(address)
    except socket.gaierror as error:
        raise SettingsError(f"--bind {address}: {address.host} is not known: {error.strerror}") from None
    except OSError as error:
        raise SettingsError(f"--bind {address}: {_cause(error)}") from None


def _inherited(descriptor: int) -> Listener:
    # A duplicate: closing this object must not close the inherited socket.
    with socket.socket(fileno=os.dup(descriptor)) as bound:
        name = bound.getsockname()
    return Listener(descriptor, isinstance(name, tuple) and _is_exposed(name[0]))


def _tcp(address: Address) -> Listener:
    family, kind, protocol, _, name = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    made = socket.socket(family, kind, protocol)
    try:
        # A restart need not wait for old connections.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(name)
    except OSError:
        made.close()
        raise
    return Listener(made.detach(), _is_exposed(str(name[0])))


def _unix(address: Address) -> Listener:
    _remove_stale(address.path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The mode is set by the umask: between bind() and chmod() others could connect.
    before = os.umask(_SOCKET_UMASK)
    try:
        made.bind(address.path)
    except OSError:
        made.close()
        raise
    finally:
        os.umask(before)
    return Listener(made.detach(), is_exposed=False)


def _remove_stale(path: str) -> None:
    """Remove the socket file of a killed server; a socket in use stays."""
    try:
        mode = Path(path).lstat().st_mode  # lstat: a link is neither bound nor removed
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        try:
            other.connect(path)
        except ConnectionRefusedError:  # no server behind the file
            with suppress(FileNotFoundError):
                Path(path).unlink()
            return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


_CAUSES: Final = {
    errno.EADDRINUSE: "another program listens there; stop it, or give another address",
    errno.EADDRNOTAVAIL: "this machine does not have that address; give one of its own",
    errno.EACCES: "not permitted; below 1024 a port needs a privilege, a socket needs a folder to write in",
    errno.ENOENT: "the folder does not exist; make it first",
    errno.ENOTDIR: "the path leads through what is no folder; give another",
    errno.EEXIST: "what is there is no socket; give another path",
    errno.EBADF: "there is no such open descriptor",
    errno.ENOTSOCK: "that descriptor is no socket",
}


def _cause(error: OSError) -> str:
    if error.errno is None:  # Python's own error: "AF_UNIX path too long"
        return f"{error}; give a shorter path"
    return _CAUSES.get(error.errno, os.strerror(error.errno))


def _is_exposed(host: str) -> bool:
    return not ipaddress.ip_address(host.partition("%")[0]).is_loopback
