"""The private peers that a switch learns of are hidden in the logs of all processes of its node."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from peerage.actors.switch import hidden_in_logs
from peerage.actors.switch.hidden_in_logs import HideInLogs, PrivatePeersInLogs
from tests.actors.switch.parts import ANNA, BERT, table
from tests.actors.switch.test_list_news import info

Hidden = tuple[str, tuple[str, ...], tuple[str, ...]]


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> list[Hidden]:
    """What is hidden in this process: node, IDs, addresses."""
    found: list[Hidden] = []

    def hide(node: str, ids: Any, addresses: Any) -> bool:
        found.append((node, tuple(ids), tuple(addresses)))
        return found.count(found[-1]) == 1

    monkeypatch.setattr(hidden_in_logs, "hide_peers", hide)
    return found


def keep(told: list[Any], errand: Any) -> dict[str, Any]:
    """In place of a runtime's `send_errands`."""
    told.append(errand)
    return {}


def test_what_is_new_is_told_to_all_processes_once(hidden: list[Hidden]) -> None:
    """Those of the configuration are known there."""
    told: list[Any] = []
    peers = table()
    peers.private.add(ANNA)
    logs = PrivatePeersInLogs("n/", partial(keep, told), peers)
    assert (hidden, told) == ([("", (ANNA,), ())], [])
    peers.private.add(BERT)
    logs.changed()
    logs.changed()
    assert told == [HideInLogs("n/", (ANNA, BERT), ())]


def test_where_a_private_peer_is_seen_is_hidden(hidden: list[Hidden]) -> None:
    """Of others it is not."""
    told: list[Any] = []
    peers = table()
    peers.private.add(ANNA)
    logs = PrivatePeersInLogs("", partial(keep, told), peers)
    logs.connected(replace(info(), id=BERT))
    logs.connected(info())
    assert told == [HideInLogs("", (ANNA,), (f"{ANNA}@{info().socket_address}",))]


@pytest.mark.parametrize(("host", "is_meant"), [("n/peers-0", True), ("m/peers-0", False)])
def test_the_errand_is_done_in_processes_of_the_node(
    hidden: list[Hidden], host: str, *, is_meant: bool
) -> None:
    """Others may share its system."""
    HideInLogs("n/", (ANNA,), ())(host)
    assert hidden == [("", (ANNA,), ())] * is_meant
