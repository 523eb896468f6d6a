"""Output that a process has buffered and not yet handed to the kernel.

A fork copies such buffers, and then both processes write them; a process that leaves with `os._exit` loses them.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import logging
import sys
import weakref
from collections.abc import Iterable
from itertools import compress
from typing import Any

from peerage.actors.runtime.processes.shared_pages import keep_shared

BUFFERED = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom, io.BufferedRWPair)

# File objects that the collector does not look at any more. We find the others by asking it for all objects.
_frozen: weakref.WeakSet[Any] = weakref.WeakSet()


def flush_all() -> None:
    """Write out the buffers of logging handlers, of file objects and of the C library's streams."""
    _flush([*_frozen, *_file_objects()])


def freeze(*, collect: bool) -> None:
    """Prepare for many forks: write out all buffers, and share what is there for as long as can be.

    Args: collect, whether to look for garbage before. For a node's own modules that takes longer than a host to start, and
        finds one object in a hundred.
    """
    if collect:
        gc.collect()
    _frozen.update(_file_objects())
    _flush(_frozen)
    keep_shared()


def _flush(files: Iterable[Any]) -> None:
    # As `logging.shutdown` finds them.
    handlers = [reference() for reference in list(getattr(logging, "_handlerList", ()))]
    # Texts before the buffers below them, which they write into.
    files = sorted(files, key=lambda file: not isinstance(file, io.TextIOWrapper))
    for what in (*handlers, sys.stdout, sys.stderr, *files):
        with contextlib.suppress(Exception):  # closed, gone, or nobody reads it any more
            what.flush()
    ctypes.CDLL(None).fflush(None)  # of libraries written in C, which may print on their own


def _file_objects() -> list[Any]:
    # By their types: to ask an object for its class may call code of it (a proxy that stands for something else).
    kinds: set[type] = set(BUFFERED)
    for kind in BUFFERED:
        _add_subclasses(kind, kinds)
    things = gc.get_objects()
    return [*compress(things, map(kinds.__contains__, map(type, things)))]


def _add_subclasses(kind: type, kinds: set[type]) -> None:
    # pytest's `EncodedFile` is one, a text file for captured output.
    subclasses: list[type] = kind.__subclasses__()
    for subclass in subclasses:
        kinds.add(subclass)
        _add_subclasses(subclass, kinds)
