"""A node's line to the shared book: tells it what is new in the node's own book, and the own book what the others know.

It lives as long as one connection to the cluster does. When anything fails it ends, and its keeper starts another: Ray's
library keeps much about a cluster, and a fresh process knows nothing wrong. Some of its faults end the process.

    own book: what is new?  →  shared book: this is new here; and there?  →  own book: adopt that  →  a pause, and again

Each step waits for the one before, so that nothing piles up; what happens meanwhile waits in the books. A number goes up
only when what came before it has arrived, and every step may be done twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from peerage.actors.blocking_calls import Background
from peerage.actors.cluster.hub import HubLine
from peerage.actors.cluster.messages import ClusterStatus
from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.calls import BookCall, Method
from peerage.actors.discovery.book.replica import News, Replica
from peerage.actors.discovery.errors import StoreError
from peerage.actors.discovery.sharing.crawl_share import CrawlShare
from peerage.actors.discovery.sharing.lines import MOST_LINES
from peerage.actors.discovery.sharing.shared_book import LEASE_S, Answer, Telling
from peerage.actors.runtime import ActorDeadError, ActorRef, Future, ProcessActor
from peerage.actors.runtime.cluster.ray_line import cause_of

__all__ = ["ClusterMember"]

PERIOD_S = 1.0  # between two exchanges while there is nothing more to tell
JOIN_S = 90.0  # an import of Ray and its start take seconds, tens of them on a busy machine
BOOK_PATIENCE_S = 30.0
STDOUT, STDERR = 1, 2


class ClusterMember(ProcessActor):
    """Args: keeper, who is told how it stands."""

    def __init__(self, keeper: ActorRef[Any]) -> None:
        super().__init__()
        context = self.runtime.extra
        assert isinstance(context, NodeContext)
        self._context, self._keeper = context, keeper
        self._background = Background(self.runtime, threads=1)
        self._line: HubLine | None = None
        self._news_life, self._news_number = "", 0  # of the own book: what the shared one has
        self._life, self._has = "", 0  # of the shared book: what the own one has
        self._status = ClusterStatus()

    def on_start(self) -> None:
        os.dup2(STDERR, STDOUT)  # Ray's library prints what befalls the cluster, and stdout is the node's own
        config = self._context.config
        name = config.peerage.cluster_name or config.network
        self._background.run(partial(HubLine, config.peerage.cluster, name), self._joined)
        self.runtime.call_later(JOIN_S, self._see_whether_it_joined)

    def on_stop(self) -> None:
        self._background.close()

    def _joined(self, line: HubLine | Exception) -> None:
        if isinstance(line, Exception):
            self._give_up(line)
        else:
            self._line = line
            self._begin()

    def _see_whether_it_joined(self) -> None:
        """Ray's library has limits of its own for most of what may hang when it connects, but not for all."""
        if self._line is None:
            self._give_up(TimeoutError(f"the cluster has not let it join within {JOIN_S:g} s"))

    def _begin(self) -> None:
        self._ask_book(self._tell, Replica.news, self._news_life, self._news_number, MOST_LINES)

    def _tell(self, news: News) -> None:
        assert self._line is not None
        telling = Telling(
            self._context.node_id,
            self._context.config.p2p.seed_mode,
            news.lines,
            self._life,
            self._has,
        )
        until = time.time() + LEASE_S
        self._background.run(partial(self._line.exchange, telling), partial(self._answered, news, until))

    def _answered(self, news: News, until: float, found: tuple[Answer, str] | Exception) -> None:
        if isinstance(found, Exception):
            self._give_up(found)
            return
        answer, at = found
        if answer.life == self._life or not self._life:
            self._news_life, self._news_number = news.life, news.number
        else:  # the shared book has been started anew, and knows nothing but what it is told
            self._news_life, self._news_number = "", 0
        more = news.more or answer.more or answer.life != self._life
        share = CrawlShare(answer.place, answer.among, answer.life.encode(), until)
        self._report(
            ClusterStatus(answer.nodes, at, answer.is_kept, not more and not news.lines, answer.among)
        )
        self._ask_book(lambda _nothing: self._adopt(answer, more=more), Replica.visit, share)

    def _adopt(self, answer: Answer, *, more: bool) -> None:
        def adopted(_count: int) -> None:
            self._life, self._has = answer.life, answer.number
            self.runtime.call_later(0.0 if more else PERIOD_S, self._begin)

        self._ask_book(adopted, Replica.adopt, answer.lines)

    def _report(self, status: ClusterStatus) -> None:
        if status != self._status:
            self._status = status
            self._keeper.tell(status, if_there=True)

    def _give_up(self, error: Exception) -> None:
        self._report(ClusterStatus(cause=f"{type(error).__name__}: {cause_of(error)}"))
        self.stop()

    def _ask_book(self, then: Callable[[Any], None], method: Method, *args: Any) -> None:
        """Call the own book. While it does not answer, or cannot write what it answers, begin again."""

        def answered(future: Future[Any]) -> None:
            try:
                answer = future.get(timeout=0)
            except (ActorDeadError, StoreError):
                self.runtime.call_later(PERIOD_S, self._begin)
            else:
                then(answer)

        call = BookCall(method, args)
        self._context.names.addrbook.ask(call, block=False, patience=BOOK_PATIENCE_S).then(answered)
