"""`peerage watch` beside the truth: `python -m tests.interop.watched_network [--transactions 20000] [--version v1.0.1]`.

Four real validators make blocks of their kvstore. One watcher dials them, they dial another one. Transactions go in through
the validators' RPC; what the watchers wrote is compared with what RPC says was committed: none missing, none invented, each
told once.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.interop.cometnode import CometNode, CometNodeError, set_key
from tests.interop.gobuild import DEFAULT_VERSION
from tests.interop.seed_mesh import NETWORK, validators
from tests.nodes import wait_until

BATCH = 10  # calls in a request: more are refused by default
POLL_S = 0.3
BLOCKS_AFTER = 2
PATIENCE_S = 60.0


class Watcher:
    """A running `peerage watch --json`.

    Args: output, where its lines go; arguments, further ones.
    """

    def __init__(self, output: Path, *arguments: str) -> None:
        self.output = output
        self._log = output.with_suffix(".log")
        command = [sys.executable, "-m", "peerage", "watch", "--network", NETWORK, "--json"]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--output", str(output), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=os.environ | {"PEERAGE_HOME": str(output.parent / "no-home")},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def address(self) -> str:
        """Where it listens: ID@host:port."""
        line = re.compile(r"^(\S+@\S+) listens$", re.MULTILINE)
        found = wait_until(lambda: line.search(self.log()), PATIENCE_S, "the watcher listens")
        return str(found[1])

    def log(self) -> str:
        return self._log.read_text()

    def stop(self) -> int:
        """SIGTERM. Returns: its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The lines of this type that it has written."""
        lines = self.output.read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["type"] == kind]


@contextmanager
def running(
    parent: Path, dialled: Sequence[str], version: str = DEFAULT_VERSION
) -> Iterator[list[CometNode]]:
    """Four validators that make blocks, connected with each other and with those that they are told to dial."""
    nodes = validators(parent, "", version)
    addresses = [*(node.address for node in nodes), *dialled]
    for node in nodes:
        config = node.home / "config" / "config.toml"
        others = ",".join(address for address in addresses if address != node.address)
        config.write_text(set_key(config.read_text(), "p2p", "persistent_peers", others))
    with ExitStack() as stack, ThreadPoolExecutor(len(nodes)) as pool:
        for node in nodes:
            stack.callback(node.stop)
        list(pool.map(CometNode.start, nodes))
        for node in nodes:
            node.wait_for_height(1, PATIENCE_S)
        yield nodes


def send(node: CometNode, transactions: Sequence[bytes]) -> None:
    """Through its RPC, one after another; when its mempool is full, it is asked again."""
    for at in range(0, len(transactions), BATCH):
        left = list(transactions[at : at + BATCH])
        deadline = time.monotonic() + PATIENCE_S
        while left := _refused(node, left):
            if time.monotonic() > deadline:
                raise CometNodeError("its mempool stays full", node.log_tail())
            time.sleep(POLL_S)


def _refused(node: CometNode, transactions: Sequence[bytes]) -> list[bytes]:
    """Send these in one request. Returns: those that the mempool had no room for."""
    calls = [
        {"jsonrpc": "2.0", "id": number, "method": "broadcast_tx_sync", "params": {"tx": text}}
        for number, text in enumerate(base64.b64encode(each).decode() for each in transactions)
    ]
    url = f"http://127.0.0.1:{node.rpc_port}/"
    request = urllib.request.Request(url, json.dumps(calls).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
        found = json.load(response)
    refused = []
    for answer in found if isinstance(found, list) else [found]:
        if "mempool is full" in json.dumps(answer):
            refused.append(transactions[answer["id"]])
        elif "result" not in answer or answer["result"]["code"]:
            raise CometNodeError(f"broadcast_tx_sync: {answer}", node.log_tail())
    return refused


class Truth:
    """What was committed, as a node's RPC says it. Attributes: heights, by hash."""

    def __init__(self, node: CometNode) -> None:
        self._node, self._next = node, 1
        self.heights: dict[str, int] = {}

    def read(self) -> int:
        """Read the blocks that are new. Returns: how many transactions there are in all."""
        for number in range(self._next, self._node.height() + 1):
            block = self._node.rpc("block", height=str(number))["block"]
            for text in block["data"]["txs"] or ():
                self.heights[hashlib.sha256(base64.b64decode(text)).hexdigest().upper()] = number
            self._next = number + 1
        return len(self.heights)


