"""A listening socket that an asyncio server accepts from as long as there are descriptors to spare."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

from peerage.actors.runtime.limits import Purpose, Room, lack_behind
from peerage.actors.runtime.log import get_logger

__all__ = ["ReservedListener", "pass_over_pauses"]

_log = get_logger("peerage.http")


class ReservedListener(socket.socket):
    """Takes the place of a listening socket, which is detached.

    Where a connection would touch the reserve, accepting fails as where no descriptor is left, and asyncio pauses for a
    second. It is logged once, and once when it goes on.
    """

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(fileno=listener.detach())
        self._room = Room(Purpose.STRANGERS)
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
    """An exception handler for loops: asyncio tells of a pause up to 128 times, with a traceback each."""
    error = context.get("exception")
    if not (isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}):
        loop.default_exception_handler(context)
