"""One of each value that messages carry."""

from __future__ import annotations

import pickle
from typing import TypeVar

from peerage.actors.messages import Admission, ConnectionFacts, PeerInfo
from peerage.actors.runtime import ActorRef
from peerage.wire.keys import NodeID
from peerage.wire.node_info import NodeInfo

T = TypeVar("T")
PEER_ID = NodeID("ab" * 20)
NODE_INFO = NodeInfo(id=PEER_ID, listen_addr="tcp://192.0.2.1:26656", network="test", moniker="m")
FACTS = ConnectionFacts("c-1", "peers-0", "192.0.2.1", 26656, is_outbound=True, dialled_id=PEER_ID)
REF = ActorRef.to("peer c-1")
ADMISSION = Admission(is_persistent=True, is_unconditional=False)
PEER = PeerInfo.of(FACTS, PEER_ID, NODE_INFO, REF, ADMISSION)


def carried(message: T) -> T:
    """The message as it is in another process."""
    copy: T = pickle.loads(pickle.dumps(message))
    return copy
