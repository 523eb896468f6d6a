"""actors/peers/fuzzed_stream.py: faults are drawn as the configuration says, from the tenth second on."""

from __future__ import annotations

import random
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from peerage.actors.peers.fuzzed_stream import FUZZ_AFTER_S, Fault, FuzzedStream, Fuzzer
from peerage.config.p2p_subsections import FuzzConfig
from peerage.wire.frames import FRAME_SEALED
from tests.actors.peers.fake_loop import FakeLoop, tcp_pair

DRAWS = 10_000
FRAMES = b"".join(bytes([number]) * FRAME_SEALED for number in range(4))


class Scripted:
    """A fuzzer whose faults are known."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = list(faults)

    def draw(self, _now: float) -> Fault:
        return self.faults.pop(0) if self.faults else Fault()


class Ends:
    """A fuzzed stream, what its driver has read, and its remote."""

    def __init__(self, ours: socket.socket, remote: socket.socket, fuzzer: Scripted) -> None:
        self.loop = FakeLoop()
        self.remote = remote
        self.stream = FuzzedStream(ours, self.loop, fuzzer)  # type: ignore[arg-type]  # it draws, too
        self.read: list[bytes | str] = []
        self.stream.drive(self._readable, self.stream.flush)

    def _readable(self) -> None:
        buffer = bytearray(10)
        try:
            count = self.stream.read_into(memoryview(buffer))
        except OSError as error:
            self.read.append(str(error))
            self.stream.close()
            return
        if count is not None:
            self.read.append(bytes(buffer[:count]))

    def arrived(self) -> list[int]:
        """Which frames the remote has got."""
        try:
            data = self.remote.recv(1 << 20)
        except BlockingIOError:
            return []
        return [data[start] for start in range(0, len(data), FRAME_SEALED)]


@contextmanager
def fuzzed(*faults: Fault) -> Iterator[Ends]:
    with tcp_pair() as (ours, remote):
        ends = Ends(ours, remote, Scripted(*faults))
        try:
            yield ends
        finally:
            ends.stream.close()


def kind(fault: Fault) -> str:
    return (
        "break" if fault.breaks else "drop" if fault.is_dropped else "delay" if fault.delay_s > 0 else "none"
    )


def test_nothing_goes_wrong_in_the_first_ten_seconds() -> None:
    fuzzer = Fuzzer(FuzzConfig(prob_drop_rw=1.0), random.Random(1), begins=100.0 + FUZZ_AFTER_S)
    assert fuzzer.draw(109.9) == Fault()
    assert fuzzer.draw(110.0).is_dropped


def test_each_fault_has_its_probability() -> None:
    """Of one draw, so that the rest goes well."""
    config = FuzzConfig(prob_drop_rw=0.2, prob_drop_conn=0.1, prob_sleep=0.3, max_delay=2.0)
    fuzzer = Fuzzer(config, random.Random(1), begins=0.0)
    drawn = [fuzzer.draw(0.0) for _ in range(DRAWS)]
    parts = {name: round(count / DRAWS, 1) for name, count in Counter(map(kind, drawn)).items()}
    assert parts == {"drop": 0.2, "break": 0.1, "delay": 0.3, "none": 0.4}
    assert max(fault.delay_s for fault in drawn) <= 2.0


def test_the_other_mode_delays_everything_and_loses_nothing() -> None:
    """Up to MaxDelay."""
    config = FuzzConfig(mode=1, prob_drop_rw=1.0, prob_drop_conn=1.0, max_delay=2.0)
    fuzzer = Fuzzer(config, random.Random(1), begins=0.0)
    drawn = [fuzzer.draw(0.0) for _ in range(DRAWS)]
    assert {kind(fault) for fault in drawn} == {"delay"}
    assert 1.9 < max(fault.delay_s for fault in drawn) <= 2.0
    assert min(fault.delay_s for fault in drawn) < 0.1


def test_a_lost_write_is_one_frame_and_is_told_to_nobody() -> None:
    with fuzzed(Fault(), Fault(is_dropped=True)) as ends:
        assert ends.stream.send(FRAMES)
        assert ends.arrived() == [0, 2, 3]


def test_a_lost_read_loses_nothing() -> None:
    with fuzzed(Fault(is_dropped=True)) as ends:
        ends.remote.send(b"one")
        ends.loop.turn()
        assert ends.read == []
        ends.loop.turn()
        assert ends.read == [b"one"]


def test_a_delayed_write_holds_up_those_behind_it() -> None:
    """As a writer that sleeps; the driver takes the socket for full meanwhile, and is called when there is room."""
    with fuzzed(Fault(), Fault(delay_s=2.0), Fault(), Fault(delay_s=3.0)) as ends:
        assert not ends.stream.send(FRAMES)
        assert ends.arrived() == [0]
        assert (ends.stream.has_unsent, ends.stream.is_writing) == (True, True)
        ends.loop.advance(1.9)
        assert ends.arrived() == []
        ends.loop.advance(0.1)
        assert ends.arrived() == [1, 2]
        ends.loop.advance(3.0)
        assert ends.arrived() == [3]
        assert (ends.stream.has_unsent, ends.stream.is_writing) == (False, False)


def test_a_delayed_read_is_made_when_the_delay_is_over() -> None:
    """Once: the read that slept is not delayed again."""
    with fuzzed(Fault(delay_s=2.0)) as ends:
        ends.remote.send(b"one")
        ends.loop.turn()
        ends.loop.advance(1.9)
        assert ends.read == []
        assert ends.stream.is_reading
        ends.loop.advance(0.1)
        assert ends.read == [b"one"]


def test_reading_that_was_stopped_meanwhile_stays_so() -> None:
    with fuzzed(Fault(delay_s=2.0)) as ends:
        ends.remote.send(b"one")
        ends.loop.turn()
        ends.stream.set_reading(wanted=False)
        ends.loop.advance(2.0)
        assert ends.read == []
        ends.stream.set_reading(wanted=True)
        ends.loop.turn()
        assert ends.read == [b"one"]


def let_read(ends: Ends) -> None:
    ends.remote.send(b"one")


def write(ends: Ends) -> None:
    with pytest.raises(OSError, match="test_fuzz"):
        ends.stream.send(FRAMES)


@pytest.mark.parametrize("touch", [let_read, write])
def test_a_broken_connection_is_broken_for_both_ends(touch: Callable[[Ends], None]) -> None:
    """Whoever finds it out, the driver reads why."""
    with fuzzed(Fault(is_dropped=True, breaks=True)) as ends:
        touch(ends)
        ends.loop.turn()
        assert ends.read == ["broken by p2p.test_fuzz"]
        assert ends.arrived() == []


def test_a_closed_stream_wakes_nobody() -> None:
    with fuzzed(Fault(delay_s=2.0), Fault(delay_s=2.0)) as ends:
        ends.stream.send(FRAMES[:FRAME_SEALED])
        ends.remote.send(b"one")
        ends.loop.turn()
        ends.stream.close()
        ends.loop.advance(10.0)
        assert ends.read == []
        assert not ends.loop.writers
        assert not ends.loop.readers


def test_a_stream_that_sleeps_may_move_to_another_loop_and_driver() -> None:
    with fuzzed(Fault(delay_s=2.0)) as ends:
        ends.stream.send(FRAMES[:FRAME_SEALED])
        other = FakeLoop()
        ends.stream.move_to(other)
        ends.stream.drive(lambda: None, ends.stream.flush)
        assert not ends.loop.writers
        assert not other.writers
        other.time = 2.0
        ends.loop.advance(2.0)
        assert ends.arrived() == [0]
