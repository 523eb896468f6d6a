"""The program that embeds the node under chaos: `python -m tests.chaos.chaos_program SETTINGS [echo]`, both as JSON.

It prints where the node listens, then obeys a command a line on standard input and answers each with a line; at the
end of the input it stops the node. Its log goes to standard error.
"""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

from pykka.messages import ProxyCall

from peerage import Config, Node
from peerage.actors.messages import ListConnections
from peerage.actors.runtime import ActorDeadError, ActorRef, System, Timeout
from tests.chaos.reactors import REACTORS
from tests.chaos.tampering import LoseNames, SetClock, Sleep
from tests.hostile.echo import Echo

ASK_TIMEOUT_S = 5.0
FAULT = ProxyCall(
    attr_path=("no_such_attribute",), args=(), kwargs={}
)  # told, it is an exception in the actor


def obey(node: Node, command: dict[str, Any]) -> Any:
    """Do one command. Returns: its answer."""
    match command:
        case {"do": "raise", "actor": name}:
            ActorRef.to(name).tell(FAULT, exempt=True)
        case {"do": "sleep", "actor": name, "seconds": seconds}:
            ActorRef.to(name).tell(Sleep(seconds), exempt=True)
        case {"do": "set clock", "actor": name, "seconds": seconds}:
            ActorRef.to(name).tell(SetClock(seconds), exempt=True, if_there=True)
        case {"do": "lose names", "actor": name, "lost": is_lost}:
            ActorRef.to(name).tell(LoseNames(is_lost), exempt=True, if_there=True)
        case {"do": "raise in peer", "peer": peer_id}:
            return _raise_in_peer(node, peer_id)
        case {"do": "dial", "address": address}:
            node.dial(address, persistent=True)
        case {"do": "fork server"}:
            return System.current().fork_server_pid
        case _:
            raise ValueError(f"no command {command}")
    return True


def _raise_in_peer(node: Node, peer_id: str) -> str:
    """Returns: the name of the peer's actor, empty if it is not connected (or its host does not say)."""
    for transport in node.names.transports:
        with contextlib.suppress(ActorDeadError, Timeout):
            for facts in transport.ask(ListConnections(), timeout=ASK_TIMEOUT_S).connections:
                if facts.peer is not None and facts.peer.id == peer_id:
                    facts.peer.ref.tell(FAULT, exempt=True)
                    return str(facts.peer.ref.name)
    return ""


def main() -> None:
    """Run the node until the input ends."""
    config = Config(**json.loads(sys.argv[1]))
    reactors = REACTORS | ({"ECHO": Echo} if sys.argv[2:] == ["echo"] else {})
    with Node(config, reactors) as node:
        start = {
            "address": node.address,
            "rpc": node.rpc_addresses()[0],
            "metrics": node.metrics_addresses()[0],
            "directory": System.current().directory,
        }
        print(json.dumps(start), flush=True)
        for line in sys.stdin:
            print(json.dumps(obey(node, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
