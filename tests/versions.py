"""Tests with other versions than those that pip would take: the lowest that `pyproject.toml` allows, another Python.

    python -m tests.versions --lowest                  the lowest versions of all direct dependencies
    python -m tests.versions --python python3.13       another interpreter, the newest versions
    python -m tests.versions --lowest tests/wire -x    other tests than the runtime's and the wire's; pytest's arguments

Works on a copy of the tree, in a virtual environment of its own, both of which are gone afterwards. Wants uv, which it
installs there from PyPI.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ["tests/actors/runtime", "tests/wire"]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".ci-venv", ".venv", "build", "*.egg-info", "*.so", "__pycache__", ".*_cache", ".hypothesis"
)


def main() -> int:
    parser = argparse.ArgumentParser(description="Run tests with other versions.")
    parser.add_argument("--python", default=sys.executable, help="interpreter to test with")
    parser.add_argument(
        "--lowest", action="store_true", help="the lowest versions that pyproject.toml allows"
    )
    options, arguments = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="peerage-versions-") as name:
        copy, tools, venv = (Path(name) / part for part in ("peerage", "tools", "venv"))
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        run(sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tools), "uv")
        uv = str(tools / "bin" / "uv")
        run(uv, "venv", "--quiet", "--python", options.python, str(venv))
        python = str(venv / "bin" / "python")
        resolution = "lowest-direct" if options.lowest else "highest"
        install = [uv, "pip", "install", "--quiet", "--python", python, "--resolution", resolution]
        run(*install, f"{copy}[test]")
        run(uv, "pip", "list", "--python", python)
        pytest = [python, "-m", "pytest", "-q", *(arguments or TESTS)]
        return subprocess.run(pytest, cwd=copy, check=False).returncode


def run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main())
