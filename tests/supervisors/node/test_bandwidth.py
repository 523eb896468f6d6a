"""peerage.total_recv_rate and peerage.total_send_rate on a node: peers take turns, and nothing of them is lost."""

from __future__ import annotations

import contextlib
import threading

import pytest

from tests.bench.blocking_peer import BlockingPeer
from tests.nodes import LOW, StartNode

PATIENCE_S = 60.0
MESSAGES = [bytes([number]) * 20_000 for number in range(40)]
RATE = 1_000_000
PLACES = 50  # of peers: one in a process of its own has a part of the rate, however many there are


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("hosts", "rate"), [(0, RATE * PLACES // 2), (1, RATE), (2, RATE)])
def test_what_peers_send_and_get_is_whole_and_in_order(start_node: StartNode, hosts: int, rate: int) -> None:
    """Two peers have 800 kB each echoed through a node that may receive and send 1 MB/s for both."""
    settings = {"peer_hosts": hosts, "total_recv_rate": rate, "total_send_rate": rate}
    node = start_node(peerage=settings)
    echoed: list[list[bytes]] = [[], []]

    def talk(peer: BlockingPeer, mine: list[bytes]) -> None:
        for message in MESSAGES:
            assert peer.send(LOW, message)
            while not (heard := peer.receive(PATIENCE_S)):
                pass
            mine.extend(heard)

    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(BlockingPeer(node.address, PATIENCE_S)) for _ in echoed]
        threads = [
            threading.Thread(target=talk, args=pair, daemon=True) for pair in zip(peers, echoed, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert echoed == [MESSAGES, MESSAGES]
