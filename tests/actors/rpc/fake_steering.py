"""The parts of a node, as RPC asks them: with the answers that a test gives them."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.messages import GetPeers
from peerage.actors.names import NodeNames
from peerage.actors.rpc.node_steering import NodeSteering
from peerage.actors.runtime import ActorRef
from peerage.config import Config
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.node_info import NodeInfo

ANNA, BERT = (NodeID(letter * 40) for letter in "af")
KEY = NodeKey.generate()


class FakeParts:
    """Attribute: asked, what each part was asked. Args: answers, by type of question; fails, by part."""

    def __init__(
        self,
        answers: Mapping[type, Any] | None = None,
        config: Config | None = None,
        fails: Mapping[str, Exception] | None = None,
    ) -> None:
        self._answers = {GetPeers: (), **(answers or {})}
        self._fails = fails or {}
        self._book = AddrBook(clock=time.time, rng=random.Random(1))
        self.asked: list[tuple[str, Any]] = []
        info = NodeInfo(id=KEY.node_id, listen_addr="tcp://10.0.0.9:1", network="test", moniker="m")
        self.context = NodeContext(
            NodeNames("", (), 1), config or Config(network="test"), KEY.public_key, info, (), {}
        )

    def steering(self, *, hide_private: bool = False) -> NodeSteering:
        return NodeSteering(self._ask, self.context, hide_private=hide_private)

    async def _ask(self, message: Any, whom: ActorRef, _name: str) -> Any:
        self.asked.append((whom.name, message))
        if whom.name in self._fails:
            raise self._fails[whom.name]
        if isinstance(message, BookCall):
            return message.perform(self._book)
        return self._answers[type(message)]
