"""`hub recovery`: confirms a new agreement key of another nation's cert that has lost its old key."""

from __future__ import annotations

import click

from hub.cli.output import json_option, plain, print_json, print_table
from hub.cli.remote import remote
from hub.cli.thumbprints import ThumbprintCommand
from hub.client import Hub
from hub.client.http.answers import text


@click.group()
def recovery() -> None:
    """List and confirm keys that replace a cert's lost agreement key."""


@recovery.command("list")
@remote
@json_option
def list_recoveries(hub: Hub, as_json: bool) -> None:
    """List the recoveries of your nation, and the recoveries that you may confirm or have confirmed."""
    found = hub.recoveries()
    if as_json:
        print_json(found)
        return
    # `reason` is the operator's sentence: `print_table` shows control characters as text.
    headings = ("thumbprint", "member", "state", "requested", "reason")
    rows = [
        [text(one, name) for name in ("thumbprint", "member", "state", "requested_at", "reason")]
        for one in found
    ]
    print_table(headings, rows, "There is none.")


@recovery.command(cls=ThumbprintCommand)
@click.argument("member")
@click.argument("thumbprint")
@remote
@json_option
def confirm(hub: Hub, member: str, thumbprint: str, as_json: bool) -> None:
    """Confirm the key THUMBPRINT as the new key of the cert MEMBER. Signed with your agreement key.

    Ask the people of that cert for the thumbprint, by a way that the hub's operator cannot control. Your
    confirmation prevents the operator from registering a false key.
    """
    # The thumbprint is typed, and not taken from the list of the hub: the user must have asked for it.
    found = hub.confirm_recovery(member, thumbprint)
    if as_json:
        print_json(found)
    else:
        click.echo(plain(f"{thumbprint} is valid for {member}; {text(found, 'previous')} is revoked."))
