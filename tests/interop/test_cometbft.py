"""A real CometBFT node whose only persistent peer is `peerage start`: it accepts it, and finds it again.

That it keeps it is in test_ping_round.py, which comes last: by then the round is over, or nearly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.started_node import StartedNode
from tests.interop.cometnode import free_port
from tests.interop.conftest import StartCometNode
from tests.interop.pair import MONIKER, Pair, new_home, started
from tests.nodes import wait_until

BACK_WITHIN_S = 15.0
ON_THEIR_CHANNEL = "MEMPOOL=tests.interop.burst:Mempool"


def test_real_node_shows_us_as_we_are(pair: Pair) -> None:
    """ID, channels, moniker, network and address in its net_info, and it in ours."""
    info = pair.seen["node_info"]
    assert info["id"] == pair.ours.node_id
    assert info["moniker"] == MONIKER
    assert info["channels"] == "0050"  # peer exchange and the test's reactor
    assert info["network"] == "test"
    assert info["listen_addr"] == f"tcp://127.0.0.1:{pair.ours.port}"
    assert info["protocol_version"] == {"p2p": "8", "block": "11", "app": "0"}
    assert pair.seen["is_outbound"]
    assert pair.seen["remote_ip"] == "127.0.0.1"
    wait_until(pair.ours.peers)
    (mirrored,) = pair.ours.call("net_info")["peers"]
    assert mirrored["node_info"] == pair.theirs.rpc("status")["node_info"]
    assert not mirrored["is_outbound"]


@pytest.mark.slow
def test_killed_node_of_ours_is_connected_again(tmp_path: Path, comet_node: StartCometNode) -> None:
    """SIGKILL of the main process, then a new start: CometBFT has it back within 15 s of that."""
    home, port = new_home(tmp_path), free_port()
    with started(home, port) as node:
        comet = comet_node(persistent_peers=[node.address])
        comet.wait_for_peer(node.node_id)
        node.kill()
        wait_until(lambda: not node.processes(), 3.0)
        wait_until(lambda: comet.peer(node.node_id) is None)
    (home / "log").unlink()  # where the next one is found
    with started(home, port) as again:
        assert again.address == node.address
        comet.wait_for_peer(again.node_id, BACK_WITHIN_S)
        wait_until(lambda: again.peers() == [comet.id])


@pytest.mark.slow
def test_killed_cometbft_is_connected_again(tmp_path: Path, comet_node: StartCometNode) -> None:
    """SIGKILL and a new start of the real node: connected again within 15 s; our node just goes on."""
    with started(new_home(tmp_path), free_port()) as node:
        comet = comet_node(persistent_peers=[node.address])
        comet.wait_for_peer(node.node_id)
        comet.kill()
        wait_until(lambda: not node.peers())
        comet.start()
        comet.wait_for_peer(node.node_id, BACK_WITHIN_S)
        wait_until(lambda: node.peers() == [comet.id])


@pytest.mark.slow
def test_our_persistent_peer_is_found_again_when_it_was_killed(
    tmp_path: Path, comet_node: StartCometNode
) -> None:
    """The other way round: CometBFT knows nobody, it is our persistent peer."""
    comet = comet_node(p2p={"pex": False})
    home = new_home(tmp_path)
    with StartedNode(
        home, p2p__persistent_peers=comet.address, p2p__pex="false", reactor=ON_THEIR_CHANNEL
    ) as node:
        assert not comet.wait_for_peer(node.node_id)["is_outbound"]
        comet.kill()
        wait_until(lambda: not node.peers())
        comet.start()
        comet.wait_for_peer(node.node_id, BACK_WITHIN_S)
