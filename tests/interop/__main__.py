"""`python -m tests.interop [pytest arguments]`: the interop tests against peers of every CometBFT version.

All of this folder, or the files named among the arguments.

Ends with one line per version; the exit code is 1 if any failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.interop.gobuild import VERSIONS


def main() -> int:
    """Run pytest on this folder once per version."""
    arguments = sys.argv[1:]
    if not any(Path(argument.partition("::")[0]).exists() for argument in arguments):
        arguments.insert(0, str(Path(__file__).parent))
    codes = {}
    for version in VERSIONS:
        print(f"== CometBFT {version}", flush=True)
        command = [sys.executable, "-m", "pytest", *arguments]
        environment = os.environ | {"PEERAGE_TEST_COMETBFT": version}
        codes[version] = subprocess.run(command, env=environment, check=False).returncode
    for version, code in codes.items():
        print(f"{version}: {'passed' if code == 0 else f'failed (pytest ended with {code})'}")
    return int(any(codes.values()))


if __name__ == "__main__":
    sys.exit(main())
