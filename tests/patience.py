"""How long a test waits for what must happen.

It is a bound for what never happens, and long enough for a machine that has others to serve: a result
must not follow from how fast it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 900.0
_POLL_SECONDS = 0.05


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Return what `condition` gives once it is true; fail naming `what` when that takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(_POLL_SECONDS)
    return found
