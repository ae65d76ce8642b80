"""`hub status` and `hub submissions`: the outcomes of earlier pushes."""

from __future__ import annotations

import click

from hub.cli.output import json_option, print_json, print_table, say
from hub.cli.remote import remote
from hub.client import Hub, ItemOutcome
from hub.client.pushing import outcomes, submitted
from hub.model import JsonObject

_LINES_SHOWN = 20  # of failures, of notes
_LISTED = 100  # submissions, unless --limit says another number


@click.command()
@click.argument("status_id", metavar="ID")
@remote
@json_option
def status(hub: Hub, status_id: str, as_json: bool) -> None:
    """Show the outcome of each object of your submission, by the status ID from `hub push`.

    The hub answers for 30 days; later use `hub submissions ID`.
    """
    found = hub.status(status_id)
    if as_json:
        print_json(found)
        return
    counts = f"{found['success_count']} succeeded, {found['failure_count']} failed"
    pending = f", {found['pending_count']} pending" if found["pending_count"] else ""
    say(f"{found['total_count']} submitted, {counts}{pending}.")
    _print(submitted.outcomes(found, "failures"), "failed")
    _print([one for one in submitted.outcomes(found, "successes") if one.message], "noted")


@click.command()
@click.argument("submission_id", metavar="[ID]", required=False)
@click.option("--since", metavar="TIME", help="Only submissions received at or after this RFC 3339 time.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=_LISTED,
    show_default=True,
    help="The largest number listed.",
)
@remote
@json_option
def submissions(hub: Hub, submission_id: str | None, since: str | None, limit: int, as_json: bool) -> None:
    """List submissions, the newest first; with ID show the outcome of each object of a submission.

    A member sees its own submissions, a cert with a token of scope read all of its nation, an auditor all.
    """
    # `hub status` asks TAXII, which forgets after 30 days. This asks the evidence, which stays.
    if submission_id is not None:
        _show(hub.submission(submission_id), as_json=as_json)
        return
    found = list(hub.submissions(since=since, limit=limit))
    if as_json:
        print_json(found)
        return
    rows = [(one["at"], one["id"], one["member"], one["succeeded"], one["failed"]) for one in found]
    headings = ("at", "id", "member", "succeeded", "failed")
    print_table(headings, rows, "There is no submission that this account may see.")


def _show(found: JsonObject, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    counts = f"{found['succeeded']} succeeded, {found['failed']} failed"
    say(f"by {found['member']} at {found['at']}: {counts}.")
    listed = found.get("outcomes", [])
    # An entry says whether the object was accepted; an outcome has the sentence, checked by the client.
    failed, noted = [], []
    for entry, outcome in zip(listed, submitted.outcomes(found, "outcomes"), strict=True):
        if entry.get("succeeded") is not True:
            failed.append(outcome)
        elif outcome.message:
            noted.append(outcome)
    _print(failed, "failed")
    _print(noted, "noted")


def _print(listed: list[ItemOutcome], what: str) -> None:
    # Objects with the same sentence share a line, so that one cause is not printed a thousand times.
    lines = outcomes.together(listed)
    for line in lines[:_LINES_SHOWN]:
        say(f"{what}: {line}")
    if len(lines) > _LINES_SHOWN:
        click.echo(f"… and {len(lines) - _LINES_SHOWN} other sentences; --json has all")
