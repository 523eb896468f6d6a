"""What an actor wants its successor to know: one value in a file of its own, replaced as a whole.

SQLite writes it, with a write-ahead log: a value that was saved is in the kernel's hands, and survives SIGKILL of the
process the moment after; a value that was not is none at all, and the one before it counts. A power failure may lose the
last ones.
What is in the file is MessagePack of plain values, so that whoever could write it can have nothing executed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from peerage.actors.runtime.errors import CheckpointError

MOST_BYTES = 64 * 1024 * 1024
SUFFIX = ".checkpoint"
_FILE_MODE, _DIRECTORY_MODE = 0o600, 0o700
_BUSY_TIMEOUT_S = 5.0  # a predecessor that is being killed may be about to let go
_LONGEST_NAME = 150  # bytes of the actor's name in that of the file
_CREATE = (
    "CREATE TABLE IF NOT EXISTS checkpoint (id INTEGER PRIMARY KEY CHECK (id = 0), state BLOB, digest BLOB)"
)


class Checkpoint:
    """The file of one actor. Belongs to the host's thread. The file is made when something is saved for the first time.

    Args: directory, where it is, made if need be; name, of the actor.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self.path = directory / f"{file_name(name)}{SUFFIX}"
        self._connection: sqlite3.Connection | None = None

    def save(self, state: Any) -> None:
        """Replace what was saved before. Raises: CheckpointError, and what was saved before is still there."""
        try:
            body = msgspec.msgpack.encode(state)
        except Exception as error:  # whatever a value's own code raises
            raise CheckpointError(str(self.path), f"the state cannot be saved: {error}") from error
        if len(body) > MOST_BYTES:
            raise CheckpointError(
                str(self.path), f"the state has {len(body):,} bytes; at most {MOST_BYTES:,} can be saved"
            )
        try:
            connection = self._open()
            with connection:
                connection.execute(
                    "INSERT OR REPLACE INTO checkpoint VALUES (0, ?, ?)", (body, _digest(body))
                )
        except (sqlite3.Error, OSError) as error:
            raise CheckpointError(str(self.path), str(error)) from error

    def load(self) -> tuple[Any, str] | None:
        """Read what was saved.

        Returns: the state, and ""; None and what is wrong with the file, which has been set aside; or None if there is none.
        Raises: CheckpointError, when the file cannot be read, and is perhaps a good one.
        """
        try:
            if not self.path.exists():
                return None
            row = self._open().execute("SELECT state, digest FROM checkpoint").fetchone()
            if row is None:
                return None
            if _digest(row[0]) != row[1]:
                return None, self._set_aside("it is not what was saved")
            return msgspec.msgpack.decode(row[0]), ""
        except (sqlite3.OperationalError, OSError) as error:  # locked, no permission, disk full
            raise CheckpointError(str(self.path), str(error)) from error
        except (sqlite3.DatabaseError, msgspec.MsgspecError, TypeError, RecursionError) as error:
            return None, self._set_aside(str(error))

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        self.path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        # SQLite would make it with the rights that the umask leaves.
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _FILE_MODE))
        connection = sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_S)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA cache_size = -256")  # KiB
            connection.execute(_CREATE)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _set_aside(self, cause: str) -> str:
        self.close()
        self.path.replace(self.path.with_name(f"{self.path.name}.damaged"))
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                self.path.with_name(f"{self.path.name}{suffix}").unlink()
        return cause


def file_name(name: str) -> str:
    """A name for a file: the actor's, if that can be one, and else what can, with a digest of the whole."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", name)[:_LONGEST_NAME].lstrip(".")
    if plain == name:
        return name
    return f"{plain}-{hashlib.blake2b(name.encode(), digest_size=6).hexdigest()}"


def _digest(body: Any) -> bytes:
    if not isinstance(body, bytes):
        raise TypeError(f"{type(body).__name__} instead of bytes")
    return hashlib.blake2b(body, digest_size=16).digest()
