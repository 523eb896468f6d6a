"""Preloaded by a fork server whose hosts are to find no room for their mailboxes, as long as a file is there.

It is named by PEERAGE_TEST_FULL. A file system that is really full takes rights that tests do not have.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import zmq

_bind = zmq.Socket.bind


def _bind_if_there_is_room(socket: zmq.Socket[bytes], address: str) -> Any:
    if Path(os.environ["PEERAGE_TEST_FULL"]).exists():
        raise zmq.ZMQError(errno.ENOSPC)
    return _bind(socket, address)


zmq.Socket.bind = _bind_if_there_is_room  # type: ignore[assignment, method-assign]
