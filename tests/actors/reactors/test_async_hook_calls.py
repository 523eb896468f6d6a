"""A reactor whose hooks are coroutines: the grammar of each peer stands, different peers interleave, windows hold."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from peerage import ChannelDescriptor, Envelope, Peer, Reactor
from peerage.actors.messages import RemovePeer
from peerage.actors.reactors import async_hook_calls
from peerage.actors.runtime import PROCESS, Future, System
from peerage.testing import FakePeer, Probe, ReactorHarness, wait_until

CHANNEL, OTHER = 0x60, 0x61
LIMIT_S = 10.0


class Gated(Reactor):
    """Notes each call of a hook when it begins. A message `wait X` is handled until the gate X is opened."""

    channels: ClassVar = (
        ChannelDescriptor(id=CHANNEL, send_queue_capacity=2),
        ChannelDescriptor(id=OTHER, send_queue_capacity=2),
    )

    def __init__(self, raise_in: str = "", wait_in: str = "") -> None:
        super().__init__()
        self._raise_in, self._wait_in = raise_in, wait_in
        self.calls: list[Any] = []
        self.names: dict[str, str] = {}
        self.gates: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def on_start(self) -> None:
        await self._note("on_start")

    async def init_peer(self, peer: Peer) -> None:
        await self._note("init_peer", peer)

    async def add_peer(self, peer: Peer) -> None:
        await self._note("add_peer", peer)

    async def receive(self, envelope: Envelope) -> None:
        text = bytes(envelope.message).decode()
        await self._note("receive", envelope.source, text)
        match text.split():
            case ["wait", gate]:
                await self.gates[gate].wait()
                self.calls.append(("done", text))
            case ["cancelled"]:
                inner = asyncio.ensure_future(asyncio.sleep(LIMIT_S))
                inner.cancel()
                await inner
            case ["echo", word]:
                assert await envelope.source.send_async(envelope.channel_id, word.encode())

    async def remove_peer(self, peer: Peer, reason: str) -> None:
        await self._note("remove_peer", peer, reason)

    async def handle(self, message: Any) -> Any:
        await asyncio.sleep(0)
        match message:
            case ("open", gate):
                self.gates[gate].set()
            case ("wait", gate):
                await self.gates[gate].wait()
            case "calls":
                return self.calls
            case "fail":
                raise KeyError("as told")
        return None

    async def _note(self, hook: str, peer: Peer | None = None, *facts: Any) -> None:
        self.calls.append((hook, *(() if peer is None else (peer.id[:1],)), *facts))
        await asyncio.sleep(0)
        if hook == self._wait_in:
            await self.gates[hook].wait()
        if hook == self._raise_in:
            raise ValueError("as told")


class TwoAtATime(Gated):
    concurrency = 2


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """Every actor of these tests is gone in the end."""
    yield
    System.current().shutdown()


@pytest.fixture
def harness() -> Iterator[ReactorHarness[Gated]]:
    with ReactorHarness(Gated) as made:
        yield made


def calls_of(harness: ReactorHarness[Any]) -> list[Any]:
    first, *calls = list[Any](harness.ask("calls"))
    assert first == ("on_start",)
    return calls


def connect(harness: ReactorHarness[Any], letter: str) -> FakePeer:
    return harness.connect(letter * 40)


def wait_for(harness: ReactorHarness[Any], *calls: Any) -> None:
    wait_until(lambda: all(call in calls_of(harness) for call in calls), timeout=LIMIT_S)


@pytest.mark.parametrize("place", [PROCESS, None], ids=["process", "thread"])
def test_a_life_of_a_peer(place: Any) -> None:
    """init_peer, add_peer, receive in order, remove_peer: each has returned before the next one begins."""
    with ReactorHarness(Gated, **({} if place is None else {"place": place})) as harness:
        peer = connect(harness, "a")
        peer.send(CHANNEL, b"1", b"2")
        peer.send(CHANNEL, b"3")
        peer.disconnect("over")
        assert calls_of(harness) == [
            ("init_peer", "a"),
            ("add_peer", "a"),
            ("receive", "a", "1"),
            ("receive", "a", "2"),
            ("receive", "a", "3"),
            ("remove_peer", "a", "over"),
        ]


def test_a_message_waits_for_the_one_before_it_of_its_peer_and_channel_and_for_no_other(
    harness: ReactorHarness[Gated],
) -> None:
    """Different peers interleave, and so do the channels of one peer."""
    anna, bert = connect(harness, "a"), connect(harness, "b")
    anna.send(CHANNEL, b"wait gate", b"behind")
    anna.send(OTHER, b"beside")
    bert.send(CHANNEL, b"elsewhere")
    wait_for(harness, ("receive", "a", "beside"), ("receive", "b", "elsewhere"))
    assert ("receive", "a", "behind") not in calls_of(harness)
    harness.ask(("open", "gate"))
    anna.wait_until_handled()
    calls = calls_of(harness)
    assert calls.index(("done", "wait gate")) < calls.index(("receive", "a", "behind"))


def test_so_many_messages_of_a_peer_and_channel_are_handled_at_a_time_as_the_class_says() -> None:
    """They begin in order."""
    with ReactorHarness(TwoAtATime) as harness:
        anna = connect(harness, "a")
        anna.send(CHANNEL, b"wait 1", b"wait 2", b"third")
        wait_for(harness, ("receive", "a", "wait 2"))
        harness.ask("calls")
        assert ("receive", "a", "third") not in calls_of(harness)
        harness.ask(("open", "2"))
        wait_for(harness, ("receive", "a", "third"))
        harness.ask(("open", "1"))
        anna.wait_until_handled()


def test_the_window_is_given_back_when_the_coroutine_has_finished(harness: ReactorHarness[Gated]) -> None:
    """So a peer can have no more under way than its window, however slowly it is awaited."""
    anna = connect(harness, "a")
    anna.send(CHANNEL, b"quick", b"wait gate", b"waits")
    wait_until(lambda: anna._side.consumed == 1, timeout=LIMIT_S)
    assert ("receive", "a", "wait gate") in calls_of(harness)
    harness.ask(("open", "gate"))
    wait_until(lambda: anna._side.consumed == 3, timeout=LIMIT_S)


def test_messages_wait_until_add_peer_has_returned() -> None:
    """Though they have come."""
    with ReactorHarness(Gated, "", "add_peer") as harness:
        anna, bert = connect(harness, "a"), connect(harness, "b")
        anna.send(CHANNEL, b"early")
        wait_for(harness, ("add_peer", "a"), ("add_peer", "b"))
        assert ("receive", "a", "early") not in calls_of(harness)
        harness.ask(("open", "add_peer"))
        anna.wait_until_handled()
        bert.disconnect()
        assert calls_of(harness)[-1][:2] == ("remove_peer", "b")


@pytest.mark.parametrize("hook", ["init_peer", "add_peer", "receive"])
def test_raising_in_a_hook_stops_that_peer_for_error(hook: str) -> None:
    """And nothing more of it is handled, but remove_peer."""
    with ReactorHarness(Gated, hook) as harness:
        anna = connect(harness, "a")
        anna.send(CHANNEL, b"1", b"2")
        assert anna.expect_stopped() == f"reactor TESTED: {hook} raised ValueError: as told"
        wait_until(lambda: calls_of(harness)[-1][0] == "remove_peer", timeout=LIMIT_S)
        assert [call[0] for call in calls_of(harness)][-2:] == [hook, "remove_peer"]


def test_a_cancellation_that_nobody_asked_for_is_an_exception(harness: ReactorHarness[Gated]) -> None:
    """The lane of the peer would otherwise end in silence."""
    anna = connect(harness, "a")
    anna.send(CHANNEL, b"cancelled")
    assert "what it awaited was cancelled" in anna.expect_stopped()


def test_raising_in_remove_peer_harms_nobody() -> None:
    """The peer is gone anyway."""
    with ReactorHarness(Gated, "remove_peer") as harness:
        connect(harness, "a").disconnect()
        connect(harness, "b").disconnect()
        assert [call[0] for call in calls_of(harness)] == ["init_peer", "add_peer", "remove_peer"] * 2


def test_remove_peer_comes_after_what_the_peer_had_sent(harness: ReactorHarness[Gated]) -> None:
    """Whoever asks for the removal is answered then; the next connection of the same node begins after it."""
    anna = connect(harness, "a")
    anna.send(CHANNEL, b"wait gate", b"last words")
    removal: Future[Any] = harness.ref.ask(RemovePeer(anna.info.connection, "over"), block=False)
    wait_for(harness, ("receive", "a", "wait gate"))
    connect(harness, "a")
    harness.ask("calls")
    assert not removal.is_ready()
    harness.ask(("open", "gate"))
    assert removal.get(timeout=LIMIT_S) == {CHANNEL: 0, OTHER: 0}
    wait_until(lambda: len(calls_of(harness)) == 8, timeout=LIMIT_S)
    assert calls_of(harness)[2:] == [
        ("receive", "a", "wait gate"),
        ("done", "wait gate"),
        ("receive", "a", "last words"),
        ("remove_peer", "a", "over"),
        ("init_peer", "a"),
        ("add_peer", "a"),
    ]


def test_what_runs_too_long_after_the_end_of_a_connection_is_cancelled(
    harness: ReactorHarness[Gated], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node would never be met again."""
    monkeypatch.setattr(async_hook_calls, "DRAIN_S", 0.05)
    anna = connect(harness, "a")
    anna.send(CHANNEL, b"wait for-ever", b"never")
    wait_for(harness, ("receive", "a", "wait for-ever"))
    anna.disconnect("over")
    assert calls_of(harness)[-2:] == [("receive", "a", "wait for-ever"), ("remove_peer", "a", "over")]


