"""A validator behind two sentries, ours and one of CometBFT's: nobody else learns who it is, or where.

As docs/howto/sentry.md has it.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import pytest

from peerage import Node
from peerage.actors.rpc.methods import methods
from peerage.wire.pex import PEX_CHANNEL
from tests.interop.conftest import StartGoPeer
from tests.interop.gopeer import GoPeer
from tests.nodes import NodeLog, StartNode, wait_until

PLACE = "127.0.0.2"  # the validator's alone, so that it can be searched for
ASKED_MS = 300
REQUEST = b"\x0a\x00"  # PexRequest
PATIENCE_S = 20.0
DASHBOARD = ("/dashboard/", "/openapi.json", "/livez", "/readyz", "/")


@dataclass(frozen=True)
class Network:
    """Who there is."""

    validator: Node
    ours: Node
    theirs: GoPeer
    outsider: GoPeer

    @property
    def secrets(self) -> tuple[str, str]:
        """What nobody is told."""
        return self.validator.node_id, PLACE


@pytest.fixture
def network(node_log: NodeLog, start_node: StartNode, go_peer: StartGoPeer) -> Network:
    """All are connected; the outsider knew our sentry alone, and has found CometBFT's through it."""
    validator = start_node(moniker="hidden", p2p={"laddr": f"tcp://{PLACE}:0"})
    theirs = go_peer(
        pex=True,
        moniker="their sentry",
        persistent_peers=[validator.address],
        private_peer_ids=[validator.node_id],
        unconditional_peer_ids=[validator.node_id],
        ensure_peers_period_ms=ASKED_MS,
    )
    ours = start_node(
        moniker="sentry",
        p2p={
            "pex": True,
            "persistent_peers": f"{validator.address},{theirs.address}",
            "private_peer_ids": validator.node_id.upper(),
            "unconditional_peer_ids": validator.node_id,
        },
        rpc={"laddr": "tcp://127.0.0.1:0"},
        instrumentation={"prometheus": True, "prometheus_listen_addr": "127.0.0.1:0"},
        peerage={"peer_labels": "all", "dashboard": "any"},
    )
    behind = {validator.node_id, theirs.id}
    wait_until(lambda: behind <= {peer.id for peer in ours.peers()}, PATIENCE_S, "our sentry stands")
    theirs.wait_for("peer_added", peer=validator.node_id)
    outsider = go_peer(pex=True, moniker="outsider", ensure_peers_period_ms=ASKED_MS)
    outsider.dial(ours.address)
    wait_until(lambda: theirs.id in outsider.peers(), PATIENCE_S, "found through our sentry")
    return Network(validator, ours, theirs, outsider)


def read(url: str) -> str:
    """What a stranger reads there, whatever its status."""
    try:
        with urllib.request.urlopen(url, timeout=10.0) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()


def metrics_of(sentry: Node) -> str:
    """What Prometheus reads."""
    (metrics,) = sentry.metrics_addresses()
    return read(metrics.replace("tcp", "http") + "/metrics")


def public(sentry: Node) -> dict[str, str]:
    """By route: all that our sentry serves, but for its own socket."""
    (rpc,) = sentry.rpc_addresses()
    routes = [
        *DASHBOARD,
        *(f"/{name}" for name in methods(unsafe=True, hide_private=True)),
        "/events?follow=false",
    ]
    found = {route: read(rpc.replace("tcp", "http") + route) for route in routes}
    found["/metrics"] = metrics_of(sentry)
    return found


def sentrys(log: NodeLog, event: str = "") -> list[dict[str, Any]]:
    """What the processes of our sentry have logged."""
    return [record for record in log.records(event) if "[sentry]" in record.get("process", "")]


def answer(asker: GoPeer, address: str) -> str:
    """What a node says when it is asked for addresses."""
    peer = asker.dial(address)
    asker.send(peer, PEX_CHANNEL, REQUEST)
    return asker.wait_for("message", peer=peer).data.decode(errors="replace")


def test_nobody_but_its_sentries_learns_of_a_validator(
    network: Network, node_log: NodeLog, go_peer: StartGoPeer
) -> None:
    """By peer exchange, RPC, metrics, events, the dashboard's routes, or the log of a sentry."""
    ours, validator = network.ours, network.validator
    assert {peer.id for peer in validator.peers()} == {ours.node_id, network.theirs.id}
    wait_until(lambda: network.theirs.id in metrics_of(ours), what="counted, which takes a second")
    told = public(ours)
    for name in ("/net_info", "/peers", "/events?follow=false", "/metrics"):
        assert network.theirs.id in told[name], name  # it is looked where peers are named
    ours.disconnect(validator.node_id)
    stopped = wait_until(lambda: sentrys(node_log, "peer stopped"))
    (tag,) = {line["peer"] for line in sentrys(node_log, "peer added") if line["direction"] == "outbound"} - {
        network.theirs.id
    }
    assert (stopped[0]["peer"], tag[:8]) == (tag, "private-")
    told |= {f"{name}, when it is gone": text for name, text in public(ours).items()}
    lines = list(map(json.dumps, sentrys(node_log)))

    asker = go_peer(channels=[{"id": PEX_CHANNEL, "priority": 1}], report_messages=True)
    told |= {"answer": answer(asker, ours.address), "their answer": answer(asker, network.theirs.address)}
    assert network.theirs.id in told["answer"]
    told |= {"log": "\n".join(lines), "peers": str(network.outsider.peers())}
    found = {
        name: secret for name, text in told.items() for secret in network.secrets if secret in text.lower()
    }
    assert found == {}

    log = len(sentrys(node_log))
    ours.add_private_peer_ids([network.theirs.id])  # while the node runs
    ours.disconnect(network.theirs.id)
    wait_until(lambda: len(sentrys(node_log, "peer stopped")) > len(stopped))
    assert network.theirs.id not in json.dumps(sentrys(node_log)[log:])
    assert node_log.faults() == []
