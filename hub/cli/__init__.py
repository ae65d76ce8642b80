"""The command line. A command's module is imported when the command is used.

So a member's machine needs no server package, and `hub push` starts as fast as it can.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, Final

import click

from hub.errors import HubError

_COMMANDS: Final = {
    # On the hub's own machine.
    "init": "hub.cli.admin:init",
    "serve": "hub.cli.admin:serve",
    "demo": "hub.cli.demo:demo_command",
    "member": "hub.cli.accounts:member",
    "token": "hub.cli.accounts:token",
    "key": "hub.cli.accounts:key",
    "work": "hub.cli.admin:work",
    # On a member's machine.
    "keygen": "hub.cli.keygen:keygen",
    "push": "hub.cli.exchange:push",
    "poll": "hub.cli.exchange:poll",
    "agreement": "hub.cli.agreement:agreement",
}
_INTERRUPTED: Final = 130


class LazyGroup(click.Group):
    """The commands by name, each loaded from where `_COMMANDS` says."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return every command, in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, or None when there is none of this name."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whatever the hub refuses becomes one sentence and exit code 1."""
        try:
            return super().invoke(ctx)
        except HubError as error:
            click.echo(f"hub: {error}", err=True)
            ctx.exit(1)
        except BrokenPipeError:
            # Whoever read our output has gone; there is nobody to tell.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(1)
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hub", prog_name="hub")
def main() -> None:
    """Allied nations share signed STIX over TAXII 2.1, under agreements, within the TLP marking."""
