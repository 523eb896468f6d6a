"""Peers that are refused: each for its own reason, in the log and to whoever dialled, and the listener goes on."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from peerage import DialError, Node
from peerage.actors.runtime import System
from tests.interop.conftest import StartGoPeer
from tests.interop.gopeer import GoPeer, GoPeerError
from tests.nodes import EchoReactor, NodeLog, StartNode, node_config, wait_until

CASES = {  # options of the peer, our reason, what its detail says
    "wrong network": (
        {"network": "other"},
        "incompatible",
        "the peer is on network 'other', we are on 'test'",
    ),
    "other block version": ({"block_version": 12}, "incompatible", "the peer's block version is 12, ours 11"),
    "no common channel": ({"announce": [0x7F]}, "incompatible", "no common channel: the peer has 7f"),
    "secp256k1 key": ({"key_type": "secp256k1"}, "auth failure", "not an ed25519 key but: secp256k1"),
    "bad signature": ({"bad_signature": True}, "auth failure", "and cannot prove it"),
    "another ID claimed": ({"claim_id": "00" * 20}, "auth failure", f"NodeInfo says ID '{'00' * 20}'"),
    "invalid node info": ({"moniker": ""}, "invalid node info", "node info: moniker is ''"),
}
Case = tuple[dict[str, Any], str, str]


@pytest.fixture(scope="module")
def system_log_level() -> str:
    """Each refusal counts here."""
    return "switch:debug,*:info"


@pytest.fixture(scope="module")
def node(node_system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """One listener for all of them: it must outlive them all."""
    config = node_config(tmp_path_factory.mktemp("node"))
    with Node(config, {"ECHO": EchoReactor}) as running:
        yield running


@pytest.fixture
def goes_on(node: Node, go_peer: StartGoPeer) -> Iterator[None]:
    """After the test, good peers still connect, dialling and dialled, and nothing else is connected."""
    yield
    wait_until(lambda: not node.peers())
    dialler, dialled = go_peer(), go_peer()
    dialler.dial(node.address)
    node.dial(dialled.address)
    wait_until(lambda: {peer.id for peer in node.peers()} == {dialler.id, dialled.id})
    for peer in (dialler, dialled):
        peer.stop()
    wait_until(lambda: not node.peers())


def refused_by_us(node: Node, address: str) -> tuple[str, str]:
    """Dial, and be told why it cannot be."""
    with pytest.raises(DialError) as caught:
        node.dial(address)
    return str(caught.value.refusal.reason), caught.value.refusal.detail


@pytest.mark.usefixtures("goes_on")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_dialled_peer_is_refused_for_its_own_reason(
    node: Node, node_log: NodeLog, go_peer: StartGoPeer, case: Case
) -> None:
    """The dial raises with the reason, and the log has it."""
    options, reason, detail = case
    bad = go_peer(mode="raw", **options)
    told, found = refused_by_us(node, bad.address)
    assert told == reason
    assert detail in found
    record = node_log.wait_for("peer refused", dialled=bad.id)
    assert (record["reason"], record["detail"], record["remote"]) == (told, found, bad.listen)


@pytest.mark.usefixtures("goes_on")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_dialling_peer_is_refused_for_its_own_reason(
    node: Node, node_log: NodeLog, go_peer: StartGoPeer, case: Case
) -> None:
    """The log has the reason; the peer is hung up on, in its handshake or right after it."""
    options, reason, detail = case
    bad = go_peer(mode="raw", **options)
    if reason == "auth failure" and "claim_id" not in options:
        with pytest.raises(GoPeerError):
            bad.dial(node.address)
    else:  # raw: its own handshake is done before our verdict is known
        bad.dial(node.address)
        bad.wait_for("peer_removed", peer=node.node_id)
    record = node_log.wait_for("peer refused", dialled=None)
    assert record["reason"] == reason
    assert detail in record["detail"]


@pytest.mark.usefixtures("goes_on")
@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"network": "other"}, "incompatible"),
        ({"block_version": 12}, "incompatible"),
        ({"announce": [0x7F]}, "incompatible"),
        ({"bad_signature": True}, "auth_failure"),
        ({"key_type": "secp256k1"}, "auth_failure"),
    ],
    ids=["network", "block version", "channels", "signature", "key type"],
)
def test_cometbft_that_dials_us_learns_why(
    node: Node, go_peer: StartGoPeer, options: dict[str, Any], kind: str
) -> None:
    """A real switch gets as far as it would with one of its own kind, and gives the same reason."""
    bad = go_peer(**options)
    with pytest.raises(GoPeerError) as refused:
        bad.dial(node.address)
    assert refused.value.kind == kind


@pytest.mark.usefixtures("goes_on")
def test_wrong_dialled_id_is_an_auth_failure(node: Node, node_log: NodeLog, go_peer: StartGoPeer) -> None:
    """We dial another ID than the one that answers; the reason names both."""
    peer, wrong = go_peer(), "ab" * 20
    reason, detail = refused_by_us(node, f"{wrong}@{peer.listen}")
    assert (reason, detail) == ("auth failure", f"dialled {wrong}, but {peer.id} answered")
    assert node_log.wait_for("peer refused", dialled=wrong)["reason"] == "auth failure"


@pytest.mark.usefixtures("goes_on")
def test_cometbft_that_dials_a_wrong_id_finds_out(
    node: Node, node_log: NodeLog, go_peer: StartGoPeer
) -> None:
    """It hangs up after the secret connection, which is an auth failure here too."""
    peer = go_peer()
    with pytest.raises(GoPeerError, match="mismatch") as refused:
        peer.dial(f"{'ab' * 20}@{node.address.partition('@')[2]}")
    assert refused.value.kind == "auth_failure"
    assert node_log.wait_for("peer refused", dialled=None)["reason"] == "auth failure"


@pytest.fixture
def twin(node: Node, go_peer: StartGoPeer) -> GoPeer:
    """A peer with our own key."""
    return go_peer(mode="raw", key_file=str(node.config.node_key_path))


@pytest.mark.usefixtures("goes_on")
def test_our_own_id_is_refused_when_it_dials(node: Node, node_log: NodeLog, twin: GoPeer) -> None:
    """Somebody with our key is ourselves."""
    twin.dial(node.address)
    twin.wait_for("peer_removed", peer=node.node_id)
    record = node_log.wait_for("peer refused", dialled=None)
    assert (record["reason"], record["detail"]) == ("self", f"{node.node_id} is our own ID")


@pytest.mark.usefixtures("goes_on")
def test_our_own_id_is_not_dialled(node: Node, node_log: NodeLog, twin: GoPeer) -> None:
    """Whoever listens there, and at our own address, the reason is *self*."""
    assert twin.id == node.node_id
    for address in (twin.address, node.address):
        assert refused_by_us(node, address)[0] == "self"
    assert len(node_log.records("peer refused", dialled=node.node_id, reason="self")) == 2


@pytest.mark.usefixtures("goes_on")
def test_second_peer_with_the_same_id_is_refused_and_the_first_stays(
    node: Node, node_log: NodeLog, go_peer: StartGoPeer
) -> None:
    """Two programs with one key, each way: the reason is *duplicate id*."""
    first, second = go_peer(key_seed="same"), go_peer(key_seed="same", mode="raw")
    first.dial(node.address)
    connection = wait_until(node.peers)[0].info.connection
    second.dial(node.address)
    second.wait_for("peer_removed", peer=node.node_id)
    assert node_log.wait_for("peer refused", dialled=None)["reason"] == "duplicate id"
    assert refused_by_us(node, second.address)[0] == "duplicate id"
    assert node_log.wait_for("peer refused", dialled=second.id)["reason"] == "duplicate id"
    assert [peer.info.connection for peer in node.peers()] == [connection]
    first.send_numbered(node.node_id, 0x50, 0, 100)
    assert first.expect(node.node_id, 0x50, 1)
    first.stop()


@pytest.mark.usefixtures("goes_on")
def test_nobody_there_is_no_refusal_but_unreachable(
    node: Node, node_log: NodeLog, go_peer: StartGoPeer
) -> None:
    """A port that nobody listens on any more."""
    gone = go_peer()
    address = gone.address
    gone.stop()
    assert refused_by_us(node, address) == ("unreachable", "Connection refused")
    assert node_log.wait_for("dial failed", dialled=gone.id)["reason"] == "unreachable"


def test_every_reason_is_counted(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """What the log says one by one the metrics say in numbers."""
    node = start_node(instrumentation={"prometheus": True, "prometheus_listen_addr": "127.0.0.1:0"})
    for options in ({"network": "other"}, {"block_version": 12}, {"bad_signature": True}):
        refused_by_us(node, go_peer(mode="raw", **options).address)
    refused_by_us(node, node.address)
    wait_until(lambda: refusals(node) == {"incompatible": 2, "auth failure": 1, "self": 1})


def refusals(node: Node) -> dict[str, float]:
    """The metric of refusals, by reason."""
    address = node.metrics_addresses()[0].replace("tcp://", "http://")
    with urllib.request.urlopen(f"{address}/metrics", timeout=5.0) as response:
        text = response.read().decode()
    rows = re.findall(r'^cometbft_p2p_refusals_total\{.*?reason="([^"]*)".*?\} (\S+)$', text, re.MULTILINE)
    return {reason: float(count) for reason, count in rows}
