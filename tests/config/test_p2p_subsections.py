"""The tables below [p2p]: as CometBFT has them, and off by default."""

from __future__ import annotations

from peerage.config.p2p_subsections import FuzzConfig, LibP2PConfig
from peerage.config.sections import P2PConfig


def test_they_are_part_of_p2p_and_change_nothing_by_default() -> None:
    p2p = P2PConfig()
    assert (p2p.test_fuzz_config, p2p.libp2p) == (FuzzConfig(), LibP2PConfig())
    assert (FuzzConfig.SECTION, LibP2PConfig.SECTION) == ("p2p.test_fuzz_config", "p2p.libp2p")
    assert not p2p.libp2p.enabled
