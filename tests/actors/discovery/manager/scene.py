"""What the parts of a discoverer share: the time, the effects and the peers, played by a test."""

from __future__ import annotations

from typing import Any

from peerage.actors.discovery.book.calls import Method
from peerage.actors.discovery.manager.agenda import Agenda, Moment
from peerage.actors.discovery.manager.effects import AskBook, Effect, Effects
from peerage.actors.discovery.manager.events import ConnectedPeer
from peerage.wire.keys import NodeID
from tests.actors.discovery.nodes import START, address, node_id

AT = 1000.0  # monotonic seconds at which every scene begins


def connected(
    number: int,
    *,
    is_outbound: bool = True,
    is_persistent: bool = False,
    ip: str | None = None,
    since: float = AT,
) -> ConnectedPeer:
    """A peer with the ID and, unless given, the IP of this number; it says that it listens at the latter."""
    there = address(number, ip)
    return ConnectedPeer(
        id=node_id(number),
        connection=f"c-{number}",
        address=there,
        reported=address(number),
        is_outbound=is_outbound,
        is_persistent=is_persistent,
        since=since,
        latency=0.25 if is_outbound else 0.0,
    )


class Scene:
    """Time that passes when told to, what a part wants done, and whoever is connected."""

    def __init__(self) -> None:
        self.agenda = Agenda(Moment(AT, START))
        self.effects = Effects()
        self.peers: dict[NodeID, ConnectedPeer] = {}

    def out(self) -> list[Effect]:
        """What is wanted since the last call."""
        return self.effects.take()

    def pass_by(self, seconds: float) -> list[Effect]:
        """Let time pass, stop by stop. Returns: what was wanted meanwhile."""
        end = self.agenda.now.at + seconds
        while (deadline := self.agenda.deadline) <= end:
            self._go_to(deadline)
            self.agenda.run_due()
        self._go_to(end)
        return self.out()

    def answer(self, answer: Any) -> list[Effect]:
        """Take the only question that there is, and answer it."""
        (question,) = self.out()
        return answer_to(self, question, answer)

    def connect(self, peer: ConnectedPeer) -> ConnectedPeer:
        self.peers[peer.id] = peer
        return peer

    def set_clock(self, seconds: float) -> None:
        """Set the system's clock forward or back by so much."""
        self.agenda.now = Moment(self.agenda.now.at, self.agenda.now.unix + seconds)

    def _go_to(self, at: float) -> None:
        now = self.agenda.now
        if at > now.at:
            self.agenda.now = Moment(at, now.unix + at - now.at)


def answer_to(scene: Scene, question: Effect, answer: Any) -> list[Effect]:
    """Answer a question. Returns: what is wanted then."""
    then = getattr(question, "then", None)
    assert then is not None
    then(answer)
    return scene.out()


def asked(effects: list[Effect]) -> list[tuple[Method, tuple[Any, ...]]]:
    """The methods of the book that are to be called, with their arguments."""
    return [(effect.method, effect.args) for effect in effects if isinstance(effect, AskBook)]
