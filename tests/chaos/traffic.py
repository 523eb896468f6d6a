"""The numbered messages of a run, in both directions, on all channels at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.chaos.accounts import Account, Ranges, inbound, outbound
from tests.chaos.plan import PEERS
from tests.chaos.reactors import PUSH, PUSHING, SPILL, STORE, records_path
from tests.chaos.records import Entry, Kind, read
from tests.interop.gopeer import ChannelTally, Flood, GoPeer

__all__ = ["Traffic"]

RATE = 10.0  # messages a second, of each peer on each channel
SIZES = (24, 200, 1200, 3000)  # the last one in three packets
WARM_UP = 20  # messages of each, before anything is measured
FLOOD_PATIENCE_S = 60.0  # for one that was told to stop
MOST_RANGES = 1000  # of numbers that a peer tells of
NAMES = {"STORE": STORE, "PUSH": PUSH, "SPILL": SPILL}
ANSWERED = ("STORE", "SPILL")  # channels on which the peers count

Wait = Callable[[Callable[[], Any], str], Any]


class Traffic:
    """What flows between the node and its peers.

    Args: node_id; data_dir, where its reactors keep their records; peers; wait, until a condition holds, by its name.
    """

    def __init__(self, node_id: str, data_dir: Path, peers: Sequence[GoPeer], wait: Wait) -> None:
        self._node_id, self._data_dir, self._peers, self._wait = node_id, data_dir, peers, wait
        self._sent: Counter[tuple[str, str]] = Counter()  # by channel's name and peer ID
        self._floods: dict[tuple[str, str], Flood] = {}

    def start(self) -> None:
        """Go on from the last numbers, until stopped."""
        (self._data_dir / PUSHING).touch()
        for name in ANSWERED:
            for peer in self._peers:
                key = name, peer.id
                self._floods[key] = peer.flood(
                    self._node_id, NAMES[name], sizes=SIZES, first=self._sent[key], rate=RATE, sticky=True
                )

    def wait_until_it_flows(self) -> None:
        """Some messages have been answered on every channel."""
        self._wait(lambda: all(last >= WARM_UP for last in self._answered().values()), "the traffic to flow")

    def stop(self) -> None:
        """Wait until some more have been answered on each connection, stop, and wait for the last answers."""
        pushed = self._last(Kind.SENDING)
        self._wait(lambda: _exceeds(self._last(Kind.HANDLED), pushed), "pushed messages to come back")
        (self._data_dir / PUSHING).unlink()
        for peer in self._peers:
            peer.stop_floods()
        for key, flood in self._floods.items():
            self._sent[key] += flood.wait(FLOOD_PATIENCE_S).sent
        self._floods.clear()
        self._wait(self._is_answered, "the last answers")

    def accounts(self) -> list[Account]:
        """What became of all of them; to be called when they have been stopped."""
        tallies = {(name, peer.id): self._tally(peer, name) for name in NAMES for peer in self._peers}
        arrived = {key: Ranges(tally.numbers) for key, tally in tallies.items()}
        found: list[Account] = []
        for name in NAMES:
            numbers = {peer.id: arrived[name, peer.id] for peer in self._peers}
            if name in ANSWERED:
                sent = {peer.id: self._sent[name, peer.id] for peer in self._peers}
                found.append(inbound(name, self._entries(name), sent, numbers))
            else:
                found.append(outbound(name, self._entries(name), numbers))
        for (name, peer_id), tally in tallies.items():
            account = next(each for each in found if each.channel == name)
            account.violations += _violations(f"{name}: at {peer_id}", tally)
        return found

    def raised(self) -> Counter[tuple[str, str]]:
        """(reactor, peer ID) of the messages that made a reactor raise."""
        return Counter(
            (name, entry.peer) for name in NAMES for entry in self._entries(name) if entry.kind is Kind.RAISED
        )

    def _is_answered(self) -> bool:
        return self._last(Kind.SENDING) == self._last(Kind.HANDLED) and self._answered() == self._sent

    def _answered(self) -> dict[tuple[str, str], int]:
        """By channel's name and peer ID, one more than the highest number whose answer came."""
        return {
            (name, peer.id): tally.numbers[-1][1] if tally is not None and tally.numbers else 0
            for peer in self._peers
            for channels in [peer.stats().channels]
            for name in ANSWERED
            for tally in [channels.get((self._node_id, NAMES[name]))]
        }

    def _tally(self, peer: GoPeer, name: str) -> ChannelTally:
        return peer.tally(self._node_id, NAMES[name])

    def _entries(self, name: str) -> list[Entry]:
        return read(records_path(self._data_dir, name))

    def _last(self, kind: Kind) -> dict[str, int]:
        """By peer ID, the last pushed number of this kind."""
        return {entry.peer: entry.number for entry in self._entries("PUSH") if entry.kind is kind}


def _exceeds(later: dict[str, int], earlier: dict[str, int]) -> bool:
    return len(later) == PEERS and all(number > earlier.get(peer, 0) for peer, number in later.items())


def _violations(where: str, tally: ChannelTally) -> list[str]:
    found = [
        f"{where}: {count} messages came {how}"
        for how, count in (
            ("twice", tally.duplicates),
            ("out of order", tally.disorder),
            ("garbled", tally.mismatched),
        )
        if count
    ]
    if len(tally.numbers) >= MOST_RANGES:
        found.append(f"{where}: too many gaps to tell which messages came")
    return found
