"""Ray nodes on this machine, each with a loopback address of its own."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from typing import Any, Self

import psutil
import ray
from ray.cluster_utils import Cluster

__all__ = ["HEAD", "MEMORY", "RayNodes", "free_ports", "ray"]

ATTEMPTS = 4
# Read when a node starts, and inherited by it: nothing is reported to anybody, no token is written into the home directory.
os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="disabled")
MEMORY = 100 * 1024 * 1024  # bytes of each object store
# Not 127.0.0.1: `ray.init` takes that for the machine's address in the network, where nobody listens.
HEAD, FIRST_WORKER = "127.0.0.2", 3


class RayNodes:
    """A head, which the driver is at, and one node `a`; more can be added, and any killed.

    A node has a resource of its own name, by which actors are sent there.

    Args: memory, bytes of each object store; is_driver, whether this process is connected; head_cpus, what the head has for
    actors.
    """

    def __init__(self, memory: int = MEMORY, *, is_driver: bool = True, head_cpus: int = 1) -> None:
        self._memory, self._is_driver, self._head_cpus = memory, is_driver, head_cpus
        self._nodes: dict[str, Any] = {}
        self._added = 0

    def __enter__(self) -> Self:
        self._cluster = Cluster()
        self._start("head", HEAD)
        self.add("a")
        if self._is_driver:
            ray.init(
                address=self.address, _node_ip_address=HEAD, logging_level="warning", log_to_driver=False
            )
        return self

    @property
    def address(self) -> str:
        """Of the cluster, for other drivers."""
        return str(self._cluster.address)

    @property
    def names(self) -> list[str]:
        """Of all nodes that were not killed."""
        return list(self._nodes)

    def name_of(self, ip: str) -> str:
        """The name of the node with this address."""
        return next(name for name, node in self._nodes.items() if node.node_ip_address == ip)

    def add(self, name: str, **resources: float) -> None:
        """Start a node; it has the named resources besides its own."""
        address = f"127.0.0.{FIRST_WORKER + self._added}"
        self._added += 1
        self._start(name, address, **resources)

    def _start(self, name: str, address: str, **resources: float) -> None:
        """Again, if it has not come up: Ray gives its parts 15 s, which a machine that has much else to do does not keep."""
        for attempt in range(ATTEMPTS):
            before = set(psutil.Process().children(recursive=True))
            try:
                node = self._cluster.add_node(**self._arguments(address, name, **resources))
            except Exception as error:
                if attempt == ATTEMPTS - 1 or "timed out during startup" not in str(error):
                    raise
                for process in set(psutil.Process().children(recursive=True)) - before:
                    process.kill()
            else:
                self._nodes[name] = node
                return

    def kill(self, name: str) -> None:
        """SIGKILL all processes of a node."""
        self._cluster.remove_node(self._nodes.pop(name), allow_graceful=False)

    def __exit__(self, *_: object) -> None:
        if self._is_driver:
            ray.shutdown()
        self._cluster.shutdown()

    def _arguments(self, address: str, name: str, **resources: float) -> dict[str, Any]:
        ports = free_ports(address, 4)
        return {
            "num_cpus": self._head_cpus if name == "head" else 1,
            "resources": {name: 100.0, **resources},
            "object_store_memory": self._memory,
            "include_dashboard": False,
            "node_ip_address": address,
            # Chosen here: the raylet waits 15 s for each that it is not told.
            "metrics_agent_port": ports[0],
            "dashboard_agent_listen_port": ports[1],
            "metrics_export_port": ports[2],
            "runtime_env_agent_port": ports[3],
        }


def free_ports(address: str, count: int) -> list[int]:
    """Ports that are free now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((address, 0))
        return [each.getsockname()[1] for each in sockets]