@dataclass(frozen=True)
class Outcome:
    """What one watcher told, beside the truth. Args: in_blocks_only, that no peer brought; wrong_height, said
    to be in another block; whole_heights, with their block."""

    count: int
    missing: int
    invented: int
    repeated: int
    in_blocks_only: int
    wrong_height: int
    heights: int
    whole_heights: int

    @property
    def is_true(self) -> bool:
        return not (self.missing or self.invented or self.repeated or self.wrong_height)


def compared(watcher: Watcher, truth: dict[str, int]) -> Outcome:
    """What the watcher wrote, beside what was committed."""
    told = watcher.told("transaction")
    counts = Counter(line["hash"] for line in told)
    heights = watcher.told("height")
    return Outcome(
        count=len(counts),
        missing=len(truth.keys() - counts.keys()),
        invented=len(counts.keys() - truth.keys()),
        repeated=sum(count - 1 for count in counts.values()),
        in_blocks_only=sum(line["first_peer"] is None for line in told),
        wrong_height=sum(line["height"] not in {None, truth.get(line["hash"])} for line in told),
        heights=len(heights),
        whole_heights=sum(line["transactions"] is not None for line in heights),
    )


def watch_network(
    parent: Path, count: int, version: str = DEFAULT_VERSION, size: int = 40
) -> dict[str, Outcome]:
    """One network, two watchers. Returns: by direction of the dials, what came of it."""
    transactions = [f"watched-{number}={'x' * max(1, size - 20)}".encode() for number in range(count)]
    with ExitStack() as stack:
        dialled = stack.enter_context(Watcher(parent / "dialled.jsonl", "--peers", ""))
        nodes = stack.enter_context(running(parent, [dialled.address()], version))
        peers = ",".join(node.address for node in nodes)
        dialling = stack.enter_context(Watcher(parent / "dialling.jsonl", "--peers", peers))
        watchers = {"we dial": dialling, "they dial": dialled}
        for node in nodes:
            for watcher in watchers.values():
                node.wait_for_peer(watcher.address().partition("@")[0], PATIENCE_S)
        nodes[0].wait_for_height(nodes[0].height() + 1, PATIENCE_S)
        truth = _fed(nodes, transactions)
        nodes[0].wait_for_height(nodes[0].height() + BLOCKS_AFTER, PATIENCE_S)
        for direction, watcher in watchers.items():
            assert watcher.stop() == 0, f"{direction}: {watcher.log()}"
        return {direction: compared(watcher, truth) for direction, watcher in watchers.items()}


def _fed(nodes: Sequence[CometNode], transactions: Sequence[bytes]) -> dict[str, int]:
    """Send these through all nodes at the same time. Returns: when they are committed, the height of each by hash."""
    with ThreadPoolExecutor(len(nodes)) as pool:
        shares = [transactions[number :: len(nodes)] for number in range(len(nodes))]
        list(pool.map(send, nodes, shares))
    truth, deadline = Truth(nodes[0]), time.monotonic() + PATIENCE_S
    while truth.read() < len(transactions):
        if time.monotonic() > deadline:
            raise CometNodeError(
                f"{len(truth.heights)} of {len(transactions)} committed", nodes[0].log_tail()
            )
        time.sleep(POLL_S)
    return truth.heights


def main() -> int:
    """Run it, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop.watched_network", description=__doc__)
    parser.add_argument("--transactions", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=200, help="of a transaction, about, in bytes")
    parser.add_argument("--version", default=DEFAULT_VERSION)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="watched-") as place:
        outcomes = watch_network(Path(place), options.transactions, options.version, options.size)
    for direction, outcome in outcomes.items():
        print(f"{options.version} {direction:<10} {outcome}")
    return 0 if all(outcome.is_true for outcome in outcomes.values()) else 1


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
