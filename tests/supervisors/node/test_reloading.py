"""What a new configuration means for a node that runs."""

from __future__ import annotations

import pytest

from peerage.actors.messages.steering import Change
from peerage.config import Config
from peerage.config.sections import SETTINGS
from peerage.supervisors.node.reloading import ADDRBOOK, LIVE, LOGS, PEX, TOLD, plan

ANNA, BERT = (f"{letter * 40}@10.0.0.1:26656" for letter in "af")
OLD = Config(network="test", moniker="anna", p2p={"persistent_peers": ANNA})


def test_every_live_setting_exists() -> None:
    assert set(LIVE) <= {setting.name for setting in SETTINGS}


def test_nothing_follows_from_the_same_configuration() -> None:
    found = plan(OLD, OLD)
    assert (found.applied, found.pending, found.parts) == ((), (), frozenset())


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"log_level": "debug"}, {LOGS}),
        ({"p2p": {"max_num_inbound_peers": 7}}, {TOLD, PEX}),
        ({"peerage": {"peers_per_ip": 7}}, {TOLD, PEX}),
        ({"peerage": {"peers_per_ip_exempt": "10.0.0.0/8"}}, {TOLD, PEX}),
        ({"p2p": {"max_num_outbound_peers": 7}}, {PEX}),
        ({"p2p": {"seeds": BERT}}, {PEX}),
        ({"peerage": {"rotate_peers": 300.0}}, {PEX}),
        ({"peerage": {"bootstrap_peers": BERT}}, {ADDRBOOK}),
        ({"p2p": {"send_rate": 7}}, {TOLD}),
        ({"p2p": {"persistent_peers": f"{ANNA},{BERT}"}}, {TOLD, PEX}),
        ({"p2p": {"persistent_peers": BERT}}, {TOLD, PEX, ADDRBOOK}),
        ({"peerage": {"feelers": False}}, {PEX, ADDRBOOK}),
    ],
)
def test_each_change_goes_to_those_who_have_to_know(changes: dict[str, object], parts: set[str]) -> None:
    """The address book learns of new peers from the switch, and forgets none while it runs."""
    found = plan(OLD, OLD.replace(**changes))
    assert (set(found.parts), len(found.pending)) == (parts, 0)
    assert len(found.applied) == 1


def test_what_needs_a_restart_is_named_with_both_values() -> None:
    """The rest is applied all the same."""
    new = OLD.replace(moniker="bert", network="other", p2p={"laddr": "tcp://127.0.0.1:0", "send_rate": 7})
    found = plan(OLD, new)
    assert [change.name for change in found.pending] == ["network", "moniker", "p2p.laddr", "peerage.network"]
    assert found.pending[1] == Change("moniker", '"anna"', '"bert"')
    assert found.names == {"p2p.send_rate"}
    assert found.applied[0].how == ""


@pytest.mark.parametrize(
    ("hosts", "section", "setting", "how"),
    [
        (1, "p2p", "send_rate", ""),
        (0, "p2p", "send_rate", "for connections that are made from now on"),
        (1, "peerage", "ping_interval", "for connections that are made from now on"),
    ],
)
def test_what_does_not_count_for_connections_that_there_are_says_so(
    hosts: int, section: str, setting: str, how: str
) -> None:
    """Rates do, but for peers in processes of their own."""
    old = OLD.replace(peerage={"peer_hosts": hosts})
    (change,) = plan(old, old.replace(**{section: {setting: 77}})).applied
    assert change.how == how


def test_who_is_in_a_list_is_said_to_nobody() -> None:
    """The answer is logged, and may be read by others than the operator."""
    (change,) = plan(OLD, OLD.replace(p2p={"persistent_peers": BERT})).applied
    assert change == Change("p2p.persistent_peers", "1 item", "1 item", "1 added, 1 removed")


def test_only_the_settings_that_are_meant_are_looked_at() -> None:
    new = OLD.replace(moniker="bert", log_level="debug", p2p={"send_rate": 7})
    found = plan(OLD, new, {"log_level"})
    assert (set(found.names), len(found.pending)) == ({"log_level"}, 0)
