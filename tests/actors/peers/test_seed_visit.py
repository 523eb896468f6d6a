"""actors/peers/seed_visit.py: a caller at a seed, with its packets and without actors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import pytest

from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.messages import AskForAddresses, ConnectionFacts, SeedRequestDropped, StandingAnswer
from peerage.actors.names import NodeNames
from peerage.actors.peers import seed_visit as module
from peerage.actors.peers.bandwidth import Bandwidths
from peerage.actors.peers.bandwidth_table import BandwidthTable
from peerage.actors.peers.handshake import Handshake
from peerage.actors.peers.host_shared import HostShared
from peerage.actors.peers.phases import Phase, Phases
from peerage.actors.peers.seed_visit import SEED_ANSWER_S, SEED_PATIENCE_S, SeedVisit, VisitEvents
from peerage.actors.peers.session import Session
from peerage.actors.peers.stream import Deadline, SocketStream
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.testing import loopback_config
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.frames import FRAME_SEALED
from peerage.wire.keys import NodeKey
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.node_info import NodeInfo
from peerage.wire.packet import PING, PONG, MessageReceived, packets_of
from peerage.wire.pex import PEX_CHANNEL, PexRequest
from peerage.wire.secret_connection import SecretConnection
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

    def __init__(self, home: Path, total_send_rate: float = 0) -> None:
        self._home, self._total_send_rate = home, total_send_rate
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
        self.secret, handshake = _shake_hands()
        deadline = Deadline(self.loop)
        self.stream = SocketStream(ours, self.loop)
        table = BandwidthTable(BandwidthTable.create(1, 0, self._total_send_rate), 0, 1)
        self.shared = HostShared.of(
            context,
            MetricsOff(),  # type: ignore[arg-type]  # stands in for MetricsReporter
            self.loop,
            plenty(self.loop),
            bandwidths=Bandwidths.of(table, self.loop),
        )
        self.visit = SeedVisit(
            self.loop,
            context,
            self.shared,
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
        self.theirs.sendall(self.secret.seal(mconn.data_to_send(0.0, 65536)))
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
            events = mconn.receive_data(self.secret.receive_data(data), 0.0)
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


class FakeStandingAnswers:
    """Of a host: what there is for callers, and what was taken."""

    def __init__(self, ready: tuple[bytes, bytes] | None = None) -> None:
        self.ready, self.callers, self.taken = ready, list[tuple[str, str, str]](), list[StandingAnswer]()

    def answer_to(self, node_id: str, listen_addr: str, ip: str) -> tuple[bytes, bytes] | None:
        self.callers.append((node_id, listen_addr, ip))
        return self.ready

    def take(self, answer: StandingAnswer) -> None:
        self.taken.append(answer)


def stand(stage: Stage, message: bytes | None = None) -> FakeStandingAnswers:
    """Have the host answer callers without the reactor; without a message it knows whom to ask."""
    ready = None if message is None else (message, packets_of(PEX_CHANNEL, message))
    standing = stage.shared.standing_answers = FakeStandingAnswers(ready)  # type: ignore[assignment]  # as its own
    return standing


def test_a_host_that_has_an_answer_asks_nobody(stage: Stage, sessions: list[Session]) -> None:
    """The caller gets it as it would have got the reactor's; its end takes back no question."""
    standing, answer = stand(stage, bytes(range(256)) * 46), bytes(range(256)) * 46
    stage.say(REQUEST)
    stage.loop.settle()
    assert stage.heard() == [answer, b"end"]
    assert standing.callers == [(CALLER.node_id, info_of(CALLER).listen_addr, "127.0.0.1")]
    assert (stage.questions, sessions, stage.phases.phase) == ([], [], Phase.CLOSING)
    stage.theirs.close()
    stage.loop.settle()
    assert (stage.said, stage.told) == (["over"], [])


def test_a_request_in_another_form_may_have_it_too(stage: Stage, sessions: list[Session]) -> None:
    """Through the session that was made for it."""
    stand(stage, b"addresses")
    stage.theirs.sendall(stage.secret.seal(PING + module.REQUEST))
    stage.loop.settle()
    assert (stage.heard(), len(sessions), stage.questions) == ([b"addresses", b"end"], 1, [])


