"""How many transactions a second `peerage watch` takes: `python -m tests.bench.watch [--peers 4] [--transactions 100000]`.

So many nodes of ours dial it, and each sends it the same transactions as fast as it takes them: each transaction comes as
often as there are peers. The nodes share the machine with it, so two figures are printed: what was reached here, and what
the watcher's own processor time would allow on two cores, were they its own. Then its processes, with each one's time.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import psutil

from peerage import ChannelDescriptor, Config, Node, Reactor
from peerage.messages import MEMPOOL, mempool
from tests.interop.seed_mesh import NETWORK
from tests.interop.watched_network import Watcher
from tests.nodes import wait_until

CORES = 2
PATIENCE_S = 600.0
SEND_S = 60.0


class Feeder(Reactor):
    """Sends numbered transactions to all peers when it is asked to: (first, last, size). Answers when they are accepted."""

    channels: ClassVar[Sequence[ChannelDescriptor]] = [
        replace(MEMPOOL, send_queue_capacity=1000, message=None)
    ]

    def handle(self, message: Any) -> bool:
        first, last, size = message
        (peer,) = self.peers.values()
        for number in range(first, last):
            data = mempool.Message(
                txs=mempool.Txs(txs=[b"%016d=" % number + bytes(size - 17)])
            ).SerializeToString()
            if not peer.send(MEMPOOL.id, data, timeout=SEND_S):
                raise RuntimeError(f"transaction {number} was not accepted")
        return True


def feeder(home: Path, number: int, address: str) -> Node:
    """A node that dials the watcher."""
    config = Config(
        home=home / f"feeder{number}",
        network=NETWORK,
        moniker=f"feeder{number}",
        log_level="error",
        p2p={
            "laddr": "tcp://127.0.0.1:0",
            "persistent_peers": address,
            "pex": False,
            "addr_book_strict": False,
            "allow_duplicate_ip": True,
            "send_rate": 0,
            "recv_rate": 0,
        },
        rpc={"laddr": ""},
        peerage={"peer_hosts": 1},
    )
    return Node(config, {"FEEDER": Feeder}, name=f"feeder{number}/")


def processor_time(watcher: Watcher) -> dict[str, float]:
    """Seconds that each process of the watcher has used, by its title."""
    root = psutil.Process(watcher.process.pid)
    found = {}
    for process in [root, *root.children(recursive=True)]:
        used = process.cpu_times()
        found[" ".join(process.cmdline())[:60] + f" ({process.pid})"] = used.user + used.system
    return found


def measure(place: Path, peers: int, transactions: int, size: int) -> None:
    """Feed a watcher, and print what it took."""
    output = place / "seen.jsonl"
    with Watcher(output, "--peers", "", "--max-peers", str(peers + 1)) as watcher, ExitStack() as stack:
        address = watcher.address()
        nodes = [stack.enter_context(feeder(place, number, address)) for number in range(peers)]
        for node in nodes:
            wait_until(node.peers, 30.0, "connected")
        warm = transactions // 20
        pool = stack.enter_context(ThreadPoolExecutor(peers))

        def feed(first: int, last: int) -> None:
            def one(node: Node) -> None:
                node.reactor("FEEDER").ask((first, last, size), timeout=PATIENCE_S)

            list(pool.map(one, nodes))
            wait_until(lambda: output.read_bytes().count(b"\n") >= last, PATIENCE_S, "told")

        feed(0, warm)
        before, began = processor_time(watcher), time.monotonic()
        feed(warm, transactions)
        taken = time.monotonic() - began - 5.0  # each is told five seconds after it came
        used = {name: seconds - before.get(name, 0.0) for name, seconds in processor_time(watcher).items()}
        assert watcher.stop() == 0, watcher.log()
    count = transactions - warm
    told = [json.loads(line) for line in output.read_text().splitlines()]
    hashes = {line["hash"] for line in told if line["type"] == "transaction"}
    print(f"{peers} peers, {count} transactions of {size} bytes, {count * peers} messages")
    print(
        f"told: {len(hashes)} of {transactions}, each by {min(line['peers'] for line in told)} peers or more"
    )
    print(f"{count / taken:10.0f} transactions a second here, with the peers on the same machine")
    print(f"{CORES * count / sum(used.values()):10.0f} by its processor time, on {CORES} cores of its own")
    print(f"{count / max(used.values()):10.0f} by that of its busiest process")
    for name, seconds in sorted(used.items(), key=lambda item: -item[1]):
        if seconds >= 0.01:
            print(f"{seconds:8.2f} s {seconds / count * 1e6:7.1f} µs a transaction  {name}")


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.watch", description=__doc__)
    parser.add_argument("--peers", type=int, default=4)
    parser.add_argument("--transactions", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=250, help="of a transaction in bytes, 17 at least")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="watch-bench-") as place:
        measure(Path(place), options.peers, options.transactions, options.size)
    return 0


if __name__ == "__main__":
    sys.exit(main())
