"""What a program changes at its node while that runs: who is connected, who is kept out, which settings count."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TypeVar

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.messages.steering import Reconfigured
from peerage.config import Config
from peerage.supervisors.node import requests
from peerage.supervisors.node.requests import BAN_S, BY_THE_PROGRAM, Request
from peerage.wire.keys import NodeID

__all__ = ["SteeredNode"]

T = TypeVar("T")


class SteeredNode(ABC):
    """The part of `Node` that steers it. All of it raises NodeNotRunningError when the node does not run.

    What ends in `_async` does the same, and is awaited: it never blocks the loop.
    """

    def disconnect(self, whom: str) -> tuple[NodeID, ...]:
        """End the connections of a node ID, an IP address, or an `IP:port`. Persistent peers are dialled again.

        Returns: the IDs of those that are being disconnected. Raises: ValueError, it is none of these.
        """
        return self._ask(requests.disconnect(whom))

    async def disconnect_async(self, whom: str) -> tuple[NodeID, ...]:
        """As `disconnect`, awaited."""
        return await self._ask_async(requests.disconnect(whom))

    def remove_persistent_peers(self, ids: Iterable[str]) -> tuple[NodeID, ...]:
        """Do not redial these any more; they stay connected. Each is an ID, or ID@host:port as for `add_persistent_peers`.

        Returns: those that were persistent. Raises: ValueError, one is no node ID.
        """
        return self._ask(requests.remove_persistent(ids))

    async def remove_persistent_peers_async(self, ids: Iterable[str]) -> tuple[NodeID, ...]:
        """As `remove_persistent_peers`, awaited."""
        return await self._ask_async(requests.remove_persistent(ids))

    def ban(self, subject: str, seconds: float = BAN_S, reason: str = BY_THE_PROGRAM) -> Ban:
        """Keep a node ID, an IP address or a network out for so long; its connections end. On disk when this returns.

        Raises: BanSubjectError, it is none of these; ValueError, `seconds` is not above 0.
        """
        return self._ask(requests.ban(subject, seconds, reason))

    async def ban_async(self, subject: str, seconds: float = BAN_S, reason: str = BY_THE_PROGRAM) -> Ban:
        """As `ban`, awaited."""
        return await self._ask_async(requests.ban(subject, seconds, reason))

    def unban(self, subject: str) -> bool:
        """End a ban, and forget what counts against its subject. Returns: whether there was anything."""
        return self._ask(requests.unban(subject))

    async def unban_async(self, subject: str) -> bool:
        """As `unban`, awaited."""
        return await self._ask_async(requests.unban(subject))

    def reconfigure(self, config: Config) -> Reconfigured:
        """Be as this configuration says, as far as that goes while the node runs. `config` stays what it was made with.

        Returns: what has changed, and what counts only once the node is made anew.
        """
        return self._ask(requests.reconfigure(config))

    async def reconfigure_async(self, config: Config) -> Reconfigured:
        """As `reconfigure`, awaited."""
        return await self._ask_async(requests.reconfigure(config))

    def upgrade_reactor(self, name: str) -> None:
        """Start a reactor anew with the code that is on disk now, while all connections stay.

        Its module and all that it imports are imported anew, in a process of their own. Code that cannot be imported, or has
        other channels, is refused while the old one goes on; if it does not start, the code before it is started again.
        From then on each restart of the reactor imports its code as it is then.

        Raises: ReactorUpgradeError; UnknownReactorError.
        """
        return self._ask(requests.upgrade_reactor(name))

    async def upgrade_reactor_async(self, name: str) -> None:
        """As `upgrade_reactor`, awaited."""
        return await self._ask_async(requests.upgrade_reactor(name))

    @abstractmethod
    def _ask(self, request: Request[T]) -> T:
        """Ask a part of the node, and wait for the answer."""

    @abstractmethod
    async def _ask_async(self, request: Request[T]) -> T:
        """The same, awaited."""
