"""How the hooks of a reactor are called: at once, one after the other. `async_hook_calls.py` has the other way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from peerage.actors.messages import PeerInfo
from peerage.actors.reactors.envelope import Decoding, Envelope
from peerage.actors.reactors.peer_faults import PeerFaults
from peerage.actors.reactors.peer_handle import Peer
from peerage.actors.transfer import Place
from peerage.wire import accelerator

__all__ = ["HookCalls", "Hooks", "envelopes"]

Consumed = Callable[[PeerInfo, int, int], None]  # the bytes and messages of a peer that were consumed


class Hooks(Protocol):
    """What the author of a reactor has written."""

    def init_peer(self, peer: Peer) -> Any: ...

    def add_peer(self, peer: Peer) -> Any: ...

    def receive(self, envelope: Envelope) -> Any: ...

    def remove_peer(self, peer: Peer, reason: str) -> Any: ...

    def handle(self, message: Any) -> Any: ...


class HookCalls:
    """Calls plain hooks. What one raises about a peer stops that peer.

    Args: consumed, is called when messages of a peer need no more room in its window.
    """

    def __init__(self, hooks: Hooks, decoding: Decoding, faults: PeerFaults, consumed: Consumed) -> None:
        self._hooks, self._decoding, self._faults, self._consumed = hooks, decoding, faults, consumed

    def meet(self, peer: Peer) -> None:
        """A connection begins."""
        self._guarded(peer, "init_peer", self._hooks.init_peer)
        if peer.is_running:
            self._guarded(peer, "add_peer", self._hooks.add_peer)

    def receive(self, peer: Peer, places: Sequence[Place], frames: Sequence[Any]) -> None:
        """Messages have come. Args: as of `transfer.received`."""
        size = messages = 0
        receive, decodes, new = self._hooks.receive, self._decoding.is_on, tuple.__new__
        batch: Sequence[Envelope]
        for place, frame in zip(places, frames, strict=True):
            size += len(frame)
            if isinstance(place, int):
                batch = (new(Envelope, (peer, place, frame if type(frame) is bytes else bytes(frame))),)
            else:
                channel_id, sizes = place
                batch = accelerator.split_messages(frame, sizes, Envelope, (peer, channel_id))
            messages += len(batch)
            for envelope in batch:
                if not peer._is_running:  # noqa: SLF001 - stopped, perhaps while handling this batch: the rest is dropped
                    break
                try:
                    receive(self._decoding.decoded(envelope) if decodes else envelope)
                except Exception as error:
                    self._faults.stop(peer, "receive", error)
        self._consumed(peer.info, size, messages)

    def leave(self, peer: Peer, reason: str, answer: Any, *, was_stopped: bool) -> Any:
        """A connection has ended. Args: was_stopped, by this reactor. Returns: the answer, now or as a future."""
        try:
            self._hooks.remove_peer(peer, reason)
        except Exception as error:
            self._faults.log_fault("remove_peer raised", peer, "remove_peer", error)
        peer.states = None
        return answer

    def handle(self, message: Any) -> Any:
        """Somebody has told or asked something else."""
        return self._hooks.handle(message)

    def end(self) -> None:
        """The reactor is about to stop."""

    def _guarded(self, peer: Peer, name: str, hook: Callable[[Peer], Any]) -> None:
        try:
            hook(peer)
        except Exception as error:
            self._faults.stop(peer, name, error)


def envelopes(peer: Peer, places: Sequence[Place], frames: Sequence[Any]) -> Iterator[Envelope]:
    """The messages of a batch one by one."""
    for place, frame in zip(places, frames, strict=True):
        if isinstance(place, int):
            yield Envelope(peer, place, frame if type(frame) is bytes else bytes(frame))
        else:
            channel_id, sizes = place
            yield from accelerator.split_messages(frame, sizes, Envelope, (peer, channel_id))
