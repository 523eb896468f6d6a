"""What every actor of a node is told at its start: names, identity, channels, settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from peerage.actors.names import NodeNames
from peerage.config import Config
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.node_info import NodeInfo
from peerage.wire.pex import PEX_CHANNEL

__all__ = ["NodeContext"]


@dataclass(frozen=True, slots=True)
class NodeContext:
    """One node's identity and settings; picklable, the same for each of its actors and for their successors.

    Args:
        channels: of all reactors, in registration order.
        routes: channel → name of the reactor that registered it.
        has_connection_filters: whether somebody wants to see every connection before its handshake.
        has_peer_filters: whether somebody wants to see every peer behind it.
    """

    names: NodeNames
    config: Config
    node_key: NodeKey
    node_info: NodeInfo
    channels: tuple[ChannelDescriptor, ...]
    routes: Mapping[int, str]
    has_connection_filters: bool = False
    has_peer_filters: bool = False

    @property
    def node_id(self) -> NodeID:
        return self.node_key.node_id

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
    def inbound_limit(self) -> int:
        """Most inbound connections, handshakes included. Source: reference 5."""
        p2p = self.config.p2p
        return p2p.max_num_inbound_peers + len(p2p.unconditional_peer_ids)
