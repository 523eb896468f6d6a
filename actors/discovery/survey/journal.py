"""A survey's journal: a file with a line for each visit, so that a survey that was interrupted can be resumed.

    {"survey": 1, "seeds": ["ID@ip:port", …], "networks": […], "any_network": false}
    {"place": "ip:port", "at": …, "id": …, "info": base64 of NodeInfo, "told": [[id, ip, port], …], …}

The file is only appended to. A survey that is resumed with more seeds adds another line of the first kind. A last line
that is incomplete, because the process was killed while it wrote, is dropped; that visit is made again.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from peerage.actors.discovery.errors import JournalContentError, JournalError, JournalInUseError
from peerage.actors.discovery.survey.survey import Survey
from peerage.actors.discovery.survey.visit import Fault, Visited
from peerage.wire.errors import WireError
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo
from peerage.wire.pex import PexAddress

VERSION = 1
FILE_MODE = 0o600
MOST_SECONDS = 1e11  # the year 5138: bounds what a damaged line may claim, as a time or a duration
# bytes kept while the disk is full; later visits are not noted, so they are made again
MAX_WAITING = 64 * 1024 * 1024
MAX_LINE = 1024 * 1024  # bytes; a visit's two answers take at most 128,000 on the wire

_HEAD = b'{"survey":'
_NOT_ONE = "it is not the journal of a survey"


@dataclass(frozen=True, slots=True)
class Beginning:
    """The seeds and networks of a survey, as `Survey` takes them."""

    seeds: tuple[NetAddress, ...] = ()
    networks: tuple[str, ...] = ()
    any_network: bool = False


class Journal:
    """An open journal, locked against other processes.

    Call `replay` first, then `begin`, then `note` for each visit.

    Args: path, created if it does not exist.
    Raises: JournalContentError, JournalInUseError; OSError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _open(path)
        self._waiting = bytearray()  # what could not be written yet; it may begin in the middle of a line
        self._end = -1  # where to write; not known before the file has been read
        try:
            self._lock()
            self.beginning = self._read_beginning()
            """The seeds and networks of the survey in it; None when the file is new."""
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def replay(self, survey: Survey) -> int:
        """Tell a survey everything in the journal, except the seeds that did not answer: they are tried again.

        Returns: how many visits the survey knows now.
        Raises: JournalContentError.
        """
        seeds: set[str] = set()
        for item in self._read():
            if isinstance(item, Beginning):
                survey.begin_at(item.seeds)
                seeds.update(seed.dial_string for seed in item.seeds)
            elif item.id is not None or item.place not in seeds:
                survey.visited(item)
        return survey.visits

    def begin(self, beginning: Beginning) -> None:
        """Note the seeds and networks, unless the journal has them. Raises: JournalError (disk full, …)."""
        before = self.beginning
        if before is not None and set(beginning.seeds) <= set(before.seeds):
            return
        self._write(
            {
                "survey": VERSION,
                "seeds": [str(seed) for seed in beginning.seeds],
                "networks": list(beginning.networks),
                "any_network": beginning.any_network,
            }
        )

    def note(self, visited: Visited) -> None:
        """Append the result of a visit. Once this returns, it survives SIGKILL.

        Raises: JournalError (disk full, …). The line is kept and written with the next one, or by `catch_up`.
        """
        self._write(
            {
                "place": visited.place,
                "at": visited.at,
                "id": visited.id,
                "info": None if visited.info is None else base64.b64encode(visited.info.encode()).decode(),
                "connect_s": visited.connect_s,
                "handshake_s": visited.handshake_s,
                "told": visited.told,
                "fault": visited.fault,
                "detail": visited.detail,
            }
        )

    def catch_up(self) -> None:
        """Write what could not be written before, and check that the file has not been replaced. Raises: JournalError."""
        try:
            while self._waiting:
                done = os.pwrite(self._file.fileno(), self._waiting, self._end)
                self._end += done
                del self._waiting[:done]
            here, there = os.fstat(self._file.fileno()), self._path.stat()
        except OSError as error:
            raise JournalError(str(self._path), error.strerror or str(error)) from error
        if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
            raise JournalError(str(self._path), "another file was put in its place")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise JournalInUseError(str(self._path)) from error

    def _write(self, line: dict[str, Any]) -> None:
        if self._end < 0:
            self._end = self._file.tell()
        if len(self._waiting) < MAX_WAITING:
            self._waiting += json.dumps(line, separators=(",", ":")).encode() + b"\n"
        self.catch_up()

    def _read_beginning(self) -> Beginning | None:
        begins = self._file.read(len(_HEAD))
        self._file.seek(0)
        if not _HEAD.startswith(begins):
            raise JournalContentError(str(self._path), _NOT_ONE)
        first = next(self._read(), None)
        self._file.seek(0)
        assert not isinstance(first, Visited)
        return first

    def _read(self) -> Iterator[Beginning | Visited]:
        number = 0
        while True:
            begins = self._file.tell()
            line = self._file.readline(MAX_LINE)
            number += 1
            # the end of the file, or a line cut by a kill
            if len(line) < MAX_LINE and not line.endswith(b"\n"):
                self._file.truncate(begins)
                self._file.seek(begins)
                return
            try:
                yield _beginning(line) if line.startswith(_HEAD) else _visited(line)
            except (ValueError, KeyError, TypeError, RecursionError, WireError) as error:
                raise JournalContentError(str(self._path), f"line {number}: {error}") from error


def merged(before: Beginning | None, given: Beginning) -> Beginning:
    """The beginning of a resumed survey: the seeds of both, the networks of the earlier one."""
    if before is None:
        return given
    seeds: Sequence[NetAddress] = [*before.seeds, *given.seeds]
    return Beginning(tuple(dict.fromkeys(seeds)), before.networks, before.any_network)


def _open(path: Path) -> BinaryIO:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    return os.fdopen(descriptor, "r+b")


def _beginning(text: bytes) -> Beginning:
    head = json.loads(text)
    if head["survey"] != VERSION:
        raise ValueError(f"its version is {head['survey']!r}, this program knows version {VERSION}")
    seeds = tuple(NetAddress.parse(seed) for seed in head["seeds"])
    return Beginning(seeds, tuple(map(_text, head["networks"])), head["any_network"] is True)


def _visited(text: bytes) -> Visited:
    line = json.loads(text)
    info, told, fault = line["info"], line["told"], line["fault"]
    return Visited(
        place=_text(line["place"]),
        at=_number(line["at"]),
        id=None if line["id"] is None else NodeID(_text(line["id"])),
        info=None if info is None else NodeInfo.decode(base64.b64decode(info, validate=True)),
        connect_s=_number(line["connect_s"]),
        handshake_s=_number(line["handshake_s"]),
        told=None if told is None else tuple(map(_address, told)),
        fault=None if fault is None else Fault(fault),
        detail=_text(line["detail"]),
    )


def _address(raw: list[Any]) -> PexAddress:
    node_id, ip, port = raw
    if not isinstance(port, int):
        raise TypeError(f"{port!r} is not a port")
    return PexAddress(_text(node_id), _text(ip), port)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value < MOST_SECONDS:
        raise TypeError(f"{value!r} is not a number of seconds")
    return float(value)
