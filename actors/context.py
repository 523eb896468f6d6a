"""What every actor of a node is told at its start: names, identity, channels, settings.

The private key is for those who shake hands, the peer hosts, and for no other process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from peerage.actors.names import NodeNames
from peerage.actors.runtime import ActorRef
from peerage.config import Config
from peerage.config.listen_address import AUTO
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.ip_ranges import family_of
from peerage.wire.keys import NodeID, NodeKey, node_id_of
from peerage.wire.net_address import without_scheme
from peerage.wire.node_info import NodeInfo
from peerage.wire.pex import PEX_CHANNEL

__all__ = ["NodeContext", "PeerHostContext", "handshake_places"]

# A silent one takes 4 KB. By default there are as many as inbound peers, if that is more: a seed answers them there.
HANDSHAKE_PLACES = 512
SPARE_PROCESSES = 8


@dataclass(frozen=True, slots=True)
class NodeContext:
    """One node's identity and settings; picklable, the same for each of its actors and for their successors.

    Args:
        public_key: of the node.
        channels: of all reactors, in registration order.
        routes: channel → name of the reactor that registered it.
        has_connection_filters: whether somebody wants to see every connection before its handshake.
        has_peer_filters: whether somebody wants to see every peer behind it.
        other_infos: our NodeInfo with another address in it, for peers of another IP family.
    """

    names: NodeNames
    config: Config
    public_key: bytes
    node_info: NodeInfo
    channels: tuple[ChannelDescriptor, ...]
    routes: Mapping[int, str]
    has_connection_filters: bool = False
    has_peer_filters: bool = False
    other_infos: tuple[NodeInfo, ...] = ()

    @property
    def node_id(self) -> NodeID:
        return node_id_of(self.public_key)

    def node_info_for(self, ip: str) -> NodeInfo:
        """What a remote at this IP hears of us: with an address of its family in it, if we have one."""
        for info in (self.node_info, *self.other_infos) if self.other_infos else ():
            host = without_scheme(info.listen_addr).rpartition(":")[0].strip("[]")
            if family_of(host) == family_of(ip):
                return info
        return self.node_info

    @property
    def external_addresses_also(self) -> tuple[str, ...]:
        """What peers of the other family are told."""
        return tuple(without_scheme(info.listen_addr) for info in self.other_infos)

    @property
    def answers_seed_requests(self) -> bool:
        """Whether inbound nodes are here for one thing, to ask for addresses: this is a seed and nothing else."""
        p2p = self.config.p2p
        return (
            p2p.seed_mode
            and set(self.routes.values()) == {self.routes.get(PEX_CHANNEL)}
            and not self.has_peer_filters
        )

    @property
    def external_address(self) -> str:
        """`p2p.external_address`, or what "auto" has come to."""
        configured = self.config.p2p.external_address
        return without_scheme(self.node_info.listen_addr) if configured == AUTO else configured

    @property
    def most_peers(self) -> int:
        """Most peers that this node has, but for persistent ones that it dials."""
        p2p = self.config.p2p
        return p2p.max_num_inbound_peers + p2p.max_num_outbound_peers + len(p2p.unconditional_peer_ids)

    @property
    def handshake_places(self) -> int:
        """Most accepted connections that are no peers yet."""
        return handshake_places(self.config)

    @property
    def event_hub(self) -> ActorRef:
        """Whom to tell what happens. Where RPC is off, it is there once the embedding program listens."""
        return self.names.events

    def with_key(self, node_key: NodeKey) -> PeerHostContext:
        """The same for an actor that shakes hands. Args: node_key, of this node."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        return PeerHostContext(**known, node_key=node_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerHostContext(NodeContext):
    """What the actors of a peer host are told: as all others, and the private key, with which they say who we are."""

    node_key: NodeKey


def handshake_places(config: Config) -> int:
    """As of the context."""
    connections = config.p2p.max_num_inbound_peers + len(config.p2p.unconditional_peer_ids)
    if not config.peerage.peer_hosts:
        return connections + SPARE_PROCESSES  # each of them is a process
    return config.peerage.handshake_places or max(HANDSHAKE_PLACES, connections)
