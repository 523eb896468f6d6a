"""Peer exchange messages that cannot be used."""

from __future__ import annotations

from peerage.wire.errors.base import RemoteError
from peerage.wire.remote_text import quoted


class PexError(RemoteError):
    """A message of channel 0x00 cannot be used. Source: reference 8."""


class PexKindError(PexError):
    """A message is neither a request nor addresses. This stops the peer but does not ban it."""

    def __str__(self) -> str:
        return "a peer exchange message of no known kind"


class PexAddressError(PexError):
    """An address has no literal IP or a port beyond 65535. None of the message is used, and the peer is banned."""

    def __init__(self, ip: str, port: int) -> None:
        super().__init__(ip, port)
        self.ip = ip
        self.port = port

    def __str__(self) -> str:
        return f"peer exchange: {quoted(self.ip)} port {self.port} is no address"
