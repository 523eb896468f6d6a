"""One session of the fuzzer, in a process of its own: libFuzzer ends it, and modules are instrumented at their import.

`python -m tests.fuzz.session MODULE [ARGUMENT OF LIBFUZZER…]`; `python -m tests.fuzz` starts it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import resource
import sys
from pathlib import Path

import atheris

MOST_MEMORY = 512 * 1024 * 1024  # bytes, besides the interpreter and its modules
# Ours, and libraries whose branches an input decides about.
INSTRUMENTED = ("peerage", "tomllib", "ipaddress", "starlette")


def main() -> None:
    """Run until libFuzzer has done what it was told, or has found something."""
    with (
        contextlib.redirect_stderr(io.StringIO()),  # a line for each module
        atheris.instrument_imports(include=list(INSTRUMENTED)),
    ):
        target = importlib.import_module(sys.argv[1]).TARGET

    _bound_memory()

    def run(data: bytes) -> None:
        target.check(data)

    atheris.Setup([sys.argv[0], f"-max_len={target.longest}", *sys.argv[2:]], run)
    atheris.Fuzz()


def _bound_memory() -> None:
    """Have whatever wants more raise MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main()
