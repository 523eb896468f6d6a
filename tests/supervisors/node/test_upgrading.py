"""Reactors that are started anew with new code while their node runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from peerage import Node, Reactor, ReactorUpgradeError, UnknownReactorError
from peerage.actors.messages.steering import UpgradeProgress, UpgradeReactor
from peerage.actors.names import NodeNames
from peerage.actors.runtime import System
from peerage.actors.runtime.named_actor import NamedActor
from peerage.supervisors.child import Child
from peerage.supervisors.errors import ChildStartError
from peerage.supervisors.node.parts import PEX_REACTOR
from peerage.supervisors.node.upgrading import Upgrades
from peerage.supervisors.spec import ChildSpec, Start
from peerage.testing import connected_nodes, wait_until
from tests.fake_clock import FakeClock
from tests.nodes import EchoReactor

SOURCE = '''
"""Answers each question with its version, and keeps the answers of others."""

from peerage import ChannelDescriptor, Reactor

class Versioned(Reactor):
    channels = [ChannelDescriptor(id=0x7{channel}, send_queue_capacity=10)]

    def __init__(self):
        super().__init__()
        {start}
        self.answers, self.calls = [], []

    def init_peer(self, peer):
        self.calls.append("init_peer")

    def add_peer(self, peer):
        self.calls.append("add_peer")

    def receive(self, envelope):
        if envelope.message == b"?":
            envelope.source.send(0x70, b"{version}")
        else:
            self.answers.append(envelope.message)

    def handle(self, message):
        if message == "calls":
            return self.calls
        if message == "ask":
            self.broadcast(0x70, b"?")
        return self.answers
'''


class Code:
    """The module of the reactor, as it is on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("1")

    def write(self, version: str, start: str = "pass", channel: int = 0) -> None:
        self.path.write_text(SOURCE.format(version=version, start=start, channel=channel))


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Code]:
    if System.is_running():  # one that the node makes has imported the code when it began
        System.current().shutdown()
    code = Code(tmp_path / "upgraded_while_it_runs.py")
    monkeypatch.syspath_prepend(tmp_path)
    yield code
    System.current().shutdown()
    sys.modules.pop(code.path.stem, None)


def connection_of(node: Node) -> str:
    (peer,) = node.peers()
    return peer.info.connection


@pytest.mark.timeout(120)
def test_the_same_connection_answers_with_the_new_version(code: Code) -> None:
    """Code that is broken, has other channels, or does not start leaves the old version at work; nobody else notices."""
    versioned: type[Reactor] = importlib.import_module(code.path.stem).Versioned
    with connected_nodes(2, [{"V": versioned, "ECHO": EchoReactor}, {"V": versioned}]) as nodes:
        go_through_versions(code, *nodes)


def go_through_versions(code: Code, node: Node, other: Node) -> None:
    connection, theirs = connection_of(other), connection_of(node)
    asking, upgraded = other.reactor("V"), node.reactor("V")
    echo = node.reactor("ECHO").pid()

    def answer() -> bytes:
        before = len(asking.ask("heard"))
        asking.ask("ask")
        heard: list[bytes] = wait_until(lambda: asking.ask("heard")[before:])
        return heard[0]

    assert answer() == b"1"
    first = upgraded.pid()
    for spoil, told in (
        (lambda: code.path.write_text("nonsense = ("), r"SyntaxError: '\(' was never closed"),
        (lambda: code.write("one more", channel=1), "its channels are 0x71, and peers were told 0x70"),
    ):
        spoil()
        with pytest.raises(ReactorUpgradeError, match=f"reactor 'V' was not upgraded: .*{told}") as raised:
            node.upgrade_reactor("V")
        assert "\n" not in str(raised.value)
        assert "the old code goes on" in str(raised.value)
        assert upgraded.pid() == first
    code.write("never", start="raise RuntimeError('no licence')")
    with pytest.raises(ReactorUpgradeError, match=r"no licence.*it is started again as it was"):
        node.upgrade_reactor("V")
    assert wait_until(lambda: upgraded.ask("calls", patience=10.0)) == ["init_peer", "add_peer"]
    assert answer() == b"1"
    code.write("the second")
    node.upgrade_reactor("V")
    assert wait_until(lambda: upgraded.ask("calls")) == ["init_peer", "add_peer"]
    assert answer() == b"the second"
    psutil.Process(upgraded.pid()).kill()  # a restart of it has the new code, too
    assert wait_until(lambda: upgraded.ask("calls", patience=10.0)) == ["init_peer", "add_peer"]
    assert answer() == b"the second"
    assert (connection_of(other), connection_of(node)) == (connection, theirs)
    assert asking.ask("calls") == ["init_peer", "add_peer"]
    assert node.reactor("ECHO").pid() == echo
    with pytest.raises(UnknownReactorError, match="no reactor is named 'W'; there are: 'V', 'ECHO'"):
        node.upgrade_reactor("W")


