"""A seed's way from nothing to a served chain, timed: `python -m tests.docs.operator [--build] [--picture FILE]`.

Runs every block of docs/howto/seed.md, in its order, as an operator would who copies them: in a fresh folder, with a virtual
environment and ports as the page has them. The chain is of four CometBFT validators, the Prometheus a real one, and the
dashboard is open in a browser. Then one of the seed's processes is killed, as the page invites to, and at last the seed is
started as its unit says, and tells its service manager that it is up.

CometBFT is there before the clock begins, as it is where a chain is to be served; with `--build` it is built within the
time, as the tutorial says and with caches of its own. Prometheus, Chromium and systemd-analyze have to be there (Debian:
prometheus, chromium-driver, systemd).
Prints the seconds of each step; exit code 1 when one of them fails, or when it took longer than ten minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.actors.rpc.dashboard.browser import DRIVER, Browser
from tests.docs.newcomer import LIMIT_S, Newcomer
from tests.docs.test_node_types import (
    ASK,
    ASK_PROMETHEUS,
    CHAIN,
    INSTALL,
    LOOK,
    MAKE,
    METRICS,
    PROMETHEUS,
    SEE,
    START,
    UNIT,
)
from tests.docs.test_tutorial import GO
from tests.interop.gobuild import DEFAULT_VERSION, build_cometbft

NEEDED = ("prometheus", DRIVER, "systemd-analyze", "curl", "git")
PORTS = (26656, 26657, 26660, 9095, *range(27000, 27004), *range(27100, 27104))  # of the page
VALIDATORS = 4
DASHBOARD = "http://127.0.0.1:26657/dashboard/"
VICTIM = "switch"


def missing() -> list[str]:
    """What keeps this from beginning: programs that are not there, ports that are taken."""
    found = [f"{name} is not installed" for name in NEEDED if shutil.which(name) is None]
    for port in PORTS:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError as error:
                found.append(f"port {port}, which the page has: {error.strerror}")
    return found


def answer_of(operator: Newcomer, url: str) -> Any:
    """What a JSON-RPC or HTTP API says. Raises: CalledProcessError while it does not."""
    return json.loads(operator.ask(f"curl -sf '{url}'"))


def chain_is_up(operator: Newcomer) -> bool:
    """Every validator is connected with all others, and has a block."""
    for number in range(VALIDATORS):
        url = f"http://127.0.0.1:2710{number}"
        peers = {
            peer["node_info"]["moniker"] for peer in answer_of(operator, f"{url}/net_info")["result"]["peers"]
        }
        status = answer_of(operator, f"{url}/status")["result"]
        others = {f"node{other}" for other in range(VALIDATORS)} - {f"node{number}"}
        if not others <= peers or status["sync_info"]["latest_block_height"] == "0":
            return False
    return True


def scraped(operator: Newcomer) -> bool:
    """Prometheus has what the seed counts: requests of all validators that were answered."""
    answered = json.loads(operator.ask(ASK_PROMETHEUS.text))["data"]["result"]
    return any(
        each["metric"]["job"] == "seed"
        and each["metric"]["outcome"] == "answered"
        and float(each["value"][1]) >= VALIDATORS
        for each in answered
    )


def look(operator: Newcomer, picture: Path | None) -> None:
    """Open the dashboard, and wait until it has the node's parts and its book."""
    with (
        tempfile.TemporaryDirectory(prefix="operator-browser-") as profile,
        Browser(Path(profile)) as browser,
    ):
        browser.open(DASHBOARD)
        browser.wait_for(lambda: VICTIM in browser.text("body"), "the supervision tree")
        browser.wait_for(lambda: "my-chain" in browser.text("body"), "the network")
        if picture is not None:
            browser.screenshot(picture)
        assert browser.complaints() == []
    assert operator.took() < LIMIT_S


