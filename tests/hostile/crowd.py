"""A crowd of hostile connections, in one thread: `python -m tests.hostile.crowd ADDRESS COUNT FROM SECONDS PAUSE`.

Each connection is of one of five kinds, and is made again, from another address of its network, when it has been closed:

- idle: says nothing.
- slow: sends a byte of its key message each second.
- garbage: sends what no handshake is, a little at a time.
- half-closed: sends half of its key message and closes its half of the connection.
- fresh: shakes hands to the end under a fresh key, then does nothing: it takes the place of a peer if it gets one.

FROM is `one` (127.66.0.0/16) or `everywhere` (as many /16 as there are below 127.200.0.0). When its input is closed or its
time is over it closes everything and prints one line of JSON: how often each kind connected, and was let in. The line before
that is empty, and says that it begins.
"""

from __future__ import annotations

import errno
import heapq
import json
import random
import selectors
import socket
import sys
import time
from collections import Counter
from dataclasses import replace

from peerage.actors.peers.handshake import Handshake, HandshakeRefusedError
from peerage.wire.handshake_messages import EphemeralKey
from peerage.wire.keys import NodeKey
from peerage.wire.node_info import NodeInfo

__all__ = ["KINDS", "Crowd"]

KINDS = ("idle", "slow", "garbage", "half-closed", "fresh")
KEY_MESSAGE = bytes([34]) + EphemeralKey(bytes(range(32))).encode()
STEP_S = 1.0  # between two bytes of a slow one
READ = 65536
MOST_CONNECTING = 32  # at once, so that the backlog of the listener is no limit


def address_from(where: str, rng: random.Random) -> str:
    """One of a hostile network."""
    if where == "one":
        return f"127.66.{rng.randrange(256)}.{rng.randrange(1, 255)}"
    return f"127.{rng.randrange(1, 200)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


class Member:
    """One of the crowd. Its socket is another one after each end."""

    def __init__(self, crowd: Crowd, kind: str) -> None:
        self._crowd, self._kind = crowd, kind
        self._sock: socket.socket | None = None
        self._handshake: Handshake | None = None
        self._sent = 0
        self._is_connecting = False

    def connect(self) -> None:
        """Begin anew."""
        crowd = self._crowd
        if crowd.connecting >= MOST_CONNECTING:
            crowd.later(0.01, self.connect)
            return
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
        try:
            sock.bind((address_from(crowd.where, crowd.rng), 0))
            code = sock.connect_ex(crowd.target)
        except OSError as error:
            code = error.errno or errno.EIO
        if code not in {0, errno.EINPROGRESS}:
            sock.close()
            crowd.later(crowd.pause, self.connect)
            return
        self._sock, self._sent, self._handshake = sock, 0, None
        self._set_connecting(True)
        crowd.selector.register(sock, selectors.EVENT_WRITE, self)

    def ready(self, mask: int) -> None:
        """Something happened on the socket."""
        assert self._sock is not None
        try:
            if mask & selectors.EVENT_WRITE:
                if self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    self.end()
                    return
                self._connected()
            else:
                data = self._sock.recv(READ)
                if data:
                    self._received(data)
                else:
                    self.end()
        except (OSError, HandshakeRefusedError):
            self.end()

    def end(self) -> None:
        """Closed, by either side: come again after a pause."""
        self.close()
        self._crowd.later(self._crowd.pause, self.connect)

    def close(self) -> None:
        """Close it."""
        self._set_connecting(False)
        if self._sock is not None:
            self._crowd.selector.unregister(self._sock)
            self._sock.close()
            self._sock = None

    def _set_connecting(self, wanted: bool) -> None:
        self._crowd.connecting += wanted - self._is_connecting
        self._is_connecting = wanted

    def _connected(self) -> None:
        assert self._sock is not None
        self._set_connecting(False)
        self._crowd.selector.modify(self._sock, selectors.EVENT_READ, self)
        self._crowd.connects[self._kind] += 1
        if self._kind == "half-closed":
            self._sock.send(KEY_MESSAGE[:17])
            self._sock.shutdown(socket.SHUT_WR)
        elif self._kind == "fresh":
            key = NodeKey.generate()
            self._handshake = Handshake(key, lambda theirs: _like(theirs, key))
            self._sock.send(self._handshake.data_to_send())
        elif self._kind in {"slow", "garbage"}:
            self._step(self._sock)

    def _step(self, sock: socket.socket) -> None:
        if sock is not self._sock:
            return
        try:
            if self._kind == "slow":
                sock.send(KEY_MESSAGE[self._sent : self._sent + 1])
                self._sent = min(self._sent + 1, len(KEY_MESSAGE) - 2)
            else:
                sock.send(self._crowd.rng.randbytes(48))
        except OSError:
            self.end()
            return
        self._crowd.later(STEP_S, self._step, sock)

    def _received(self, data: bytes) -> None:
        handshake, sock = self._handshake, self._sock
        if handshake is None or sock is None:
            return
        if handshake.receive_data(data):
            self._handshake = None
            self._crowd.identified += 1
        if out := handshake.data_to_send():
            sock.send(out)


class Crowd:
    """All of them.

    Args: target, IP and port; count, how many; where, `one` or `everywhere`; pause, seconds before one comes again.
    """

    def __init__(self, target: tuple[str, int], count: int, where: str, pause: float) -> None:
        self.target, self.where, self.pause = target, where, pause
        self.rng = random.Random(1)
        self.selector = selectors.DefaultSelector()
        self.connecting = 0
        self.connects: Counter[str] = Counter()
        self.identified = 0
        self._timers: list[tuple[float, int, object, tuple[object, ...]]] = []
        self._serial = 0
        self._members = [Member(self, KINDS[number % len(KINDS)]) for number in range(count)]

    def later(self, seconds: float, fn: object, *args: object) -> None:
        """Call `fn(*args)` after that time."""
        self._serial += 1
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._serial, fn, args))

    def press(self, seconds: float) -> None:
        """For so long, or until our input is closed."""
        for number, member in enumerate(self._members):
            self.later(number / len(self._members), member.connect)
        self.selector.register(sys.stdin, selectors.EVENT_READ, None)
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            while self._timers and self._timers[0][0] <= now:
                _when, _serial, fn, args = heapq.heappop(self._timers)
                fn(*args)  # type: ignore[operator]  # a method of a member
            wait = self._timers[0][0] - now if self._timers else 0.1
            for key, mask in self.selector.select(max(0.0, min(wait, end - now))):
                if key.data is None:
                    return
                if key.data._sock is key.fileobj:
                    key.data.ready(mask)

    def close(self) -> None:
        """Close every connection."""
        for member in self._members:
            member.close()


def _like(theirs: NodeInfo, key: NodeKey) -> NodeInfo:
    return replace(theirs, id=key.node_id, moniker="crowd", listen_addr="tcp://0.0.0.0:26656")


def main() -> int:
    address, count, where, seconds, pause = sys.argv[1:]
    host, port = address.rsplit(":", 1)
    crowd = Crowd((host, int(port)), int(count), where, float(pause))
    print(flush=True)
    crowd.press(float(seconds))
    crowd.close()
    print(json.dumps({"connects": crowd.connects, "identified": crowd.identified}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
