"""What every actor of a node is told at its start: names, identity, channels, settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from peerage.actors.names import NodeNames
from peerage.config import Config
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.node_info import NodeInfo

__all__ = ["NodeContext"]


@dataclass(frozen=True, slots=True)
class NodeContext:
    """One node's identity and settings; picklable, the same for each of its actors and for their successors.

    Args:
        channels: of all reactors, in registration order.
        routes: channel → name of the reactor that registered it.
    """

    names: NodeNames
    config: Config
    node_key: NodeKey
    node_info: NodeInfo
    channels: tuple[ChannelDescriptor, ...]
    routes: Mapping[int, str]

    @property
    def node_id(self) -> NodeID:
        return self.node_key.node_id
