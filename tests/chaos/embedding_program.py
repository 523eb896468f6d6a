"""A program that embeds a node, to be killed: `python -m tests.chaos.embedding_program WHERE HOME P2P_PORT RPC_PORT`.

WHERE is `main`, or `thread`: then the node is started by a thread that ends at once. Prints the node's address.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from peerage import Node
from tests.chaos.echo import Echo
from tests.nodes import node_config


def start(home: str, p2p_port: str, rpc_port: str) -> None:
    config = node_config(
        Path(home),
        p2p={"laddr": f"tcp://127.0.0.1:{p2p_port}"},
        rpc={"laddr": f"tcp://127.0.0.1:{rpc_port}"},
        log_level="error",
    )
    print(Node(config, {"ECHO": Echo}).start().address, flush=True)


def main() -> None:
    where, *arguments = sys.argv[1:]
    if where == "thread":
        thread = threading.Thread(target=start, args=arguments)
        thread.start()
        thread.join()
    else:
        start(*arguments)
    threading.Event().wait()


if __name__ == "__main__":
    main()
