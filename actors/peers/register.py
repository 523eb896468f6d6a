"""Who holds which place: the inbound connections of a node, and the IDs of its peers, in memory that its peer hosts share.

::

    host 0: used, inbound, peers | kinds | ports | tags | IPs | IDs      host 1: the same      …

Each host writes its own part and reads those of the others. A decision looks at all parts and then writes into one; a lock
makes the two one step, so no two hosts take the last place, or the same ID. The kernel takes the lock from a process
that dies. What such a process has left here, half written perhaps, is void when its successor begins; until then its
places stay taken, which refuses a connection too many and admits none.
"""

from __future__ import annotations

import fcntl
import heapq
import mmap
import os
import struct
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire.keys import NodeID
from peerage.wire.net_address import join_host_port

__all__ = ["Place", "Register", "RegisterBusyError", "Rules", "Taken"]

PLACES = 65_536  # per host; only those in use take memory
LOCK_PATIENCE_S = 0.2  # a decision takes some 10 µs; whoever holds the lock longer is frozen
LOCK_RETRY_S = 0.0002

_HEAD = struct.Struct(
    "=III"
)  # places up to the last one in use, inbound connections, inbound peers that count
_HEAD_BYTES = 64
_PORT, _TAG_BYTES = struct.Struct("=H"), 8
_WIDTHS = {"kind": 1, "port": _PORT.size, "tag": _TAG_BYTES, "ip": 16, "id": 20}
_COLUMNS: dict[str, tuple[int, int]] = {}  # name → where it begins in a part, bytes of a place
_end = _HEAD_BYTES
for _name, _width in _WIDTHS.items():
    _COLUMNS[_name] = (_end, _width)
    _end += PLACES * _width
