"""What a command printed, and how it ended."""

from __future__ import annotations

from typing import Any

import orjson
from click.testing import Result


def json_of(result: Result) -> Any:
    """The one JSON value on stdout of a command that succeeded."""
    assert result.exit_code == 0, result.output
    return orjson.loads(result.stdout)


def refused(result: Result, *sentences: str) -> None:
    """It ended with 1, and said why."""
    assert result.exit_code == 1, result.output
    for sentence in sentences:
        assert sentence in result.stderr
