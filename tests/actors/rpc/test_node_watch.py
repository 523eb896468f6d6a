"""actors/rpc/node_watch.py: peer hosts are asked, and those that do not answer are told as such."""

from __future__ import annotations

import asyncio
from typing import Any

from peerage.actors.messages import PeerFigures
from peerage.actors.rpc.node_watch import NodeWatch
from peerage.actors.runtime import ActorDeadError, Future

FIGURES = PeerFigures((("c-1",),), ())
SOON_S = 0.01


class Transport:
    """A peer host; it answers when it is told what."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.questions: list[Future[Any]] = []
        self.says: Any = None

    def ask(self, _question: object, *, block: bool) -> Future[Any]:
        assert not block
        future: Future[Any] = Future()
        self.questions.append(future)
        if isinstance(self.says, Exception):
            future.resolve(None, self.says)
        elif self.says is not None:
            future.resolve(self.says)
        return future


def look(watch: NodeWatch) -> list[tuple[str, bool, int]]:
    async def main() -> list[tuple[str, bool, int]]:
        return [(each.host, each.answered, len(each.figures.rows)) for each in await watch._ask_peers()]

    return asyncio.run(main())


def watched() -> tuple[NodeWatch, Transport, Transport]:
    quick, slow = Transport("quick"), Transport("slow")
    quick.says = FIGURES
    transports: Any = [quick, slow]
    return NodeWatch(transports, SOON_S), quick, slow


def test_a_host_that_does_not_answer_is_not_waited_for_nor_asked_again() -> None:
    """Its late answer counts when it is there; then it is asked anew."""
    watch, quick, slow = watched()
    expected = [("quick", True, 1), ("slow", False, 0)]
    assert look(watch) == expected
    assert look(watch) == expected
    assert (len(quick.questions), len(slow.questions)) == (2, 1)
    slow.questions[0].resolve(FIGURES)
    assert look(watch)[1] == ("slow", True, 1)
    assert look(watch)[1] == ("slow", False, 1)  # what it said last
    assert len(slow.questions) == 2


def test_a_host_that_has_ended_has_no_peers() -> None:
    """They have gone with it."""
    watch, quick, _slow = watched()
    look(watch)
    quick.says = ActorDeadError("gone")
    assert look(watch)[0] == ("quick", False, 0)
