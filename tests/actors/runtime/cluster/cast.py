"""The actors that are sent to the cluster."""

from __future__ import annotations

import os
import threading
from typing import Any

import ray

from peerage.actors.runtime import ActorRef, Frames, ProcessActor


class Traveller(ProcessActor):
    """Does what its messages say: `(method name, *arguments)`; anything else it keeps."""

    def __init__(self, *kept: Any, greets: ActorRef[Any] | None = None) -> None:
        super().__init__()
        self.kept = list(kept)
        self.gate = threading.Event()
        if greets is not None:
            self.kept.append(greets.ask(("repeat", "welcome"), timeout=10))

    def on_receive(self, message: Any) -> Any:
        if type(message) is tuple:
            return getattr(self, message[0])(*message[1:])
        self.kept.append(message)
        return None

    def repeat(self, value: Any) -> Any:
        return value

    def node(self) -> str:
        """The resource that only its node has, or empty at home."""
        return str(ray.get_runtime_context().get_node_id())

    def pid(self) -> int:
        return os.getpid()

    def all_kept(self) -> list[Any]:
        return self.kept

    def me(self) -> ActorRef[Any]:
        return self.actor_ref

    def sender(self) -> ActorRef[Any] | None:
        return self.runtime.sender

    def ask(self, other: ActorRef[Any], message: Any) -> Any:
        return other.ask(message, timeout=10)

    def tell(self, other: ActorRef[Any], *messages: Any) -> None:
        for message in messages:
            other.tell(message)

    def watch(self, other: ActorRef[Any]) -> None:
        self.runtime.watch(other)

    def on_down(self, ref: ActorRef[Any], reason: Any) -> None:
        self.kept.append((ref, reason.kind))

    def length(self, payload: bytes) -> int:
        return len(payload)

    def frames(self, size: int) -> Frames:
        return Frames("of that size", [bytes(size)])

    def wait(self) -> None:
        """Until somebody opens the gate, which nobody does."""
        self.gate.wait()

    def exit(self) -> None:
        os._exit(3)

    def fail(self) -> None:
        raise LookupError("nothing there")

    def end(self) -> None:
        raise SystemExit
