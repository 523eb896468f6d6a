"""One session of the fuzzer, in a process of its own: libFuzzer ends it, and modules are instrumented at their import.

`python -m tests.fuzz.session MODULE [ARGUMENT OF LIBFUZZER…]`; `python -m tests.fuzz` starts it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys

import atheris

# Ours, and libraries whose branches an input decides about.
INSTRUMENTED = ("peerage", "tomllib", "ipaddress", "starlette")


def main() -> None:
    """Run until libFuzzer has done what it was told, or has found something."""
    with (
        contextlib.redirect_stderr(io.StringIO()),  # a line for each module
        atheris.instrument_imports(include=list(INSTRUMENTED)),
    ):
        target = importlib.import_module(sys.argv[1]).TARGET

    def run(data: bytes) -> None:
        target.check(data)

    atheris.Setup([sys.argv[0], f"-max_len={target.longest}", *sys.argv[2:]], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
