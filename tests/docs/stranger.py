"""The tutorial's way from nothing to a CometBFT network, timed: `python -m tests.docs.stranger`.

Runs the blocks of docs/tutorial.md up to the node, as a reader would who copies them, in a fresh folder and with a virtual
environment of its own; Go's cache is one of its own, too. Nothing is cut short. The chain listens at CometBFT's ports.
Prints the seconds of each step; exit code 1 when one of them fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.docs.pages import CHECKOUT
from tests.docs.test_tutorial import CHAIN, DEMO, GO, INSTALL, PAY, PAYMENT, PROJECT, SEEN

LIMIT_S = 600.0  # issue: under ten minutes


def main() -> int:
    """Run it. Returns: the exit code."""
    with tempfile.TemporaryDirectory(prefix="stranger-") as name:
        folder = Path(name)
        environment = {
            key: value
            for key, value in os.environ.items()
            if key not in {"VIRTUAL_ENV", "PYTHONPATH", "GOFLAGS"}
        }
        environment |= {"HOME": name, "GOPATH": f"{name}/go", "GOCACHE": f"{name}/go-cache"}
        environment["PATH"] = f"{folder}/.venv/bin:{environment['PATH']}"
        base = Path(sys.base_prefix) / "bin"

        def run(step: str, commands: str, where: Path = folder) -> None:
            began = time.monotonic()
            subprocess.run(["bash", "-ec", commands], cwd=where, env=environment, check=True)
            print(f"{time.monotonic() - began:7.1f} s  {step}", flush=True)

        began = time.monotonic()
        subprocess.run(["git", "clone", "-q", str(CHECKOUT), f"{name}/peerage"], check=True)
        # The environment lies beside the checkout, for the rest happens elsewhere.
        install = INSTALL.text.replace("python3 -m venv .venv && . .venv/bin/activate", "true")
        run("virtual environment", f"{base}/python3 -m venv .venv")
        run("install", install, folder / "peerage")
        run("demo", DEMO.text)
        run("new-reactor, its tests", PROJECT.text)
        run("build CometBFT", GO.text)
        (folder / "pay.py").write_text(PAY.text)
        log = (folder / "comet.log").open("wb")
        chain = subprocess.Popen(
            ["bash", "-ec", CHAIN.text.replace("cometbft start", "exec cometbft start")],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            time.sleep(10.0)  # a reader opens another terminal
            run("messages exchanged", PAYMENT.text)
            run("seen", SEEN.text)
        except subprocess.CalledProcessError as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            chain.kill()
            chain.wait()
            log.close()
        took = time.monotonic() - began
        print(f"{took:7.1f} s  together; wanted: at most {LIMIT_S:.0f}")
        return int(took > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
