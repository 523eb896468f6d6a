"""Who holds which place: the inbound connections of a node, and the IDs of its peers, in memory that its peer hosts share.

A decision looks at what all hosts have written (`register_memory.py`) and then writes into the part of one; a lock makes the
two one step, so no two hosts take the last place, or the same ID. What a dead process has left, half written perhaps, is
void when its successor begins; until then its places stay taken, which refuses a connection too many and admits none.

When all places of inbound peers are taken, a newcomer may be given that of another peer (`inbound_room.py`). In the same
step that peer ceases to count, and its host is told to end it.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from hashlib import blake2b

from peerage.actors.crowding import crowded
from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.messages import Admission
from peerage.actors.peers.inbound_room import InboundRoom
from peerage.actors.peers.register_memory import PLACES, Kind, RegisterBusyError, RegisterMemory
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire.ip_ranges import packed_ip, prefix_of, shown_ip
from peerage.wire.keys import NodeID
from peerage.wire.net_address import join_host_port

__all__ = ["STRANGER", "Place", "Register", "RegisterBusyError", "Rules", "Taken"]

STRANGER = Admission(is_persistent=False, is_unconditional=False)

_PORT = struct.Struct("=H")
_NO_ID = bytes(20)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator allows. Source: reference 5.

    Args:
        peers: most inbound peers, unconditional ones not counted.
        ip_limits: how many connections an IP and a prefix may have.
    """

    peers: int
    ip_limits: IPLimits


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
        self, peer_id: NodeID, connection: str, admission: Admission = STRANGER
    ) -> Refusal | Taken | None:
        """Stand for an ID from now on. Returns: None; or why not.

        Args:
            peer_id: the proved ID.
            connection: its name.
            admission: an unconditional peer does not count against the limit, and no other peer gets the place of a
                persistent one.
        """
        kind: int = Kind.STANDS
        if self.is_inbound and not admission.is_unconditional:
            kind |= Kind.COUNTS | Kind.KEPT if admission.is_persistent else Kind.COUNTS
        try:
            return self._register.claim(self, kind, peer_id, connection, admission.beside)
        except RegisterBusyError:
            return Taken()

    def lack(self, peer_id: NodeID) -> Refusal | None:
        """Why there would be no place for this connection among the peers, as far as it can be said before it claims one.

        An ID that is here already is another matter.
        """
        return self._register.lack(self.ip, peer_id)

    def withdraw(self) -> None:
        """The connection is over, but not everybody has heard it: its ID is kept, and nothing else, until `let_go`."""
        if self.number >= 0:
            self._register.withdraw(self)
            self.number = -1

    @property
    def is_given_away(self) -> bool:
        """Whether another peer has it: whoever is here has to leave."""
        return self.number >= 0 and self._register.is_given_away(self)

    def note_use(self) -> None:
        """The peer was useful just now."""
        if self.number >= 0:
            self._register.room.note_use(self.number)

    def note_latency(self, seconds: float) -> None:
        """A round trip took so long."""
        if self.number >= 0:
            self._register.room.note_latency(self.number, seconds)

    def leave(self) -> None:
        """The connection is over; a second time does nothing."""
        if self.number >= 0:
            self._register.free(self)
            self.number = -1


