"""The methods that steer a node, called without a server and without a node."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from peerage.actors.discovery.book.addrbook_json import write_book
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.errors import BookFileError
from peerage.actors.messages.steering import (
    AlterSettings,
    Change,
    ChildSnapshot,
    ClosedPeer,
    ClosePeers,
    DescribeNode,
    DropPersistent,
    GetPeerLists,
    NodeDescription,
    PeerListsSnapshot,
    Reconfigure,
    Reconfigured,
    UpgradeProgress,
    UpgradeReactor,
)
from peerage.actors.rpc.node_steering import UPGRADE_S
from peerage.actors.rpc.protocol import InternalError
from peerage.actors.rpc.steering import STEERING
from peerage.config import Config
from peerage.config.errors import ConfigError
from peerage.supervisors.node import ReactorUpgradeError
from peerage.wire.errors import AddressError
from peerage.wire.net_address import NetAddress
from tests.actors.rpc.fake_steering import ANNA, BERT, FakeParts

CLOSED = ClosedPeer(ANNA, "10.0.0.1:7", is_persistent=True)


def call(name: str, *arguments: Any, parts: FakeParts | None = None, hide_private: bool = False) -> Any:
    """The result, which is as /openapi.json describes it."""
    backend = SimpleNamespace(steering=(parts or FakeParts()).steering(hide_private=hide_private))

    async def answer() -> Any:
        return await STEERING[name].call(backend, *arguments)

    result = asyncio.run(answer())
    Draft202012Validator(dict(STEERING[name].result)).validate(json.loads(json.dumps(result)))
    return result


def test_closed_peers_are_named() -> None:
    """With whether they come back; nobody there is an error."""
    parts = FakeParts({ClosePeers: (CLOSED,)})
    closed = [{"id": ANNA, "address": "10.0.0.1:7", "persistent": True}]
    assert call("close_peer", "10.0.0.1", parts=parts) == {"closed": closed}
    assert parts.asked == [("switch", ClosePeers("10.0.0.1"))]
    with pytest.raises(InternalError, match="nobody is connected as"):
        call("close_peer", "10.0.0.9", parts=FakeParts({ClosePeers: ()}))


def test_persistent_peers_are_removed_and_closed_on_request() -> None:
    parts = FakeParts({DropPersistent: (ANNA,), ClosePeers: (CLOSED,)})
    done = call("remove_peers", (ANNA.upper(),), True, parts=parts)
    assert (done["removed"], [each["id"] for each in done["closed"]]) == ([ANNA], [ANNA])
    assert parts.asked[0] == ("supervisor", DropPersistent((ANNA,)))
    assert call("remove_peers", (ANNA,), False, parts=parts)["closed"] == []
    with pytest.raises(InternalError, match="no peers provided"):
        call("remove_peers", (), False)
    with pytest.raises(ValueError, match="no node ID"):
        call("remove_peers", ("nobody",), False)


@pytest.mark.parametrize("hide_private", [False, True])
def test_private_peers_are_told_to_the_owner_alone(*, hide_private: bool) -> None:
    """In lists, among the settings and among those that were closed."""
    lists = PeerListsSnapshot((f"{ANNA}@10.0.0.1:7", f"{BERT}@10.0.0.2:7"), (ANNA,), (ANNA,), (ANNA,))
    config = Config(network="test", p2p={"persistent_peers": f"{ANNA}@10.0.0.1:7", "private_peer_ids": ANNA})
    private = ClosedPeer(ANNA, "10.0.0.1:7", is_persistent=True, is_private=True)
    answers: dict[type, Any] = {
        GetPeerLists: lists,
        DescribeNode: NodeDescription(1, 2.0, config, ()),
        ClosePeers: (private, ClosedPeer(BERT, "10.0.0.1:8", is_persistent=False)),
    }
    told = [
        call(name, *arguments, parts=FakeParts(answers), hide_private=hide_private)
        for name, arguments in (("peer_lists", ()), ("effective_config", ()), ("close_peer", ("10.0.0.1",)))
    ]
    assert [ANNA in str(each) for each in told] == [not hide_private] * 3
    assert BERT in str(told[0])
    assert BERT in str(told[2])


def test_limits_and_levels_are_changed_or_only_told() -> None:
    config = Config(network="test", log_level="debug", p2p={"max_num_inbound_peers": 7})
    parts = FakeParts(
        {AlterSettings: Reconfigured(silent=("peers-0",)), DescribeNode: NodeDescription(1, 2.0, config, ())}
    )
    assert call("limits", "", "", parts=parts) == {"inbound": "7", "outbound": "10"}
    assert call("log_level", "", parts=parts) == {"level": "debug", "silent": []}
    assert [type(each) for _, each in parts.asked] == [DescribeNode, DescribeNode]
    call("limits", "7", "9", parts=parts)
    assert call("log_level", "debug", parts=parts)["silent"] == ["peers-0"]
    orders = [each.values for _, each in parts.asked if isinstance(each, AlterSettings)]
    assert orders == [
        {"p2p.max_num_inbound_peers": "7", "p2p.max_num_outbound_peers": "9"},
        {"log_level": "debug"},
    ]
    with pytest.raises(InternalError, match="level: found 'loud'"):
        call("log_level", "loud", parts=parts)


def test_a_reload_says_what_changed_and_what_has_to_wait(tmp_path: Any) -> None:
    """A configuration that no file holds cannot be read again."""
    file = tmp_path / "config" / "config.toml"
    file.parent.mkdir()
    file.write_text("[peerage]\nnetwork = 'test'\n")
    config = Config.load(tmp_path, environ={})
    change = Change("moniker", '"a"', '"b"')
    parts = FakeParts({Reconfigure: Reconfigured((change,), (change,), (), ("odd",))}, config)
    row = {"setting": "moniker", "before": '"a"', "after": '"b"', "how": ""}
    assert call("reload", parts=parts) == {
        "changed": [row], "needs_restart": [row], "silent": [], "warnings": ["odd"]
    }  # fmt: skip
    file.write_text("log_level = 3")
    with pytest.raises(ConfigError, match="log_level"):
        call("reload", parts=parts)
    with pytest.raises(ConfigError, match="made by a program"):
        call("reload", parts=FakeParts(config=Config(network="test")))


def test_a_reactor_is_upgraded_by_the_root() -> None:
    """It is answered within HTTP's time, and asked again how far it is. What the root refuses is told in its words."""
    parts = FakeParts({UpgradeReactor: UpgradeProgress(7, done=False)})
    assert call("upgrade_reactor", "PRICES", 0, parts=parts) == {
        "name": "PRICES",
        "upgrade": 7,
        "done": False,
    }
    call("upgrade_reactor", "PRICES", 7, parts=parts)
    assert [message for _, message in parts.asked] == [
        UpgradeReactor("PRICES", number, UPGRADE_S) for number in (0, 7)
    ]
    refusing = FakeParts(fails={"supervisor": ReactorUpgradeError("PRICES", "its code is broken")})
    with pytest.raises(ReactorUpgradeError, match="'PRICES' was not upgraded: its code is broken"):
        call("upgrade_reactor", "PRICES", 0, parts=refusing)


