"""What keeps a node from ever having peers, said at its start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from peerage.supervisors.node.prospects import Hindrance, hindrances
from peerage.wire.keys import NodeID
from tests.nodes import node_config

OURS = NodeID("a" * 40)
SELF = f"{OURS}@192.0.2.1:26656"
OTHER = f"{'b' * 40}@192.0.2.2:26656"


def found(
    tmp_path: Path, *, has_channels: bool = True, book_is_empty: bool = True, **p2p: Any
) -> list[Hindrance]:
    config = node_config(tmp_path, p2p={"pex": True} | p2p)
    return hindrances(config, OURS, has_channels=has_channels, book_is_empty=lambda: book_is_empty)


@pytest.mark.parametrize(
    "p2p",
    [
        {"seeds": [OTHER]},
        {"persistent_peers": [OTHER]},
        {"persistent_peers": [SELF, OTHER], "pex": False},
        {"persistent_peers": [OTHER], "max_num_outbound_peers": 0},
        {"seed_mode": True},
        {"book_is_empty": False},
    ],
    ids=str,
)
def test_who_has_somebody_to_dial_or_waits_for_callers_is_told_nothing(
    tmp_path: Path, p2p: dict[str, Any]
) -> None:
    """A seed, a persistent peer or a known address will do, and so will being a seed."""
    assert found(tmp_path, **p2p) == []


@pytest.mark.parametrize(
    ("p2p", "why"),
    [
        (
            {},
            "no persistent peers, no seeds, an empty address book: it waits to be dialled, or to be told whom to dial",
        ),
        (
            {"seeds": [SELF], "persistent_peers": [SELF.upper()[:40] + SELF[40:]]},
            "of persistent peers only this node itself, of seeds only this node itself, an empty address book: ",
        ),
        ({"seeds": [OTHER], "pex": False}, "no persistent peers, p2p.pex is off, so neither seeds nor"),
        (
            {"seeds": [OTHER], "max_num_outbound_peers": 0},
            "no persistent peers, p2p.max_num_outbound_peers is 0: ",
        ),
        ({"max_num_inbound_peers": 0}, "p2p.max_num_inbound_peers is 0, so nobody can dial it either"),
    ],
    ids=str,
)
def test_who_has_nobody_to_dial_is_told_why(tmp_path: Path, p2p: dict[str, Any], why: str) -> None:
    """One sentence with what is missing and what may still help."""
    ((what, told, _),) = found(tmp_path, **p2p)
    assert what == "nobody to dial"
    assert why in told


@pytest.mark.parametrize(
    ("p2p", "is_mistake"),
    [
        ({}, False),
        ({"max_num_inbound_peers": 0}, True),
        ({"seeds": [SELF]}, True),
        ({"persistent_peers": [OTHER], "pex": False, "max_num_outbound_peers": 0}, None),
        ({"seeds": [OTHER], "pex": False}, True),
    ],
    ids=str,
)
def test_a_node_that_is_meant_to_be_dialled_gets_no_warning(
    tmp_path: Path, p2p: dict[str, Any], is_mistake: bool | None
) -> None:
    """The first node of a network has nobody yet: that is said, and no reason to warn. Peers without effect are."""
    assert [each.is_mistake for each in found(tmp_path, **p2p)] == [is_mistake] * (is_mistake is not None)


def test_a_node_without_channels_is_told(tmp_path: Path) -> None:
    """Nobody has anything to say to it."""
    assert [
        each.what for each in found(tmp_path, has_channels=False, pex=False, persistent_peers=[OTHER])
    ] == ["no channels"]


def test_a_seed_without_peer_exchange_is_told(tmp_path: Path) -> None:
    """It cannot do what a seed is for."""
    assert [each.what for each in found(tmp_path, seed_mode=True, pex=False)] == ["nothing to tell"]


def test_a_bootstrap_peer_will_do(tmp_path: Path) -> None:
    """It is in the book, or will be once its name resolves; ourselves are nobody."""
    for text, lacks in ((OTHER, False), (SELF, True)):
        config = node_config(tmp_path, p2p={"pex": True}, peerage={"bootstrap_peers": text})
        assert bool(hindrances(config, OURS, has_channels=True, book_is_empty=lambda: True)) is lacks