class Register:
    """One host's view, and its pen.

    Attributes: room, for inbound peers; tell_ends, called when an ID is wanted that was withdrawn here: it has everybody
    told of the ends, and calls `let_go`.

    Args:
        fd: descriptor of the shared memory (see `create`); it is not closed.
        index: of this host.
        hosts: how many share it.
        rules: may be replaced at any time.
        evict: called with the index of a host: the place of one of its peers was given away.
        now: monotonic seconds, the same for all hosts.
    """

    def __init__(
        self,
        fd: int,
        index: int,
        hosts: int,
        rules: Rules,
        evict: Callable[[int], object] = lambda _host: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rules = rules
        self._evict = evict
        self._memory = RegisterMemory(fd, index, hosts)
        self._withdrawn: dict[int, bytes] = {}  # number of a place → its ID
        self.tell_ends: Callable[[], object] = self.let_go
        self.room = InboundRoom(self._memory, now)

    @staticmethod
    def create(hosts: int) -> int:
        """Make the shared memory. Returns: its descriptor, the caller's to close."""
        return RegisterMemory.create(hosts)

    def close(self) -> None:
        """Use it no more."""
        self._memory.close()

    def inbound(self) -> int:
        """How many inbound connections all hosts hold."""
        memory = self._memory
        return sum(bool(kind & Kind.INBOUND) for host in range(memory.hosts) for kind in memory.kinds(host))

    def enter(self, ip: str, port: int) -> Place | Refusal:
        """A connection was accepted: give it a place, or say why it is turned away. Raises: RegisterBusyError."""
        packed = packed_ip(ip)
        with self._memory.lock():
            refusal = self._duplicate_connection(packed, ip, port)
            if refusal is not None:
                return refusal
            place = self._take(packed, port, Kind.INBOUND)
        return place or Refusal(RefusalReason.INBOUND_LIMIT, f"{PLACES} connections of this host")

    def note_dial(self, ip: str, port: int) -> Place | None:
        """This host dials. Returns: its place, None when there is none left."""
        return self._take(packed_ip(ip), port, 0)

    def claim(
        self, place: Place, kind: int, peer_id: NodeID, connection: str, beside: Collection[str]
    ) -> Refusal | Taken | None:
        """See `Place.claim`. Args: kind, what the place is afterwards. Raises: RegisterBusyError."""
        packed, number, memory = bytes.fromhex(peer_id), place.number, self._memory
        victim: tuple[int, int] | None = None
        if self._withdrawn and packed in self._withdrawn.values():
            self.tell_ends()
        with memory.lock():
            if number < 0:
                return Refusal(RefusalReason.STOPPING, "closed meanwhile")
            left = {_tag(each) for each in beside}
            for where in memory.found("id", packed):
                # A withdrawn one of another host has no tag. It is gone in a moment.
                if where != (memory.index, number) and memory.at("tag", *where) not in left:
                    return Taken()
            refusal = self._duplicate_peer(place, packed)
            before = memory.kind(memory.index, number)
            if refusal is None and kind & Kind.COUNTS and not before & Kind.COUNTS:
                peers = self.room.peers()
                if peers >= self.rules.peers:
                    victim = self.room.victim_for(place.ip)
                    refusal = None if victim is not None else self._full(peers)
            if refusal is not None:
                return refusal
            if victim is not None:
                self.room.exchange(victim, place.ip)
            memory.put("tag", number, _tag(connection))
            memory.put("id", number, packed)
            self.room.begin(number)
            memory.set_kind(number, before & (Kind.TAKEN | Kind.INBOUND) | kind)
        if victim is not None:
            self._evict(victim[0])
        return None

    def lack(self, ip: bytes, peer_id: NodeID | None = None) -> Refusal | None:
        """See `Place.lack`. Args: peer_id, None when it is not known yet."""
        refusal = self._lack(ip)
        if (
            refusal is not None
            and peer_id is not None
            and any(self._memory.found("id", bytes.fromhex(peer_id)))
        ):
            return None
        return refusal

    def is_given_away(self, place: Place) -> bool:
        """See `Place.is_given_away`."""
        return bool(self._memory.kind(self._memory.index, place.number) & Kind.LEAVES)

    def free(self, place: Place) -> None:
        """See `Place.leave`."""
        self._memory.free(place.number)

    def withdraw(self, place: Place) -> None:
        """See `Place.withdraw`."""
        self._withdrawn[place.number] = self._memory.withdraw(place.number)

    def let_go(self) -> None:
        """Everybody has heard of the ends: those IDs are free."""
        if self._withdrawn:
            for number in self._withdrawn:
                self._memory.free(number)
            self._withdrawn.clear()

    def _take(self, ip: bytes, port: int, kind: int) -> Place | None:
        """Returns: None when this host has no place left."""
        number = self._memory.take(ip, _PORT.pack(port), kind)
        return None if number is None else Place(self, number, ip, is_inbound=bool(kind & Kind.INBOUND))

    # --- refusals ----------------------------------------------------------------------------------------------------

    def _duplicate_connection(self, packed: bytes, ip: str, port: int) -> Refusal | None:
        """Why an accepted connection gets no place beside those that there are. Source: reference 5."""
        memory = self._memory
        for where in memory.found("port", _PORT.pack(port)):
            if memory.at("ip", *where) == packed:
                detail = f"{join_host_port(ip, port)} is connected already"
                return Refusal(RefusalReason.DUPLICATE_CONNECTION, detail)
        # A dial of ours that is still in its handshake holds no IP: the remote may be dialling us in the same moment,
        # and if both refused the other's connection none would be left.
        return self._crowded(packed, Kind.INBOUND | Kind.STANDS)

    def _duplicate_peer(self, place: Place, packed_id: bytes) -> Refusal | None:
        """Why a connection with a proved ID does not become a peer beside those that there are. Source: reference 3."""
        return self._crowded(place.ip, Kind.STANDS, packed_id)

    def _crowded(self, packed: bytes, kinds: int, but_id: bytes = b"") -> Refusal | None:
        """Why one more connection of this address would be one too many.

        Args: kinds, of the places that count; but_id, an ID whose places do not.
        """
        memory, limits = self._memory, self.rules.ip_limits
        for most, prefix in limits.of(packed):
            found = [
                where
                for where in memory.found("ip", prefix)
                if memory.kind(*where) & kinds
                and memory.at("id", *where) != but_id
                and (prefix == packed or self._counts_in(prefix, memory.at("ip", *where)))
            ]
            if len(found) >= most:
                return crowded(most, prefix, self._holder(*found[0]))
        return None

    def _counts_in(self, prefix: bytes, packed: bytes) -> bool:
        """Whether an address that begins so is of this prefix: all of IPv4 begins like ::/56."""
        return prefix_of(packed) == prefix and not self.rules.ip_limits.is_exempt(packed)

    def _holder(self, host: int, number: int) -> str:
        peer_id = self._memory.at("id", host, number)
        if peer_id != _NO_ID:
            return peer_id.hex()
        port: int = _PORT.unpack(self._memory.at("port", host, number))[0]
        return join_host_port(shown_ip(self._memory.at("ip", host, number)), port)

    def _lack(self, ip: bytes) -> Refusal | None:
        """Why an inbound connection gets no place among the peers. Source: reference 3."""
        peers = self.room.peers()
        if peers < self.rules.peers or self.room.victim_for(ip) is not None:
            return None
        return self._full(peers)

    def _full(self, peers: int) -> Refusal:
        return Refusal(RefusalReason.INBOUND_LIMIT, f"{peers} inbound peers of at most {self.rules.peers}")


def _tag(connection: str) -> bytes:
    """What stands for a connection's name."""
    return blake2b(connection.encode(), digest_size=8).digest()
