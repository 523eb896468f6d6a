"""The end of hosts whose owner has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from peerage.actors.runtime.host.host import EXIT_LINGER_S
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.processes.host_records import HostRecord, HostRecords
from peerage.actors.runtime.processes.waiting_starts import Timers

# For hosts whose actors have been stopped by an owner that ended in good order: a busy machine is no reason to kill them.
ORPHAN_GRACE_S = 2 * EXIT_LINGER_S


class Links(Protocol):
    """Who ends with whom."""

    def take(self, serial: int, /) -> list[int]:
        """The hosts that end with any actor of this one. Their links are taken away."""


class LinkedHosts:
    """Ends the hosts that end with an owner, and those that end with them.

    An owner that ended in good order has stopped them itself: they are on their way out, and are killed only if they are
    still there after ORPHAN_GRACE_S. One that failed, or was killed, has not, and they are killed at once.

    Args: kill, kills a host.
    Attributes: on_orderly_end, told of such a host once the system ends, which then sees to it.
    """

    def __init__(
        self, links: Links, records: HostRecords, kill: Callable[[HostRecord], None], timers: Timers
    ) -> None:
        self._links, self._records, self._kill, self._timers = links, records, kill, timers
        self.on_orderly_end: Callable[[HostRecord], None] | None = None

    def owner_ended(self, owner: ActorRef[Any], hosts: list[int], reason: DownReason) -> None:
        """An owner has ended in a host that lives on."""
        self.end(hosts, owner.name, {owner.host}, reason)

    def host_ended(self, record: HostRecord, reason: DownReason) -> None:
        """A host has ended, and all owners in it. Args: reason, that of the owners' ends."""
        self.end(self._links.take(record.serial), record.name, {record.name} | record.blocked, reason)

    def end(self, hosts: list[int], owner: str, blocked: set[str], reason: DownReason) -> None:
        """End these hosts, which `owner` has left.

        Args: blocked, the names under which no host may start before they are gone; reason, of the owner's end.
        """
        for record in filter(None, map(self._records.of_serial, hosts)):
            self._records.block(record, blocked)
            if reason.is_orderly and self.on_orderly_end is not None:
                self.on_orderly_end(record)
            elif reason.is_orderly:
                self._timers.call_later(None, ORPHAN_GRACE_S, self._end_one, record, owner)
            else:
                self._end_one(record, owner)
                linked = self._links.take(record.serial)
                self.end(linked, record.name, blocked | {record.name}, reason)

    def _end_one(self, record: HostRecord, owner: str) -> None:
        if self._records.of_serial(record.serial) is not None:
            record.condemn(f"linked to {owner!r}, which has ended")
            self._kill(record)
