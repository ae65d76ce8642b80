"""The command line. A command's module is imported when the command is used.

So a member's machine needs no server package, and `hub push` starts as fast as it can.
"""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from typing import Any, Final

import click

from hub.cli.environment import unknown
from hub.cli.output import open_missing_streams, warn, write_in_any_encoding
from hub.cli.signals import INTERRUPTED
from hub.errors import HubError

# What `hub --help` says stands here too: asking each command would load the server on every machine.
_ON_THE_HUB: Final = {
    "init": ("hub.cli.admin:init", "Create or migrate database, secrets, nations and collections."),
    "serve": ("hub.cli.serve:serve", "Serve the hub with gunicorn and the production settings."),
    "demo": ("hub.cli.demo:demo_command", "Show the whole hub in one command."),
    "member": ("hub.cli.accounts:member", "Register, list, suspend and resume members."),
    "token": ("hub.cli.accounts:token", "Issue, list and revoke tokens."),
    "key": ("hub.cli.accounts:key", "Register, list and revoke members' public keys."),
    "work": ("hub.cli.admin:work", "Mark rows that are over and forget what is too old."),
    "check": ("hub.cli.admin:check", "Verify database, releases, signatures and agreements."),
    "prune": ("hub.cli.admin:prune", "Forget old nonces and tokens."),
    "backup": ("hub.cli.admin:backup", "Copy the database while the hub serves."),
    "restore": ("hub.cli.epoch:restore", "Let a backup become the database again, while the hub serves."),
    "epoch": ("hub.cli.epoch:epoch", "Show what may be lost, and open the hub after a restore."),
}
_AT_A_MEMBER: Final = {
    "keygen": ("hub.cli.keygen:keygen", "Make a key pair."),
    "push": ("hub.cli.push:push", "Push files of STIX objects to a collection."),
    "status": ("hub.cli.submissions:status", "Say what became of what was pushed, by a status id."),
    "submissions": ("hub.cli.submissions:submissions", "List what was submitted, and what became of it."),
    "delete": ("hub.cli.collections:delete", "Delete an object, or a version of it."),
    "collections": ("hub.cli.collections:collections", "List the collections, and the rights in each."),
    "poll": ("hub.cli.poll:poll", "Poll a collection, one object per line."),
    "agreement": ("hub.cli.agreement:agreement", "Propose, sign, list, show and terminate agreements."),
    "keys": ("hub.cli.keys:keys", "List and pin the nations' agreement keys."),
    "recovery": ("hub.cli.recovery:recovery", "List and confirm keys that follow a cert's lost one."),
    "explain": ("hub.cli.sharing:explain", "Say which nations see an object, by which clause, or why not."),
    "disclosures": ("hub.cli.sharing:disclosures", "Say which members have fetched an object."),
}
_COMMANDS: Final = _ON_THE_HUB | _AT_A_MEMBER


class LazyGroup(click.Group):
    """The commands by name, each loaded from where `_COMMANDS` says."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return every command, in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, or None when there is none of this name."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with what they do, by the machine they run on."""
        for title, commands in (("On the hub's own machine", _ON_THE_HUB), ("At a member", _AT_A_MEMBER)):
            with formatter.section(title):
                formatter.write_dl([(name, summary) for name, (_, summary) in commands.items()])

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command line; whatever the terminal's encoding is, it can be printed."""
        open_missing_streams()
        write_in_any_encoding()
        return super().main(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whatever the hub refuses becomes one sentence and exit code 1.

        So does a fault of this program, by its type and place alone: what it holds may be anybody's data.
        With HUB_DEBUG=1 it is raised.
        """
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except HubError as error:
            warn(error.in_full)
            ctx.exit(1)
        except BrokenPipeError:
            # Whoever read our output has gone; there is nobody to tell.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(1)
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            warn(f"{place}{error.strerror or error}")
            ctx.exit(1)
        except Exception as error:
            if os.environ.get("HUB_DEBUG"):
                raise
            warn(_fault(error))
            ctx.exit(1)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


def _fault(error: Exception) -> str:
    """Return the sentence for a fault of this program: where in it, and what to do."""
    places = [
        f"{frame.f_globals.get('__name__')} line {line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    ours = [place for place in places if place.startswith("hub.")]
    return (
        f"this is a fault of hub itself, {type(error).__name__} in {(ours or places)[-1]}: please report it. "
        "HUB_DEBUG=1 shows all of it"
    )


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="allied-hub", prog_name="hub")
def main() -> None:
    """Allied nations share signed STIX over TAXII 2.1, under agreements, within the TLP marking."""
    for sentence in unknown(os.environ):
        warn(sentence)
