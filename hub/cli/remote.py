"""What every command on a member's machine takes: address, token and key."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from hub.cli.passphrases import passphrase_of
from hub.client import Hub

_DEFAULT_URL = "http://127.0.0.1:8000"


def remote(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `command` a first argument `hub`, opened from --url, --token and --key."""

    @click.option("--url", envvar="HUB_URL", default=_DEFAULT_URL, show_default=True, help="[env HUB_URL]")
    @click.option("--token", envvar="HUB_TOKEN", required=True, help="[env HUB_TOKEN]")
    @click.option(
        "--key",
        envvar="HUB_KEY",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Private key as PEM, to push or govern. [env HUB_KEY]",
    )
    @wraps(command)
    def with_hub(*args: Any, url: str, token: str, key: Path | None, **options: Any) -> Any:
        with Hub(url, token, key, passphrase=passphrase_of(key)) as hub:
            return command(hub, *args, **options)

    return with_hub
