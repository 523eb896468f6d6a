"""Has the parts of a node do what its operator asks over RPC: the switch, the address book, the root of the tree."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.additions import Added
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.addrbook_json import read_book
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.discovery.book.curation import Curation
from peerage.actors.messages import GetPeers, PeerInfo
from peerage.actors.messages.steering import (
    AlterSettings,
    ClosedPeer,
    ClosePeers,
    DescribeNode,
    DropPersistent,
    GetPeerLists,
    NodeDescription,
    PeerListsSnapshot,
    Reconfigure,
    Reconfigured,
    UpgradeProgress,
    UpgradeReactor,
)
from peerage.actors.runtime import ActorRef
from peerage.config.sections import SETTINGS
from peerage.wire.keys import NodeID, is_node_id, normal_id
from peerage.wire.net_address import NetAddress
from peerage.wire.remote_text import quoted

__all__ = ["NodeSteering", "SteeringUnavailableError"]

Ask = Callable[[Any, ActorRef, str], Awaitable[Any]]
UPGRADE_S = 4.0  # until an answer that says how far it is: HTTP allows 10 s


class SteeringUnavailableError(Exception):
    """There is no node behind these actors. The client is sent this text."""

    def __str__(self) -> str:
        return "this RPC service belongs to no node that could be steered"


class NodeSteering:
    """Args: ask, asks a part and waits for its answer, within bounds; hide_private, tell nobody of private peers."""

    def __init__(self, ask: Ask, context: NodeContext | None, *, hide_private: bool) -> None:
        self._ask, self._context, self._hide_private = ask, context, hide_private

    @property
    def context(self) -> NodeContext:
        """Of the node. Raises: SteeringUnavailableError."""
        if self._context is None:
            raise SteeringUnavailableError
        return self._context

    async def close(self, whom: str) -> tuple[ClosedPeer, ...]:
        """End the connections of an ID, an IP address or an address. Raises: ValueError."""
        closed: tuple[ClosedPeer, ...] = await self._ask_switch(ClosePeers(whom))
        return tuple(peer for peer in closed if not (self._hide_private and peer.is_private))

    async def remove(self, ids: tuple[str, ...]) -> tuple[NodeID, ...]:
        """These are to be sought no more. Returns: those that were persistent. Raises: ValueError, one is no ID."""
        removed: tuple[NodeID, ...] = await self._ask_root(DropPersistent(_node_ids(ids)))
        return removed

    async def alter(self, values: dict[str, str]) -> Reconfigured:
        """These settings count from now on. Raises: ConfigError."""
        done: Reconfigured = await self._ask_root(AlterSettings(values))
        return done

    async def reload(self) -> Reconfigured:
        """Read the configuration again, and follow it. Raises: ConfigError, and nothing has changed."""
        config = await asyncio.to_thread(self.context.config.reread)
        done: Reconfigured = await self._ask_root(Reconfigure(config))
        return done

    async def upgrade(self, name: str, number: int) -> UpgradeProgress:
        """Start a reactor anew with the code that is there now, or wait for that upgrade. Raises: what it failed with."""
        progress: UpgradeProgress = await self._ask_root(UpgradeReactor(name, number, UPGRADE_S))
        return progress

    async def lists(self) -> PeerListsSnapshot:
        """Who is persistent, unconditional, private; the private ones not, where they are hidden."""
        found: PeerListsSnapshot = await self._ask_switch(GetPeerLists())
        if not self._hide_private:
            return found
        private = frozenset(found.private)
        return PeerListsSnapshot(
            tuple(text for text in found.persistent if text.partition("@")[0] not in private),
            tuple(each for each in found.unconditional if each not in private),
            (),
            tuple(each for each in found.added if each not in private),
        )

    async def describe(self) -> NodeDescription:
        """What the root of the tree knows."""
        found: NodeDescription = await self._ask_root(DescribeNode())
        return found

    async def settings(self) -> dict[str, tuple[Any, str]]:
        """The settings that count, each with where it comes from; without private peers, where they are hidden."""
        config = (await self.describe()).config
        private: frozenset[str] = frozenset()
        if self._hide_private:
            lists: PeerListsSnapshot = await self._ask_switch(GetPeerLists())
            private = frozenset((*config.p2p.private_peer_ids, *lists.private))

        def shown(value: Any) -> Any:
            if not isinstance(value, tuple):
                return value
            return tuple(each for each in value if each.partition("@")[0] not in private)

        return {
            setting.name: (shown(config.value_of(setting)), config.source_of(setting.name))
            for setting in SETTINGS
        }

    async def peers(self) -> tuple[PeerInfo, ...]:
        """Who is connected."""
        found: tuple[PeerInfo, ...] = await self._ask_switch(GetPeers())
        return found

    async def addresses(self) -> Any:
        """The book's counts."""
        return await self._ask_book(BookCall(AddrBook.statistics))

    async def import_addresses(self, text: str, *, unite: bool = False) -> Added:
        """Put the addresses of CometBFT's addrbook.json into the book. Raises: BookFileError.

        Args: unite, take the better history of those that are known, too.
        """
        read = await asyncio.to_thread(read_book, text, skip_faulty=True)
        added: Added = await self._ask_book(
            BookCall(Curation.unite if unite else AddrBook.merge, (read.rows,))
        )
        return added

    async def add_addresses(self, texts: tuple[str, ...]) -> Added:
        """Put these addresses into the book. Raises: AddressError, one is no address with an ID and an IP."""
        addresses = tuple(map(NetAddress.parse, texts))
        added: Added = await self._ask_book(BookCall(Curation.add_given, (addresses,)))
        return added

    async def remove_addresses(self, ids: tuple[str, ...]) -> tuple[NodeID, ...]:
        """Take these IDs out of the book. Returns: those that were in it. Raises: ValueError, one is no ID."""
        removed: tuple[NodeID, ...] = await self._ask_book(BookCall(Curation.remove_all, (_node_ids(ids),)))
        return removed

    async def _ask_book(self, call: BookCall) -> Any:
        return await self._ask(call, self.context.names.addrbook, "address book")

    async def _ask_switch(self, message: Any) -> Any:
        return await self._ask(message, self.context.names.switch, "switch")

    async def _ask_root(self, message: Any) -> Any:
        return await self._ask(message, self.context.names.supervisor, "node's supervisor")


def _node_ids(ids: tuple[str, ...]) -> tuple[NodeID, ...]:
    for peer_id in ids:
        if not is_node_id(peer_id):
            raise ValueError(f"{quoted(peer_id)} is no node ID: 40 hexadecimal characters are expected")
    return tuple(NodeID(normal_id(peer_id)) for peer_id in ids)
