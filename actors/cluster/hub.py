"""The shared book on the cluster: one Ray actor for all nodes of a chain, found by its name.

Ray starts it where there is room, makes sure that there is one of its name, and restarts nothing. The nodes do: whichever of
them finds that there is none has one started, and it ends with the node that did.

This is the one module that calls Ray for a node's book.
"""

from __future__ import annotations

import time
from secrets import token_hex
from typing import Any

from peerage.actors.discovery.sharing.shared_book import Answer, SharedBook, Telling
from peerage.actors.runtime.cluster.ray_line import connect

NAMESPACE = "peerage"
PROTOCOL = 1  # nodes whose tellings differ do not share a book
START_S = 60.0  # for Ray to find a place and make a process
ANSWER_S = 20.0
# It needs little, and must find room on a cluster that works. A node of the cluster without processors is not for actors.
OPTIONS: dict[str, Any] = {"num_cpus": 0.01, "max_restarts": 0, "max_task_retries": 0}


class Hub:
    """The Ray actor. It handles one call at a time, and waits for nobody."""

    def __init__(self) -> None:
        import ray

        self._book = SharedBook(token_hex(8), clock=time.time, ticks=time.monotonic)
        self._at = ray.util.get_node_ip_address()

    def exchange(self, telling: Telling) -> tuple[Answer, str]:
        """As of the book. Returns: the answer, and the IP address of the node of the cluster that this is at."""
        return self._book.exchange(telling), self._at


class HubLine:
    """The way to the shared book of that name; it may be called from one thread, and waits.

    Args: address, of the cluster. Raises: ClusterError.
    """

    def __init__(self, address: str, name: str) -> None:
        self._ray = ray = connect(address)
        remote = ray.remote(**OPTIONS)(Hub)
        self._hub = remote.options(
            name=f"book/{PROTOCOL}/{name}", namespace=NAMESPACE, get_if_exists=True
        ).remote()
        self._patience = START_S

    def exchange(self, telling: Telling) -> tuple[Answer, str]:
        """As of the hub. Raises: what Ray raises when it is lost."""
        found: tuple[Answer, str] = self._ray.get(self._hub.exchange.remote(telling), timeout=self._patience)
        self._patience = ANSWER_S
        return found
