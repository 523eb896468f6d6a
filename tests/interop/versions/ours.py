"""A node of ours as an operator starts it, and what its metrics and RPC say of it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.chaos.started_node import CHECKOUT, StartedNode, peerage

RPC_TIMEOUT_S = 5.0
NAMESPACE = "cometbft_"
Samples = Mapping[str, Mapping[tuple[str, ...], float]]


class OurNode(StartedNode):
    """`peerage start` with metrics, in a home that `peerage init` makes here."""

    def __init__(self, home: Path, *, network: str, **settings: str) -> None:
        with peerage("init", "--home", str(home), "--network", network, stdout=subprocess.DEVNULL) as init:
            if init.wait():
                raise OSError(f"peerage init --home {home} ended with {init.returncode}")
        super().__init__(
            home,
            CHECKOUT,
            network=network,
            moniker=home.name,
            instrumentation__prometheus="true",
            instrumentation__prometheus_listen_addr="127.0.0.1:0",
            **settings,
        )

    def peer(self, peer_id: str) -> Mapping[str, Any] | None:
        """What our net_info says of a peer; None if it is not connected. Raises: OSError, there is no answer."""
        with urllib.request.urlopen(f"{self.rpc}/net_info", timeout=RPC_TIMEOUT_S) as answer:
            peers = json.load(answer)["result"]["peers"]
        for peer in peers:
            if peer["node_info"]["id"] == peer_id:
                found: Mapping[str, Any] = peer
                return found
        return None

    def added_at(self, peer_id: str) -> float:
        """When the peer was added last, in seconds since 1970, as the log says; 0 if it never was.

        RPC may take seconds to answer where other nodes start, the log has the moment itself.
        """
        latest = 0.0
        for line in self.log().splitlines():
            if '"peer added"' in line and peer_id in line:
                with contextlib.suppress(ValueError):  # the last line may be half written
                    latest = datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()
        return latest

    def metrics(self) -> Samples:
        """Every metric without its namespace: label values, the chain's name not among them → value.

        Raises: OSError, there is no answer.
        """
        address = self.http_address("metrics")
        with urllib.request.urlopen(f"{address}/metrics", timeout=RPC_TIMEOUT_S) as answer:
            return samples(answer.read().decode())


def samples(text: str) -> Samples:
    """The samples of an exposition by metric."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(value for name, value in sorted(sample.labels.items()) if name != "chain_id")
            found.setdefault(sample.name.removeprefix(NAMESPACE), {})[labels] = sample.value
    return found


def total(found: Samples, name: str) -> int:
    """All of a counter."""
    return int(sum(found.get(name, {}).values()))
