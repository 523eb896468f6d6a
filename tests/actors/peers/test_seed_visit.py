"""actors/peers/seed_visit.py: a caller at a seed, with its packets and without actors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest

from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.messages import AskForAddresses, ConnectionFacts, SeedRequestDropped
from peerage.actors.names import NodeNames
from peerage.actors.peers import seed_visit as module
from peerage.actors.peers.handshake import Handshake
from peerage.actors.peers.host_shared import HostShared
from peerage.actors.peers.phases import Phase, Phases
from peerage.actors.peers.seed_visit import SEED_ANSWER_S, SEED_PATIENCE_S, SeedVisit, VisitEvents
from peerage.actors.peers.stream import Deadline, SocketStream
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.testing import loopback_config
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeKey
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.node_info import NodeInfo
from peerage.wire.packet import MessageReceived
from peerage.wire.pex import PEX_CHANNEL, PexRequest
from tests.actors.peers.budgets import plenty
from tests.actors.peers.fake_loop import FakeLoop, tcp_pair
from tests.actors.peers.metrics_off import MetricsOff
from tests.actors.peers.recorded_refs import recorded

SEED, CALLER = NodeKey.generate(), NodeKey.generate()
CHANNELS = (ChannelDescriptor(id=PEX_CHANNEL),)
FACTS = ConnectionFacts("c-1", "n/peers-0", "127.0.0.1", 4000, is_outbound=False)
REQUEST = PexRequest().encode()


def info_of(key: NodeKey) -> NodeInfo:
    return NodeInfo(
        id=key.node_id,
        listen_addr="tcp://127.0.0.1:1",
        network="test",
        moniker="m",
        channels=bytes([PEX_CHANNEL]),
    )


class Asked:
    """As Question: the test answers."""

    def __init__(self, _loop: Any, _ref: Any, message: Any, on_answer: Any) -> None:
        self.message, self.answer, self.is_closed = message, on_answer, False

    def close(self) -> None:
        self.is_closed = True


class Stage:
    """A visit after its handshake. `said` is what its owner hears, `questions` what the reactor is asked."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.loop = FakeLoop()
        self.said: list[Any] = []
        self.questions: list[Asked] = []
        self.phases = Phases(Phase.HANDSHAKE)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.told = self._stack.enter_context(recorded())
        self.theirs, ours = self._stack.enter_context(tcp_pair())
        context = NodeContext(
            NodeNames("n/", ("PEX",), 1),
            loopback_config(self._home),
            SEED.public_key,
            info_of(SEED),
            CHANNELS,
            {PEX_CHANNEL: "PEX"},
        )
        self._secret, handshake = _shake_hands()
        deadline = Deadline(self.loop)
        self.stream = SocketStream(ours, self.loop)
        self.visit = SeedVisit(
            self.loop,
            context,
            HostShared.of(context, MetricsOff(), self.loop, plenty(self.loop)),  # type: ignore[arg-type]  # off
            FACTS,
            self.phases,
            self.stream,
            handshake,
            deadline,
            VisitEvents(
                taken_for_peer=lambda: self.said.append("peer"),
                refused=self.end,
                over=lambda: self.end("over"),
            ),
        )
        self.visit.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.visit.close()
        self.stream.close()
        self._stack.close()

    def end(self, said: Any) -> None:
        self.said.append(said)
        self.visit.close()
        self.stream.close()

    def ask(self, *args: Any) -> Asked:
        self.questions.append(Asked(*args))
        return self.questions[-1]

    def say(self, message: bytes) -> None:
        mconn = MultiplexConnection(CHANNELS, now=0.0)
        mconn.try_send(PEX_CHANNEL, message)
        self.theirs.sendall(self._secret.seal(mconn.data_to_send(0.0, 65536)))
        self.loop.settle()

    def heard(self) -> list[bytes]:
        """What the caller has been told, up to the end if that has come."""
        mconn, messages = MultiplexConnection(CHANNELS, now=0.0), list[bytes]()
        while True:
            try:
                data = self.theirs.recv(65536)
            except BlockingIOError:
                return messages
            if not data:
                return [*messages, b"end"]
            events = mconn.receive_data(self._secret.receive_data(data), 0.0)
            messages += [event.data for event in events if isinstance(event, MessageReceived)]


