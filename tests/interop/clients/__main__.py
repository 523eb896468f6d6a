"""What client libraries read of nodes of ours: `python -m tests.interop.clients [--only go-v0.38.26]`.

cosmjs, Rust's tendermint-rpc and cometbft-rpc, and CometBFT's own Go client, several versions of each, ask a full node and
a seed for `status`, `health` and `net_info`, cosmjs and Go also over a WebSocket. They are installed or built at first,
into PEERAGE_TEST_CACHE, else the user's cache. The exit code is 1 if one of them could not read something, or read
something wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.interop.clients.readers import READERS, Reader, ReaderMissingError
from tests.interop.gobuild import GoBuildError, GoMissingError
from tests.interop.versions.ours import OurNode
from tests.interop.versions.stage import NETWORK, Stage

PATIENCE_S = 15.0


def fault_of(answer: Mapping[str, Any], node: OurNode, peers: Sequence[str]) -> str | None:
    """What is wrong with an answer; None if nothing is. Args: peers, IDs of those that the node has."""
    if "error" in answer:
        return str(answer["error"]).partition("\n")[0]  # Rust adds a backtrace
    if "id" in answer and (answer["id"], answer["network"]) != (node.node_id, NETWORK):
        return f"it is {answer['id']} of {answer['network']}"
    if "peers" in answer and sorted(answer["peers"]) != sorted(peers):
        return f"its peers are {answer['peers']}"
    return None


def look(reader: Reader, name: str, node: OurNode, peers: Sequence[str]) -> bool:
    """Let a client read a node and print what it read. Returns: whether all of it is right."""
    good, bad = [], []
    for answer in reader.read(node.rpc):
        method = str(answer["method"])
        fault = fault_of(answer, node, peers)
        if fault is None:
            read = ", ".join(
                f"{key} {answer[key]}"
                for key in ("version", "height", "class", "mode", "refused")
                if key in answer
            )
            good.append(f"{method} ({read})" if read else method)
        else:
            bad.append(f"{method}: {fault}")
    mark = f"FAILS: {'; '.join(bad)}; read" if bad else "holds"
    print(f"{reader.name} of a {name} {mark}: {', '.join(good) or 'nothing'}", flush=True)
    return not bad and bool(good)


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    made = argparse.ArgumentParser(
        prog="python -m tests.interop.clients", description="What client libraries read of nodes of ours."
    )
    made.add_argument("--only", action="append", choices=tuple(READERS), help="may be repeated")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, start the nodes, let them be read. Returns: the exit code."""
    options = parser().parse_args(arguments)
    readers: list[Reader] = []
    failed = False
    for name in options.only or READERS:
        make, version = READERS[name]
        try:
            readers.append(make(version))
        except (ReaderMissingError, GoMissingError, GoBuildError) as error:
            print(f"{name} could not be had: {error}", file=sys.stderr)
            failed = True
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clients-")))
        stage = stack.enter_context(Stage("", home, threading.Event()))
        full = stage.ours("full")
        other = stage.ours("other", p2p__persistent_peers=full.address)
        seed = stage.ours("seed", p2p__seed_mode="true")
        stage.until(lambda: full.peer(other.node_id), PATIENCE_S, "our nodes connected")
        for reader in readers:
            failed |= not look(reader, "full node", full, [other.node_id])
            failed |= not look(reader, "seed", seed, [])
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
