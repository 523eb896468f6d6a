"""Telling others which definitions of classes this process keeps, so that their messages may leave these out.

Nobody asks for a definition that is missing: a message must be readable when its sender is gone. So a definition comes along
until its receiver has said that it keeps it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from peerage.actors.runtime.mail import definitions
from peerage.actors.runtime.mail.definitions import news
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.host_table import THREAD_BITS, serial_of


class Send(Protocol):
    def __call__(self, address: int, kind: int, *, body: bytes) -> None: ...


class Announcer:
    """Tells the senders of definitions that they have arrived.

    Args:
        told: by serial, what each host has been told of; shared by all ports of a process.
        is_dead: whether a host has ended.
        send: sends a message.
    """

    def __init__(self, told: dict[int, set[bytes]], is_dead: Callable[[int], bool], send: Send) -> None:
        self._told, self._is_dead, self._send = told, is_dead, send

    def announce(self, source: int) -> None:
        """A message from this address was read, and brought definitions: whoever sent it may leave them out from now on.

        Told to the sender's host, once for all of its threads. `news` belongs to the whole process, and may hold what
        another thread has just read: then this host is told of it, which is true too, and the other one the next time.
        """
        serial = serial_of(source)
        told = self._told.setdefault(serial, set())
        fresh = news - told
        news.clear()
        if fresh and not self._is_dead(serial):
            told |= fresh
            self._send(serial << THREAD_BITS, Kind.KEPT, body=definitions.pack_identities(fresh))
