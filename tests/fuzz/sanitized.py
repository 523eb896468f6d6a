"""The compiled loops under AddressSanitizer and UndefinedBehaviorSanitizer: `python -m tests.fuzz.sanitized`.

Builds wire/_accelerator.c with both, apart from what is installed, and runs in a process into which they are preloaded:
random calls of every loop compared with plain Python (`loop_rounds.py`), the targets of the fuzzer that lead to the loops,
over all inputs that were kept, and the tests of both forms. Anything that a sanitizer sees ends the process.

Exit code 1: something was found, 2: it cannot be built here.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "wire" / "_accelerator.c"
MODULE = "peerage.wire._accelerator"
FLAGS = ("-shared", "-fPIC", "-g", "-O1", "-fno-omit-frame-pointer", "-Wall", "-Wextra")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
OPTIONS = {
    # Python keeps what it has allocated until it ends, no leak of ours. What is too large to be allocated is refused.
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:exitcode=99:detect_stack_use_after_return=1"
    ":allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "PYTHONMALLOC": "malloc",  # each object in memory of its own, so that its ends are known
}
TARGETS = ("packets", "secret_connection")
TESTS = (
    "test_loops",
    "test_frames",
    "test_packet_reader",
    "test_secret_connection",
    "test_quick_handshake",
    "test_multiplex",
)
# tracemalloc counts hundreds of objects that are gone, where each has its own memory.
MEASURES_MEMORY = "unserved_channel_is_not_held"


class NoSanitizerError(Exception):
    """There is no compiler with sanitizers."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the loops cannot be built with sanitizers here: {self.reason}"


def build(directory: Path, source: Path = SOURCE) -> Path:
    """The extension, built with sanitizers. Raises: NoSanitizerError."""
    library = directory / f"_accelerator{sysconfig.get_config_var('EXT_SUFFIX')}"
    include = f"-I{sysconfig.get_path('include')}"
    _run_compiler(*FLAGS, *SANITIZERS, include, str(source), "-o", str(library), "-ldl")
    return library


def preloaded() -> str:
    """The libraries of the sanitizers, which must be in the process before anything else. Raises: NoSanitizerError."""
    libraries = [_run_compiler(f"-print-file-name={name}").strip() for name in ("libasan.so", "libubsan.so")]
    missing = [each for each in libraries if not Path(each).is_absolute()]
    if missing:
        raise NoSanitizerError(f"there is no {missing[0]}")
    return ":".join(libraries)


def _run_compiler(*arguments: str) -> str:
    compiler = os.environ.get("CC", "gcc")
    try:
        done = subprocess.run([compiler, *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoSanitizerError(f"{compiler}: {error.strerror}") from error
    if done.returncode:
        raise NoSanitizerError(done.stderr.strip()[-1000:])
    return done.stdout


def run(
    count: int, seed: int, kept: Path | None = None, *, tests: bool, source: Path = SOURCE
) -> subprocess.CompletedProcess[str]:
    """Build, and run everything in a process of its own. Raises: NoSanitizerError."""
    with tempfile.TemporaryDirectory(prefix="peerage-sanitized-") as directory:
        library = build(Path(directory), source)
        arguments = ["--inside", str(library), "--rounds", str(count), "--seed", str(seed)]
        arguments += ["--keep", str(kept)] if kept is not None else []
        arguments += [] if tests else ["--no-tests"]
        environment = {**os.environ, **OPTIONS, "LD_PRELOAD": preloaded()}
        environment.pop("PEERAGE_PURE", None)
        command = [sys.executable, "-m", "tests.fuzz.sanitized", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace", check=False
        )


def _inside(library: Path, count: int, seed: int, kept: Path | None, *, tests: bool) -> int:
    """In the process with the sanitizers: take this extension for the installed one."""
    spec = importlib.util.spec_from_file_location(MODULE, library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[MODULE] = module

    from peerage.wire import accelerator
    from tests.fuzz.__main__ import target_of
    from tests.fuzz.loop_rounds import rounds

    if accelerator.compiled is not module:
        print(f"the sanitized loops are not in use: {accelerator.description}")
        return 1
    print(accelerator.description)
    print("compared with plain Python:", rounds(module, seed, count, wild=True))
    for name in TARGETS:
        target = target_of(name)
        inputs = list(target.corpus())
        if kept is not None and (kept / name).is_dir():
            inputs += [file.read_bytes() for file in sorted((kept / name).iterdir())]
        for data in inputs:
            target.check(data)
        print(f"{name}: {len(inputs)} inputs")
    if not tests:
        return 0
    import pytest

    files = [f"tests/wire/{name}.py" for name in TESTS]
    return int(
        pytest.main(
            ["-q", "-p", "no:cacheprovider", "-o", "timeout=600", "-k", f"not {MEASURES_MEMORY}", *files]
        )
    )


def main(arguments: list[str] | None = None) -> int:
    """Build, run, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.sanitized", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40_000, help="random calls (default: 40000)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers")
    parser.add_argument("--keep", type=Path, help="where `python -m tests.fuzz` kept inputs")
    parser.add_argument("--no-tests", action="store_true", help="do not run the tests of both forms")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    how = options.rounds, options.seed, options.keep
    if options.inside is not None:
        return _inside(options.inside, *how, tests=not options.no_tests)
    try:
        done = run(*how, tests=not options.no_tests)
    except NoSanitizerError as error:
        print(error, file=sys.stderr)
        return 2
    print(done.stdout, done.stderr, sep="\n")
    print("FOUND: see above" if done.returncode else "nothing found")
    return int(done.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
