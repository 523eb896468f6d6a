"""What an HTTP server allows its clients, as a value: a configuration has it where no server is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HttpLimits"]


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What a server allows its clients together, and each of them. The defaults are CometBFT's.

    Args:
        max_connections: `max_open_connections`; one more is answered 503 and closed. 0: no limit.
        max_header_bytes: `rpc.max_header_bytes`, request line and headers.
        max_pending_bytes: of requests that are not answered yet, of all clients together, but for the first 16 KiB of each;
            one that needs more is answered 503.
        read_timeout_s: from the first byte of a request (or the connection's start) to its last.
        host_names: by which it may be called at a loopback address, besides those that no stranger can have.
        write_timeout_s: from there to the last byte of the answer in the system's buffer.
    """

    max_connections: int = 900
    max_header_bytes: int = 1 << 20
    read_timeout_s: float = 10.0
    write_timeout_s: float = 10.0
    max_pending_bytes: int = 32 << 20
    host_names: tuple[str, ...] = ()
