"""Who is alive: every process keeps one table of hosts, filled with what the root tells.

A host's name is stable; each of its lives has a serial, and serials only grow. An *address* names one mailbox: it is
`serial << 20 | n`, where n is 0 for the host's own loop and counts up for the other threads of its process.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from peerage.actors.runtime.mail.exit_reason import DownReason

THREAD_BITS = 20
THREAD_MASK = (1 << THREAD_BITS) - 1
ROOT_SERIAL = 1
ROOT_ADDRESS = ROOT_SERIAL << THREAD_BITS
REMEMBERED_DEATHS = 1000  # reasons kept of hosts that have ended
LAST_WORDS_S = 0.25  # how long the last messages of a host that ended by itself may be on their way


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
    """The hosts that this process knows. Only the thread that hears from the root changes it; all threads read it, which the
    GIL makes safe.
    """

    def __init__(self) -> None:
        self.live: dict[int, HostFacts] = {}
        self.by_name: dict[str, int] = {}
        self.booting: frozenset[int] = frozenset()
        self.highest = 0
        self.epoch = 0  # grows with each death, so that ports know when to sweep
        self._reasons: OrderedDict[int, DownReason] = OrderedDict()
        self._ended: dict[int, Mapping[str, DownReason]] = {}  # how the last actors of a dead host ended
        self._silent_at: dict[int, float] = {}

    def up(self, facts: HostFacts, booting: frozenset[int]) -> None:
        if facts.serial in self._reasons:
            return
        self.live[facts.serial] = facts
        if facts.serial >= self.by_name.get(facts.name, 0):
            self.by_name[facts.name] = facts.serial
        self.booting = booting
        self.highest = max(self.highest, facts.serial)

    def down(
        self,
        serial: int,
        reason: DownReason,
        booting: frozenset[int],
        *,
        gracefully: bool,
        ended: Mapping[str, DownReason] | None = None,
    ) -> None:
        """Note a death. A host that ended `gracefully` may have sent messages that are still on their way, and has said how
        its last actors `ended`.
        """
        self.booting = booting
        self.highest = max(self.highest, serial)
        if serial in self._reasons:
            return
        facts = self.live.pop(serial, None)
        if facts is not None and self.by_name.get(facts.name) == serial:
            del self.by_name[facts.name]
        self._reasons[serial] = reason
        if ended:
            self._ended[serial] = ended
        self._silent_at[serial] = time.monotonic() + (LAST_WORDS_S if gracefully else 0.0)
        while len(self._reasons) > REMEMBERED_DEATHS:
            oldest, _reason = self._reasons.popitem(last=False)
            self._silent_at.pop(oldest)
            self._ended.pop(oldest, None)
        self.epoch += 1

    def is_dead(self, serial: int) -> bool:
        """Whether a host has died. A serial above the highest one heard of is young: its ref has overtaken the news."""
        return serial not in self.live and serial <= self.highest and serial not in self.booting

    def is_silent(self, serial: int) -> bool:
        """Whether nothing more can come from a dead host."""
        return time.monotonic() >= self._silent_at.get(serial, 0.0)

    def reason(self, serial: int) -> DownReason:
        return self._reasons.get(serial) or DownReason("noproc", "the host has ended")

    def reason_of(self, serial: int, actor: str) -> DownReason:
        """How an actor of a dead host ended: as the host said, or as the host itself."""
        return self._ended.get(serial, {}).get(actor) or self.reason(serial)

    def end_of(self, serial: int, actor: str) -> DownReason | None:
        """How an actor of a dead host ended, None when nobody remembers it."""
        return self._ended.get(serial, {}).get(actor)

    def resolve(self, host: str, hint: int) -> int | None:
        """Returns: the serial that messages for this host go to now, None when there is no such host."""
        serial = self.by_name.get(host)
        if hint and (serial is None or hint > serial) and not self.is_dead(hint):
            return hint
        return serial

    def snapshot(self) -> tuple[tuple[HostFacts, ...], frozenset[int], int]:
        return tuple(self.live.values()), self.booting, self.highest

    def load(self, snapshot: tuple[tuple[HostFacts, ...], frozenset[int], int]) -> None:
        hosts, booting, highest = snapshot
        for facts in hosts:
            self.up(facts, booting)
        self.booting = booting
        self.highest = max(self.highest, highest)
