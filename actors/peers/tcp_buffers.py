"""Short kernel buffers: what lies in them cannot be overtaken by a message of higher priority (cometbft #2128).

Left alone, the kernel of a receiver that is busy takes in several MiB, and that of the sender as much: at 200 MB/s a message
of high priority waits tens of milliseconds behind them, at CometBFT's 5 MB/s a second.
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
LINE_RATE = 1_250_000_000  # bytes/s, 10 Gbit/s: an unlimited connection is not slowed down below that
LEAST_WINDOW = 212_992  # bytes; as much as every Linux lets a program ask for (net.core.rmem_max)
_SO_BUF_LOCK = 72  # Linux 5.14; Python has no name for it
_MIN_RTT = Struct("<148xI")  # of struct tcp_info, µs; Linux 4.6


def receive_window(round_trip: float, rate: float) -> int:
    """Bytes that a remote so many seconds away (there and back) may send ahead.

    Args: rate, bytes per second that are read, 0 for no limit.
    """
    return max(LEAST_WINDOW, int(2 * round_trip * (rate or LINE_RATE)))


@cache
def _most_allowed() -> int:
    return int(Path("/proc/sys/net/core/rmem_max").read_text())


def shorten_send_buffer(sock: socket.socket) -> None:
    """Have the kernel take little that it cannot send yet."""
    with contextlib.suppress(OSError):  # an improvement, no need
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOT_SENT)


def shorten_receive_buffer(sock: socket.socket, rate: float) -> None:
    """Have the kernel take in no more than the way of the packets needs, which is known since the handshake.

    A long way is left to the kernel, which finds the window by itself, as is one that this system does not allow.
    """
    with contextlib.suppress(OSError, ValueError):
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MIN_RTT.size)
        if len(info) == _MIN_RTT.size:
            window = receive_window(_MIN_RTT.unpack(info)[0] / 1e6, rate)
            if window <= _most_allowed():
                # (A window clamp instead would be forgotten as the kernel's own tuning goes on.)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)


def loosen_receive_buffer(sock: socket.socket) -> None:
    """Before reading stops for long: have the kernel take in what is on the way, even if it is more.

    It may have promised the remote more room than a shortened buffer has, for small packets take more memory than their
    bytes. What does not fit it drops, and the remote repeats it at intervals that double: after a pause it would stay
    silent as long again. `shorten_receive_buffer` takes this back.
    """
    with contextlib.suppress(OSError):  # before Linux 5.14
        sock.setsockopt(socket.SOL_SOCKET, _SO_BUF_LOCK, 0)