class Answer:
    def __init__(self) -> None:
        self.values: list[Any] = []

    def set(self, value: Any = None) -> None:
        self.values.append(value)

    def set_exception(self, error: BaseException) -> None:
        self.values.append(str(error))


class Local:
    class Inner(Reactor):
        """Not at the top of a module."""


class Stage:
    """Upgrades of children that are not started. Attributes: verdicts, callbacks of inspections; renewed, of renewals."""

    def __init__(self) -> None:
        classes: dict[str, type[Reactor] | NamedActor] = {
            "V": EchoReactor,
            "PEX": PEX_REACTOR,
            "INNER": Local.Inner,
        }
        names = NodeNames("", tuple(classes), 1)
        self.children = [
            Child(ChildSpec(names.reactor(name).name, Start.of(found))) for name, found in classes.items()
        ]
        self.clock = FakeClock()
        self.verdicts: list[Callable[[str], object]] = []
        self.renewed: list[Any] = []
        self.upgrades = Upgrades(
            names,
            self.children,
            self.clock.call_later,
            lambda _child_id, reply: self.renewed.append(reply),
            lambda _child_id, _start, then: self.verdicts.append(then),
        )

    def ask(self, name: str, number: int = 0, within: float = 0.0) -> Answer:
        answer = Answer()
        self.upgrades.serve(UpgradeReactor(name, number, within), answer)
        return answer

    def is_fresh(self) -> bool:
        return bool(self.children[0].spec.start.options.get("fresh"))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("PEX", "it is peerage's own"),
        ("INNER", "its class is defined in Local.Inner"),
        ("X", "no reactor is named"),
    ],
)
def test_what_cannot_be_upgraded_is_refused_at_once(name: str, told: str) -> None:
    """Nothing is looked at."""
    stage = Stage()
    (refusal,) = stage.ask(name).values
    assert told in refusal
    assert stage.verdicts == []


def test_one_upgrade_at_a_time() -> None:
    """A second one is refused as long as the first is under way, and then begins."""
    stage = Stage()
    first = stage.ask("V")
    assert "it is being upgraded already" in stage.ask("V").values[0]
    stage.verdicts.pop()("")
    assert "it is being upgraded already" in stage.ask("V").values[0]
    stage.renewed.pop().set(None)
    assert first.values == [UpgradeProgress(1, done=True)]
    stage.ask("V")
    assert len(stage.verdicts) == 1


def test_what_was_upgraded_once_is_imported_anew_after_a_failure_too() -> None:
    """The fork server has the code that the node began with, which is older."""
    stage = Stage()
    failed = stage.ask("V")
    stage.verdicts.pop()("")
    assert stage.is_fresh()
    stage.renewed.pop().set_exception(ChildStartError("reactor-V", "no licence"))
    assert not stage.is_fresh()
    assert "did not start: no licence; it is started again" in failed.values[0]
    done = stage.ask("V")
    stage.verdicts.pop()("")
    stage.renewed.pop().set(None)
    again = stage.ask("V")
    stage.verdicts.pop()("")
    stage.renewed.pop().set_exception(RuntimeError("the supervisor ends"))
    assert (done.values, stage.is_fresh()) == ([UpgradeProgress(2, done=True)], True)
    assert "the supervisor ends" in again.values[0]


def test_whoever_cannot_wait_so_long_asks_again() -> None:
    """By the number of the upgrade; the outcome is kept until the next one."""
    stage = Stage()
    patient, hasty = stage.ask("V", within=4.0), stage.ask("V", number=1, within=1.0)
    stage.clock.pass_by(2.0)
    assert (patient.values, hasty.values) == ([], [UpgradeProgress(1, done=False)])
    stage.verdicts.pop()("broken")
    assert "broken; the old code goes on" in patient.values[0]
    stage.clock.pass_by(9.0)
    assert len(patient.values) == 1
    assert stage.ask("V", number=1).values == patient.values
    assert "upgrade 2 is not its last one" in stage.ask("V", number=2).values[0]
