"""The tutorial's way from nothing to a CometBFT network, timed: `python -m tests.docs.stranger`.

Runs the blocks of docs/tutorial.md up to the node, as a reader would who copies them, in a fresh folder and with a virtual
environment of its own; Go's cache is one of its own, too. Nothing is cut short. The chain listens at CometBFT's ports.
Prints the seconds of each step; exit code 1 when one of them fails.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.docs.newcomer import LIMIT_S, Newcomer
from tests.docs.test_tutorial import CHAIN, DEMO, GO, INSTALL, PAY, PAYMENT, PROJECT, SEEN


def main() -> int:
    """Run it. Returns: the exit code."""
    with tempfile.TemporaryDirectory(prefix="stranger-", ignore_cleanup_errors=True) as name:
        stranger = Newcomer(Path(name))
        try:
            stranger.install(INSTALL.text)
            stranger.run("demo", DEMO.text)
            stranger.run("new-reactor, its tests", PROJECT.text)
            stranger.run("build CometBFT", GO.text)
            (stranger.folder / "pay.py").write_text(PAY.text)
            with stranger.terminal("chain", CHAIN.text):
                time.sleep(10.0)  # a reader opens another terminal
                stranger.run("messages exchanged", PAYMENT.text)
                stranger.run("seen", SEEN.text)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            print(error, error.stdout, sep="\n", file=sys.stderr)
            return 1
        took = stranger.took()
        print(f"{took:7.1f} s  together; wanted: at most {LIMIT_S:.0f}")
        return int(took > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
