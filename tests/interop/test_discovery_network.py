"""Networks that find themselves: real nodes through our seed, ours through CometBFT's, a newcomer among the dead.

Times are compared by `python -m tests.interop.seed_mesh`.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from peerage.actors.book_client import BookClient
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.addrbook_json import save_book
from peerage.supervisors.node.node import Node
from peerage.wire.net_address import NetAddress
from tests.interop.conftest import StartCometNode, StartGoPeer
from tests.interop.seed_mesh import NETWORK, our_seed, ours_meet, validators_meet
from tests.nodes import StartNode, node_config, wait_until

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("node_system")]

ADDRESSES, ALIVE = 1000, 120
ENOUGH = 20  # verified: the first round of visits finds about 30


@pytest.mark.slow
def test_four_validators_that_know_only_our_seed_find_each_other_and_make_blocks(
    tmp_path: Path, comet_node: StartCometNode
) -> None:
    """Three of four are needed for a block, so that they must have met."""
    with our_seed(tmp_path / "seed") as seed:
        validators_meet(tmp_path, seed)


@pytest.mark.slow
def test_our_nodes_find_each_other_through_a_cometbft_seed(
    tmp_path: Path, comet_node: StartCometNode
) -> None:
    """Likewise the other way round."""
    seed = comet_node(network=NETWORK, p2p={"seed_mode": True})
    ours_meet(tmp_path, seed.address)


def write_book(path: Path, alive: list[str]) -> None:
    """A book of CometBFT's with so many addresses, those alive among them."""
    rng = random.Random(3)
    book = AddrBook(clock=lambda: 1_700_000_000.0, rng=rng, strict=False)
    teller = NetAddress("f" * 40, "127.0.0.1", 1)
    addresses = [NetAddress.parse(text) for text in alive]
    addresses += [
        NetAddress(f"{rng.getrandbits(160):040x}", f"127.{rng.randrange(1, 255)}.{number % 250}.9", 1)
        for number in range(ADDRESSES - len(alive))
    ]
    for address in addresses:
        book.add(address, NetAddress(teller.id, f"127.{rng.randrange(1, 255)}.0.1", 1))
    assert len(book) == ADDRESSES
    path.parent.mkdir(parents=True)
    save_book(path, book)


def learned(node: Node) -> set[str]:
    """The addresses in a node's book that are not its seed's."""
    book = json.loads(node.config.addr_book_path.read_text())
    return {f"{row['addr']['id']}@{row['addr']['ip']}:{row['addr']['port']}" for row in book["addrs"]}


@pytest.mark.slow
def test_a_newcomer_is_told_of_the_living(
    tmp_path: Path, start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """Of a network of 1000 addresses, 88 % of them dead, a seed of ours tells those that complete a handshake."""
    alive = go_peer(mode="raw", channels=[{"id": 0, "priority": 1}]).listen_crowd(ALIVE)
    home = tmp_path / "seed"
    write_book(node_config(home).addr_book_path, alive)
    seed = start_node({}, home=home, p2p={"pex": True, "seed_mode": True})
    book = BookClient(seed.names.addrbook)
    wait_until(lambda: book.call(AddrBook.statistics).verified >= ENOUGH, 30.0, "visits")
    node = start_node({}, p2p={"pex": True, "seeds": seed.address, "max_num_outbound_peers": 8})
    wait_until(lambda: len(node.peers()) >= 8, 30.0, "eight of those it was told of")
    node.stop()
    told = learned(node) - {seed.address}
    assert len(told) >= ENOUGH
    assert len(told & set(alive)) >= 0.95 * len(told)
