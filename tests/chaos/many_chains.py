"""A seed of several chains with CometBFT peers of each: `python -m tests.chaos.many_chains --chains 3 --peers 10`.

All peers of a chain know the seed and nothing else, and are a full mesh in the end. Then every process of the first chain
is killed. Whoever is connected with the seed of another chain must not notice, and the first chain is back soon: whoever
comes to it then is a part of its mesh, too. Prints seconds; exit code 1 when something did not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests.bytecode import keep_bytecode
from tests.chaos.started_node import peerage, processes_of_session
from tests.interop.cometnode import free_port
from tests.interop.gopeer import GoPeer
from tests.nodes import wait_until

PERIOD_MS = 500  # CometBFT asks and dials so often
MESH_S = 120.0
START_S = 60.0
BACK_S = 5.0  # issue: "that chain is back within 5 s"
STOP_TIMEOUT_S = 20.0
QUIET = {"id": 0x00, "priority": 1, "send_queue_capacity": 10}
SETTINGS = {"p2p.addr_book_strict": "false", "p2p.allow_duplicate_ip": "true"}
UP = re.compile(r"\bchain=(\S+) address=(\S+) pid=(\d+)")


class RunningSeed:
    """`peerage seed` on loopback ports. Use it as a context manager: none of its processes outlives it.

    Args: home; chains, their IDs; metrics, port of the metrics, 0 for none; arguments, further ones.
    """

    def __init__(
        self, home: Path, chains: Sequence[str], metrics: int = 0, arguments: Sequence[str] = ()
    ) -> None:
        self.home, self.chains = home, tuple(chains)
        self._arguments = [*arguments]
        if metrics:
            self._arguments += ["--metrics", f"127.0.0.1:{metrics}"]
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._sessions: set[int] = set()

    def __enter__(self) -> Self:
        config = self.home / "config"
        config.mkdir(parents=True, exist_ok=True)
        tables = (
            f'[chains."{chain}"]\np2p.laddr = "tcp://127.0.0.1:{free_port()}"\n' for chain in self.chains
        )
        (config / "chains.toml").write_text("\n".join(tables))
        self._log = (self.home / "log").open("ab")
        flags = [f"--{key}={value}" for key, value in SETTINGS.items()]
        self._process = peerage(
            "seed", "--home", str(self.home), *self._arguments, *flags,
            stdout=subprocess.DEVNULL, stderr=self._log,
        )  # fmt: skip
        try:
            for chain in self.chains:
                wait_until(lambda chain=chain: self.lives(chain), START_S, f"chain {chain} is up")  # type: ignore[misc]
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._log is not None
        if self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stop()
        self._process.kill()
        self._process.wait()
        for session in self._sessions:
            for pid in {session, *processes_of_session(session)}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._log.close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it. Returns: its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(STOP_TIMEOUT_S)

    def lives(self, chain: str) -> list[tuple[str, int]]:
        """Address and main process of a chain in each of its lives that listened, the last one last."""
        found = [(address, int(pid)) for each, address, pid in UP.findall(self.log()) if each == chain]
        self._sessions |= {pid for _, pid in found}
        return found

    def address(self, chain: str) -> str:
        return self.lives(chain)[-1][0]

    def processes(self, chain: str) -> Mapping[int, str]:
        """The processes of a chain, by pid: its main process, and the others by their titles."""
        main = self.lives(chain)[-1][1]
        return {main: "main", **processes_of_session(main)}

    def kill(self, chain: str) -> None:
        """SIGKILL every process of a chain."""
        for pid in self.processes(chain):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def log(self) -> str:
        return (self.home / "log").read_text()


class Network:
    """The peers of one chain: those that want to know each other, and one that is connected with the seed and stays."""

    def __init__(self, seed: RunningSeed, chain: str, stack: contextlib.ExitStack, **options: Any) -> None:
        self.seed, self.chain = seed, chain
        self._stack, self._options = stack, options
        self.peers: list[GoPeer] = []
        self.standing = self._start(mode="raw", channels=[QUIET])
        self.standing.dial(seed.address(chain))

    def join(self) -> GoPeer:
        """One more peer."""
        peer = self._start(pex=True, seeds=[self.seed.address(self.chain)], ensure_peers_period_ms=PERIOD_MS)
        self.peers.append(peer)
        return peer

    def is_mesh(self) -> bool:
        """Whether all of its peers are connected with each other."""
        ids = {peer.id for peer in self.peers}
        return all(ids - {peer.id} <= set(peer.peers()) for peer in self.peers)

    def _start(self, **options: Any) -> GoPeer:
        return self._stack.enter_context(GoPeer(network=self.chain, **self._options, **options))


def meet(networks: Sequence[Network], peers: int) -> float:
    """Start the peers of all chains together. Returns: seconds until each chain's are a full mesh."""
    began = time.monotonic()
    with ThreadPoolExecutor(len(networks)) as pool:
        list(pool.map(lambda network: [network.join() for _ in range(peers)], networks))
    for network in networks:
        wait_until(network.is_mesh, MESH_S, f"a full mesh of {network.chain}")
    return time.monotonic() - began


def kill_one(networks: Sequence[Network]) -> float:
    """Kill every process of the first chain. Returns: seconds until it listens again.

    Raises: AssertionError, when another chain has noticed, or the first one is not what it was.
    """
    seed, (first, *others) = networks[0].seed, networks
    processes = {network.chain: seed.processes(network.chain) for network in others}
    lost = {network.chain: len(network.standing.history("peer_removed")) for network in others}
    lives = len(seed.lives(first.chain))
    began = time.monotonic()
    seed.kill(first.chain)
    wait_until(lambda: len(seed.lives(first.chain)) > lives, START_S, "the killed chain is back")
    took = time.monotonic() - began
    first.standing.wait_for("peer_removed")
    for network in others:
        assert seed.processes(network.chain) == processes[network.chain], f"processes of {network.chain}"
        assert len(network.standing.history("peer_removed")) == lost[network.chain], (
            f"a peer of {network.chain}"
        )
        assert network.standing.peers(), f"the peer of {network.chain}"
        assert network.is_mesh(), f"the mesh of {network.chain}"
    first.join()
    wait_until(first.is_mesh, MESH_S, f"a full mesh of {first.chain} with one more")
    return took


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.many_chains", description=__doc__)
    parser.add_argument("--chains", type=int, default=3, help="how many (default 3)")
    parser.add_argument("--peers", type=int, default=10, help="CometBFT peers of each (default 10)")
    chosen = parser.parse_args(arguments)
    keep_bytecode()  # as an installed package has it
    chains = [f"chain-{number + 1}" for number in range(chosen.chains)]
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chains-")))
        seed = stack.enter_context(RunningSeed(home, chains))
        networks = [Network(seed, chain, stack) for chain in chains]
        took = meet(networks, chosen.peers)
        print(f"{chosen.chains} chains of {chosen.peers} peers: full meshes after {took:.1f} s", flush=True)
        back = kill_one(networks)
        print(
            f"every process of {chains[0]} killed: it listens again after {back:.1f} s; nobody else noticed"
        )
        code = seed.stop()
        print(f"stopped, exit code {code}")
    return 0 if code == 0 and back <= BACK_S else 1


if __name__ == "__main__":
    sys.exit(main())