_PART_BYTES = -(-_end // mmap.PAGESIZE) * mmap.PAGESIZE
_EMPTY = {name: bytes(width) for name, width in _WIDTHS.items() if name != "kind"}
_TAKEN, _INBOUND, _STANDS, _COUNTS = 1, 2, 4, 8  # bits of a kind; 0 is a free place
_MAPPED = bytes(10) + b"\xff\xff"


class RegisterBusyError(Exception):
    """Another host has held the lock for LOCK_PATIENCE_S: it is frozen, and will be killed for it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator allows. Source: reference 5.

    Args:
        inbound: most inbound connections, those in their handshake included.
        peers: most inbound peers, unconditional ones not counted.
        one_per_ip: whether a second connection from an IP is refused.
    """

    inbound: int
    peers: int
    one_per_ip: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """Another connection stands for this ID, or may do so: which of the two stays is the switch's decision.

    Also when a frozen host has kept the register busy.
    """


class Place:
    """What one connection holds in the register, until it `leave`s."""

    __slots__ = ("_register", "ip", "is_inbound", "number")

    def __init__(self, register: Register, number: int, ip: bytes, *, is_inbound: bool) -> None:
        self._register = register
        self.number = number
        self.ip = ip
        self.is_inbound = is_inbound

    def claim(
        self,
        peer_id: NodeID,
        connection: str,
        *,
        is_unconditional: bool = False,
        beside: Collection[str] = (),
    ) -> Refusal | Taken | None:
        """Stand for an ID from now on. Returns: None; or why not.

        Args:
            peer_id: the proved ID.
            connection: its name.
            is_unconditional: it does not count against the limit of inbound peers.
            beside: connections that may still stand for the ID: their end is on the way.
        """
        try:
            return self._register.claim(self, peer_id, connection, is_unconditional, beside)
        except RegisterBusyError:
            return Taken()

    def leave(self) -> None:
        """The connection is over; a second time does nothing."""
        if self.number >= 0:
            self._register.free(self)
            self.number = -1


class Register:
    """One host's view, and its pen.

    Args:
        fd: descriptor of the shared memory (see `create`); it is not closed.
        index: of this host.
        hosts: how many share it.
        rules: may be replaced at any time.
    """

    def __init__(self, fd: int, index: int, hosts: int, rules: Rules) -> None:
        self.rules = rules
        self._fd = fd
        self._memory = mmap.mmap(fd, hosts * _PART_BYTES)
        self._starts = [part * _PART_BYTES for part in range(hosts)]
        self._start = index * _PART_BYTES
        self._holes: list[int] = []  # free places below the last one in use
        self._used = self._inbound = self._peers = 0
        with self._lock():
            used = (
                _HEAD.unpack_from(self._memory, self._start)[0] + 1
            )  # one may have been written and not counted yet
            for offset, width in _COLUMNS.values():
                at = self._start + offset
                self._memory[at : at + used * width] = bytes(used * width)
            self._write_head()

    @staticmethod
    def create(hosts: int) -> int:
        """Make the shared memory. Returns: its descriptor, the caller's to close."""
        fd = os.memfd_create("peerage-register")
        os.ftruncate(fd, hosts * _PART_BYTES)
        return fd

    def close(self) -> None:
        """Use it no more."""
        self._memory.close()

    def inbound(self) -> int:
        """How many inbound connections all hosts hold."""
        return sum(head[1] for head in self._heads())

    # --- decisions ---------------------------------------------------------------------------------------------------

    def enter(self, ip: str, port: int) -> Place | Refusal:
        """A connection was accepted: give it a place, or say why it is turned away. Raises: RegisterBusyError."""
        packed = _packed(ip)
        with self._lock():
            refusal = self._refusal(packed, ip, port)
            if refusal is not None:
                return refusal
            place = self._take(packed, port, _INBOUND)
        return place or Refusal(RefusalReason.INBOUND_LIMIT, f"{PLACES} connections of this host")

    def note_dial(self, ip: str, port: int) -> Place | None:
        """This host dials. Returns: its place, None when there is none left."""
        return self._take(_packed(ip), port, 0)

    def claim(
        self, place: Place, peer_id: NodeID, connection: str, is_unconditional: bool, beside: Collection[str]
    ) -> Refusal | Taken | None:
        """See `Place.claim`. Raises: RegisterBusyError."""
        packed, number = bytes.fromhex(peer_id), place.number
        with self._lock():
            if number < 0:
                return Refusal(RefusalReason.STOPPING, "closed meanwhile")
            left = {_tag(each) for each in beside}
            for start, other in self._found("id", packed):
                if (start, other) != (self._start, number) and self._at("tag", start, other) not in left:
                    return Taken()
            refusal = self._peer_refusal(place, packed, is_unconditional)
            if refusal is not None:
                return refusal
            kind = _TAKEN | _STANDS
            if place.is_inbound:
                kind |= _INBOUND if is_unconditional else _INBOUND | _COUNTS
            self._put("tag", number, _tag(connection))
            self._put("id", number, packed)
            self._set_kind(number, kind)
            self._write_head()
        return None

    def free(self, place: Place) -> None:
        """See `Place.leave`. No lock: nobody is refused or admitted by it."""
        number = place.number
        self._set_kind(number, 0)
        for name, empty in _EMPTY.items():
            self._put(name, number, empty)
        heapq.heappush(self._holes, number)
        while self._used and not self._kind(self._start, self._used - 1):
            self._used -= 1
        if not self._used:
            self._holes.clear()
        self._write_head()

    def _refusal(self, packed: bytes, ip: str, port: int) -> Refusal | None:
        """Why an accepted connection gets no place. Source: reference 5."""
        for start, number in self._found("port", _PORT.pack(port)):
            if self._at("ip", start, number) == packed:
                detail = f"{join_host_port(ip, port)} is connected already"
                return Refusal(RefusalReason.DUPLICATE_CONNECTION, detail)
        if self.rules.one_per_ip:
            # A dial of ours that is still in its handshake holds no IP: the remote may be dialling us in the same moment,
            # and if both refused the other's connection none would be left.
            for start, number in self._found("ip", packed):
                if self._kind(start, number) & (_INBOUND | _STANDS):
                    return self._duplicate_ip(ip, start, number)
        inbound = self.inbound()
        if inbound >= self.rules.inbound:
            detail = f"{inbound} inbound connections of at most {self.rules.inbound}"
            return Refusal(RefusalReason.INBOUND_LIMIT, detail)
        return None

    def _peer_refusal(self, place: Place, packed_id: bytes, is_unconditional: bool) -> Refusal | None:
        """Why a connection with a proved ID does not become a peer. Source: reference 3."""
        if place.is_inbound and not is_unconditional and not self._kind(self._start, place.number) & _COUNTS:
            peers = sum(head[2] for head in self._heads())
            if peers >= self.rules.peers:
                detail = f"{peers} inbound peers of at most {self.rules.peers}"
                return Refusal(RefusalReason.INBOUND_LIMIT, detail)
        if self.rules.one_per_ip:
            for start, number in self._found("ip", place.ip):
                if self._kind(start, number) & _STANDS and self._at("id", start, number) != packed_id:
                    return self._duplicate_ip(_text(place.ip), start, number)
        return None

    def _duplicate_ip(self, ip: str, start: int, number: int) -> Refusal:
        peer_id = self._at("id", start, number)
        holder = join_host_port(ip, self._port(start, number)) if peer_id == _EMPTY["id"] else peer_id.hex()
        return Refusal(RefusalReason.DUPLICATE_IP, f"{ip} is connected already, by {holder}")

    # --- memory ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _lock(self) -> Iterator[None]:
        until = 0.0
        while True:
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:  # another host decides just now
                now = time.monotonic()
                until = until or now + LOCK_PATIENCE_S
                if now > until:
                    raise RegisterBusyError from None
                time.sleep(LOCK_RETRY_S)
        try:
            yield
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN)

    def _take(self, ip: bytes, port: int, kind: int) -> Place | None:
        """Returns: None when this host has no place left."""
        number = self._used
        while self._holes:
            hole = heapq.heappop(self._holes)
            if hole < self._used and not self._kind(self._start, hole):
                number = hole
                break
        if number >= PLACES:
            return None
        self._put("ip", number, ip)
        self._put("port", number, _PORT.pack(port))
        self._used = max(self._used, number + 1)
        self._set_kind(number, kind | _TAKEN)
        self._write_head()
        return Place(self, number, ip, is_inbound=bool(kind & _INBOUND))

    def _set_kind(self, number: int, kind: int) -> None:
        at = self._start + _HEAD_BYTES + number
        before = self._memory[at]
        self._memory[at] = kind
        self._inbound += bool(kind & _INBOUND) - bool(before & _INBOUND)
        self._peers += bool(kind & _COUNTS) - bool(before & _COUNTS)

    def _write_head(self) -> None:
        _HEAD.pack_into(self._memory, self._start, self._used, self._inbound, self._peers)

    def _heads(self) -> list[tuple[int, int, int]]:
        return [_HEAD.unpack_from(self._memory, start) for start in self._starts]

    def _found(self, name: str, wanted: bytes) -> Iterator[tuple[int, int]]:
        """Where a column holds this: the start of the part, and the place."""
        offset, width = _COLUMNS[name]
        for start in self._starts:
            used = _HEAD.unpack_from(self._memory, start)[0]
            if used:
                column = self._memory[start + offset : start + offset + used * width]
                at = column.find(wanted)
                while at >= 0:
                    if at % width == 0:
                        yield start, at // width
                    at = column.find(wanted, at + 1)

    def _put(self, name: str, number: int, value: bytes) -> None:
        offset, width = _COLUMNS[name]
        at = self._start + offset + number * width
        self._memory[at : at + width] = value

    def _at(self, name: str, start: int, number: int) -> bytes:
        offset, width = _COLUMNS[name]
        at = start + offset + number * width
        return self._memory[at : at + width]

    def _kind(self, start: int, number: int) -> int:
        return self._memory[start + _HEAD_BYTES + number]

    def _port(self, start: int, number: int) -> int:
        port: int = _PORT.unpack(self._at("port", start, number))[0]
        return port


def _packed(ip: str) -> bytes:
    """16 bytes for any IP; an IPv4 address as the IPv6 address that stands for it."""
    return inet_pton(AF_INET6, ip) if ":" in ip else _MAPPED + inet_pton(AF_INET, ip)


def _text(packed: bytes) -> str:
    return inet_ntop(AF_INET, packed[12:]) if packed.startswith(_MAPPED) else inet_ntop(AF_INET6, packed)


def _tag(connection: str) -> bytes:
    """What stands for a connection's name."""
    return blake2b(connection.encode(), digest_size=_TAG_BYTES).digest()
