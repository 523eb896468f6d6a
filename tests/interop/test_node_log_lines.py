"""What a node that runs beside a CometBFT peer leaves in its log."""

from __future__ import annotations

import json
from pathlib import Path

from tests.chaos.started_node import StartedNode, make_home
from tests.docs.test_logs import COMMON, page
from tests.interop.conftest import StartGoPeer
from tests.nodes import wait_until


def test_a_start_a_peer_and_a_stop_are_a_line_each(tmp_path: Path, go_peer: StartGoPeer) -> None:
    """With all that is known of the peer, in keys that docs/reference/logs.md has; nothing of the runtime's own."""
    make_home(tmp_path)
    peer = go_peer(moniker="bert")
    with StartedNode(tmp_path, p2p__persistent_peers=peer.address, moniker="anna", peer_hosts="1") as node:
        wait_until(lambda: "peer added" in node.log())
        peer.kill()
        wait_until(lambda: "dial failed" in node.log())
        node.stop()
        records = [json.loads(line) for line in node.log().splitlines()]
    events = [record["event"] for record in records]
    assert sorted(events[:2]) == ["node started", "peer added"]
    assert (events[2], set(events[3:-1]), events[-1]) == (
        "peer stopped",
        set(events[3:-1]) & {"dial failed", "peer refused"},
        "node stopped",
    )
    assert all(record.keys() - COMMON <= page()[record["event"]].keys for record in records)
    stopped = records[2]
    who = (stopped["peer"], stopped["direction"], stopped["address"], stopped["moniker"])
    assert who == (peer.id, "outbound", f"127.0.0.1:{peer.port}", "bert")
    assert stopped["age"] >= 0.0
    assert stopped["version"]
    assert stopped["reason"]
    assert {record["node"] for record in records} == {"anna"}
