"""`hub collections` and `hub delete`: the collections of an account, and the deletion of an object."""

from __future__ import annotations

import sys
from http import HTTPStatus

import click

from hub.cli.output import json_option, plain, print_json, print_table
from hub.cli.remote import remote
from hub.client import ClientError, Hub

_VERSIONS_SHOWN = 5  # in a question or an answer of one line


@click.command()
@remote
@json_option
def collections(hub: Hub, as_json: bool) -> None:
    """List the collections, with the rights of this account in each."""
    found = hub.collections()
    if as_json:
        print_json(found)
        return
    rows = [
        (one["alias"], one["id"], one["title"], _yes(one["can_read"]), _yes(one["can_write"]))
        for one in found
    ]
    print_table(("alias", "id", "title", "read", "write"), rows, "There is no collection for this account.")


def _yes(value: object) -> str:
    return "yes" if value is True else "no"


@click.command()
@click.argument("collection")
@click.argument("stix_id")
@click.option(
    "--version", default="all", show_default=True, metavar="V", help="One version (its `modified`), or all."
)
@click.option("--yes", is_flag=True, help="Do not ask for a confirmation.")
@remote
@json_option
def delete(hub: Hub, collection: str, stix_id: str, version: str, yes: bool, as_json: bool) -> None:
    """Delete object STIX_ID, or one version, from COLLECTION, in a signed request.

    A member deletes its own record; a cert deletes all records of the id in its nation. The hub serves a
    deleted version to nobody, and never accepts the same version again. A note recalls the object from the
    members that fetched it; `hub disclosures STIX_ID` lists these members.
    """
    # The question names the versions: `all` may be more than the user expects, and a deletion is final.
    found = _versions(hub, collection, stix_id) if version == "all" else [version]
    what = _what(stix_id, found)
    if not yes and _is_terminal():
        click.confirm(plain(f"Delete {what} from {collection}?"), abort=True, err=True)
    hub.delete(collection, stix_id, version)
    if as_json:
        print_json({"object": stix_id, "collection": collection, "versions": found})
        return
    click.echo(plain(f"Deleted: {what}. Whoever has fetched it is told by a note in its next polls."))


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _versions(hub: Hub, collection: str, stix_id: str) -> list[str]:
    try:
        return hub.versions(collection, stix_id)
    except ClientError as error:
        # A token may write without the right to read. The deletion works, the question names no versions.
        if error.status == HTTPStatus.FORBIDDEN:
            return []
        raise


def _what(stix_id: str, versions: list[str]) -> str:
    shown = ", ".join(versions[:_VERSIONS_SHOWN])
    more = f" and {len(versions) - _VERSIONS_SHOWN} more" if len(versions) > _VERSIONS_SHOWN else ""
    count = f"{len(versions)} versions" if len(versions) > 1 else "version"
    return f"{stix_id}, {count} {shown}{more}" if versions else stix_id
