"""Thespian's actor for actor_libraries.py: its processes import it by name, which takes a module of its own."""

from __future__ import annotations

from thespian.actors import ActorTypeDispatcher


class ThespianEcho(ActorTypeDispatcher):  # type: ignore[misc]  # an untyped library
    """Bytes are asked, text is told."""

    def receiveMsg_bytes(self, message: bytes, sender: object) -> None:  # noqa: N802 - its name for it
        self.send(sender, message)

    def receiveMsg_str(self, message: str, sender: object) -> None:  # noqa: N802 - its name for it
        """Nobody waits for an answer."""
