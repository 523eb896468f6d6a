"""Whom this host has refused, and which of its dials failed: the last time of each remote."""

from __future__ import annotations

import time
from collections import OrderedDict

from peerage.actors.messages.figures import RefusalRow
from peerage.actors.messages.switch import ConnectionEnded
from peerage.actors.refusal import Refusal

__all__ = ["LastRefusals"]

MOST = 200  # remotes: strangers decide how many there are


class LastRefusals:
    """One per remote, the latest last. What is noted is told when somebody asks."""

    def __init__(self) -> None:
        self._ends: OrderedDict[str, tuple[float, ConnectionEnded, Refusal]] = OrderedDict()

    def note(self, end: ConnectionEnded, refusal: Refusal) -> None:
        """A connection did not become a peer."""
        if refusal.is_look:
            return
        remote = end.facts.dialled_id or end.facts.remote_ip
        self._ends.pop(remote, None)
        self._ends[remote] = time.time(), end, refusal
        if len(self._ends) > MOST:
            self._ends.popitem(last=False)

    def rows(self) -> tuple[tuple[object, ...], ...]:
        """Those of RefusalRow's fields."""
        return tuple(
            tuple(
                RefusalRow(
                    at,
                    end.facts.socket_address,
                    str(end.facts.dialled_id or refusal.offender or ""),
                    end.facts.is_outbound,
                    str(refusal.reason),
                    refusal.detail,
                )
            )
            for at, end, refusal in self._ends.values()
        )
