"""The commands of one member, or of the operator, as a person gives them."""

from __future__ import annotations

from typing import Any

from click.testing import CliRunner, Result

from hub.cli import main
from tests.cli.results import json_of


class Commands:
    """Runs `hub` with an environment of its own."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ

    def run(self, *arguments: object, **options: Any) -> Result:
        return CliRunner().invoke(main, [str(a) for a in arguments], env=self.environ, **options)

    def json(self, *arguments: object, **options: Any) -> Any:
        """The one JSON value that a command prints with --json."""
        return json_of(self.run(*arguments, "--json", **options))
