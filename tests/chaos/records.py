"""What a reactor under chaos writes down: one entry per message, in a file that outlives its process.

    entry    kind, 1 | - 3 | life, 4 | peer ID, 20 | connection, 16 (a digest of its name) | number, 8 | - 12

64 bytes, so that none lies across a page of the file: a write is cut by a SIGKILL at a page's end only.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

_ENTRY = struct.Struct(">B3xI20s16sQ12x")


class Kind(IntEnum):
    """What happened to the message with this number."""

    HANDLED = 1  # it came from the peer; written before it is answered
    SENDING = 2  # it is about to be handed to the connection
    RAISED = 3  # it made the reactor raise
    GARBLED = 4  # it is not the message that it claims to be


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the record.

    Args:
        life: which start of the reactor wrote it, from 1.
        connection: a digest of the connection's name.
    """

    kind: Kind
    life: int
    peer: str
    connection: bytes
    number: int


class Recorder:
    """The writing end: what `add` has returned from is in the file, whoever is killed afterwards."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        lives = os.open(path.with_suffix(".lives"), flags, 0o600)
        os.write(lives, b"\0")
        self.life = os.fstat(lives).st_size
        os.close(lives)
        self._fd = os.open(path, flags, 0o600)

    def add(self, kind: Kind, peer: str, connection: str, number: int) -> None:
        """Write one entry."""
        os.write(self._fd, _ENTRY.pack(kind, self.life, bytes.fromhex(peer), digest_of(connection), number))


@lru_cache(maxsize=256)
def digest_of(connection: str) -> bytes:
    """A connection's name as an entry has it."""
    return hashlib.blake2b(connection.encode(), digest_size=16).digest()


def read(path: Path) -> list[Entry]:
    """All entries so far; none while there is no file. Raises: struct.error, when an entry is cut short."""
    if not path.exists():
        return []
    return [
        Entry(Kind(kind), life, peer.hex(), connection, number)
        for kind, life, peer, connection, number in _ENTRY.iter_unpack(path.read_bytes())
    ]
