"""The command line. The module of a command is imported when the command is used.

A member's machine therefore needs no server package, and `hub push` starts fast.
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

# The summaries repeat the help of the commands. To ask each command would import all server libraries (Flask,
# SQLAlchemy) for `hub --help`, also on a member's machine.
_ON_THE_HUB: Final = {
    "init": ("hub.cli.admin:init", "Create or migrate database, secrets, nations and collections."),
    "serve": ("hub.cli.serve:serve", "Serve the hub with gunicorn and the production settings."),
    "demo": ("hub.cli.demo:demo_command", "Run a demonstration of the whole hub."),
    "member": ("hub.cli.accounts:member", "Register, list, suspend and resume members."),
    "token": ("hub.cli.accounts:token", "Issue, list and revoke tokens."),
    "key": ("hub.cli.accounts:key", "Register, list and revoke members' public keys."),
    "work": ("hub.cli.admin:work", "Mark rows that ended, and delete expired nonces and tokens."),
    "check": ("hub.cli.admin:check", "Verify database, releases, signatures and agreements."),
    "prune": ("hub.cli.admin:prune", "Delete old nonces and tokens."),
    "backup": ("hub.cli.admin:backup", "Copy the database while the hub serves."),
    "restore": ("hub.cli.epoch:restore", "Replace the database by a backup, also while the hub serves."),
    "epoch": ("hub.cli.epoch:epoch", "Show possible losses, and open the hub after a restore."),
}
_AT_A_MEMBER: Final = {
    "keygen": ("hub.cli.keygen:keygen", "Make a key pair."),
    "push": ("hub.cli.push:push", "Push files of STIX objects to a collection."),
    "status": ("hub.cli.submissions:status", "Show the outcome of a push, by its status id."),
    "submissions": (
        "hub.cli.submissions:submissions",
        "List submissions, or the outcomes of one submission.",
    ),
    "delete": ("hub.cli.collections:delete", "Delete an object, or a version of it."),
    "collections": ("hub.cli.collections:collections", "List the collections, and your rights in each."),
    "poll": ("hub.cli.poll:poll", "Poll a collection, one object per line."),
    "agreement": ("hub.cli.agreement:agreement", "Propose, sign, list, show and terminate agreements."),
    "keys": ("hub.cli.keys:keys", "List and pin the nations' agreement keys."),
    "recovery": ("hub.cli.recovery:recovery", "List and confirm keys that replace a cert's lost key."),
    "explain": ("hub.cli.sharing:explain", "Show which nations see an object, by which clause, or why not."),
    "disclosures": ("hub.cli.sharing:disclosures", "Show which members have fetched an object."),
}
# INVARIANT: a module of `_AT_A_MEMBER` imports no server library (tests/client/test_hub.py).
_COMMANDS: Final = _ON_THE_HUB | _AT_A_MEMBER


class LazyGroup(click.Group):
    """The commands by name. Each command is imported from its place in `_COMMANDS`."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of `_COMMANDS`."""
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name, or None."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names and summaries of the commands, in two sections: hub and member."""
        for title, commands in (("On the hub's own machine", _ON_THE_HUB), ("At a member", _AT_A_MEMBER)):
            with formatter.section(title):
                formatter.write_dl([(name, summary) for name, (_, summary) in commands.items()])

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command line. Output can be printed in each encoding of a terminal."""
        open_missing_streams()
        write_in_any_encoding()
        return super().main(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. A refusal of the hub becomes one sentence on stderr and exit code 1.

        A fault of this program ends likewise: the sentence has the type and place of the exception, not its
        text, because the text may contain data of members. HUB_DEBUG=1 lets the exception through.
        """
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except HubError as error:
            warn(error.in_full)
            ctx.exit(1)
        except BrokenPipeError:
            # The reader of the output has closed the pipe (`| head`). Python flushes stdout once more at its
            # end; /dev/null takes that, and no second error is printed.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(1)
        # A full disk or a missing file is the user's to mend, and needs no traceback.
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
    """Return the sentence for a fault of this program: its place in the code, and the remedy."""
    places = [
        f"{frame.f_globals.get('__name__')} line {line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    # The last line in hub/ helps more than a line in a library below.
    ours = [place for place in places if place.startswith("hub.")]
    return (
        f"this is a fault of hub itself, {type(error).__name__} in {(ours or places)[-1]}: please report it. "
        "HUB_DEBUG=1 shows all of it"
    )


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="allied-hub", prog_name="hub")
def main() -> None:
    """Allied nations share signed STIX over TAXII 2.1, under agreements, within the TLP marking."""
    # A misspelt variable is no error: the environment may be shared with other programs.
    for sentence in unknown(os.environ):
        warn(sentence)
