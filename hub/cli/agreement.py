"""`hub agreement`: an admin's acts, signed on the admin's own machine."""

from __future__ import annotations

from pathlib import Path

import click

from hub.cli.output import json_option, plain, print_json, print_table
from hub.cli.remote import remote
from hub.client import Hub
from hub.client.governance import read_agreement
from hub.model import JsonObject


@click.group()
def agreement() -> None:
    """Simulate, propose, sign, list, show, suspend, resume and terminate sharing agreements."""


def _print(view: JsonObject, as_json: bool) -> None:
    if as_json:
        print_json(view)
        return
    state = f"{view['state']} ({view['ended']})" if view.get("ended") else view["state"]
    signed_by = ", ".join(view["signed_by"]) or "nobody yet"
    _say(f"{view['id']}: {state}")
    _say(f"  {view['title']}")
    _say(f"  parties {', '.join(view['parties'])}; signed by {signed_by}")
    _say(f"  from {view['valid_from']} until {view['valid_until']}")
    if view.get("lapses_at") and view["state"] == "proposed":
        _say(f"  lapses on {view['lapses_at']} unless all have signed")
    for clause in view["clauses"]:
        types = ", ".join(clause["types"]) if "types" in clause else "every type"
        audience = clause.get("audience", "agency")
        reach = f"{clause['from']} → {', '.join(clause['to'])}"
        _say(f"  {reach}: up to TLP:{clause['max_tlp'].upper()}, for {audience} and above, {types}")


def _say(line: str) -> None:
    click.echo(plain(line))  # another nation wrote it


@agreement.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@remote
@json_option
def propose(hub: Hub, file: Path, as_json: bool) -> None:
    """Propose the agreement in FILE (TOML); its id comes back. Nothing is in force before all have signed."""
    _print(hub.propose(read_agreement(str(file), file.read_bytes())), as_json)


@agreement.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@remote
@json_option
def simulate(hub: Hub, file: Path, as_json: bool) -> None:
    """Tell what the agreement in FILE (TOML) would release and withdraw if it came into force now.

    Nothing is written. Counts are of what your nation submitted, and of what it would cease to see.
    """
    answer = hub.simulate(read_agreement(str(file), file.read_bytes()))
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            sign,
            f"{line['origin']} → {line['recipient']}",
            line["type"],
            f"TLP:{line['tlp'].upper()}",
            f"{line['clearance']} and above",
            str(line["count"]),
        )
        for part, sign in (("released", "+"), ("withdrawn", "-"))
        for line in answer[part]
    ]
    print_table(("", "direction", "type", "TLP", "for", "versions"), rows, "Nothing would change.")
    for example in answer["examples"]:
        reach = f"{example['origin']} → {example['recipient']}"
        _say(f"for example {example['change']}: {reach} {example['object']}")


@agreement.command()
@click.argument("id")
@remote
@json_option
def sign(hub: Hub, id: str, as_json: bool) -> None:
    """Sign agreement ID whole, with the nation's agreement key. Read it first: `hub agreement show`."""
    _print(hub.sign(id), as_json)


@agreement.command("list")
@remote
@json_option
def list_agreements(hub: Hub, as_json: bool) -> None:
    """List the agreements that your nation is party to."""
    found = hub.agreements()
    if as_json:
        print_json(found)
        return
    rows = [
        (v["id"], v["state"], ", ".join(v["parties"]), ", ".join(v["signed_by"]), v["title"]) for v in found
    ]
    print_table(("id", "state", "parties", "signed by", "title"), rows, "There is no agreement yet.")


@agreement.command()
@click.argument("id")
@remote
@json_option
def show(hub: Hub, id: str, as_json: bool) -> None:
    """Show agreement ID; --json has the whole document and every signature."""
    _print(hub.agreement(id), as_json)


@agreement.command()
@click.argument("id")
@remote
@json_option
def suspend(hub: Hub, id: str, as_json: bool) -> None:
    """Suspend agreement ID for all its parties, from the next request, until your nation resumes it."""
    _print(hub.suspend(id), as_json)


@agreement.command()
@click.argument("id")
@remote
@json_option
def resume(hub: Hub, id: str, as_json: bool) -> None:
    """Take your nation's suspension of agreement ID back."""
    _print(hub.resume(id), as_json)


@agreement.command()
@click.argument("id")
@remote
@json_option
def terminate(hub: Hub, id: str, as_json: bool) -> None:
    """End agreement ID for all its parties, from the next request that the hub receives."""
    _print(hub.terminate(id), as_json)
