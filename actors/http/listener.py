"""A listening socket on which asyncio accepts connections only while there are descriptors and memory to spare."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

from peerage.actors.memory_pressure import MemoryPressure, RoomForStrangers
from peerage.actors.runtime.limits import lack_behind
from peerage.actors.runtime.log import get_logger

__all__ = ["ReservedListener", "pass_over_pauses"]

_log = get_logger("peerage.http")


class ReservedListener(socket.socket):
    """Replaces a listening socket, which is detached.

    If a connection would need a reserved descriptor, or memory is short, accepting fails as if no descriptor were left, and
    asyncio pauses for a second. The pause and its end are logged once each.
    """

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(fileno=listener.detach())
        self._room = RoomForStrangers(MemoryPressure())
        self._is_paused = False

    def accept(self) -> tuple[socket.socket, Any]:
        lack = self._room.take()
        try:
            if lack:
                raise OSError(errno.EMFILE, lack)
            connection = super().accept()
        except OSError as error:
            cause = lack or lack_behind(error)
            if cause and not isinstance(error, BlockingIOError) and not self._is_paused:
                self._is_paused = True
                _log.warning("accepting paused", cause=cause)
            raise
        if self._is_paused:
            self._is_paused = False
            _log.info("accepting again")
        return connection


def pass_over_pauses(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An exception handler for loops that drops asyncio's reports of a pause: up to 128 of them, each with a traceback."""
    error = context.get("exception")
    if not (isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}):
        loop.default_exception_handler(context)
