"""Bytecode of what the tests and their commands start: kept, as that of an installed package is."""

from __future__ import annotations

import os
import sys

from tests.interop.gobuild import cache_directory


def keep_bytecode() -> None:
    """Keep bytecode in the tests' cache where the environment forbids it beside the sources, as many containers do.

    Hundreds of programs are started: without it each of them, and each worker of pytest-xdist, compiles all that it imports,
    and a node's start, or that of a killed chain, takes three times as long as with an installed package.
    """
    if sys.dont_write_bytecode:
        sys.dont_write_bytecode = False
        sys.pycache_prefix = str(cache_directory() / "bytecode")
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
