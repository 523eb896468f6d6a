"""The switch's table of connections, and the decisions that need nothing else (reference 5 and 6).

A plain object: no actors, no clock, no sockets. Connections are indexed by ID, address and host, because strangers decide
how often they are looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from msgspec.structs import replace

from peerage.actors.crowding import crowded
from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.loss import LossReason
from peerage.actors.messages import ConnectionEnded, ConnectionFacts, NumPeers, PeerInfo, PeerStatus
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorRef
from peerage.actors.snapshot import PeerSnapshot
from peerage.wire.ip_ranges import packed_ip, prefix_of
from peerage.wire.keys import NodeID, is_node_id
from peerage.wire.net_address import join_host_port

__all__ = ["Connection", "PeerLimits", "PeerTable", "Stage"]


class Stage(Enum):
    """How far a connection has come."""

    DIALLING = "dialling"
    HANDSHAKE = "handshake"
    ADMITTED = "admitted"
    RUNNING = "running"


STANDING = frozenset({Stage.ADMITTED, Stage.RUNNING})  # it is the connection of its ID


@dataclass(slots=True)
class Connection:
    """One connection that a peer host holds for this node."""

    facts: ConnectionFacts
    stage: Stage
    id: NodeID | None = None
    ref: ActorRef | None = None
    info: PeerInfo | None = None
    since: float = 0.0

    @property
    def is_outbound(self) -> bool:
        return self.facts.is_outbound

    @property
    def stands(self) -> bool:
        """Whether it is admitted or running."""
        return self.stage in STANDING

    def ended_with_host(self, detail: str) -> ConnectionEnded:
        """What is to be said of it when its peer host has ended."""
        refusal = None if self.stage is Stage.RUNNING else Refusal(RefusalReason.STOPPING, detail)
        return ConnectionEnded(self.facts, refusal, detail, is_error=True, loss=LossReason.HOST_ENDED)

    def keys(self) -> Iterator[Hashable]:
        """Yield the keys under which it is indexed."""
        facts = self.facts
        yield "host", facts.host
        packed = packed_ip(facts.remote_ip)
        yield "network", packed
        yield "network", prefix_of(packed)
        yield "address", facts.remote_ip, facts.remote_port
        if not self.stands:
            yield "dialled", facts.dialled_id
        elif self.id is not None:
            yield "id", self.id


@dataclass(frozen=True, slots=True)
class PeerLimits:
    """What the operator allows.

    Args: max_inbound, most inbound peers; None where the peer hosts keep that limit, and make room for newcomers.
        ip_limits, how many connections an IP and a prefix may have.
        dial_timeout, seconds until a dialled connection has to be there.
    """

    own_id: NodeID
    max_inbound: int | None
    ip_limits: IPLimits
    dial_timeout: float = 3.0


@dataclass(slots=True)
class PeerTable:
    """Connections by name; IDs that are persistent, unconditional, private.

    Promises: an ID is ADMITTED or RUNNING at most once.
    """

    limits: PeerLimits
    connections: dict[str, Connection] = field(default_factory=dict)
    persistent: dict[str, str] = field(default_factory=dict)  # ID → address as the operator wrote it
    unconditional: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)
    _index: dict[Hashable, dict[str, Connection]] = field(default_factory=dict)

    # --- questions ---------------------------------------------------------------------------------------------------

    def of_id(self, peer_id: str) -> Connection | None:
        """The connection of this ID, admitted or running."""
        return next(self._found("id", peer_id), None)

    def concerned_by(self, subjects: Sequence[str]) -> list[Connection]:
        """The connections that bans of these IDs, IPs and networks may end: all, unless it is IDs alone."""
        if all(map(is_node_id, subjects)):
            return list(filter(None, map(self.of_id, subjects)))
        return list(self.connections.values())

    def rival_of(self, peer_id: str, connection: str) -> Connection | None:
        """Another connection that stands for this ID."""
        found = self._found("id", peer_id)
        return next((each for each in found if each.facts.connection != connection), None)

    def dialling(self, peer_id: str) -> Connection | None:
        """The dial to this ID that is under way."""
        return next(self._found("dialled", peer_id), None)

    @property
    def has_peers(self) -> bool:
        """Whether anybody is connected."""
        return any(c.stage is Stage.RUNNING for c in self.connections.values())

    def peers(self) -> tuple[PeerInfo, ...]:
        """The connected peers, oldest first."""
        return tuple(
            c.info for c in self.connections.values() if c.stage is Stage.RUNNING and c.info is not None
        )

    def snapshots(self, statuses: Iterable[PeerStatus]) -> tuple[PeerSnapshot, ...]:
        """The status of the peers' connections, with whether each is private."""
        return tuple(
            PeerSnapshot(
                node_info=status.info.node_info,
                is_outbound=status.info.is_outbound,
                connection_status=status.status,
                remote_ip=status.info.remote_ip,
                is_private=status.info.id in self.private,
            )
            for status in statuses
        )

    def num_peers(self) -> NumPeers:
        """Counts without unconditional peers. Source: reference 6."""
        counted = [c for c in self.connections.values() if c.id not in self.unconditional]
        standing = [c for c in counted if c.stands]
        dialling = frozenset(
            str(c.facts.dialled_id) for c in self.connections.values() if c.is_outbound and not c.stands
        )
        return NumPeers(
            outbound=sum(c.is_outbound for c in standing),
            inbound=sum(not c.is_outbound for c in standing),
            dialling=len(dialling),
            dialling_ids=dialling,
        )

    # --- decisions ---------------------------------------------------------------------------------------------------

    def admit_connection(self, facts: ConnectionFacts) -> Refusal | None:
        """Before the handshake of an accepted connection: duplicates. Source: reference 5."""
        if any(self._found("address", facts.remote_ip, facts.remote_port)):
            detail = f"{facts.socket_address} is connected already"
            return Refusal(RefusalReason.DUPLICATE_CONNECTION, detail)
        # Our own dial does not count as long as it is in its handshake: the remote may be dialling us at the same moment,
        # and if both refused the other's connection, none would be left.
        return self._crowded(facts.remote_ip, lambda other: other.stands or not other.is_outbound)

    def admit_peer(self, facts: ConnectionFacts, peer_id: NodeID) -> Refusal | None:
        """After the handshake. A duplicate ID is settled by `of_id` and the caller. Source: reference 3."""
        if peer_id == self.limits.own_id:
            return Refusal(RefusalReason.SELF, f"{peer_id} is our own ID")
        limit = self.limits.max_inbound
        if limit is not None and not facts.is_outbound and peer_id not in self.unconditional:
            inbound = self.num_peers().inbound
            if inbound >= limit:
                detail = f"{inbound} inbound peers of at most {limit}"
                return Refusal(RefusalReason.INBOUND_LIMIT, detail)
        return self._crowded(
            facts.remote_ip,
            lambda other: other.stands and other.id != peer_id and other.facts.connection != facts.connection,
        )

    def may_dial(self, peer_id: str, ip: str, port: int) -> Refusal | None:
        """Whether to dial: no peer that is connected, and one dial at a time for each ID. Source: reference 5 and 6."""
        if peer_id == self.limits.own_id:
            return Refusal(RefusalReason.SELF, f"{peer_id} is our own ID")
        if self.of_id(peer_id) is not None or self.dialling(peer_id) is not None:
            return Refusal(RefusalReason.DUPLICATE_ID, f"currently dialling or existing: {peer_id}")
        if any(self._found("address", ip, port)):
            detail = f"{join_host_port(ip, port)} is connected already, or being dialled"
            return Refusal(RefusalReason.DUPLICATE_CONNECTION, detail)
        return self._crowded(ip, lambda other: other.stands)

    # --- changes -----------------------------------------------------------------------------------------------------

    def add(self, facts: ConnectionFacts, now: float, stage: Stage = Stage.HANDSHAKE) -> Connection:
        """Add a connection that is being made, or that a peer host told of."""
        connection = Connection(facts, stage, since=now)
        if facts.peer is not None:
            connection.stage, connection.info = Stage.RUNNING, facts.peer
            connection.id, connection.ref = facts.peer.id, facts.peer.ref
        self.remove(facts.connection)
        self.connections[facts.connection] = connection
        self._enter(connection)
        return connection

    def admit(self, facts: ConnectionFacts, peer_id: NodeID, ref: ActorRef, now: float) -> Connection:
        """This is the connection of the ID from now on."""
        connection = self.connections.get(facts.connection) or self.add(facts, now)
        self._leave(connection)
        connection.stage, connection.id, connection.ref, connection.since = Stage.ADMITTED, peer_id, ref, now
        self._enter(connection)
        return connection

    def started(self, info: PeerInfo, now: float) -> None:
        """The connection runs and every reactor knows it."""
        connection = self.connections.get(info.connection)
        if connection is None:
            port = int(info.socket_address.rpartition(":")[2])
            facts = ConnectionFacts(
                info.connection, info.host, info.remote_ip, port, info.is_outbound, peer=info
            )
            self.add(facts, now)
            return
        self._leave(connection)
        connection.facts = replace(connection.facts, peer=info)
        connection.stage, connection.info, connection.id, connection.ref = (
            Stage.RUNNING,
            info,
            info.id,
            info.ref,
        )
        self._enter(connection)

    def give_way(self, connection: Connection) -> None:
        """It is about to end: another connection takes its ID."""
        self._leave(connection)
        connection.id = None
        self._enter(connection)

    def remove(self, connection: str) -> Connection | None:
        """Remove a connection that has ended."""
        removed = self.connections.pop(connection, None)
        if removed is not None:
            self._leave(removed)
        return removed

    def of_host(self, host: str) -> list[Connection]:
        """All connections of a peer host."""
        return list(self._found("host", host))

    def _found(self, *key: Hashable) -> Iterator[Connection]:
        return iter(self._index.get(key, {}).values())

    def _enter(self, connection: Connection) -> None:
        for key in connection.keys():  # noqa: SIM118 - it is no mapping
            self._index.setdefault(key, {})[connection.facts.connection] = connection

    def _leave(self, connection: Connection) -> None:
        for key in connection.keys():  # noqa: SIM118 - it is no mapping
            held = self._index.get(key, {})
            held.pop(connection.facts.connection, None)
            if not held:
                self._index.pop(key, None)

    def _crowded(self, ip: str, counts: Callable[[Connection], bool]) -> Refusal | None:
        """Why one more connection of this address would be one too many. Args: counts, whether one that is there does."""
        limits = self.limits.ip_limits
        for most, prefix in limits.of(packed_ip(ip)):
            there = [
                other
                for other in self._found("network", prefix)
                if counts(other) and not limits.is_exempt(packed_ip(other.facts.remote_ip))
            ]
            if len(there) >= most:
                return crowded(most, prefix, there[0].id or there[0].facts.socket_address)
        return None
