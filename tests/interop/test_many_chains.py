"""One seed for three chains, with CometBFT peers of each. With 30 of them: `python -m tests.chaos.many_chains`."""

from __future__ import annotations

import contextlib
import signal
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.chaos.many_chains import Network, RunningSeed, kill_one, meet
from tests.interop.cometnode import free_port
from tests.nodes import wait_until

pytestmark = [pytest.mark.interop, pytest.mark.slow]

CHAINS = ("mesh-1", "mesh-2", "mesh-3")


def wanted(port: int) -> set[str]:
    """Which of the metrics are missing. Actors report theirs once a second."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    missing = {'peerage_chain_restarts_total{chain_id="mesh-1"} 1.0'}
    missing |= {f'peerage_chain_up{{chain_id="{chain}"}} 1.0' for chain in CHAINS}
    missing -= set(lines)
    peers = {f'cometbft_p2p_peers{{chain_id="{chain}"}} ' for chain in CHAINS}
    return missing | {each for each in peers if not any(line.startswith(each) for line in lines)}


@pytest.mark.timeout(180)
@pytest.mark.usefixtures("go_peer")  # builds it
def test_the_peers_of_each_chain_meet_and_a_killed_chain_is_nobody_elses_business(
    tmp_path: Path, go_version: str
) -> None:
    """It is back by itself, and whoever comes then meets the others. The metrics of all are in one place.

    At the end the seed's own process is killed: none of its chains is left.
    """
    port = free_port()
    with contextlib.ExitStack() as stack, RunningSeed(tmp_path / "seed", CHAINS, metrics=port) as seed:
        networks = [Network(seed, chain, stack, version=go_version) for chain in CHAINS]
        meet(networks, 2)
        kill_one(networks)
        wait_until(lambda: wanted(port) == set(), what="all metrics, of the restarted chain too")
        processes = {pid for chain in CHAINS for pid in seed.processes(chain)}
        seed.stop(signal.SIGKILL)
        wait_until(lambda: not any(map(psutil.pid_exists, processes)), what="the chains have ended with it")
