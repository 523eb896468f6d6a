"""What the operator sees of offences and of the bans that follow from them."""

from __future__ import annotations

from collections.abc import Callable

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.book.timestamps import SECOND
from peerage.actors.log_folding import LineFolding
from peerage.actors.metrics.buffer import Labels
from peerage.actors.runtime.log import get_logger
from peerage.wire.keys import is_node_id

__all__ = ["BanReport"]

log = get_logger("peerage.addrbook")


class BanReport:
    """Counts for the metrics, and lines in the log, folded: strangers cause them.

    Args: count, adds to a counter, as `MetricsBuffer.inc`; None: metrics are off.
    """

    def __init__(self, lines: LineFolding, count: Callable[[str, Labels], None] | None = None) -> None:
        self._lines = lines
        self._count = count

    def offended(self, offence: Offence) -> None:
        """An offence was counted."""
        if self._count is not None:
            self._count("p2p_offences_total", (offence.text,))

    def banned(self, ban: Ban) -> None:
        """It led to a ban."""
        who = {"peer" if is_node_id(ban.subject) else "host": ban.subject}
        seconds = round((ban.until - ban.since) / SECOND, 3)
        reason = {"reason": ban.reason}
        self._lines.say(log.info, "peer banned", ban.subject, reason, **who, **reason, seconds=seconds)
        if self._count is not None:
            self._count("p2p_bans_total", (ban.reason,))
