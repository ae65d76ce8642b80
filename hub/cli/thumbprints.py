"""Commands with a thumbprint as argument. One thumbprint in 64 begins with a hyphen, and is no option."""

from __future__ import annotations

import click

from hub.proofs.keys import is_thumbprint


class ThumbprintCommand(click.Command):
    """A command with a thumbprint as last argument, in its printed form (RFC 7638, base64url)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, with thumbprints that begin with a hyphen after all others."""
        # A user that writes `--` has ordered the arguments already.
        found = [one for one in args if one.startswith("-") and is_thumbprint(one)]
        if found and "--" not in args:
            args = [*(one for one in args if one not in found), "--", *found]
        return super().parse_args(ctx, args)
