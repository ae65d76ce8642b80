"""Commands that take a thumbprint: one in 64 begins with a hyphen, and is no option for that."""

from __future__ import annotations

import click

from hub.proofs.keys import is_thumbprint


class ThumbprintCommand(click.Command):
    """A command whose last argument is a thumbprint, given as it is printed (RFC 7638, base64url)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, thumbprints that begin with a hyphen after all others."""
        found = [one for one in args if one.startswith("-") and is_thumbprint(one)]
        if found and "--" not in args:
            args = [*(one for one in args if one not in found), "--", *found]
        return super().parse_args(ctx, args)
