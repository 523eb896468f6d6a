"""An edge node in a process of its own: `python -m tests.actors.cluster.edge_node HOME CLUSTER`.

It is a seed. It prints its address when it listens, and obeys lines on standard input, each with a line of JSON:

    add ADDRESS …         learn addresses, each from itself
    has ID                whether an address of it is known
    good ID               whether it was reached
    ban SUBJECT SECONDS
    unban SUBJECT
    banned                the subjects of the bans in force
    status                how it stands with the shared book
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from peerage import Node
from peerage.actors.book_client import BookClient
from peerage.actors.cluster.messages import GetClusterStatus
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.misbehaviour import Misbehaviour
from peerage.actors.runtime import ActorRef
from peerage.wire.net_address import NetAddress
from tests.actors.cluster.quick_rounds import QuickPex
from tests.nodes import node_config


def run(home: Path, cluster: str) -> None:
    """Until standard input ends."""
    config = node_config(
        home,
        p2p={"seed_mode": True},
        peerage={"cluster": cluster, "peer_hosts": 1, "feelers": False},
    )
    with Node(config, {"PEX": QuickPex}) as node:
        print(node.address, flush=True)
        book = BookClient(ActorRef.to(node.names.of("addrbook")))
        keeper = ActorRef.to(node.names.of("cluster"))

        def ban(subject: str, seconds: str) -> None:
            book.call(BadPeers.ban, subject, float(seconds), "tested")

        commands: dict[str, Callable[..., Any]] = {
            "add": lambda *texts: book.call(AddrBook.add_each, tuple(map(NetAddress.parse, texts))).added,
            "has": lambda node_id: book.call(AddrBook.has, node_id),
            "good": lambda node_id: book.call(AddrBook.is_good, node_id),
            "ban": ban,
            "unban": lambda subject: book.call(Misbehaviour.forgive, subject),
            "banned": lambda: [each.subject for each in book.call(BanList.published)],
            "status": lambda: to_builtins(keeper.ask(GetClusterStatus(), timeout=10)),
        }
        for line in sys.stdin:
            name, *args = line.split()
            print(json.dumps(commands[name](*args)), flush=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2])
