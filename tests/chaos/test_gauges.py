"""Every gauge says what is, whichever part of the node has just been restarted (docs/reference/metrics.md)."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Sequence

from peerage import ChannelDescriptor, Node, Peer, Reactor
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.messages import ProbePeer
from peerage.actors.names import NodeNames
from peerage.actors.runtime import ActorRef
from tests.interop.conftest import StartGoPeer
from tests.nodes import HIGH, StartNode, node_processes, wait_until

TXS_OF_EACH = 7.0
PARTS = ("switch", "addrbook", "metrics", "reactor-TXS", "peers-0", "peers-1")


class TxsReactor(Reactor):
    """A reactor that has a gauge about each of its peers."""

    channels: Sequence[ChannelDescriptor] = (ChannelDescriptor(id=HIGH, priority=5),)  # type: ignore[misc]

    def add_peer(self, peer: Peer) -> None:
        self.metrics.buffer.set("p2p_num_txs", (peer.id,), TXS_OF_EACH)


def gauges(node: Node) -> dict[str, float]:
    """The gauges that the node's actors set, as Prometheus reads them: series without the network's name → value.

    What waits in mailboxes is another thing at each moment: of it only is told that it is told.
    """
    (address,) = node.metrics_addresses()
    with urllib.request.urlopen(address.replace("tcp://", "http://"), timeout=5.0) as answer:
        lines = answer.read().decode().splitlines()
    names = {
        line.split()[2] for line in lines if line.startswith("# TYPE cometbft_") and line.endswith(" gauge")
    }
    found = {}
    for line in lines:
        series, _, value = line.rpartition(" ")
        if series.partition("{")[0] in names:
            own = series.replace('chain_id="test",', "").replace('{chain_id="test"}', "")
            found[own] = TOLD if "_mailbox_" in series else float(value)
    return found


def truth(node: Node) -> dict[str, float]:
    """The same without round-trip times, from those who know."""
    peers = [peer.id for peer in node.peers()]
    book = node.names.addrbook.ask(BookCall(AddrBook.statistics), timeout=5.0)
    return (
        {"cometbft_p2p_peers": float(len(peers)), "cometbft_p2p_address_book_outage": 0.0}
        | {f'cometbft_p2p_addresses{{kind="{kind}"}}': float(getattr(book, kind)) for kind in BOOK_KINDS}
        | {f'cometbft_p2p_held_bytes{{kind="{kind}"}}': 0.0 for kind in HELD_KINDS}  # nobody says anything
        | {f'cometbft_p2p_num_txs{{peer_id="{peer}"}}': TXS_OF_EACH for peer in peers}
        | {f'cometbft_p2p_peer_pending_send_bytes{{peer_id="{peer}"}}': 0.0 for peer in peers}
        | {
            f'cometbft_actor_mailbox_{what}{{host="{host.name}"}}': TOLD
            for what in ("messages", "oldest_seconds")
            for host in reporters(node.names)
        }
    )


def reporters(names: NodeNames) -> list[ActorRef]:
    """The parts that report how they keep up: all but those that serve HTTP."""
    reactors = [names.reactor(name) for name in names.reactors]
    return [names.addrbook, names.switch, *reactors, *names.transports]


TOLD = -1.0
HELD_KINDS = ("unfinished", "unsent", "unconsumed", "broadcast")
BOOK_KINDS = ("new", "old", "verified", "banned", "incompatible")


def round_trips(found: dict[str, float]) -> dict[str, float]:
    """Those of the gauges that nobody but the peer's own actor knows."""
    return {series: value for series, value in found.items() if "round_trip" in series}


def test_every_gauge_is_right_after_the_end_of_any_part(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """Of the dead nothing stays and nothing is added up, and the successor need not wait for something to happen."""
    node = start_node(
        {"TXS": TxsReactor}, instrumentation={"prometheus": True, "prometheus_listen_addr": "127.0.0.1:0"}
    )
    friends = [go_peer() for _ in range(2)]
    for friend in friends:
        node.dial(friend.address, persistent=True, wait=True)
    for peer in node.peers():
        assert peer.info.ref.ask(ProbePeer(), timeout=5.0)

    def agree(count: int = len(friends)) -> bool:
        found = gauges(node)
        measured = round_trips(found)
        return len(node.peers()) == count and {k: v for k, v in found.items() if k not in measured} == truth(
            node
        )

    wait_until(agree, what="the gauges at the start")
    wait_until(lambda: len(round_trips(gauges(node))) == len(friends))
    measured = round_trips(gauges(node))
    for part in PARTS:
        ((name, pid),) = node_processes(node, part).items()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: node_processes(node, part).get(name, pid) != pid, what=f"another {part}")  # noqa: B023
        wait_until(agree, what=f"the gauges after the end of {part}")
        if not part.startswith("peers-"):
            wait_until(lambda: round_trips(gauges(node)) == measured, what=f"round trips after {part}")
    for friend in friends:
        friend.stop()
    wait_until(lambda: agree(0), what="the gauges when all have left")
    assert round_trips(gauges(node)) == {}
