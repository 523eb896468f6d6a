"""A busy node for the dashboard: many peers that talk, a filled address book."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.addrbook_json import save_book
from peerage.config import Config
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from tests.bench.blocking_peer import BlockingPeer
from tests.chaos.echo import CHANNEL
from tests.chaos.started_node import StartedNode, make_home

PEERS = 100
ADDRESSES = 1500
GROUPS = 40
TALKERS = 25  # of the peers; the others are silent
PAUSE_S = 0.05  # from one that talks to the next
MONIKERS = (
    "anna",
    "<b>bert</b>",
    "validator-01.example.org",
    "sentry (eu-west) #2",
    "a-moniker-that-is-very-long-" + "x" * 30,
)


def fill_book(home: Path, seed: int = 7) -> None:
    """Write a book of addresses that nobody has, some proved."""
    rng = random.Random(seed)
    book = AddrBook(clock=time.time, rng=rng, strict=False)
    tellers = [NetAddress(NodeID(f"{rng.getrandbits(160):040x}"), f"127.0.0.{n}", 1) for n in range(2, 12)]
    groups = [f"127.{rng.randrange(1, 250)}" for _ in range(GROUPS)]
    for number in range(ADDRESSES):
        group = groups[min(int(rng.expovariate(0.15)), GROUPS - 1)]
        host = f"{group}.{rng.randrange(255)}.{rng.randrange(1, 255)}"
        address = NetAddress(NodeID(f"{rng.getrandbits(160):040x}"), host, 1)
        book.add(address, rng.choice(tellers))
        if number % 6 == 0:
            book.mark_good(address.id)
    path = Config(home=home).addr_book_path
    path.parent.mkdir(parents=True, exist_ok=True)
    save_book(path, book)


@contextmanager
def busy_node(home: Path, peers: int = PEERS, peer_hosts: int = 2) -> Iterator[StartedNode]:
    """Start one; with its peers it ends."""
    make_home(home)
    fill_book(home)
    started = StartedNode(
        home,
        p2p__max_num_inbound_peers=str(peers + 10),
        p2p__pex="false",
        moniker="busy-node",
        peer_hosts=str(peer_hosts),
    )
    with contextlib.ExitStack() as stack:
        node = stack.enter_context(started)
        crowd = [
            stack.enter_context(
                BlockingPeer(node.address, 10.0, f"127.0.{1 + n // 50}.{1 + n % 50}", moniker=_moniker(n))
            )
            for n in range(peers)
        ]
        enough = threading.Event()
        talk = threading.Thread(target=_talk, args=(crowd[:TALKERS], enough))
        talk.start()
        stack.callback(talk.join)
        stack.callback(enough.set)
        yield node


def _moniker(number: int) -> str:
    return MONIKERS[number] if number < len(MONIKERS) else f"peer-{number:03d}"


def _talk(crowd: list[BlockingPeer], enough: threading.Event) -> None:
    rng = random.Random(7)
    while not enough.is_set():
        for peer in crowd:
            if enough.wait(PAUSE_S):
                return
            with contextlib.suppress(OSError):
                peer.send(CHANNEL, bytes(rng.randrange(100, 20_000)))
                peer.receive(0.01)
