"""A program that embeds two nodes and sets no logging up: run by test_node_log.py, which reads what it writes.

Arguments: a directory for the homes.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from peerage.actors.runtime import ProcessActor, System
from peerage.config import Config
from peerage.supervisors.node.node import Node

P2P = {"laddr": "tcp://127.0.0.1:0", "pex": False, "addr_book_strict": False, "allow_duplicate_ip": True}


class Early(ProcessActor):
    """An actor of the program's own, there before any node."""

    def on_receive(self, message: Any) -> Any:
        return message


def node(home: Path, moniker: str, **settings: Any) -> Node:
    sections: dict[str, Any] = {"p2p": P2P, "rpc": {"laddr": ""}, "peerage": {"peer_hosts": 1}}
    return Node(Config(home=home, network="test", moniker=moniker, **sections, **settings))


def outlives_sigterm(pid: int) -> bool:
    """Whether a process ignores it, or has a handler for it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigIgn", "SigCgt"))]
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in masks)


def main() -> None:
    homes = Path(sys.argv[1])
    early = Early.start()
    with (
        node(homes / "anna", "anna", log_level="error") as anna,
        node(homes / "bert", "bert", log_level="runtime:debug,*:info", log_format="json") as bert,
    ):
        bert.dial(anna.address)
        for each in (anna, bert):
            switch = each.names.of("switch")
            (pid,) = [facts.pid for facts in System.current().hosts() if facts.name == switch]
            assert outlives_sigterm(pid)
            os.kill(pid, signal.SIGKILL)
            while pid in {facts.pid for facts in System.current().hosts()}:
                time.sleep(0.01)
            each.peers()
        assert early.ask("still there") == "still there"
    print("done")


if __name__ == "__main__":
    main()
