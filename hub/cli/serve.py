"""`hub serve`: serves the hub on an address until a signal stops the process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from hub.app import create_app, open_service
from hub.cli.output import warn
from hub.errors import Unavailable
from hub.settings import Settings, load

if TYPE_CHECKING:
    from hub.web.listening import Address


def _address(_ctx: click.Context, _param: click.Parameter, value: str) -> Address:
    from hub.web.listening import parse  # noqa: PLC0415

    try:
        return parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.option(
    "--bind",
    default="127.0.0.1:8000",
    show_default=True,
    callback=_address,
    metavar="ADDRESS",
    help="HOST:PORT, [IPV6]:PORT or unix:PATH (a socket of mode 0660) to listen on.",
)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Worker processes.")
def serve(bind: Address, workers: int) -> None:
    """Serve the hub with gunicorn and the production settings. Put a TLS proxy in front.

    While the database is unavailable, the hub answers every request with 503 and waits.
    """
    from hub.web.listening import listen  # noqa: PLC0415
    from hub.web.serving import HubServer  # noqa: PLC0415 - gunicorn is loaded where it is used

    settings = load(os.environ)
    # The address is taken first: a second hub on the same port fails before opening the database.
    listener = listen(bind)
    _try_to_open(settings)
    if settings.environment == "development":
        warn("environment is development: less is asked of clients than in production")
    # Allowed, because a proxy on another machine may come next. No token is safe on such an address.
    if listener.is_exposed:
        warn(
            f"{bind} can be reached from other machines, without TLS and by slow peers: put a proxy in front"
        )
    HubServer(lambda: create_app(settings), listener=listener, workers=workers).run()


def _try_to_open(settings: Settings) -> None:
    """Open the hub once, so that a fault of the configuration ends the command before a worker starts."""
    try:
        open_service(settings).store.close()
    except Unavailable as error:
        # A wrong password or name of the database stays wrong. A server that is down comes back.
        if error.is_lasting:
            raise
        warn(f"waiting for the database: {error.in_full}")
