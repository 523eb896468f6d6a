"""Why a node has no peers: a line now and then that sums up what came of all that was tried."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from peerage.actors.log_folding import LONGEST_PAUSE_S
from peerage.actors.messages import ConnectionFacts
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.seconds import Seconds

__all__ = ["LackOfPeers"]

FIRST_S = 60.0  # without a peer, until it is said
MOST_NODES = 1000  # that are told apart
OTHER_NETWORK = "the peer is on network "  # how the detail of such a refusal begins


class LackOfPeers:
    """Says so a minute after the last peer has gone, after two more, four, and so on up to an hour.

    It counts nodes and not attempts, each by its last outcome: nodes that were dialled by their IDs, callers by their IPs.
    One whose dials all fail needs its operator, and is told of at warning. One that has nobody to dial and is not called is
    told of at info: it may be the first of its network.

    It begins without peers. One owner, one thread.

    Args: now, monotonic seconds; has_peers, which is asked before anything is said: a switch that was restarted may have
        peers that nobody has added since.
    """

    def __init__(
        self,
        log: Any,
        call_later: Callable[..., Any],
        now: Callable[[], float],
        has_peers: Callable[[], bool],
    ) -> None:
        self._log, self._call_later, self._now, self._has_peers = log, call_later, now, has_peers
        self._timer: Any = None
        self._dialled: OrderedDict[str, str] = OrderedDict()
        self._callers: OrderedDict[str, str] = OrderedDict()
        self._since = self._pause = 0.0
        self.begins()

    def begins(self) -> None:
        """There is no peer from now on."""
        self.over()
        self._since, self._pause = self._now(), FIRST_S
        self._timer = self._call_later(FIRST_S, self._tell)

    def over(self) -> None:
        """There is a peer. What came of the others is forgotten."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._dialled.clear()
            self._callers.clear()

    def close(self) -> None:
        """Nothing is said any more."""
        self.over()

    def refused(self, connection: ConnectionFacts, refusal: Refusal) -> None:
        """A dial has failed, or a caller was refused."""
        if self._timer is None:
            return
        nodes, node = self._callers, connection.remote_ip
        if connection.is_outbound:
            nodes, node = self._dialled, str(connection.dialled_id)
        nodes[node] = outcome_of(refusal)
        nodes.move_to_end(node)
        if len(nodes) > MOST_NODES:
            nodes.popitem(last=False)

    def _tell(self) -> None:
        if self._has_peers():
            self.over()
            return
        told = self._log.warning if self._dialled else self._log.info
        told(
            "no peers",
            seconds=Seconds(self._now() - self._since),
            dialled=_summed_up(self._dialled),
            callers=_summed_up(self._callers),
        )
        self._pause = min(2 * self._pause, LONGEST_PAUSE_S)
        self._timer = self._call_later(self._pause, self._tell)


def outcome_of(refusal: Refusal) -> str:
    """The reason, in few words that have no part of what a remote has said."""
    if refusal.is_ours:
        return "lack of means here"
    if refusal.reason is RefusalReason.INCOMPATIBLE and refusal.detail.startswith(OTHER_NETWORK):
        return "on another network"
    return str(refusal.reason)


def _summed_up(nodes: OrderedDict[str, str]) -> str:
    """Such as "6 on another network, 2 unreachable": the most frequent first."""
    counts = Counter(nodes.values())
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()) or "nobody"
