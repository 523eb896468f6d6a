"""Telling others which definitions of classes this process keeps, so that their messages may leave these out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from peerage.actors.runtime.mail import definitions
from peerage.actors.runtime.mail.definitions import news
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.host_table import THREAD_BITS, serial_of


class Send(Protocol):
    """Sends a message."""

    def __call__(self, address: int, kind: int, *, body: bytes) -> None: ...


class Announcer:
    """Tells the senders of definitions that they have arrived.

    Args:
        told: by serial, what each host has been told of; shared by all ports of a process.
        is_dead: whether a host has ended.
    """

    def __init__(self, told: dict[int, set[bytes]], is_dead: Callable[[int], bool], send: Send) -> None:
        self._told, self._is_dead, self._send = told, is_dead, send

    def announce(self, source: int) -> None:
        """A message from this address was read, and brought definitions: whoever sent it may leave them out from now on."""
        serial = serial_of(source)
        told = self._told.setdefault(serial, set())
        fresh = news - told
        news.clear()
        if fresh and not self._is_dead(serial):
            told |= fresh
            self._send(serial << THREAD_BITS, Kind.KEPT, body=definitions.pack_identities(fresh))
