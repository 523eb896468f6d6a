"""The network between a node and one of its peers: a proxy that can fall silent, or be cut."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self

__all__ = ["Link"]

READ_SIZE = 65536
LOOK_S = 0.05
RESET = struct.pack("ii", 1, 0)


class Link:
    """Carries connections to one address. A context manager.

    While it is silent, nothing is carried and nothing is lost: what is sent waits, as far as there is room. A cut ends all
    connections at both ends, and there is nobody to connect to until it is mended.

    Args: target, host and port; name, under which it listens, an IP address or what resolves to one.
    """

    def __init__(self, target: tuple[str, int], name: str = "127.0.0.1") -> None:
        self._target, self._name = target, name
        family, _, _, _, where = socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM)[0]
        self._family, self._host = family, str(where[0])
        self._carries = threading.Event()
        self._carries.set()
        self._is_closed = False
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._listener = self._listen(0)
        self._port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_closed = True
        self.mend()
        self.cut()
        for thread in self._threads:
            thread.join()

    @property
    def address(self) -> str:
        """name:port, where it listens."""
        return f"{self._name}:{self._port}"

    @property
    def is_in_use(self) -> bool:
        """Whether it has a connection."""
        with self._lock:
            return bool(self._ends)

    def silence(self) -> None:
        """Carry nothing until it is mended."""
        self._carries.clear()

    def cut(self) -> None:
        """End all connections, and take no more until it is mended."""
        with contextlib.suppress(OSError):  # closed already
            self._listener.shutdown(socket.SHUT_RDWR)  # at once, though a thread waits for it
        self._listener.close()
        with self._lock:
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    end.shutdown(socket.SHUT_RDWR)  # wakes the threads that read it, which close it

    def mend(self) -> None:
        """Carry everything again."""
        self._carries.set()
        if self._listener.fileno() == -1 and not self._is_closed:
            self._listener = self._listen(self._port)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server((self._host, port), family=self._family)
        listener.settimeout(LOOK_S)
        return listener

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:  # cut
                threading.Event().wait(LOOK_S)
                continue
            try:
                far = socket.create_connection(self._target)
            except OSError:
                near.close()
                continue
            with self._lock:
                self._ends |= {near, far}
            for one, other in ((near, far), (far, near)):
                one.settimeout(None)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self._carry, args=(one, other), daemon=True)
                self._threads = [each for each in self._threads if each.is_alive()] + [thread]
                thread.start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        """What comes from one end goes to the other, until either ends; then both do."""
        with contextlib.suppress(OSError):
            while data := one.recv(READ_SIZE):
                self._carries.wait()
                other.sendall(data)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._ends.discard(one)
        one.close()
