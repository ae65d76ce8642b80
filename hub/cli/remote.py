"""Options of every command on a member's machine: address, token, key and certificates of the hub."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from hub.cli.environment import EnvironmentOption
from hub.cli.output import warn
from hub.cli.passphrases import passphrase_of
from hub.client import Hub
from hub.client.http.connection import origin

_DEFAULT_URL = "http://127.0.0.1:8000"  # of `hub serve` on the same machine


def remote(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `command` the first argument `hub`, opened with --url, --token, --key and --ca."""

    @click.option("--url", envvar="HUB_URL", default=_DEFAULT_URL, show_default=True, help="[env HUB_URL]")
    @click.option("--token", envvar="HUB_TOKEN", required=True, cls=EnvironmentOption, help="[env HUB_TOKEN]")
    @click.option(
        "--key",
        envvar="HUB_KEY",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Private key as PEM, to push or govern. [env HUB_KEY]",
    )
    @click.option(
        "--ca",
        envvar="HUB_CA",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="PEM file with the authority of the hub's certificate.  [default: the system's; env HUB_CA]",
    )
    @wraps(command)
    def with_hub(*args: Any, url: str, token: str, key: Path | None, ca: Path | None, **options: Any) -> Any:
        # Before the first request, which would carry the token.
        _warn_of_plain_http(url)
        with Hub(url, token, key, passphrase=passphrase_of(key), ca=ca, tell=warn) as hub:
            return command(hub, *args, **options)

    return with_hub


def _warn_of_plain_http(url: str) -> None:
    """Warn if the token goes unencrypted to another machine."""
    # A warning and no refusal: a TLS proxy on the member's own network may come next.
    parts = urlsplit(origin(url))
    if parts.scheme == "http" and not _is_this_machine(parts.hostname or ""):
        warn(
            f"the token and all that is said go unencrypted to {parts.netloc}, for everybody on the way to "
            "read: use https://"
        )


def _is_this_machine(host: str) -> bool:
    # No name is resolved: a resolver's answer for a name other than localhost proves nothing.
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