def kill_one(operator: Newcomer) -> None:
    """A process of the seed: it is back, and top counts it."""
    sample = json.loads(operator.ask("peerage top --home ~/seed --once --json"))
    hosts = {host["host"]: host["pid"] for host in sample["actors"]["hosts"]}
    os.kill(hosts[VICTIM], signal.SIGKILL)

    def is_back() -> bool:
        parts = json.loads(operator.ask("peerage status --home ~/seed --json"))["parts"]
        part = next(each for each in parts if each["name"] == VICTIM)
        return bool(part["restarts"] == 1 and part["status"] == "running")

    operator.wait_for("a killed process is back", is_back, "seed")


@contextmanager
def service_manager(folder: Path) -> Iterator[socket.socket]:
    """The socket on which systemd hears from its services."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(folder / "notify"))
        heard.settimeout(60.0)
        yield heard


def serve_as_the_unit_says(operator: Newcomer) -> None:
    """Start what the unit starts, until it says that it is up and feeds the watchdog; stop it as systemd does."""
    unit = (operator.folder / "my-chain-seed.service").read_text()
    start = next(
        line.removeprefix("ExecStart=") for line in unit.splitlines() if line.startswith("ExecStart=")
    )
    with operator.step("the unit's seed is up, and stops"), service_manager(operator.folder) as heard:
        variables = f"export NOTIFY_SOCKET={operator.folder}/notify WATCHDOG_USEC=2000000"
        with operator.terminal("service", f"{variables}\nexec {start}") as service:
            told = ""
            while "READY=1" not in told or "WATCHDOG=1" not in told:
                told += heard.recv(4096).decode() + "\n"
            service.terminate()
            assert service.wait(60.0) == 0


def operate(operator: Newcomer, cometbft: Path | None, picture: Path | None) -> None:
    """The whole page. Args: cometbft, the program; None: it is built first.

    Raises: CalledProcessError, TimeoutExpired, AssertionError."""
    operator.install(INSTALL.text)
    tools = operator.folder / "bin"
    operator.environment["PATH"] = f"{tools}:{operator.environment['PATH']}"
    if cometbft is None:
        operator.run("build CometBFT", GO.text)
    else:
        tools.mkdir()
        (tools / "cometbft").symlink_to(cometbft.resolve())
    operator.run("a home", MAKE.text)
    with ExitStack() as stack:
        seed = stack.enter_context(operator.terminal("seed", f"exec {START.text}"))
        operator.wait_for("the seed is up", lambda: operator.ask(ASK.text), "seed")
        stack.enter_context(operator.terminal("chain", CHAIN.text))
        operator.wait_for("four validators have met and make blocks", lambda: chain_is_up(operator), "chain")
        told = operator.run("what the seed did", LOOK.text)
        assert f"{VALIDATORS} addresses" in told, told
        operator.run("metrics", METRICS.text)
        stack.enter_context(operator.terminal("prometheus", PROMETHEUS.text))
        operator.wait_for("Prometheus has them", lambda: scraped(operator), "prometheus")
        operator.run("the page of the dashboard, and top", SEE.text)
        with operator.step("the dashboard in a browser"):
            look(operator, picture)
        kill_one(operator)
        operator.run("a unit, verified", UNIT.text)
        seed.send_signal(signal.SIGINT)
        assert seed.wait(60.0) == 0
        serve_as_the_unit_says(operator)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it. Returns: the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.operator", description=__doc__)
    parser.add_argument("--build", action="store_true", help="build CometBFT within the time")
    parser.add_argument("--picture", type=Path, help="write a picture of the dashboard to this file")
    options = parser.parse_args(arguments)
    if lacks := missing():
        print(*lacks, sep="\n", file=sys.stderr)
        return 1
    cometbft = None if options.build else build_cometbft(DEFAULT_VERSION)
    with tempfile.TemporaryDirectory(prefix="operator-", ignore_cleanup_errors=True) as name:
        operator = Newcomer(Path(name))
        try:
            operate(operator, cometbft, options.picture)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            print(error, error.stdout, sep="\n", file=sys.stderr)
            return 1
        took = operator.took()
        print(f"{took:7.1f} s  together; wanted: at most {LIMIT_S:.0f}", flush=True)
    return int(took > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
