"""structlog, imported by the processes of a node that are nobody's but ours: without rich, which it looks for.

It would show tracebacks in colours; the lines of a node have plain ones, whatever is installed. rich takes three times as
long to import as structlog, and 6 MiB.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["without"]


@contextmanager
def without(package: str) -> Iterator[None]:
    """Whoever imports the package meanwhile is told that it is not installed, unless it is imported already."""
    is_hidden = package not in sys.modules
    if is_hidden:
        sys.modules[package] = None  # type: ignore[assignment]  # what the import system takes for its absence
    try:
        yield
    finally:
        if is_hidden:
            del sys.modules[package]


with without("rich"):
    import structlog  # noqa: F401 - to be there for whoever imports it next
