"""The tables below [p2p]: CometBFT's fault injection, and whether a network speaks another protocol. See sections.py."""

from dataclasses import dataclass
from typing import ClassVar

from peerage.config import rule
from peerage.config.setting import Section, duration, real, switch, whole_number

__all__ = ["FuzzConfig", "LibP2PConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzConfig(Section):
    """How connections that were dialled misbehave when p2p.test_fuzz is on, from ten seconds after the dial."""

    SECTION: ClassVar[str] = "p2p.test_fuzz_config"

    mode: int = whole_number(0, "0 drops, 1 delays", rule=rule.between(0, 1), key="Mode", hidden=True)
    max_delay: float = duration(
        "3s", "Longest delay of one read or write", rule=rule.NOT_NEGATIVE, key="MaxDelay", hidden=True
    )
    prob_drop_rw: float = real(
        0.2,
        "Probability that a read or write is dropped",
        rule=rule.between(0, 1),
        key="ProbDropRW",
        hidden=True,
    )
    prob_drop_conn: float = real(
        0.0,
        "Probability that the connection is closed",
        rule=rule.between(0, 1),
        key="ProbDropConn",
        hidden=True,
    )
    prob_sleep: float = real(
        0.0, "Probability of a delay", rule=rule.between(0, 1), key="ProbSleep", hidden=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LibP2PConfig(Section):
    """The [p2p.libp2p] section of CometBFT v0.39 and later: whether the network speaks another protocol altogether."""

    SECTION: ClassVar[str] = "p2p.libp2p"

    enabled: bool = switch(
        False,
        "Whether the network speaks libp2p over QUIC. Such a network cannot be joined",
        start_rule=rule.NO_LIBP2P,
        hidden=True,
    )
