"""What this process keeps for a few seconds: what many pages have in common is read and compressed once.

Nothing kept is ever the reason that a page has a row: each page is judged, read and recorded by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Generic, TypeVar

from hub.model import RowNames
from hub.store.ledger.pages import RowKey

Key = TypeVar("Key")
Value = TypeVar("Value")

_BODIES: Final = 41_943_040  # bytes of a process: of some thirty pages
_SEGMENTS: Final = 25_165_824
_NAMES: Final = 8_388_608
_ENTRY_BYTES: Final = 250  # a key and its places in two dictionaries
_NAMES_BYTES: Final = 150  # the names of a row


class KeptValues(Generic[Key, Value]):
    """Values by key, up to `most` bytes. The first value that came is the first to go. Safe for threads.

    `size_of` returns the bytes of a value.
    """

    # INVARIANT: a key has one value for ever, so a kept value is never wrong.

    def __init__(self, most: int, size_of: Callable[[Value], int]) -> None:
        self._most, self._size_of, self._size = most, size_of, 0
        self._values: dict[Key, Value] = {}
        self._sizes: dict[Key, int] = {}
        self._changing = threading.Lock()

    def find(self, keys: Iterable[Key]) -> list[Value | None]:
        """Return the value of each key; None: not kept."""
        return [*map(self._values.get, keys)]

    def keep(self, found: Mapping[Key, Value]) -> None:
        """Keep these values."""
        with self._changing:
            for key, value in found.items():
                if key not in self._values:
                    self._sizes[key] = self._size_of(value) + _ENTRY_BYTES
                    self._size += self._sizes[key]
                    self._values[key] = value
            while self._size > self._most:
                first = next(iter(self._values))
                del self._values[first]
                self._size -= self._sizes.pop(first)


class KeptOfEpoch:
    """Bodies and compressed bodies by content id, and names of rows. Another epoch has other keys."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.bodies: KeptValues[int, bytes] = KeptValues(_BODIES, len)
        # By content, which one nation alone has: a text must not come sooner because another nation has it.
        self.segments: KeptValues[int, bytes] = KeptValues(_SEGMENTS, len)
        self.names: KeptValues[RowKey, RowNames] = KeptValues(_NAMES, lambda _: _NAMES_BYTES)


class KeptTexts:  # (hub/README: kept-ten-seconds)
    """What recent pages had in common."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Keep nothing. A text that a deletion has erased leaves memory in this way (policy 8)."""
        self._of_epoch = KeptOfEpoch("")

    def of(self, epoch: str) -> KeptOfEpoch:
        """Return what is kept of this epoch alone."""
        # INVARIANT: a page of one epoch finds nothing of another, whatever other threads do meanwhile.
        found = self._of_epoch
        if found.epoch != epoch:
            found = self._of_epoch = KeptOfEpoch(epoch)
        return found
