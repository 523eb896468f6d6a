"""Who is alive: every process keeps one table of hosts, filled with what the root tells.

A host's name is stable; each of its lives has a serial, and serials only grow. Since no serial is used twice, an answer or
a death can never be taken for one of another life of the same name.

An *address* names one mailbox: it is `serial << 20 | n`, where n is 0 for the host's own loop and counts up for the other
threads of its process.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from peerage.actors.runtime.mail.exit_reason import DownReason

THREAD_BITS = 20
THREAD_MASK = (1 << THREAD_BITS) - 1
ROOT_SERIAL = 1
ROOT_ADDRESS = ROOT_SERIAL << THREAD_BITS
REMEMBERED_DEATHS = (
    1000  # reasons kept of hosts that have ended; of earlier ones only that they are dead is known
)
# How long the last messages of a host that ended in order may be on their way. The root's news of the end comes by another
# connection and may overtake them; a goodbye shortens the wait (see `losses.py`).
LAST_WORDS_S = 0.25


def serial_of(address: int) -> int:
    return address >> THREAD_BITS


@dataclass(frozen=True, slots=True)
class HostFacts:
    """One life of a host."""

    name: str
    serial: int
    pid: int
    alive: bool = True


class HostTable:
    """The hosts that this process knows.

    Reading takes no lock, because that is done before each message that is sent: any thread reads one dict or attribute at a
    time, which the GIL makes safe. Threads that run a loop write what the root has told them, and the thread of a new host
    enters itself; of these one at a time.
    A process with several loops hears everything several times, from some of them late, and a process that was being forked
    hears what it missed afterwards: news that is known already changes nothing.

    Attributes:
        live: the hosts that are up, by serial. by_name: the serial of the latest life of each name.
        booting: serials of hosts that are being made, which are not up yet and not dead.
        highest: the highest serial that was heard of.
        epoch: grows with each death. A port compares it with the epoch up to which it has settled its losses.
    """

    def __init__(self) -> None:
        self.live: dict[int, HostFacts] = {}
        self.by_name: dict[str, int] = {}
        self.booting: frozenset[int] = frozenset()
        self.highest = 0
        self.epoch = 0
        self._reasons: OrderedDict[int, DownReason] = OrderedDict()
        self._ended: dict[int, Mapping[str, DownReason]] = {}  # how the last actors of a dead host ended
        # Monotonic seconds at which the last words of a dead host have come.
        self._silent_at: dict[int, float] = {}
        self._writing = threading.RLock()

    def up(self, facts: HostFacts, booting: frozenset[int]) -> None:
        """The root says that a host is there, and which hosts of lower serials are still on their way (`booting`)."""
        with self._writing:
            if facts.serial not in self._reasons:
                self.up_here(facts)
                self._note(booting, facts.serial)

    def up_here(self, facts: HostFacts) -> None:
        """A host in a thread of this process is there; the root has not said so yet.

        This tells nothing of other hosts. If the highest serial grew with it, hosts of lower ones that nobody here has heard
        of would be taken for dead, though they may just be starting.
        """
        with self._writing:
            if facts.serial in self._reasons:
                return
            self.live[facts.serial] = facts
            if facts.serial >= self.by_name.get(facts.name, 0):
                self.by_name[facts.name] = facts.serial

    def down(
        self,
        serial: int,
        reason: DownReason,
        booting: frozenset[int],
        *,
        gracefully: bool,
        ended: Mapping[str, DownReason] | None = None,
    ) -> None:
        """Note a death.

        Args:
            serial: of the life that has ended.
            reason: of the host's end.
            booting: the serials of hosts that are being made now.
            gracefully: whether the host said goodbye: messages that it sent before may still be on their way.
            ended: how its last actors ended, by name, as far as the host has said so.
        """
        with self._writing:
            if serial not in self._reasons:
                self._down(serial, reason, booting, gracefully, ended)

    def _down(
        self,
        serial: int,
        reason: DownReason,
        booting: frozenset[int],
        gracefully: bool,
        ended: Mapping[str, DownReason] | None,
    ) -> None:
        # Before the host counts as dead: a thread that sees it dead and not yet expected to speak gives up its last words.
        self._silent_at[serial] = time.monotonic() + LAST_WORDS_S if gracefully else 0.0
        if ended:
            self._ended[serial] = ended
        self._reasons[serial] = reason
        self._note(booting, serial)
        facts = self.live.pop(serial, None)
        if facts is not None and self.by_name.get(facts.name) == serial:  # not if its successor is up already
            del self.by_name[facts.name]
        while len(self._reasons) > REMEMBERED_DEATHS:
            oldest, _reason = self._reasons.popitem(last=False)
            self._silent_at.pop(oldest)
            self._ended.pop(oldest, None)
        self.epoch += 1  # last: a thread that sees it grow must find everything else in place

    def _note(self, booting: frozenset[int], serial: int) -> None:
        """Of those that are being made, only the youngest news says who else: any other may come late, by another loop."""
        if serial > self.highest:
            self.booting, self.highest = booting, serial
        else:
            self.booting -= {serial}

    def is_dead(self, serial: int) -> bool:
        """Whether a host has died.

        Old deaths are forgotten, so a host that is neither up nor being made counts as dead. The exception is a serial above
        the highest one heard of: that host is young, and a ref to it has overtaken the news that it is up.
        """
        return serial not in self.live and serial <= self.highest and serial not in self.booting

    def is_silent(self, serial: int) -> bool:
        """Whether nothing more can come from a dead host."""
        return time.monotonic() >= self._silent_at.get(serial, 0.0)

    def ended_in_order(self, serial: int) -> bool:
        """Whether a dead host had said that it ends, as far as that is remembered."""
        return bool(self._silent_at.get(serial))

    def reason(self, serial: int) -> DownReason:
        """Why a host ended; `noproc` if that was too long ago to be remembered."""
        return self._reasons.get(serial) or DownReason("noproc", "the host has ended")

    def reason_of(self, serial: int, actor: str) -> DownReason:
        """How an actor of a dead host ended: as the host said, or as the host itself."""
        return self._ended.get(serial, {}).get(actor) or self.reason(serial)

    def end_of(self, serial: int, actor: str) -> DownReason | None:
        """How an actor of a dead host ended, None when nobody remembers it."""
        return self._ended.get(serial, {}).get(actor)

    def resolve(self, host: str, hint: int) -> int | None:
        """The life of a host that messages go to now.

        Args: host, its name; hint, the serial in a ref, 0 if it has none. A hint that is newer than what the table has is
            believed: whoever made the ref has talked to that host.
        Returns: a serial, None when there is no such host.
        """
        serial = self.by_name.get(host)
        if hint and (serial is None or hint > serial) and not self.is_dead(hint):
            return hint
        return serial

    def snapshot(self) -> tuple[tuple[HostFacts, ...], frozenset[int], int]:
        """What a new process begins with: the hosts that are up, those that are being made, and the highest serial."""
        return tuple(self.live.values()), self.booting, self.highest

    def load(self, snapshot: tuple[tuple[HostFacts, ...], frozenset[int], int]) -> None:
        """Take over a snapshot, which is as old as this process's fork."""
        hosts, booting, highest = snapshot
        for facts in hosts:
            self.up(facts, booting)
        self.booting = booting
        self.highest = max(self.highest, highest)