def test_send_async_waits_for_room_and_others_go_on(harness: ReactorHarness[Gated]) -> None:
    """Accepted messages arrive in order."""
    anna = connect(harness, "a")
    anna.send(CHANNEL, *(b"echo %d" % number for number in range(5)))
    assert [anna.expect(CHANNEL) for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]


def test_handle_is_called_for_one_message_at_a_time(harness: ReactorHarness[Gated]) -> None:
    """In order; what it raises goes to the asker; peers are served meanwhile."""
    first = harness.ref.ask(("wait", "gate"), block=False)
    second = harness.ref.ask("fail", block=False)
    anna = connect(harness, "a")
    anna.send(CHANNEL, b"1")
    anna.wait_until_handled()
    assert not second.is_ready()
    harness.ref.stop(block=False)
    with pytest.raises(Exception, match="before it answered"):
        first.get(timeout=LIMIT_S)


def test_what_handle_raises_goes_to_the_asker(harness: ReactorHarness[Gated]) -> None:
    """And the reactor goes on."""
    with pytest.raises(KeyError, match="as told"):
        harness.ask("fail")
    assert calls_of(harness) == []


class Stopping(Gated):
    """Tells a probe what it does at its end."""

    def __init__(self, probe: Any) -> None:
        super().__init__()
        self.probe = probe

    async def receive(self, envelope: Envelope) -> None:
        try:
            await self.gates["never"].wait()
        finally:
            self.probe.tell("cancelled")

    async def on_stop(self) -> None:
        await asyncio.sleep(0)
        self.probe.tell("on_stop")


def test_at_the_end_what_runs_is_given_time_then_cancelled_and_then_on_stop_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is cancelled behind the back of on_stop."""
    monkeypatch.setattr(async_hook_calls, "GRACE_S", 0.05)
    with Probe() as probe:
        with ReactorHarness(Stopping, probe.ref) as harness:
            connect(harness, "a").send(CHANNEL, b"1")
            harness.ask("calls")
            wait_until(lambda: ("add_peer", "a") in calls_of(harness), timeout=LIMIT_S)
        probe.expect("cancelled")
        probe.expect("on_stop")
