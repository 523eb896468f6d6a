"""What a program asks its running node about connections, each waiting for the answer or awaited (`…_async`)."""

# ruff: noqa: ASYNC109 - what is awaited has the same arguments as what waits

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator, Iterable
from typing import Any, Literal, overload

from peerage.actors.reactors.peer_handle import Peer
from peerage.config import Config
from peerage.supervisors.node import requests
from peerage.supervisors.node.life import Lives
from peerage.supervisors.node.requests import DIAL_WAIT_S
from peerage.supervisors.node.steering import SteeredNode

__all__ = ["AskedNode"]


class AskedNode(SteeredNode):
    """The part of `Node` that asks. All of it raises NodeNotRunningError when the node does not run.

    What ends in `_async` does the same, and is awaited: it never blocks the loop.
    """

    config: Config
    _lives: Lives

    @overload
    def dial(
        self,
        address: str,
        *,
        persistent: Literal[False] = False,
        wait: Literal[True] | None = None,
        timeout: float = DIAL_WAIT_S,
    ) -> Peer: ...

    @overload
    def dial(
        self, address: str, *, persistent: bool = False, wait: Literal[True], timeout: float = DIAL_WAIT_S
    ) -> Peer: ...

    @overload
    def dial(
        self,
        address: str,
        *,
        persistent: Literal[True],
        wait: Literal[False] | None = None,
        timeout: float = DIAL_WAIT_S,
    ) -> None: ...

    @overload
    def dial(
        self, address: str, *, persistent: bool = False, wait: Literal[False], timeout: float = DIAL_WAIT_S
    ) -> None: ...

    @overload
    def dial(
        self,
        address: str,
        *,
        persistent: bool = False,
        wait: bool | None = None,
        timeout: float = DIAL_WAIT_S,
    ) -> Peer | None: ...

    def dial(
        self,
        address: str,
        *,
        persistent: bool = False,
        wait: bool | None = None,
        timeout: float = DIAL_WAIT_S,
    ) -> Peer | None:
        """Dial `ID@host:port`.

        Args:
            address: ID, and an IP or a name.
            persistent: redial it whenever it is lost, and go on trying now.
            wait: for the outcome; by default unless persistent.
            timeout: seconds to wait at most.

        Returns: the peer, None when not waited for.
        Raises: DialError with the reason (waiting only); AddressError when the address does not parse; Timeout.
        """
        return self._ask(requests.dial(address, persistent, wait, timeout))

    @overload
    async def dial_async(
        self,
        address: str,
        *,
        persistent: Literal[False] = False,
        wait: Literal[True] | None = None,
        timeout: float = DIAL_WAIT_S,
    ) -> Peer: ...

    @overload
    async def dial_async(
        self, address: str, *, persistent: bool = False, wait: Literal[True], timeout: float = DIAL_WAIT_S
    ) -> Peer: ...

    @overload
    async def dial_async(
        self,
        address: str,
        *,
        persistent: Literal[True],
        wait: Literal[False] | None = None,
        timeout: float = DIAL_WAIT_S,
    ) -> None: ...

    @overload
    async def dial_async(
        self, address: str, *, persistent: bool = False, wait: Literal[False], timeout: float = DIAL_WAIT_S
    ) -> None: ...

    @overload
    async def dial_async(
        self,
        address: str,
        *,
        persistent: bool = False,
        wait: bool | None = None,
        timeout: float = DIAL_WAIT_S,
    ) -> Peer | None: ...

    async def dial_async(
        self,
        address: str,
        *,
        persistent: bool = False,
        wait: bool | None = None,
        timeout: float = DIAL_WAIT_S,
    ) -> Peer | None:
        """As `dial`, awaited. A dial whose task is cancelled goes on, and may make a peer."""
        return await self._ask_async(requests.dial(address, persistent, wait, timeout))

    def dial_peers_async(
        self,
        addresses: Iterable[str],
        *,
        persistent: bool = False,
        unconditional: bool = False,
        private: bool = False,
    ) -> Awaitable[None]:
        """Reference 6: into the address book, then each dialled after up to 3 s.

        The name is CometBFT's, and older than the awaitable forms here. It is both: where no asyncio loop runs it waits
        until they are in the book, and in one it is to be awaited.

        Raises: AddressError.
        """
        request = requests.dial_in_background(addresses, persistent, unconditional, private)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._ask(request)
            return _Done()
        return loop.create_task(self._ask_async(request))  # which is asked even if nobody awaits it

    def add_persistent_peers(self, addresses: Iterable[str]) -> None:
        """Peers to be redialled when lost. Raises: AddressError."""
        self._ask(requests.make_persistent(addresses))

    async def add_persistent_peers_async(self, addresses: Iterable[str]) -> None:
        """As `add_persistent_peers`, awaited."""
        await self._ask_async(requests.make_persistent(addresses))

    def add_unconditional_peer_ids(self, ids: Iterable[str]) -> None:
        """IDs let in beyond all limits. Raises: ValueError."""
        self._ask(requests.make_unconditional(ids))

    async def add_unconditional_peer_ids_async(self, ids: Iterable[str]) -> None:
        """As `add_unconditional_peer_ids`, awaited."""
        await self._ask_async(requests.make_unconditional(ids))

    def add_private_peer_ids(self, ids: Iterable[str]) -> None:
        """IDs told to nobody. Raises: ValueError."""
        self._ask(requests.make_private(ids))

    async def add_private_peer_ids_async(self, ids: Iterable[str]) -> None:
        """As `add_private_peer_ids`, awaited."""
        await self._ask_async(requests.make_private(ids))

    def peers(self) -> list[Peer]:
        """Everyone connected now."""
        return self._ask(requests.get_peers())

    async def peers_async(self) -> list[Peer]:
        """As `peers`, awaited."""
        return await self._ask_async(requests.get_peers())

    def rpc_addresses(self) -> list[str]:
        """Where RPC is served; empty when it is off."""
        self._lives.running()
        return self._ask(requests.addresses_of("rpc")) if self.config.rpc.laddr else []

    async def rpc_addresses_async(self) -> list[str]:
        """As `rpc_addresses`, awaited."""
        self._lives.running()
        return await self._ask_async(requests.addresses_of("rpc")) if self.config.rpc.laddr else []

    def metrics_addresses(self) -> list[str]:
        """Where metrics are served; empty when they are off."""
        self._lives.running()
        is_on = self.config.instrumentation.prometheus
        return self._ask(requests.addresses_of("metrics")) if is_on else []

    async def metrics_addresses_async(self) -> list[str]:
        """As `metrics_addresses`, awaited."""
        self._lives.running()
        is_on = self.config.instrumentation.prometheus
        return await self._ask_async(requests.addresses_of("metrics")) if is_on else []


class _Done:
    """What may be awaited, and is over."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()
