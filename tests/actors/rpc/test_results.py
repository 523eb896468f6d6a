"""Values as CometBFT writes them."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.rpc.results import encode, net_info, status
from peerage.actors.snapshot import NetInfoSnapshot, StatusSnapshot
from tests.actors.rpc.rpc_snapshots import RECORDED_NET_INFO, RECORDED_STATUS, as_private

VECTOR = json.loads((Path(__file__).parents[2] / "vectors" / "net_info.json").read_text())["result"]


def shape(value: Any) -> Any:
    """Keys in their order and types of values; of a list its first item."""
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [shape(value[0])]
    return type(value)


def test_net_info_has_the_shape_of_the_vector() -> None:
    """`vectors/net_info.json`: the same keys in the same order, numbers as strings where they are there."""
    assert shape(net_info(RECORDED_NET_INFO, hide_private=True)) == shape(VECTOR)


def test_a_node_of_two_families_has_two_listeners() -> None:
    """By what its peers are told."""
    also = NetInfoSnapshot(True, "1.2.3.4:1", (), ("[2600::1]:1",))
    listeners = net_info(also, hide_private=True)["listeners"]
    assert listeners == ["Listener(@1.2.3.4:1)", "Listener(@[2600::1]:1)"]


def test_node_without_peers_has_an_empty_list() -> None:
    """Not null: tools count its items."""
    result = net_info(NetInfoSnapshot(listening=False, external_address="", peers=()), hide_private=True)
    assert result == {"listening": False, "listeners": ["Listener(@)"], "n_peers": "0", "peers": []}


@pytest.mark.parametrize(("hide", "ids"), [(True, ["02" * 20]), (False, ["01" * 20, "02" * 20])])
def test_private_peers_are_left_out_of_list_and_count(hide: bool, ids: list[str]) -> None:
    """Reference 12."""
    first, second = RECORDED_NET_INFO.peers
    result = net_info(NetInfoSnapshot(True, "", (as_private(first), second)), hide_private=hide)
    assert [peer["node_info"]["id"] for peer in result["peers"]] == ids
    assert result["n_peers"] == str(len(ids))


def test_status_without_a_key_shows_null() -> None:
    """As CometBFT's type writes it."""
    result = status(StatusSnapshot(RECORDED_STATUS.node_info))
    assert result["validator_info"] == {"address": "", "pub_key": None, "voting_power": "0"}


@given(st.text(st.characters()))
def test_encoding_is_json_that_can_stand_in_html(text: str) -> None:
    """Any string, lone surrogates included, is JSON in UTF-8 that means the same, without < > and &."""
    encoded = encode([text])
    assert not set(b"<>&") & set(encoded)
    readable = "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    assert json.loads(encoded) == [readable]


@pytest.mark.parametrize(
    ("start", "text"),
    [
        (1795231636.0, "2026-11-21T03:27:16Z"),
        (1795231636.1004, "2026-11-21T03:27:16.1Z"),
        (1795231635.9999, "2026-11-21T03:27:16Z"),
        (1795231636.021, "2026-11-21T03:27:16.02Z"),
        (0.0, "1970-01-01T00:00:00Z"),
    ],
)
def test_times_are_in_steps_of_20_ms_without_idle_zeros(start: float, text: str) -> None:
    """CometBFT's meters begin on a tick of their clock."""
    (peer, _) = RECORDED_NET_INFO.peers
    monitor = dataclasses.replace(peer.connection_status.send_monitor, start=start)
    connection = dataclasses.replace(peer.connection_status, send_monitor=monitor)
    snapshot = NetInfoSnapshot(True, "", (dataclasses.replace(peer, connection_status=connection),))
    (written,) = net_info(snapshot, hide_private=True)["peers"]
    assert written["connection_status"]["SendMonitor"]["Start"] == text
