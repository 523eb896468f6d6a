"""The secret connection: calls out of order, streams that end, frames that cannot be trusted."""

from __future__ import annotations

from peerage.wire.errors.base import LocalError, RemoteError
from peerage.wire.remote_text import QUOTED, shown


class ConnectionStateError(LocalError):
    """The connection cannot do this now: it is not open yet, or it has failed."""

    def __init__(self, operation: str, stage: str) -> None:
        super().__init__(operation, stage)
        self.operation = operation
        self.stage = stage

    def __str__(self) -> str:
        return f"{shown(self.operation, QUOTED)} is not possible while the connection is {shown(self.stage, QUOTED)}"


class EphemeralSecretError(LocalError):
    """The random source or the caller supplied a secret that does not have 32 bytes."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def __str__(self) -> str:
        return f"an ephemeral secret of {self.length} bytes, it must have 32"


class SealExhaustedError(LocalError):
    """Our frame counter has reached its end: another frame would use a nonce twice."""

    def __str__(self) -> str:
        return "all nonces of this connection are used, a new connection is needed"


class ConnectionClosedError(RemoteError):
    """The stream ended where it must not: inside the handshake or inside a frame."""

    def __init__(self, stage: str, held: int) -> None:
        super().__init__(stage, held)
        self.stage = stage
        self.held = held

    def __str__(self) -> str:
        return f"the remote closed the connection while it was {shown(self.stage)}, {self.held} bytes into a message"


class FrameError(RemoteError):
    """A sealed frame cannot be trusted."""


class FrameTagError(FrameError):
    """The frame was forged, replayed, reordered or sealed with another key."""

    def __init__(self, counter: int) -> None:
        super().__init__(counter)
        self.counter = counter

    def __str__(self) -> str:
        return f"frame {self.counter} does not authenticate"


class FrameLengthError(FrameError):
    """A frame claims to hold more than 1024 bytes."""

    def __init__(self, counter: int, length: int) -> None:
        super().__init__(counter, length)
        self.counter = counter
        self.length = length

    def __str__(self) -> str:
        return f"frame {self.counter} says it holds {self.length} bytes, at most 1024 fit"


class OpenExhaustedError(FrameError):
    """The remote has used every nonce there is and sends more frames."""

    def __str__(self) -> str:
        return "the remote has used all nonces of this connection"
