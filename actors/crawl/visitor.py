"""An actor that makes visits of a survey, many at once, in a process of its own."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from peerage.actors.crawl.visit import Stage, Visit
from peerage.actors.discovery.survey.visit import Errand, Fault, Visited
from peerage.actors.peers.connector import DialFailure, StreamDriver, TcpDial
from peerage.actors.peers.stream import Deadline, SocketStream
from peerage.actors.private_memory import close_memory_of_host
from peerage.actors.runtime import ProcessActor, Reply
from peerage.wire.keys import NodeKey

__all__ = ["VisitorActor"]

READ_SIZE = 64 * 1024


class VisitorActor(ProcessActor):
    """Ask it an `Errand`; it answers with a `Visited`. An OSError is this machine's failure: no visit was made.

    Args: node_key, our identity; timeout, seconds for each step: connecting, handshake, answers; requests, as in `Visit`.
    """

    def __init__(self, node_key: NodeKey, timeout: float, requests: int) -> None:
        super().__init__()
        close_memory_of_host(self.runtime)
        self.node_key = node_key
        self.timeout = timeout
        self.requests = requests
        self.buffer = memoryview(bytearray(READ_SIZE))
        self.calls: set[_Call] = set()

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Errand):
            self.calls.add(_Call(self, message, self.runtime.defer()))

    def on_stop(self) -> None:
        for call in tuple(self.calls):
            call.hang_up()


class _Call:
    """One connection, from the dial to the answer."""

    def __init__(self, visitor: VisitorActor, errand: Errand, reply: Reply) -> None:
        self._visitor = visitor
        self._runtime = visitor.runtime
        self._errand = errand
        self._reply = reply
        self._at = time.time()
        self._began = self._runtime.now()
        self._deadline = Deadline(self._runtime)
        self._stream: SocketStream | None = None
        self._driver: StreamDriver | None = None
        self._visit: Visit | None = None
        self._stage = Stage.HANDSHAKE
        address = errand.address
        self._dial = TcpDial(
            self._runtime,
            str(address.host),
            address.port,
            visitor.timeout,
            self._connected,
            self._not_connected,
        )

    def hang_up(self) -> None:
        """Close without a message, as any node would."""
        self._visitor.calls.discard(self)
        self._deadline.cancel()
        self._dial.close()
        if self._stream is not None:
            self._stream.close()

    def _not_connected(self, failure: DialFailure) -> None:
        text = os.strerror(failure.code)
        if failure.is_local:
            self._reply.set_exception(OSError(failure.code, text))
            self.hang_up()
            return
        detail = f"no connection within {self._visitor.timeout:g} s" if failure.is_timeout else text
        self._finish(Visited(self._errand.place, self._at, fault=Fault.UNREACHABLE, detail=detail))

    def _connected(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        now = self._runtime.now()
        self._visit = Visit(
            self._visitor.node_key,
            self._errand,
            requests=self._visitor.requests,
            at=self._at,
            connect_s=now - self._began,
            now=now,
        )
        self._stream = SocketStream(sock, self._runtime)
        self._driver = StreamDriver(self._stream, self._visitor.buffer, self._received, self._closed)
        self._set_deadline()
        self._driver.start()
        self._go_on()

    def _set_deadline(self) -> None:
        self._deadline.set(self._visitor.timeout, self._timed_out)

    def _timed_out(self) -> None:
        assert self._visit is not None
        self._visit.timed_out(self._visitor.timeout)
        self._go_on()

    def _received(self, data: memoryview) -> None:
        assert self._visit is not None
        self._visit.receive_data(data, self._runtime.now())
        self._go_on()

    def _closed(self, _detail: str) -> None:
        """The remote closed the connection, or it broke. What that means depends on the stage."""
        assert self._visit is not None
        self._visit.receive_eof()
        self._go_on()

    def _go_on(self) -> None:
        """Write what there is to write, and check whether the stage or the visit has ended."""
        assert self._visit is not None
        assert self._driver is not None
        data = self._visit.data_to_send(self._runtime.now())
        if data:
            self._driver.send(data)
        if self._visit.stage is Stage.DONE:
            self._finish(self._visit.outcome())
        elif self._visit.stage is not self._stage:
            self._stage = self._visit.stage
            self._set_deadline()

    def _finish(self, visited: Visited) -> None:
        if self in self._visitor.calls:
            self._reply.set(visited)
            self.hang_up()
