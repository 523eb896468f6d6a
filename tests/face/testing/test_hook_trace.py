"""A record of hooks of any reactor, which is checked in two lines."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peerage import ChannelDescriptor, Envelope, Peer, Reactor
from peerage.actors.runtime import PROCESS, THREAD, Place
from peerage.testing import (
    GrammarError,
    HookTrace,
    ReactorHarness,
    check_grammar,
    connected_nodes,
    wait_until,
)

CHANNEL = 0x60


class Chat(Reactor):
    channels = (ChannelDescriptor(id=CHANNEL, send_queue_capacity=10),)

    def add_peer(self, peer: Peer) -> None:
        peer.try_send(CHANNEL, b"hello")

    def receive(self, envelope: Envelope) -> None:
        if envelope.message == b"rude":
            raise ValueError("no manners")

    def handle(self, message: Any) -> Any:
        if message == "fail":
            self.runtime.call_soon(self.fail)
        return None

    def fail(self) -> None:
        raise RuntimeError("as told")


class AsyncChat(Chat):
    async def receive(self, envelope: Envelope) -> None:  # type: ignore[override]  # its base's is no coroutine
        await asyncio.sleep(0)
        super().receive(envelope)


@pytest.mark.parametrize("place", [THREAD, PROCESS], ids=["thread", "process"])
@pytest.mark.parametrize("reactor", [Chat, AsyncChat])
def test_the_hooks_of_a_reactor_are_recorded_and_checked(reactor: type[Chat], place: Place) -> None:
    """Plain ones and coroutines, in a process too; a hook that raises is part of the game."""
    with HookTrace(reactor) as trace:
        with ReactorHarness(trace.reactor, place=place) as harness:
            anna, bert = harness.connect(), harness.connect()
            anna.send(CHANNEL, b"1", b"2")
            bert.send(CHANNEL, b"rude", b"never heard")
            bert.expect_stopped()
            anna.disconnect()
        calls = trace.calls
    assert [each.hook for each in calls if each.peer == anna.id and not each.is_end] == [
        "init_peer",
        "add_peer",
        "receive",
        "receive",
        "remove_peer",
    ]
    assert [each.has_failed for each in calls if each.peer == bert.id and each.is_end][2]
    assert (calls[0].hook, calls[-1].hook) == ("on_start", "on_stop")


def test_a_restart_begins_another_life() -> None:
    """The successor meets the peers anew, and both lives follow the grammar."""
    with HookTrace(Chat) as trace, connected_nodes(2, {"CHAT": trace.reactor}) as (anna, _bert):
        wait_until(lambda: sum(each.hook == "receive" and each.is_end for each in trace.calls) == 2)
        anna.reactor("CHAT").ask("fail", timeout=10.0)
        wait_until(lambda: len({each.life for each in trace.calls}) == 3)
        wait_until(lambda: sum(each.hook == "add_peer" and each.is_end for each in trace.calls) == 3)


def test_a_wrong_record_fails_the_test() -> None:
    """As an assertion does; without a check the block would only have ended."""
    trace = HookTrace(Chat)
    with ReactorHarness(trace.reactor) as harness:
        harness.connect()
    check_grammar(trace.calls)
    with pytest.raises(GrammarError), trace:
        trace._path.write_text(trace._path.read_text() * 2)


def test_an_error_of_the_test_itself_is_not_replaced() -> None:
    """It is what the author has to see first, though the record is wrong as well."""
    trace = HookTrace(Chat)
    with ReactorHarness(trace.reactor):
        pass
    trace._path.write_text(trace._path.read_text() * 2)
    error = KeyError("the test's own")
    with pytest.raises(KeyError, match="the test's own"), trace:
        raise error
