"""How a process shares its memory with those that it forks for as long as can be.

A page that either of them writes to is copied. Nobody means to write into what was imported, and yet Python does: it counts
who refers to an object in the object itself, remembers by its name what was looked up in a class, and makes new objects
between old ones. A host that had nothing to do wrote to a third of what it was forked with. See docs/decisions/0082.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

try:
    from peerage.actors.runtime.processes._immortal import immortalize
except ImportError:  # the extension was not built

    def immortalize(objects: list[object], /) -> int:  # noqa: ARG001 - of the same form
        """Leave all of them counted."""
        return 0


__all__ = ["immortalize", "keep_shared"]

# Of CPython's allocator for small objects (Objects/obmalloc.c), as it is on machines with addresses of 64 bits.
_POOL = 16 * 1024  # bytes that hold objects of one size
_POOL_HEADER = 48
_SIZES = range(48, 513, 16)
_MOST_GAPS = 50_000  # of a size; there are some hundreds

_in_gaps: list[Any] = []


def keep_shared() -> None:
    """Call before a fork, when everything is imported; again when more was.

    What is there now is not looked through for garbage any more. With the compiled extension, and a Python that can do so
    (3.12), its classes, functions and modules are there for ever: nobody counts who refers to them.
    """
    _forget_lookups()
    immortalize(gc.get_objects())
    _fill_gaps()
    gc.freeze()


def _forget_lookups() -> None:
    """Empty Python's memory of what it has found in classes.

    Whatever is looked up later takes the place of another entry, whose name is then released: a write to some other page.
    """
    clear = getattr(sys, "_clear_internal_caches", None) or getattr(sys, "_clear_type_cache", None)
    if clear is not None:
        clear()


def _fill_gaps() -> None:
    """Let nothing be free between what is there, so that new objects of a child lie together, in pages that it has alone.

    Of each size, objects are made until they come from a pool that is new.
    """
    for size in _SIZES:
        length = size - sys.getsizeof(b"") - 7  # rounded up to the size
        filling: list[bytes] = []
        last = 0
        while len(filling) < _MOST_GAPS:
            filling.append(bytes(length))
            here = id(filling[-1])
            if here % _POOL == _POOL_HEADER + size and here == last + size:
                del filling[-2:]
                break
            last = here
        _in_gaps.append(filling)
