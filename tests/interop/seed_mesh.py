"""How soon nodes that know only a seed find each other: `python -m tests.interop.seed_mesh [--rounds 3] [--json FILE]`.

Four real CometBFT validators of one chain start at the same moment; each has the seed and nothing else. Measured from
there: until each is connected with each (net_info), and until the chain makes blocks, which takes three of them. With our
seed, then with a CometBFT node in seed mode, in turns. Then four nodes of ours with either seed, likewise.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from peerage import Config, Node
from tests.interop.cometnode import CometNode
from tests.interop.gobuild import DEFAULT_VERSION
from tests.nodes import wait_until

NETWORK = "mesh"
VALIDATORS = 4
MESH_TIMEOUT_S = 240.0
BLOCKS = 2


@contextmanager
def our_seed(home: Path) -> Iterator[str]:
    """A seed of ours. Gives: its address."""
    with Node(our_config(home, seed_mode=True)) as node:
        yield node.address


@contextmanager
def their_seed(home: Path) -> Iterator[str]:
    """A CometBFT node in seed mode. Gives: its address."""
    with CometNode(home, network=NETWORK, moniker="seed", p2p={"seed_mode": True}) as node:
        yield node.address


SEEDS = {"peerage": our_seed, "CometBFT": their_seed}


def our_config(home: Path, **p2p: object) -> Config:
    settings = {"laddr": "tcp://127.0.0.1:0", "addr_book_strict": False, "allow_duplicate_ip": True}
    return Config(
        home=home, network=NETWORK, moniker="node", log_level="error", p2p=settings | p2p, rpc={"laddr": ""}
    )


def validators(parent: Path, seed: str, version: str = DEFAULT_VERSION) -> list[CometNode]:
    """Homes of four validators of one chain, each with this seed alone."""
    nodes = [
        CometNode(
            parent / f"validator{number}",
            version=version,
            network=NETWORK,
            moniker=f"validator{number}",
            p2p={"seeds": seed},
        )
        for number in range(VALIDATORS)
    ]
    keys = [json.loads((node.home / "config" / "priv_validator_key.json").read_text()) for node in nodes]
    genesis = json.loads((nodes[0].home / "config" / "genesis.json").read_text())
    genesis["validators"] = [
        {"address": key["address"], "pub_key": key["pub_key"], "power": "10", "name": ""} for key in keys
    ]
    for node in nodes:
        (node.home / "config" / "genesis.json").write_text(json.dumps(genesis))
    return nodes


def meshed(ids: Sequence[str], peers_of: Sequence[Callable[[], set[str]]]) -> bool:
    """Whether each is connected with each."""
    return all(set(ids) - {own} <= peers() for own, peers in zip(ids, peers_of, strict=True))


def validators_meet(parent: Path, seed: str) -> tuple[float, float]:
    """Seconds until the validators are a full mesh, and until the chain has blocks."""
    nodes = validators(parent, seed)
    with ExitStack() as stack, ThreadPoolExecutor(VALIDATORS) as pool:
        for node in nodes:
            stack.callback(node.stop)
        began = time.monotonic()
        list(pool.map(CometNode.start, nodes))

        def peers_of(node: CometNode) -> Callable[[], set[str]]:
            return lambda: {peer["node_info"]["id"] for peer in node.net_info()["peers"]}

        wait_until(
            lambda: meshed([node.id for node in nodes], [peers_of(node) for node in nodes]),
            MESH_TIMEOUT_S,
            "a full mesh of validators",
        )
        mesh = time.monotonic() - began
        for node in nodes:
            node.wait_for_height(BLOCKS, MESH_TIMEOUT_S)
        return mesh, time.monotonic() - began


def ours_meet(parent: Path, seed: str) -> float:
    """Seconds until four nodes of ours are a full mesh."""
    nodes = [
        Node(our_config(parent / f"node{number}", seeds=seed), name=f"mesh{number}/")
        for number in range(VALIDATORS)
    ]
    with ExitStack() as stack, ThreadPoolExecutor(VALIDATORS) as pool:
        for node in nodes:
            stack.callback(node.stop)
        began = time.monotonic()
        list(pool.map(Node.start, nodes))

        def peers_of(node: Node) -> Callable[[], set[str]]:
            return lambda: {peer.id for peer in node.peers()}

        wait_until(
            lambda: meshed([node.node_id for node in nodes], [peers_of(node) for node in nodes]),
            MESH_TIMEOUT_S,
            "a full mesh of nodes of ours",
        )
        return time.monotonic() - began


def measure(rounds: int) -> dict[str, dict[str, list[float]]]:
    """By seed: seconds of each round, in turns."""
    found: dict[str, dict[str, list[float]]] = {
        name: {"validators": [], "blocks": [], "ours": []} for name in SEEDS
    }
    for _ in range(rounds):
        for name, start in SEEDS.items():
            with tempfile.TemporaryDirectory(prefix="mesh-") as home, start(Path(home) / "seed") as seed:
                mesh, blocks = validators_meet(Path(home), seed)
            with tempfile.TemporaryDirectory(prefix="mesh-") as home, start(Path(home) / "seed") as seed:
                ours = ours_meet(Path(home), seed)
            for what, seconds in (("validators", mesh), ("blocks", blocks), ("ours", ours)):
                found[name][what].append(round(seconds, 1))
            print(f"{name}: {found[name]}", flush=True)
    return found


def main() -> None:
    """Run, print both, write JSON if asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop.seed_mesh", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    found = measure(options.rounds)
    for what, text in (("validators", "four CometBFT validators"), ("ours", "four nodes of ours")):
        medians = {name: statistics.median(figures[what]) for name, figures in found.items()}
        ratio = medians["peerage"] / medians["CometBFT"]
        told = ", ".join(
            f"{name}'s seed {median:.1f} s {found[name][what]}" for name, median in medians.items()
        )
        print(f"{text}, full mesh: {told}; ratio {ratio:.2f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
