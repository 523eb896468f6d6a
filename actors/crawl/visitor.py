"""The visitor: an actor that makes a survey's visits, many at once, in a process of its own."""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import Any

from peerage.actors.crawl.visit import Stage, Visit
from peerage.actors.discovery.survey.visit import Errand, Fault, Visited
from peerage.actors.runtime import ProcessActor, Reply, Timer
from peerage.wire.keys import NodeKey

__all__ = ["VisitorActor"]

READ_SIZE = 64 * 1024
# Dials that fail so say nothing of the remote: this machine lacks something.
_OUR_LACK = {errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENETDOWN, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class VisitorActor(ProcessActor):
    """Ask it an `Errand` for a `Visited`. An OSError instead is this machine's: nobody was visited.

    Args: node_key, who we are; timeout, seconds for each step: connecting, handshake, answers; requests, as in `Visit`.
    """

    def __init__(self, node_key: NodeKey, timeout: float, requests: int) -> None:
        super().__init__()
        self.node_key = node_key
        self.timeout = timeout
        self.requests = requests
        self.calls: set[_Call] = set()

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Errand):
            call = _Call(self, message, self.runtime.defer())
            self.calls.add(call)
            call.dial()

    def on_stop(self) -> None:
        for call in tuple(self.calls):
            call.hang_up()


class _Call:
    """One connection, from dial to answer."""

    def __init__(self, visitor: VisitorActor, errand: Errand, reply: Reply) -> None:
        self._visitor = visitor
        self._runtime = visitor.runtime
        self._errand = errand
        self._reply = reply
        self._at = time.time()
        self._began = self._runtime.now()
        self._sock: socket.socket | None = None
        self._timer: Timer | None = None
        self._visit: Visit | None = None
        self._stage = Stage.HANDSHAKE
        self._out = b""
        self._writing = False

    def dial(self) -> None:
        address = self._errand.address
        family = socket.AF_INET6 if address.host.version == 6 else socket.AF_INET
        try:
            self._sock = socket.socket(family, socket.SOCK_STREAM)
            self._sock.setblocking(False)
            code = self._sock.connect_ex((str(address.host), address.port))
        except OSError as error:
            code = error.errno or errno.EIO
        if code not in {0, errno.EINPROGRESS}:
            self._unreachable(code)
            return
        assert self._sock is not None
        self._set_timer()
        self._runtime.add_writer(self._sock.fileno(), self._connected)

    def hang_up(self) -> None:
        """Close; the remote is told nothing, as it would not be by any node."""
        self._visitor.calls.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._sock is not None:
            self._runtime.remove_reader(self._sock.fileno())
            self._runtime.remove_writer(self._sock.fileno())
            self._sock.close()
            self._sock = None

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._runtime.call_later(self._visitor.timeout, self._timed_out)

    def _timed_out(self) -> None:
        if self._visit is None:
            self._finish(self._failed(f"no connection within {self._visitor.timeout:g} s"))
        else:
            self._visit.timed_out(self._visitor.timeout)
            self._go_on()

    def _connected(self) -> None:
        assert self._sock is not None
        self._runtime.remove_writer(self._sock.fileno())
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._unreachable(code)
            return
        if self._sock.getsockname() == self._sock.getpeername():  # TCP's simultaneous open with oneself
            self._unreachable(errno.ECONNREFUSED)
            return
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        now = self._runtime.now()
        self._visit = Visit(
            self._visitor.node_key,
            self._errand,
            requests=self._visitor.requests,
            at=self._at,
            connect_s=now - self._began,
            now=now,
        )
        self._runtime.add_reader(self._sock.fileno(), self._readable)
        self._set_timer()
        self._go_on()

    def _unreachable(self, code: int) -> None:
        if code in _OUR_LACK:
            self._reply.set_exception(OSError(code, os.strerror(code)))
            self.hang_up()
        else:
            self._finish(self._failed(os.strerror(code)))

    def _failed(self, detail: str) -> Visited:
        return Visited(self._errand.place, self._at, fault=Fault.UNREACHABLE, detail=detail)

    def _readable(self) -> None:
        assert self._sock is not None
        assert self._visit is not None
        try:
            data = self._sock.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._visit.receive_data(data, self._runtime.now())
        else:
            self._visit.receive_eof()
        self._go_on()

    def _go_on(self) -> None:
        """Write what is to be written; note that a stage is over, and the visit, too."""
        assert self._visit is not None
        assert self._sock is not None
        self._write()
        if self._visit.stage is Stage.DONE:
            self._finish(self._visit.outcome())
        elif self._visit.stage is not self._stage:
            self._stage = self._visit.stage
            self._set_timer()

    def _write(self) -> None:
        assert self._visit is not None
        assert self._sock is not None
        self._out += self._visit.data_to_send(self._runtime.now())
        try:
            self._out = self._out[self._sock.send(self._out) :] if self._out else b""
        except BlockingIOError:
            pass
        except OSError:
            self._out = b""  # reading tells how it ended
        writing = bool(self._out)
        if writing is not self._writing:
            self._writing = writing
            if writing:
                self._runtime.add_writer(self._sock.fileno(), self._go_on)
            else:
                self._runtime.remove_writer(self._sock.fileno())

    def _finish(self, visited: Visited) -> None:
        self._reply.set(visited)
        self.hang_up()