def _shake_hands() -> tuple[Any, Handshake]:
    caller, seed = Handshake(CALLER, info_of(CALLER)), Handshake(SEED, info_of(SEED))
    done = {caller: False, seed: False}
    while not all(done.values()):
        for one, other in ((caller, seed), (seed, caller)):
            data = one.data_to_send()
            if data:
                done[other] = other.receive_data(data)
    return caller.secret, seed


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    made = Stage(tmp_path)
    monkeypatch.setattr(module, "Question", made.ask)
    with made:
        yield made


def test_a_request_is_answered_and_the_caller_hung_up_on(stage: Stage) -> None:
    """The socket is read until the caller closes too."""
    stage.say(REQUEST)
    (question,) = stage.questions
    listens = info_of(CALLER).listen_addr
    assert question.message == AskForAddresses(CALLER.node_id, listens, "c-1", "127.0.0.1")
    question.answer(b"addresses")
    stage.loop.settle()
    assert stage.heard() == [b"addresses", b"end"]
    assert (stage.phases.phase, stage.said) == (Phase.CLOSING, [])
    stage.theirs.close()
    stage.loop.settle()
    assert stage.said == ["over"]


def test_a_caller_that_does_not_close_is_waited_for_a_moment(stage: Stage) -> None:
    stage.say(REQUEST)
    stage.questions[0].answer(b"addresses")
    stage.loop.settle()
    stage.loop.advance(module.CLOSE_LIMIT_S)
    assert stage.said == ["over"]


@pytest.mark.parametrize("message", [b"something else", b""])
def test_whoever_says_something_else_or_nothing_is_taken_for_a_peer(stage: Stage, message: bytes) -> None:
    """What it said is kept for the reactors; nothing more is read before it is admitted."""
    if message:
        stage.say(message)
    else:
        stage.loop.advance(SEED_PATIENCE_S)
    assert (stage.said, stage.phases.phase) == (["peer"], Phase.ADMISSION)
    assert [event.data for event in stage.visit.heard if isinstance(event, MessageReceived)] == [message][
        : len(message)
    ]
    assert not stage.stream.is_reading
    stage.loop.advance(60.0)
    assert stage.said == ["peer"]


def test_a_refusal_instead_of_an_answer_is_the_end(stage: Stage) -> None:
    stage.say(REQUEST)
    refusal = Refusal(RefusalReason.TOO_OFTEN, "by the test")
    stage.questions[0].answer(refusal)
    assert (stage.said, stage.questions[0].is_closed) == ([refusal], False)


def test_a_request_that_is_not_answered_in_time_is_refused(stage: Stage) -> None:
    stage.say(REQUEST)
    stage.loop.advance(SEED_ANSWER_S)
    (refusal,) = stage.said
    assert refusal.reason is RefusalReason.FILTER_TIMEOUT


def test_a_caller_that_hangs_up_takes_its_request_back(stage: Stage) -> None:
    stage.say(REQUEST)
    stage.theirs.close()
    stage.loop.settle()
    assert stage.said == ["over"]
    assert stage.questions[0].is_closed
    assert stage.told == [("n/reactor-PEX", SeedRequestDropped(CALLER.node_id, "c-1"))]


def test_one_that_breaks_a_rule_is_refused_before_its_answer(stage: Stage) -> None:
    stage.theirs.sendall(bytes(2000))
    stage.loop.settle()
    (refusal,) = stage.said
    assert refusal.reason is RefusalReason.AUTH_FAILURE
    assert (refusal.offence, refusal.offender) == (Offence.FORGED_FRAME, CALLER.node_id)
