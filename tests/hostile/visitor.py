"""A hostile peer of a node that echoes: what it says comes back on the same channel."""

from __future__ import annotations

import secrets
import time
from typing import Self

from peerage.conformance import visitor
from peerage.conformance.line import PATIENCE_S
from peerage.conformance.visitor import Claims
from peerage.wire.pex import PEX_CHANNEL
from tests.hostile.limits import HIGH, LOW

__all__ = ["FLOOD_S", "NETWORK", "PATIENCE_S", "Visitor"]

NETWORK = "test"
FLOOD_S = 2.0
CHANNELS = bytes((PEX_CHANNEL, HIGH, LOW))


class Visitor(visitor.Visitor):
    """Its samples are echoed. Attribute: flood_s, how many seconds a flood of ours takes."""

    flood_s = FLOOD_S

    @classmethod
    def from_place(cls, host: str, port: int, source: str) -> Self:
        """Dial from an address of our own. Raises: OSError."""
        return cls.calling(host, port, claims(source, 26656), source)

    @property
    def channel(self) -> int:
        return HIGH

    def sample(self, size: int = 2) -> bytes:
        return b"hi" if size == 2 else bytes(size)  # that of its default

    def hear_back(self, sample: bytes) -> None:
        found = self.expect(HIGH)
        assert found == sample, f"{found!r} came back, not {sample!r}"

    def confirm(self, patience: float = PATIENCE_S) -> None:
        """Send a message and wait until it comes back. Raises: OSError, TimeoutError."""
        token = secrets.token_bytes(16)
        self.packet(token)
        deadline = time.monotonic() + patience
        while (HIGH, token) not in self._messages:
            self.listen(deadline)
        self._messages.clear()


def claims(host: str, port: int) -> Claims:
    """What it says of itself. Args: host and port, where it listens or says so."""
    return Claims(NETWORK, CHANNELS, listen_addr=f"tcp://{host}:{port}")