def test_the_overview_leaves_out_what_a_part_does_not_answer() -> None:
    """And says so among the warnings."""
    child = ChildSnapshot("switch", "running", 2, "killed")
    node = NodeDescription(7, 61.24, Config(network="test"), (child,), ("full",))
    whole = call("overview", parts=FakeParts({DescribeNode: node}))
    assert (whole["pid"], whole["uptime_s"], whole["restarts"], whole["warnings"]) == (7, 61.2, 2, ["full"])
    assert whole["peers"] == {"inbound": 0, "outbound": 0, "max_inbound": 40, "max_outbound": 10}
    assert whole["addresses"]["size"] == 0
    down = RuntimeError("the switch is not running")
    part = call("overview", parts=FakeParts({DescribeNode: node}, fails={"switch": down}))
    assert (part["peers"], part["warnings"]) == (None, ["the switch is not running", "full"])
    none = call("overview", parts=FakeParts(fails=dict.fromkeys(("switch", "supervisor", "addrbook"), down)))
    assert (none["pid"], none["parts"], none["addresses"]) == (None, None, None)
    assert none["id"]


def test_addresses_are_put_into_the_book() -> None:
    parts = FakeParts()
    none = {"added": 0, "known": 0, "changed": 0, "refused": {}}
    assert call("import_addresses", write_book("", []), False, parts=parts) == none
    with pytest.raises(BookFileError, match="not JSON"):
        call("import_addresses", "what", False, parts=parts)
    given = call("add_addresses", (f"{ANNA}@1.2.3.4:1", f"{BERT}@10.0.0.1:1"), parts=parts)
    refused = {"not routable": {"count": 1, "examples": [f"{BERT}@10.0.0.1:1"]}}
    assert given == {"added": 1, "known": 0, "changed": 0, "refused": refused}
    with pytest.raises(AddressError, match="names are not looked up here"):
        call("add_addresses", (f"{ANNA}@example.org:1",), parts=parts)


def test_a_book_is_united_on_request() -> None:
    """Otherwise who is known is left alone."""
    parts = FakeParts()
    call("add_addresses", (f"{ANNA}@1.2.3.4:1",), parts=parts)
    anna = NetAddress(ANNA, "1.2.3.5", 1)
    text = write_book("", [KnownAddress(anna, anna, last_attempt=10**18, last_success=10**18)])
    assert call("import_addresses", text, False, parts=parts)["known"] == 1
    assert call("import_addresses", text, True, parts=parts)["changed"] == 1


def test_addresses_are_taken_out_of_the_book() -> None:
    """Who was not in it is not among the removed; what is no ID is an error."""
    parts = FakeParts()
    call("add_addresses", (f"{ANNA}@1.2.3.4:1",), parts=parts)
    assert call("remove_addresses", (ANNA.upper(), BERT), parts=parts) == {"removed": [ANNA]}
    with pytest.raises(ValueError, match="no node ID"):
        call("remove_addresses", ("nobody",), parts=parts)
