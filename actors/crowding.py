"""The limits on connections of one IP and one prefix: what the configuration says, and what a refusal says."""

from __future__ import annotations

from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.config import Config
from peerage.wire.ip_ranges import parse_network, shown_ip, shown_prefix

__all__ = ["crowded", "ip_limits_of"]


def ip_limits_of(config: Config) -> IPLimits:
    """The limits that a configuration sets."""
    settings = config.peerage
    of_comet = None if config.p2p.allow_duplicate_ip else 1
    return IPLimits(
        settings.peers_per_ip or of_comet,
        settings.peers_per_prefix or None,
        tuple(map(parse_network, settings.peers_per_ip_exempt)),
    )


def crowded(most: int, prefix: bytes, holder: str) -> Refusal:
    """One limit, see `IPLimits.of`, leaves no place. Args: holder, who has one of those that there are."""
    if len(prefix) < 16:
        detail = f"{most} connections from {shown_prefix(prefix)} already, of at most {most}"
        return Refusal(RefusalReason.PREFIX_LIMIT, detail)
    ip = shown_ip(prefix)
    if most == 1:
        return Refusal(RefusalReason.DUPLICATE_IP, f"{ip} is connected already, by {holder}")
    return Refusal(RefusalReason.DUPLICATE_IP, f"{most} connections from {ip} already, of at most {most}")
