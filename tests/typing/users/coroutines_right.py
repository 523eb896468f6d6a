"""A user's coroutines, where hooks may be some: no `type: ignore` is needed for any."""

from __future__ import annotations

import asyncio
from typing import Any, assert_type

from peerage import ActorRef, Envelope, Peer, Reactor
from peerage.actors.runtime import ActorRegistry, DownReason, ProcessActor
from peerage.actors.runtime import as_pykka as pykka


class Fetcher(ProcessActor):
    async def on_restore(self, state: Any) -> None:
        await asyncio.sleep(0)

    async def on_start(self) -> None:
        self.runtime.spawn(asyncio.sleep(1.0))

    async def on_receive(self, message: str) -> str:
        await asyncio.sleep(0)
        return message

    async def on_stop(self) -> None:
        await asyncio.sleep(0)

    async def on_down(self, ref: ActorRef[Any], reason: DownReason) -> None:
        await asyncio.sleep(0)


class Echo(Reactor):
    async def on_start(self) -> None:
        await asyncio.sleep(0)

    async def init_peer(self, peer: Peer) -> None:
        await asyncio.sleep(0)

    async def add_peer(self, peer: Peer) -> None:
        await peer.send_async(0x50, b"hello")

    async def receive(self, envelope: Envelope) -> None:
        await envelope.source.send_async(envelope.channel_id, envelope.message)

    async def remove_peer(self, peer: Peer, reason: str) -> None:
        await asyncio.sleep(0)

    async def handle(self, message: Any) -> int:
        return len(self.peers)

    async def on_stop(self) -> None:
        await asyncio.sleep(0)


class Plain(pykka.ThreadingActor):
    """As in Pykka's own programs."""

    def on_start(self) -> None:
        super().on_start()

    def on_failure(
        self, exception_type: object, exception_value: BaseException | None, traceback: object
    ) -> None:
        print(exception_value)


def registered() -> None:
    assert_type(ActorRegistry.get_by_class(Fetcher), list[ActorRef[Fetcher]])
    assert_type(pykka.ActorRegistry.get_by_class(Plain), list[ActorRef[Plain]])
    Plain.start().proxy().stop()
