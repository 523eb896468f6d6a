"""Whether the limits of the operating system allow as many peers as the configuration does: said at the start, for it would
show only when they come.
"""

from __future__ import annotations

from peerage.actors.context import handshake_places
from peerage.actors.peers.handshake_places import HOST_DESCRIPTORS, HandshakeLimits, spare_descriptors
from peerage.actors.runtime.limits import HELP_WITH_DESCRIPTORS, Purpose, kept_for
from peerage.config import Config

__all__ = ["lack_of_room"]

NODE_DESCRIPTORS = 100  # of the node's own process: 15 for the runtime, 5 for each part, the listeners
PEER_PROCESS_DESCRIPTORS = 5  # of the node's own process, where each peer has one


def lack_of_room(config: Config, limit: int) -> str:
    """Why not all connections that may be made will find a descriptor; empty when they will.

    Args: limit, RLIMIT_NOFILE of each of the node's processes.
    """
    peers = config.p2p.max_num_inbound_peers + config.p2p.max_num_outbound_peers
    handshakes = handshake_places(config)
    hosts = config.peerage.peer_hosts
    if hosts:
        spare = spare_descriptors(limit, peers, hosts)
        share = HandshakeLimits.of_host(handshakes, hosts, limit).total
        if spare >= share:
            return ""
        room = hosts * (limit - kept_for(Purpose.STRANGERS, limit) - HOST_DESCRIPTORS)
        where = f"in each of {hosts} peer hosts"
    else:
        room = (limit - kept_for(Purpose.WORK, limit) - NODE_DESCRIPTORS) // PEER_PROCESS_DESCRIPTORS
        where = f"of which each peer's process takes {PEER_PROCESS_DESCRIPTORS}"
        handshakes = 0  # those that come beside the peers are few
        if peers <= room:
            return ""
    shaking = (
        f", and {handshakes} more connections may shake hands (peerage.handshake_places)"
        if handshakes
        else ""
    )
    return (
        f"p2p.max_num_inbound_peers and max_num_outbound_peers allow {peers} peers together{shaking}; {limit} file "
        f"descriptors (RLIMIT_NOFILE) {where} leave room for about {max(0, room)}; {HELP_WITH_DESCRIPTORS}"
    )
