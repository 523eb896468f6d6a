"""Short kernel buffers: a message of higher priority cannot overtake what is in them (cometbft #2128).

By default the kernel of a busy receiver buffers several MiB, and that of the sender as much. At 200 MB/s a message of high
priority then waits tens of milliseconds behind them; at CometBFT's 5 MB/s, a second.
Figures: docs/performance.md, under pressure.
"""

from __future__ import annotations

import contextlib
import socket
from functools import cache
from pathlib import Path
from struct import Struct

__all__ = ["loosen_receive_buffer", "receive_window", "shorten_receive_buffer", "shorten_send_buffer"]

NOT_SENT = 128 * 1024  # bytes that the kernel takes beyond what the remote's window lets it send
LINE_RATE = 1_250_000_000  # bytes/s, 10 Gbit/s: buffers do not slow down an unlimited connection below that
LEAST_WINDOW = 131_072  # bytes; every Linux allows a program more (net.core.rmem_max)
_SO_BUF_LOCK = 72  # Linux 5.14; Python has no name for it
_MIN_RTT = Struct("<148xI")  # of struct tcp_info, µs; Linux 4.6


def receive_window(round_trip: float, rate: float) -> int:
    """How many bytes a remote may send ahead.

    Args: round_trip, seconds; rate, bytes per second that are read, 0 for no limit.
    """
    return max(LEAST_WINDOW, int(2 * round_trip * (rate or LINE_RATE)))


@cache
def _most_allowed() -> int:
    return int(Path("/proc/sys/net/core/rmem_max").read_text())


def shorten_send_buffer(sock: socket.socket) -> None:
    """Let the kernel buffer only little that it cannot send yet."""
    with contextlib.suppress(OSError):  # an improvement only
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOT_SENT)


def shorten_receive_buffer(sock: socket.socket, rate: float) -> None:
    """Let the kernel buffer no more than the round trip needs, which is known since the handshake.

    If this system does not allow a window of that size, as for a long round trip, the kernel's own tuning is left on.
    """
    with contextlib.suppress(OSError, ValueError):
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MIN_RTT.size)
        if len(info) == _MIN_RTT.size:
            window = receive_window(_MIN_RTT.unpack(info)[0] / 1e6, rate)
            if window <= _most_allowed():
                # (TCP_WINDOW_CLAMP would not do: the kernel's own tuning overrides it.)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)


def loosen_receive_buffer(sock: socket.socket) -> None:
    """Before we stop reading for long: let the kernel accept everything that is on its way, even if it is more.

    Small packets take more memory than their bytes, so the kernel may have promised the remote more room than a shortened
    buffer has. It drops what does not fit, and the remote repeats it at intervals that double: after a pause the connection
    would be silent for as long again. `shorten_receive_buffer` undoes this.
    """
    with contextlib.suppress(OSError):  # before Linux 5.14
        sock.setsockopt(socket.SOL_SOCKET, _SO_BUF_LOCK, 0)
