"""How long a seed of ours takes to visit 250 addresses, half of them dead: `python -m tests.bench.sweep [--json FILE]`.

The living are CometBFT's secret connection and node info, each on a port of its own; of the dead, half refuse, half say
nothing at all: their SYN is not answered. Measured from the seed's first dial until every address has its verdict.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from peerage import Config, Node
from peerage.actors.book_client import BookClient
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.addrbook_json import save_book
from peerage.actors.discovery.book.known_address import Standing
from peerage.actors.discovery.book.opening import read_snapshot
from peerage.wire.net_address import NetAddress
from tests.interop.gopeer import GoPeer

ADDRESSES = 250
NETWORK = "test"
TIMEOUT_S = 60.0


@contextmanager
def silent_port() -> Iterator[int]:
    """A port where connections are neither made nor refused: the kernel's queue of unaccepted ones is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("0.0.0.0", 0))  # all of 127.0.0.0/8
        listener.listen(0)
        port: int = listener.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port


def write_book(path: Path, alive: list[str], silent: int) -> None:
    """All of them in a file of CometBFT's format."""
    rng = random.Random(3)
    book = AddrBook(clock=lambda: 1_700_000_000.0, rng=rng, strict=False)
    addresses = [NetAddress.parse(text) for text in alive]
    for number in range(ADDRESSES - len(alive)):
        port = silent if number % 2 else 1
        addresses.append(NetAddress(f"{rng.getrandbits(160):040x}", f"127.{1 + number}.1.9", port))
    for address in addresses:
        book.add(address, NetAddress("f" * 40, f"127.{rng.randrange(1, 255)}.0.1", 1))
    assert len(book) == ADDRESSES
    path.parent.mkdir(parents=True)
    save_book(path, book)


def measure() -> dict[str, object]:
    """One sweep."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sweep-")))
        crowd = stack.enter_context(GoPeer(mode="raw", channels=[{"id": 0, "priority": 1}]))
        alive = crowd.listen_crowd(ADDRESSES // 2)
        config = Config(
            home=home,
            network=NETWORK,
            moniker="seed",
            log_level="error",
            p2p={
                "laddr": "tcp://127.0.0.1:0",
                "seed_mode": True,
                "addr_book_strict": False,
                "allow_duplicate_ip": True,
            },
            rpc={"laddr": ""},
        )
        write_book(config.addr_book_path, alive, stack.enter_context(silent_port()))
        began = time.monotonic()
        node = stack.enter_context(Node(config))
        book = BookClient(node.names.addrbook)
        standings: dict[Standing, int] = {}
        while not standings or standings.get(Standing.UNTRIED, 0):
            if time.monotonic() - began > TIMEOUT_S:
                break
            time.sleep(0.1)
            known = read_snapshot(
                config.home.addrbook_store, clock=time.time, rng=random.Random(), strict=False
            )
            standings = {}
            for each in known.book.addresses():
                standings[each.standing] = standings.get(each.standing, 0) + 1
        took = time.monotonic() - began
        assert book.call(AddrBook.statistics).size == ADDRESSES
        hosts = {
            " ".join(process.cmdline()).strip(): round(sum(process.cpu_times()[:2]), 2)
            for process in psutil.Process().children(recursive=True)
            if "peers-" in " ".join(process.cmdline())
        }
    return {"secs": round(took, 1), "verdicts": {s.value: n for s, n in standings.items()}, "cpu_secs": hosts}


def main() -> None:
    """Run, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sweep", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    found = measure()
    print(f"{ADDRESSES} addresses in {found['secs']} s, the node's start included: {found['verdicts']}")
    print(f"CPU seconds of the peer hosts: {found['cpu_secs']}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
