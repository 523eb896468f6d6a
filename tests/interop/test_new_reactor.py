"""The reactor that `peerage new-reactor` writes, connected to a CometBFT node."""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path

import pytest

from peerage.scaffold import Project, write_project
from tests.interop.conftest import StartGoPeer
from tests.nodes import StartNode, wait_until

CHANNEL = 0x72


@pytest.mark.parametrize("direction", ["ours dials", "theirs dials"])
def test_typed_messages_go_to_cometbft_and_back(
    start_node: StartNode,
    go_peer: StartGoPeer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    direction: str,
) -> None:
    """Its ping comes back as it is, so is answered; the answer comes back too, and ends the measurement."""
    name = direction.replace(" ", "_")  # a module is imported once, and each has a folder of its own
    write_project(tmp_path / name, Project(name, CHANNEL))
    monkeypatch.syspath_prepend(tmp_path / name / "src")
    module = importlib.import_module(name)
    node = start_node({"WRITTEN": getattr(module, Project(name, CHANNEL).class_name)})
    peer = go_peer(channels=[{"id": CHANNEL, "priority": 1, "send_queue_capacity": 10}], echo=True)
    if direction == "ours dials":
        node.dial(peer.address)
    else:
        peer.dial(node.address)
    question = importlib.import_module(f"{name}.reactor").GetRoundTrips()
    measured = wait_until(partial(node.reactor("WRITTEN").ask, question))
    assert measured.keys() == {peer.id}
    tally = peer.tally(node.node_id, CHANNEL)
    assert (tally.received, tally.sent) == (2, 2)
    assert [each.id for each in node.peers()] == [peer.id]
