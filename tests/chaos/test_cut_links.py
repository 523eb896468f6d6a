"""Links cut for a second up to 25 hours, on virtual time: who is connected notices in time, and who seeks finds again."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence

import pytest

from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.switch.redial import Redials
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.errors import PongTimeoutError
from peerage.wire.multiplex import MessageReceived, MultiplexConnection
from peerage.wire.net_address import NetAddress
from tests.actors.switch.parts import ANNA, table
from tests.fake_clock import FakeClock

HOUR_S = 3600.0
CUTS_S = (1.0, 10.0, 44.0, 106.0, 600.0, HOUR_S, 7 * HOUR_S, 25 * HOUR_S)
NOTICED_S = 45.0  # a pong may be missing so long
PING_S = 60.0
CHANNEL = 0x50
ADDRESS = f"{ANNA}@10.0.0.2:26656"
STEP_S = 0.5


class Wire:
    """Two connections on one clock, and between them what a cut holds back. `heard` is what came at the second."""

    def __init__(self) -> None:
        self.now = 1000.0
        channels = [ChannelDescriptor(id=CHANNEL, send_queue_capacity=1000)]
        self.ends = [MultiplexConnection(channels, now=self.now, send_rate=0, recv_rate=0) for _ in range(2)]
        self._under_way: tuple[deque[bytes], deque[bytes]] = (deque(), deque())
        self.heard: list[bytes] = []
        self.is_cut = False

    def step(self) -> None:
        """Raises: PongTimeoutError."""
        for index, end in enumerate(self.ends):
            end.tick(self.now)
            while data := end.data_to_send(self.now, 1 << 16):
                self._under_way[1 - index].append(data)
        for index, end in enumerate(self.ends):
            while not self.is_cut and self._under_way[index]:
                events = end.receive_data(self._under_way[index].popleft(), self.now)
                self.heard += [bytes(each.data) for each in events if isinstance(each, MessageReceived)]
        self.now += STEP_S

    def pass_by(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            self.step()


def messages(count: int) -> Sequence[bytes]:
    return [b"%d" % number for number in range(count)]


@pytest.mark.parametrize("secs", CUTS_S)
@pytest.mark.parametrize("before", [0.0, 59.0, 61.0])
def test_a_silent_link_costs_nothing_or_is_noticed(secs: float, before: float) -> None:
    """Up to the time that a pong may take nothing is lost; a minute and that time later both ends know."""
    wire = Wire()
    wire.pass_by(before)
    wire.is_cut = True
    for message in messages(10):
        assert wire.ends[0].try_send(CHANNEL, message)
    if secs < NOTICED_S:
        wire.pass_by(secs)
        wire.is_cut = False
        wire.pass_by(PING_S + NOTICED_S)
        assert wire.heard == messages(10)
    else:
        began = wire.now
        with pytest.raises(PongTimeoutError):
            wire.pass_by(secs)
        assert wire.now - began <= PING_S + NOTICED_S


class Search:
    """A persistent peer that is lost, behind a link that is cut until `mended_at`."""

    def __init__(self, max_period: float) -> None:
        self.clock = FakeClock()
        self.table = table()
        self.table.persistent[ANNA] = ADDRESS
        self.mended_at = 0.0
        self.found_at: float | None = None
        self.dials = 0
        self.redials = Redials(
            self.table,
            max_period,
            random.Random(1),
            call_later=self.clock.call_later,
            resolver=self,
            dial=self._dial,
            not_resolved=lambda *_: None,
        )

    def parse(self, text: str, then: object) -> None:
        assert callable(then)
        then(NetAddress.parse(text))

    def _dial(self, _address: NetAddress) -> Refusal | None:
        self.dials += 1
        if self.clock.now() < self.mended_at:
            return Refusal(RefusalReason.UNREACHABLE, "No route to host")
        self.found_at = self.clock.now()
        return None


def seek(secs: float, max_period: float, patience: float) -> Search:
    """Lose it for so long, and let time pass until so long after."""
    search = Search(max_period)
    search.mended_at = search.clock.now() + secs
    search.redials.seek(ANNA, [ADDRESS])
    search.clock.pass_by(secs + patience)
    return search


@pytest.mark.parametrize("secs", CUTS_S)
@pytest.mark.parametrize("max_period", [2.0, 60.0])
def test_a_persistent_peer_is_found_within_the_longest_pause(secs: float, max_period: float) -> None:
    """However long it was away."""
    search = seek(secs, max_period, max_period)
    assert search.found_at is not None
    assert search.found_at - search.mended_at <= max_period
    assert search.dials <= 20 + secs / min(max_period, 5.0) + 1


@pytest.mark.parametrize("secs", [each for each in CUTS_S if each < 3 * HOUR_S])
def test_without_a_longest_pause_the_search_takes_at_most_three_times_as_long_as_the_cut(secs: float) -> None:
    """The pauses triple, as CometBFT's."""
    search = seek(secs, 0.0, 3.0 * secs + 10.0)
    assert search.found_at is not None


def test_without_a_longest_pause_it_is_given_up_within_a_day() -> None:
    """As by CometBFT: whoever wants more sets persistent_peers_max_dial_period."""
    search = seek(25 * HOUR_S, 0.0, HOUR_S)
    assert search.found_at is None
    assert search.dials == 30
