"""A network of CometBFT peers and nodes of ours that find each other, crawled: `python -m tests.interop.crawled_network`.

Prints how long it took and whether the map is the network: every node, and for each the addresses that its book holds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from peerage.actors.book_client import BookClient
from peerage.actors.discovery.book.answers import AnswerChooser
from peerage.supervisors.node.node import Node
from tests.chaos.started_node import PROGRAM
from tests.interop.gopeer import GoPeer
from tests.nodes import node_config, wait_until

PERIOD_MS = 500  # CometBFT asks and dials so often
SETTLED_S = 3.0  # nobody has learned of anybody for so long
PATIENCE_S = 120.0
CRAWLS = 4  # a node of ours may ask half a minute later than the others, and its book grows once more

Book = Callable[[], frozenset[str]]


def go_book(peer: GoPeer) -> frozenset[str]:
    return frozenset(peer.call("book")["selection"] or ())


def our_book(node: Node) -> frozenset[str]:
    return frozenset(
        str(address) for address in BookClient(node.names.addrbook).call(AnswerChooser.selection)
    )


def settled(books: dict[str, Book]) -> dict[str, frozenset[str]]:
    """What the books hold, as soon as that has been so for a while."""
    last: dict[str, frozenset[str]] = {}
    since = time.monotonic()

    def same() -> bool:
        nonlocal last, since
        held = {address: book() for address, book in books.items()}
        if held != last:
            last, since = held, time.monotonic()
        time.sleep(0.1)
        return time.monotonic() - since > SETTLED_S

    wait_until(same, PATIENCE_S, "the books are settled")
    return last


def crawl(seed: str, out: Path) -> dict[str, Any]:
    """As an operator does it."""
    files = [
        "--json",
        "--output",
        f"{out}/net.json",
        "--graphml",
        f"{out}/net.graphml",
        "--picture",
        f"{out}/net.svg",
    ]
    subprocess.run([sys.executable, "-c", PROGRAM, "crawl", "--seeds", seed, *files], check=True)
    found: dict[str, Any] = json.loads((out / "net.json").read_text())
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Start, wait, crawl, compare."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop.crawled_network", description=main.__doc__)
    parser.add_argument("--go", type=int, default=24, help="CometBFT peers, at most 30 (default 24)")
    parser.add_argument("--ours", type=int, default=6, help="nodes of ours (default 6)")
    parser.add_argument("--out", type=Path, help="where the map goes; a temporary directory by default")
    chosen = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crawled-")))
        began = time.monotonic()
        seed = stack.enter_context(GoPeer(pex=True, ensure_peers_period_ms=PERIOD_MS, moniker="seed"))
        books: dict[str, Book] = {seed.address: lambda: go_book(seed)}
        for number in range(1, chosen.go):
            peer = stack.enter_context(
                GoPeer(
                    pex=True, seeds=[seed.address], ensure_peers_period_ms=PERIOD_MS, moniker=f"go-{number}"
                )
            )
            books[peer.address] = lambda peer=peer: go_book(peer)  # type: ignore[misc]  # mypy takes no default for a lambda's argument
        for number in range(chosen.ours):
            p2p = {"pex": True, "seeds": seed.address}
            config = node_config(temporary / f"node-{number}", moniker=f"ours-{number}", p2p=p2p)
            node = stack.enter_context(Node(config))
            books[node.address] = lambda node=node: our_book(node)  # type: ignore[misc]  # as above
        print(f"{len(books)} nodes started in {time.monotonic() - began:.1f} s")
        out = chosen.out or temporary
        out.mkdir(parents=True, exist_ok=True)
        for _ in range(CRAWLS):
            before = settled(books)
            print(f"books settled after {time.monotonic() - began:.1f} s")
            crawl_began = time.monotonic()
            found = crawl(seed.address, out)
            print(f"crawled in {time.monotonic() - crawl_began:.1f} s")
            if {address: book() for address, book in books.items()} == before:
                return compare(found, before)
            print("the books have changed meanwhile: nothing can be compared")
    return 1


def compare(found: dict[str, Any], books: dict[str, frozenset[str]]) -> int:
    """Say what the map has too few and too many."""
    answered = {f"{n['id']}@{n['address']}" for n in found["nodes"] if n["status"] == "answered"}
    edges = {(edge["from"], edge["to"], edge["address"]) for edge in found["edges"]}
    expected = {
        (teller.partition("@")[0], *address.split("@")) for teller, told in books.items() for address in told
    }
    print(
        f"nodes: {len(answered & books.keys())} of {len(books)} found, {len(answered - books.keys())} others"
    )
    print(f"edges: {len(edges & expected)} of {len(expected)} found, {len(edges - expected)} others")
    return 0 if answered == books.keys() and edges == expected else 1


if __name__ == "__main__":
    sys.exit(main())
