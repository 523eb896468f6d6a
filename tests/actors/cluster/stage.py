"""A node's own book and its keeper as threads of this process, and a shared book without a cluster."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.discovery.sharing.shared_book import Answer, SharedBook, Telling
from peerage.actors.names import NodeNames
from peerage.actors.runtime import THREAD, ActorRef, ProcessActor
from peerage.wire.keys import NodeKey
from peerage.wire.node_info import NodeInfo
from tests.actors.discovery.nodes import book
from tests.nodes import node_config


class Book(ProcessActor):
    """Performs calls on a book. Attribute: latest, the one that was started last."""

    latest: Book

    def __init__(self) -> None:
        super().__init__()
        self.known = book(strict=False)
        self.fails: Exception | None = None
        Book.latest = self

    def on_receive(self, message: Any) -> Any:
        assert isinstance(message, BookCall)
        if self.fails is not None:
            raise self.fails
        try:
            return message.perform(self.known)
        finally:
            self.known.drain()


class Keeper(ProcessActor):
    """Keeps what it is told. Attribute: told."""

    told: list[Any]

    def __init__(self) -> None:
        super().__init__()
        Keeper.told = []

    def on_receive(self, message: Any) -> Any:
        Keeper.told.append(message)


class Line:
    """In place of the way to the cluster: to a shared book in this process.

    Attributes: shared, that book; a new one is another life's; fails, what comes instead of an answer; tellings, what it
    was told.
    """

    shared: SharedBook
    fails: Exception | None
    tellings: list[Telling]
    lock = threading.Lock()

    def __init__(self, address: str, name: str) -> None:
        assert (address, name) == ("10.0.0.1:6379", "test")
        if Line.fails is not None:
            raise Line.fails

    @classmethod
    def begin(cls, life: str = "one") -> None:
        cls.shared = SharedBook(life, clock=time.time, ticks=time.monotonic)
        cls.fails = None
        cls.tellings = []

    def exchange(self, telling: Telling) -> tuple[Answer, str]:
        with Line.lock:
            if Line.fails is not None:
                raise Line.fails
            Line.tellings.append(telling)
            return Line.shared.exchange(telling), "10.0.0.2"

    @classmethod
    def elsewhere(cls, known: AddrBook, node: str = "elsewhere") -> None:
        """Another node tells all of its book."""
        news = known.replica.news("", 0, 1000)
        with cls.lock:
            cls.shared.exchange(Telling(node, False, news.lines, cls.shared.life, 0))


def context(home: Path) -> NodeContext:
    """Of a seed that is to share its book."""
    key = NodeKey(bytes(range(32)))
    config = node_config(home, p2p={"seed_mode": True}, peerage={"cluster": "10.0.0.1:6379"})
    return NodeContext(
        names=NodeNames("", (), 1),
        config=config,
        public_key=key.public_key,
        node_info=NodeInfo(id=key.node_id, network="test"),
        channels=(),
        routes={},
    )


def start_parts() -> ActorRef[Any]:
    """The own book, and a keeper. Returns: the keeper."""
    Book.options(name="addrbook", place=THREAD).start()
    return Keeper.options(name="cluster", place=THREAD).start()
