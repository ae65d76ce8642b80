"""`hub explain`: the release decisions on an object. `hub disclosures`: the members that fetched it."""

from __future__ import annotations

import click

from hub.cli.output import json_option, plain, print_json, print_table
from hub.cli.remote import remote
from hub.client import Hub
from hub.client.http.answers import (
    number,
    optional,
    part,
    parts,
    text,
    texts,
)
from hub.model import JsonObject


@click.command()
@click.argument("stix_id")
@click.option("--version", help="The version to explain (its `modified`).  [default: the newest]")
@click.option("--to", "recipient", metavar="CC", help="Only the decision for this nation.")
@remote
@json_option
def explain(hub: Hub, stix_id: str, version: str | None, recipient: str | None, as_json: bool) -> None:
    """Show for each nation whether the nation sees object STIX_ID.

    A release shows the clearance and the clause; a refusal shows every reason. Only certs with a token of
    scope govern, and auditors, get all nations. Other members get the decision for their own nation, and
    whether their own object leaves the nation.
    """
    found = hub.explain(stix_id, version, None if recipient is None else recipient.upper())
    if as_json:
        print_json(found)
        return
    # Several members may have a record of one id. A single record is not in a list.
    for record in parts(found, "records") if "records" in found else [found]:
        _print(record)


def _print(record: JsonObject) -> None:
    submitter = f", by {text(record, 'member')}" if "member" in record else ""
    level = text(record, "effective_tlp").upper()
    version, origin = text(record, "version"), text(record, "origin")
    click.echo(plain(f"{text(record, 'object')}, version {version}: from {origin}{submitter}, TLP:{level}"))
    # One row for each decision, and one for each derived object.
    rows = [row for one in parts(record, "decisions") for row in _decided(one)]
    headings = ("nation", "decision", "visible to", "by", "because")
    print_table(headings, rows, "There is no decision that you may know.")
    # Only the submitter and its nation's cert get this: whether the object leaves the nation (policy 5).
    if "abroad" in record:
        abroad = part(record, "abroad")
        because = ", ".join(texts(abroad, "because"))
        click.echo(plain(f"abroad: {text(abroad, 'decision')}" + (f" ({because})" if because else "")))


def _decided(decision: JsonObject) -> list[tuple[str | None, ...]]:
    """Return a row for the decision, and a row for each derived object that the nation gets instead."""
    # `renditions` of the answer: the derived objects of the version, each with its made id.
    nation, decided = text(decision, "nation"), text(decision, "decision")
    others = [
        (nation, text(one, "rendition"), _from(one), _clause(one), f"as {text(one, 'object')}")
        for one in optional(parts, decision, "renditions") or ()
    ]
    return [
        (nation, decided, _from(decision), _clause(decision), optional(text, decision, "reason")),
        *others,
    ]


def _from(entry: JsonObject) -> str | None:
    clearance = optional(text, entry, "clearance")
    return None if clearance is None else f"{clearance} and above"


def _clause(entry: JsonObject) -> str | None:
    agreement = optional(text, entry, "agreement")
    return None if agreement is None else f"{agreement}, clause {number(entry, 'clause')}"


@click.command()
@click.argument("stix_id")
@remote
@json_option
def disclosures(hub: Hub, stix_id: str, as_json: bool) -> None:
    """Show the members that fetched object STIX_ID or saw it listed, when and under which clause.

    The origin's cert also sees the members with a recall note, and when each fetched the note. The list is
    for certs with a token of scope govern, and for auditors. Other members get, for their own object, the
    number of members.
    """
    found = hub.disclosures(stix_id)
    if as_json:
        print_json(found)
        return
    # Policy 5: a party's other members learn how many fetched their object, not who.
    if found and "members" in found[0]:
        names = ("version", "kind", "members", "notified", "note_fetched")
        counts = [
            tuple(text(one, name) if name in {"version", "kind"} else number(one, name) for name in names)
            for one in found
        ]
        print_table(("version", "what", "members", "told of its recall", "note fetched"), counts, "")
        return
    rows = [
        (
            *(text(one, name) for name in ("at", "nation", "member", "kind", "version")),
            _clause(one),
            _recalled(one),
        )
        for one in found
    ]
    headings = ("at", "nation", "member", "what", "version", "by", "recalled")
    print_table(headings, rows, "Nobody has fetched it.")


def _recalled(entry: JsonObject) -> str | None:
    notified, fetched = optional(text, entry, "notified"), optional(text, entry, "note_fetched")
    if notified is None:  # no recall, or the reader of this answer is not of the origin
        return None
    return f"told {notified}, " + ("note not fetched yet" if fetched is None else f"note fetched {fetched}")
