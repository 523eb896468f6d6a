"""Replies to seed requests: which connections wait for one. Banned nodes get none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from peerage.actors.ban_filter import BanFilter
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.manager.effects import AnswerSeedRequest, RefuseSeedRequest
from peerage.actors.discovery.manager.events import SeedRequest
from peerage.actors.messages import BansChanged, StandingAnswer
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import Reply

__all__ = ["SeedReplies"]


class SeedReplies:
    """The replies that are due, by connection.

    Args: count_sent, called with the size of each answer; may_stand, whether peer hosts know who has asked before, so that
        they may give an answer to others too.
    """

    def __init__(
        self, count_sent: Callable[[int], None] = lambda _size: None, *, may_stand: bool = False
    ) -> None:
        self._count_sent = count_sent
        self._may_stand = may_stand
        self._bans = BanFilter()
        self._due: dict[str, Reply] = {}

    def know_bans(self, bans: Sequence[Ban]) -> None:
        """Take the complete list of bans."""
        self._bans.update(BansChanged(tuple(bans), whole=True))

    def bans_changed(self, message: BansChanged) -> None:
        """Bans were added or lifted."""
        self._bans.update(message)

    def add(self, connection: str, reply: Reply) -> None:
        """A node has sent a request over this connection and waits for the reply."""
        self._due[connection] = reply

    def drop(self, connection: str) -> None:
        """The node has hung up."""
        self._due.pop(connection, None)

    def admits(self, request: SeedRequest) -> bool:
        """Whether a node is not banned. If it is, refuse it."""
        refusal = self._bans.refusal(request.id)
        if refusal is not None:
            self._reply(request, refusal)
        return refusal is None

    def answer(self, effect: AnswerSeedRequest) -> None:
        """Send addresses to a node."""
        assert isinstance(effect.told, bytes)
        self._count_sent(len(effect.told))
        standing = effect.standing if self._may_stand else None
        if standing is None:
            self._reply(effect.request, effect.told)
        else:
            answer = StandingAnswer(effect.told, standing.fresh_until, standing.until, standing.but)
            self._reply(effect.request, answer)

    def refuse(self, effect: RefuseSeedRequest) -> None:
        """Hang up on a node without an answer."""
        offence, offender = effect.offence, effect.request.id
        refusal = Refusal(RefusalReason.TOO_OFTEN, effect.reason, offence=offence, offender=offender)
        self._reply(effect.request, refusal)

    def _reply(self, request: SeedRequest, answer: bytes | StandingAnswer | Refusal) -> None:
        reply = self._due.pop(request.connection, None)
        if reply is not None:
            reply.set(answer)