def test_what_the_reactor_says_others_may_have_is_kept_for_them(stage: Stage) -> None:
    """The caller who has asked gets it first."""
    standing, answer = stand(stage), StandingAnswer(b"addresses", 1.0, 2.0, frozenset())
    stage.say(REQUEST)
    stage.questions[0].answer(answer)
    stage.loop.settle()
    assert (stage.heard(), standing.taken) == ([b"addresses", b"end"], [answer])


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[Session]:
    """Those that visits have made."""
    made: list[Session] = []

    def make(*args: Any) -> Session:
        made.append(Session(*args))
        return made[-1]

    monkeypatch.setattr(module, "Session", make)
    return made


def test_for_a_plain_request_no_session_is_made(stage: Stage, sessions: list[Session]) -> None:
    """Its answer goes out in packets all the same, and bytes that come behind the end of ours are nobody's."""
    stage.say(REQUEST)
    answer = bytes(range(256)) * 46
    stage.questions[0].answer(answer)
    stage.say(b"thank you")
    assert stage.heard() == [answer, b"end"]
    assert (sessions, stage.said, stage.phases.phase) == ([], [], Phase.CLOSING)


def test_a_request_in_another_form_is_one_too(stage: Stage, sessions: list[Session]) -> None:
    """Cut in two, behind a ping, or in packets that nobody writes."""
    packet = module.REQUEST
    stage.theirs.sendall(stage.secret.seal(PING + packet[:4]) + stage.secret.seal(packet[4:]))
    stage.loop.settle()
    stage.questions[0].answer(b"addresses")
    stage.loop.settle()
    assert stage.heard() == [b"addresses", b"end"]
    assert len(sessions) == 1


def test_whoever_sends_frames_that_say_nothing_is_read_by_a_session(
    stage: Stage, sessions: list[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It charges them to the receive rate."""
    monkeypatch.setattr(SecretConnection, "receive_data", lambda *_: b"")
    stage.theirs.sendall(bytes(FRAME_SEALED - 1))
    stage.loop.settle()
    assert sessions == []
    stage.theirs.sendall(bytes(FRAME_SEALED))
    stage.loop.settle()
    assert len(sessions) == 1
    assert stage.said == []


def test_where_the_bandwidth_of_the_node_is_limited_so_are_its_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait in line with all that the node sends to its peers."""
    rate, answer = 4000, bytes(range(256)) * 46
    with Stage(tmp_path, total_send_rate=rate) as stage:
        monkeypatch.setattr(module, "Question", stage.ask)
        stage.say(REQUEST)
        stage.questions[0].answer(answer)
        stage.loop.settle()
        began = stage.loop.now()
        while stage.phases.phase is Phase.DRAINING:
            stage.loop.advance(0.01)
        assert stage.loop.now() - began > len(answer) / rate - 1
        assert (stage.heard(), stage.said) == ([answer, b"end"], [])


def test_what_comes_behind_a_request_is_answered_and_no_question(
    stage: Stage, sessions: list[Session]
) -> None:
    """A ping before the answer, and another request."""
    stage.say(REQUEST)
    stage.theirs.sendall(stage.secret.seal(PING + module.REQUEST))
    stage.loop.settle()
    stage.loop.advance(1.0)
    assert stage.secret.receive_data(stage.theirs.recv(65536)) == PONG
    assert (len(stage.questions), len(sessions), stage.said) == (1, 1, [])
    stage.questions[0].answer(b"addresses")
    stage.loop.settle()
    assert stage.heard() == [b"addresses", b"end"]


def test_a_long_answer_takes_its_turns(stage: Stage, sessions: list[Session]) -> None:
    """More than is sealed at once goes through a session, which minds the send rate."""
    stage.say(REQUEST)
    stage.questions[0].answer(bytes(60_000))
    stage.loop.settle()
    assert stage.heard() == [bytes(60_000), b"end"]
    assert len(sessions) == 1


def test_an_answer_that_the_kernel_does_not_take_at_once_goes_on_when_it_does(stage: Stage) -> None:
    stage.say(REQUEST)
    with suppress(BlockingIOError):
        while stage.stream.sock.send(bytes(65536)):
            pass  # other bytes fill the connection
    stage.questions[0].answer(bytes(30_000))
    assert (stage.stream.has_unsent, stage.phases.phase) == (True, Phase.DRAINING)
    while stage.phases.phase is Phase.DRAINING:
        stage.loop.settle()
        with suppress(BlockingIOError):
            stage.theirs.recv(65536)
    assert (stage.phases.phase, stage.said) == (Phase.CLOSING, [])


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
