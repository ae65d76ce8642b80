"""`hub keys`: lists the nations' agreement keys from the hub, and pins the thumbprints of genuine keys."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from hub.cli.output import json_option, print_json, print_table, warn
from hub.cli.remote import remote
from hub.cli.thumbprints import ThumbprintCommand
from hub.client import Hub
from hub.client.agreement import pins as kept
from hub.client.agreement.signers import NationKey, Signers, Trust
from hub.errors import HubError


def pinned(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the hub, the first argument of `command`, the pinned keys from --pins."""

    @with_pins
    @wraps(command)
    def with_pinned(hub: Hub, *args: Any, pins: Path, **options: Any) -> Any:
        # A path that the user gave is expected to exist; the default path exists after the first pin.
        if not pins.exists() and pins != kept.default_path(os.environ):
            warn(f"there is no {pins} (--pins, HUB_PINS): no key is pinned")
        hub.pin(found := kept.read(pins, hub.url))
        # Pins are kept per address. Another spelling of the address would silently pin nothing.
        if not found and (others := kept.other_hubs(pins, hub.url)):
            warn(
                f"no key is pinned for {hub.url}, and some are for {', '.join(others)}: "
                "if that is the same hub, give that address"
            )
        return command(hub, *args, **options)

    return with_pinned


def with_pins(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `command` the option --pins, the path of the file of pinned keys."""

    @click.option(
        "--pins",
        envvar="HUB_PINS",
        type=click.Path(dir_okay=False, path_type=Path),
        help="File of pinned keys. Default: in your configuration folder. [env HUB_PINS]",
    )
    @wraps(command)
    def with_path(*args: Any, pins: Path | None, **options: Any) -> Any:
        return command(*args, pins=pins or kept.default_path(os.environ), **options)

    return with_path


@click.group()
def keys() -> None:
    """List the nations' agreement keys, and pin the thumbprints that a nation's people gave you."""


@keys.command("list")
@remote
@pinned
@json_option
def list_keys(hub: Hub, as_json: bool) -> None:
    """List the agreement keys of each nation, and how you know each key: pinned, endorsed or neither.

    Exit code 1 if a key is not the pinned key, or if the hub's answers about a key contradict each other.
    """
    signers = hub.signers()
    found = [_entry(signers, key) for nation in signers.nations() for key in signers.of(nation)]
    if as_json:
        print_json(found)
    else:
        rows = [[one[n] for n in ("nation", "member", "thumbprint", "revoked", "known")] for one in found]
        headings = ("nation", "member", "thumbprint", "revoked", "known")
        print_table(headings, rows, "The hub gives no agreement key.")
    # Two checks may find the same fault of a key, which is printed once.
    sentences = list(dict.fromkeys([*signers.objections(signers.nations()), *_differing(signers)]))
    for sentence in sentences:
        warn(sentence)
    if sentences:
        click.get_current_context().exit(1)


def _differing(signers: Signers) -> list[str]:
    """Return sentences for revoked keys that differ from the pins, and for pins without a key."""
    found = [signers.sentence(k) for k in signers.keys.values() if signers.trust(k) is Trust.OTHER]
    lacking = [nation for nation in signers.pins if not signers.of(nation)]
    return [*found, *(f"A key is pinned for {nation}, and the hub gives none." for nation in lacking)]


def _entry(signers: Signers, key: NationKey) -> dict[str, Any]:
    return {
        "nation": key.nation,
        "member": key.member,
        "thumbprint": key.thumbprint,
        "alg": key.public.alg,
        "revoked": key.revoked_at,
        "known": signers.trust(key).value,
    }


@keys.command("pin", cls=ThumbprintCommand)
@click.argument("nation", metavar="NATION|MEMBER")
@click.argument("thumbprint")
@click.option("--add", is_flag=True, help="Keep the earlier pins too: the earlier key was also genuine.")
@remote
@with_pins
@json_option
def pin(hub: Hub, nation: str, thumbprint: str, add: bool, pins: Path, as_json: bool) -> None:
    """Pin THUMBPRINT as the agreement key of NATION, or of the nation of the cert MEMBER.

    Get the thumbprint from the nation's people, by another way than this hub. Afterwards no other key counts
    as the nation's, unless the pinned key has endorsed that key.
    """
    code = _nation(hub, nation)
    kept.pin(pins, hub.url, code, thumbprint, is_added=add)
    hub.pin(kept.read(pins, hub.url))
    signers = hub.signers()
    current = signers.current(code)
    known = None if current is None else signers.trust(current).value
    if as_json:
        given = None if current is None else current.thumbprint
        print_json({"nation": code, "pinned": sorted(signers.pins[code]), "given": given, "known": known})
    else:
        click.echo(f"{code}: {thumbprint} is pinned for {hub.url}.")
    # The pin stays: the user has it from the nation, and the hub's key is the one in doubt.
    if current is not None and signers.trust(current) is Trust.OTHER:
        warn(signers.sentence(current))


@keys.command("unpin")
@click.argument("nation", metavar="NATION|MEMBER")
@remote
@with_pins
def unpin(hub: Hub, nation: str, pins: Path) -> None:
    """Remove all pins for NATION, or for the nation of the cert MEMBER."""
    # A nation in the file is not looked up: pins can be removed for a hub that lists the nation no more.
    code = nation.upper() if nation.upper() in kept.read(pins, hub.url) else _nation(hub, nation)
    if not kept.unpin(pins, hub.url, code):
        raise HubError(f"No key is pinned for {code} at {hub.url}: `hub keys list` shows what is.")
    click.echo(f"{code}: no key is pinned any more for {hub.url}.")


def _nation(hub: Hub, named: str) -> str:
    """Return the code of the nation named by its code or by the id of its cert. HubError for other names."""
    certs = [one for one in hub.members() if one.get("kind") == "cert"]
    codes = {str(one.get("id")): str(one.get("nation")) for one in certs}
    if named.upper() in codes.values():
        return named.upper()
    if named not in codes:
        raise HubError(
            f"{named} is neither a nation nor a cert at {hub.url}: "
            f"it has {', '.join(sorted(codes.values()))}."
        )
    return codes[named]
