"""The memory of the server's processes: shared when workers begin, and given back after large requests.

Everything here is for glibc. Elsewhere nothing happens: other allocators give memory back by themselves.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from typing import Final, cast

# Parameters of mallopt(3).
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
_RETURNED_BYTES: Final = 131_072
_ARENAS: Final = 2


def prepare_workers() -> None:
    """Let later workers share the memory of this process, and keep little of what requests have used."""
    # By default each thread gets an arena and keeps its largest use: eight threads, eight large requests. And
    # glibc raises the size from which a block is returned at once to that of the largest freed block.
    set_option = _glibc("mallopt")
    if set_option is not None:
        set_option(_ARENA_MAX, _ARENAS)
        set_option(_MMAP_THRESHOLD, _RETURNED_BYTES)
        set_option(_TRIM_THRESHOLD, _RETURNED_BYTES)
    # The garbage collector writes into every object that it visits, so each worker would copy all pages.
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Return free memory to the system, also from between blocks in use."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _glibc(name: str) -> Callable[..., int] | None:
    return cast(Callable[..., int] | None, getattr(ctypes.CDLL(None), name, None))
