"""Answering callers at a seed without asking its PEX reactor: under load, and whoever plainly asks for the first time.

To each question under load the reactor answers with addresses that others may have too: for a moment, one caller of each
group of IP addresses. Whoever has asked before, is banned, or comes from a group that has had its share goes to the reactor,
which judges exactly. It is told whom the host has answered, and counts those requests as if they had been its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from peerage.actors.asked_table import AskedTable
from peerage.actors.discovery.manager.events import group_at
from peerage.actors.messages import CallersAnswered, StandingAnswer
from peerage.actors.peers.stream import Loop
from peerage.wire.ip_ranges import parse_ip
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from peerage.wire.packet import packets_of
from peerage.wire.pex import PEX_CHANNEL

__all__ = ["StandingAnswers"]

# By then the reactor hears of an answer at the latest. While callers come it hears sooner, with the next question.
REPORT_S = 0.2
NONE = StandingAnswer(b"", -math.inf, -math.inf, frozenset())


class StandingAnswers:
    """Those of one peer host.

    Args:
        loop: of the host.
        asked: who has asked lately.
        is_banned: called with an ID.
        report: tells the reactor whom this host has answered.
        max_payload: most data bytes in a packet.
    """

    def __init__(
        self,
        loop: Loop,
        asked: AskedTable,
        is_banned: Callable[[NodeID], bool],
        report: Callable[[CallersAnswered], object],
        max_payload: int,
    ) -> None:
        self._loop = loop
        self._asked = asked
        self._is_banned = is_banned
        self._report = report
        self._max_payload = max_payload
        self._standing = NONE
        self._packets = b""
        self._is_renewing = False  # somebody's question will bring the next one
        self._served: set[str] = set()  # groups that have had this one
        self._callers: list[tuple[NodeID, str, str]] = []  # not reported yet
        self._is_report_due = False

    def take(self, answer: StandingAnswer) -> None:
        """The reactor has answered a question with this."""
        if answer.until != self._standing.until:
            self.flush()
            self._served.clear()
            self._is_renewing = False
            self._packets = packets_of(PEX_CHANNEL, answer.message, self._max_payload)
        self._standing = answer

    def answer_to(self, node_id: NodeID, listen_addr: str, ip: str) -> tuple[bytes, bytes] | None:
        """What to send a caller: an answer, and the same in packets.

        Args: listen_addr, as in its NodeInfo; ip, from which it called.
        Returns: None when the reactor is to be asked; it has been told of all that were answered before.
        """
        is_new, now, standing = self._asked.note(node_id), self._loop.now(), self._standing
        if is_new and now < standing.until and not self._is_banned(node_id):
            if now >= standing.fresh_until and not self._is_renewing:
                self._is_renewing = True
            elif self._has_share(group_at(NetAddress(node_id, parse_ip(ip), 0))):
                self._callers.append((node_id, listen_addr, ip))
                if not self._is_report_due:
                    self._is_report_due = True
                    self._loop.call_later(REPORT_S, self._report_late)
                return standing.message, self._packets
        self.flush()
        return None

    def flush(self) -> None:
        """Tell the reactor who was answered."""
        if self._callers:
            callers, self._callers = self._callers, []
            self._report(CallersAnswered(tuple(callers), len(self._standing.message)))

    def _has_share(self, group: str | None) -> bool:
        """Whether a group of IP addresses may have this answer; once it has, it may not have it again."""
        if group is None:
            return True
        if group in self._served or group in self._standing.but:
            return False
        self._served.add(group)
        return True

    def _report_late(self) -> None:
        self._is_report_due = False
        self.flush()
