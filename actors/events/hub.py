"""The event hub: hears what happens in all parts of a node, keeps the last events for listeners, and writes the history.

It lives beside RPC, in the same process. Nothing waits for it, and a restart loses what happened meanwhile, no more.

    EventTeller of switch, book, hosts …  ──Happened──>  hub ──> EventLog <──NextEvents── listeners
                                                          ╰────> HistoryKeeper ──> data/peers.sqlite
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from msgspec.structs import replace

from peerage.actors.context import NodeContext
from peerage.actors.events.connections import connected
from peerage.actors.events.event_log import EventLog
from peerage.actors.events.happenings import Connected, Direction, Happening, Lost
from peerage.actors.events.history import Came, Session, Went
from peerage.actors.events.history_keeper import HistoryKeeper
from peerage.actors.events.messages import EventLines, Happened, NextEvents
from peerage.actors.events.private_names import PrivateNames
from peerage.actors.loss import LossReason
from peerage.actors.messages import GetPeers, GetPrivatePeers, PeerInfo, PrivatePeers
from peerage.actors.runtime import ActorDeadError, Future, LimitReachedError, ProcessActor, Reply, Timer

__all__ = ["EventHub"]

GATHER_S: Final = 0.05  # listeners ask again for each answer: a burst is one
MOST_WAIT_S: Final = 60.0
MOST_WAITING: Final = 128  # listeners, and those that have gone and whose questions are still here
# A switch that has just been started learns from the peer hosts who is connected.
SETTLED_S: Final = 5.0


class EventHub(ProcessActor):
    """See the module's text. Its `extra` is the node's context."""

    receives: ClassVar[Mapping[type, str]] = {
        Happened: "_happened",
        NextEvents: "_next_events",
        PrivatePeers: "_private_peers",
    }

    def __init__(self) -> None:
        super().__init__()
        context = self.runtime.extra
        assert isinstance(context, NodeContext)
        self._context = context
        p2p = context.config.p2p
        told = *p2p.persistent_peers, *p2p.seeds, *context.config.peerage.bootstrap_peers
        private = PrivateNames(p2p.private_peer_ids, told)
        epoch = f"{time.time_ns() // 1_000_000:x}"
        self._log = EventLog(epoch, context.node_info.moniker, private)
        self._waiting: list[tuple[Reply, NextEvents, Timer]] = []
        self._wake_due = False
        self._here: dict[str, Connected | None] = {}  # by connection; None: it is in the file alone
        self._keeper: HistoryKeeper

    def on_start(self) -> None:
        context, runtime = self._context, self.runtime
        life = f"{self.actor_ref.system}:{runtime.life_of(context.names.supervisor)}"
        path = context.config.home.peer_history
        self._keeper = HistoryKeeper(
            runtime, path, life, time.time, lambda *found: self._history_opened(life, *found)
        )
        self._follow_switch()

    def on_stop(self) -> None:
        # The node's end: the peers have been let go in peace, and what was said of it may have come too late.
        for connection in self._here:
            self._keeper.note(Went(connection, time.time(), LossReason.GRACEFUL))
        self._keeper.close()

    def on_failure(self, *_exception: Any) -> None:
        self._keeper.close()

    def on_unlisted(self, message: Any) -> Any:
        """Answer messages that are not in `receives` with None."""

    # --- what happens ----------------------------------------------------------------------------------------------

    def _happened(self, message: Happened) -> None:
        for at, what in message.news:
            self._record(at, what)
            self._add(at, what)

    def _add(self, at: float, what: Happening) -> None:
        self._log.add(at, what)
        if self._waiting and not self._wake_due:
            self._wake_due = True
            self.runtime.call_later(GATHER_S, self._wake)

    # --- listeners -------------------------------------------------------------------------------------------------

    def _next_events(self, question: NextEvents) -> EventLines | None:
        answer = self._log.answer(question)
        if answer.lines or answer.missed or question.wait <= 0:
            return answer
        reply = self.runtime.defer()
        # From here on it is what comes behind this.
        waiting = replace(question, after=answer.cursor)
        timer = self.runtime.call_later(min(question.wait, MOST_WAIT_S), self._time_is_over, reply)
        self._waiting.append((reply, waiting, timer))
        if len(self._waiting) > MOST_WAITING:  # whoever still listens asks again
            oldest, asked, its_timer = self._waiting.pop(0)
            its_timer.cancel()
            oldest.set(self._log.answer(asked))
        return None

    def _wake(self) -> None:
        self._wake_due = False
        waiting, self._waiting = self._waiting, []
        for reply, question, timer in waiting:
            answer = self._log.answer(question)
            if answer.lines or answer.missed:
                timer.cancel()
                reply.set(answer)
            else:
                self._waiting.append((reply, question, timer))

    def _time_is_over(self, reply: Reply) -> None:
        for entry in self._waiting:
            if entry[0] is reply:
                self._waiting.remove(entry)
                reply.set(self._log.answer(entry[1]))
                return

    # --- private peers -----------------------------------------------------------------------------------------------

    def _private_peers(self, message: PrivatePeers) -> None:
        self._log.learn_private(message.ids)

    def _follow_switch(self) -> None:
        switch, runtime = self._context.names.switch, self.runtime
        try:
            runtime.follow(switch, on_up=self._switch_came_up, on_down=lambda _reason: None)
        except LimitReachedError:  # no descriptor for a way to it just now
            runtime.call_later(SETTLED_S, self._follow_switch)

    def _switch_came_up(self) -> None:
        switch = self._context.names.switch
        switch.ask(GetPrivatePeers(), block=False).then(self._heard_private)
        self.runtime.call_later(SETTLED_S, self._ask_for_peers)

    def _ask_for_peers(self) -> None:
        if not self._keeper.has_answered:  # a slow disk: it is not known yet who was here before
            self.runtime.call_later(SETTLED_S, self._ask_for_peers)
            return
        self._context.names.switch.ask(GetPeers(), block=False).then(self._heard_peers)

    def _heard_private(self, answer: Future[PrivatePeers]) -> None:
        try:
            self._private_peers(answer.get(timeout=0))
        except ActorDeadError:
            return  # its successor is asked

    # --- the history -------------------------------------------------------------------------------------------------

    def _record(self, at: float, what: Happening) -> None:
        if isinstance(what, Connected) and what.connection not in self._here:
            self._here[what.connection] = what
            self._keeper.note(Came(_session(what)))
        elif isinstance(what, Lost):
            self._here.pop(what.connection, None)
            self._keeper.note(Went(what.connection, at, what.reason, what.detail))

    def _history_opened(self, life: str, last_life: str, unfinished: frozenset[str]) -> None:
        """If RPC alone was restarted, who was here may still be; if the whole node was, nobody is."""
        for connection in unfinished - self._here.keys():
            if life == last_life:
                self._here[connection] = None
            else:
                self._keeper.note(Went(connection, None, LossReason.NODE_ENDED))

    def _heard_peers(self, answer: Future[tuple[PeerInfo, ...]]) -> None:
        """Who is here: some may have come or gone while this hub, or the switch, was not."""
        try:
            peers = answer.get(timeout=0)
        except ActorDeadError:
            return
        present = {peer.connection: peer for peer in peers}
        for connection in self._here.keys() - present.keys():
            known = self._here.pop(connection)
            self._keeper.note(Went(connection, None if known is None else time.time(), LossReason.UNSEEN))
            if known is not None:
                self._add(time.time(), _unseen(known))
        for connection in present.keys() - self._here.keys():
            what = connected(present[connection])
            self._record(what.since, what)
            self._add(what.since, what)


def _session(what: Connected) -> Session:
    return Session(
        what.connection,
        what.peer,
        what.address,
        str(Direction(what.direction)),
        what.moniker,
        what.version,
        what.since or time.time(),
    )


def _unseen(what: Connected) -> Lost:
    return Lost(
        LossReason.UNSEEN,
        "",
        what.peer,
        what.address,
        what.direction,
        what.moniker,
        what.version,
        what.connection,
        round(max(0.0, time.time() - what.since), 3),
    )
