"""What a new configuration means for a node that runs: which settings count at once, by which of its parts, and which need a
restart.

Some parts take new values while they run. Others are started anew with them by their supervisor, where nobody outside
notices that: peer exchange and the address book. A peer host has the connections that it has keep their timeouts, and takes
new rates for them; peers with processes of their own keep both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from peerage.actors.messages.steering import Change
from peerage.config import Config
from peerage.config.kind import Names
from peerage.config.quoting import quoted
from peerage.config.sections import SETTINGS
from peerage.config.setting import Setting

__all__ = ["ADDRBOOK", "LIVE", "LOGS", "PEX", "TOLD", "Plan", "plan"]

LOGS, TOLD, PEX, ADDRBOOK = "logs", "switch and peer hosts", "reactor-PEX", "addrbook"
NEW_CONNECTIONS: Final = "for connections that are made from now on"

_LISTS = dict.fromkeys(
    ("p2p.persistent_peers", "p2p.unconditional_peer_ids", "p2p.private_peer_ids"), frozenset({TOLD, PEX})
)
_LIMITS = dict.fromkeys(
    (
        "p2p.max_num_inbound_peers",
        "p2p.allow_duplicate_ip",
        "peerage.peers_per_ip",
        "peerage.peers_per_prefix",
        "peerage.peers_per_ip_exempt",
    ),
    frozenset({TOLD, PEX}),
)
_RATES = dict.fromkeys(("p2p.send_rate", "p2p.recv_rate"), frozenset({TOLD}))
_PER_CONNECTION = dict.fromkeys(
    (
        "p2p.flush_throttle_timeout",
        "p2p.handshake_timeout",
        "p2p.dial_timeout",
        "peerage.ping_interval",
        "peerage.pong_timeout",
    ),
    frozenset({TOLD}),
)
_EXCHANGE = dict.fromkeys(
    ("p2p.seeds", "p2p.max_num_outbound_peers", "peerage.crawl_group_limit", "peerage.rotate_peers"),
    frozenset({PEX}),
)
_BEGINNING = {"peerage.bootstrap_peers": frozenset({ADDRBOOK})}  # it is started anew, and begins with them
_IMPROVEMENTS = dict.fromkeys(
    (
        "peerage.verified_answers",
        "peerage.test_before_evict",
        "peerage.feelers",
        "peerage.anchors",
        "peerage.follow_moves",
        "peerage.spread_groups",
        "peerage.eager_rounds",
        "peerage.request_groups",
        "peerage.ask_again",
    ),
    frozenset({PEX, ADDRBOOK}),
)
LIVE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "log_level": frozenset({LOGS}),
        **_LISTS,
        **_LIMITS,
        **_RATES,
        **_PER_CONNECTION,
        **_EXCHANGE,
        **_BEGINNING,
        **_IMPROVEMENTS,
    }
)
"""Setting → the parts that have to know of it. All other settings count from the next start of the node."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done. Args: applied, pending, as of Reconfigured; parts, of LIVE, that have to know."""

    applied: tuple[Change, ...]
    pending: tuple[Change, ...]
    parts: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        """The settings that count from now on."""
        return frozenset(change.name for change in self.applied)


def plan(old: Config, new: Config, only: Collection[str] | None = None) -> Plan:
    """What follows from a new configuration. Args: old, that counts now; only, the settings to look at, by default all."""
    applied: list[Change] = []
    pending: list[Change] = []
    parts: set[str] = set()
    if only is None and old.network != new.network:
        pending.append(Change("network", quoted(old.network), quoted(new.network)))
    for setting in SETTINGS:
        before, after = old.value_of(setting), new.value_of(setting)
        if before == after or (only is not None and setting.name not in only):
            continue
        keeps_rates = setting.name in _RATES and old.peerage.peer_hosts == 0
        change = _change(
            setting, before, after, is_for_new_ones=setting.name in _PER_CONNECTION or keeps_rates
        )
        if setting.name not in LIVE:
            pending.append(change)
            continue
        applied.append(change)
        parts |= LIVE[setting.name]
        if setting.name in _LISTS and not set(before) <= set(after):
            parts.add(ADDRBOOK)  # it learns of new ones from the switch, and forgets none while it runs
    return Plan(tuple(applied), tuple(pending), frozenset(parts))


def _change(setting: Setting[Any], before: Any, after: Any, *, is_for_new_ones: bool) -> Change:
    how = NEW_CONNECTIONS if is_for_new_ones else ""
    kind = setting.declared.kind
    if isinstance(kind, Names):  # nobody else is to read who is in them
        added, removed = len(set(after) - set(before)), len(set(before) - set(after))
        return Change(setting.name, _count(before), _count(after), how or f"{added} added, {removed} removed")
    return Change(setting.name, kind.to_toml(before), kind.to_toml(after), how)


def _count(items: Collection[str]) -> str:
    return f"{len(items)} item{'s' * (len(items) != 1)}"
