"""The actors that a node consists of, by name: the process that supervises them runs none, and imports none."""

from __future__ import annotations

from typing import Final

from peerage.actors.runtime.named_actor import NamedActor

__all__ = [
    "ADDRBOOK",
    "HTTP_PARTS",
    "METRICS",
    "PEX_REACTOR",
    "PRELOAD",
    "PROGRAM_RELAY",
    "RPC",
    "SWITCH",
    "TRANSPORT",
]

ADDRBOOK: Final = NamedActor("peerage.actors.addrbook:AddrBookActor")
SWITCH: Final = NamedActor("peerage.actors.switch.switch:SwitchActor")
METRICS: Final = NamedActor("peerage.actors.metrics.metrics:MetricsActor")
PEX_REACTOR: Final = NamedActor("peerage.actors.reactors.pex:PexReactor")
PROGRAM_RELAY: Final = NamedActor("peerage.actors.reactors.relay:ProgramRelay")
TRANSPORT: Final = NamedActor("peerage.actors.peers.transport:TransportActor")
RPC: Final = NamedActor("peerage.actors.rpc.rpc:RpcActor")

# What the fork server imports, in the order in which hosts wait for it: what each of them does first, then its actor. The
# HTTP servers' modules take as long as all of these, and nobody needs them to connect.
PRELOAD: Final = (
    "peerage.config.structlog_alone",
    "peerage.supervisors.node.host_setup",
    *(part.module for part in (ADDRBOOK, SWITCH, PEX_REACTOR, TRANSPORT)),
)
HTTP_PARTS: Final = (METRICS, RPC)
