"""A running node's steward, with parts of the test: nothing is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.context import NodeContext
from peerage.actors.messages.steering import (
    AlterSettings,
    DescribeNode,
    DropPersistent,
    Reconfigure,
    Reconfigured,
)
from peerage.actors.names import NodeNames
from peerage.actors.runtime import Future, Timer
from peerage.config import Config
from peerage.config.errors import ConfigError
from peerage.supervisors.child import Child
from peerage.supervisors.node.host_setup import HostSetup
from peerage.supervisors.node.parts import PEX_REACTOR, SWITCH
from peerage.supervisors.node.steward import ANSWER_S, Steward, Waiting
from peerage.supervisors.spec import ChildSpec, Start
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.node_info import NodeInfo
from tests.fake_clock import FakeClock
from tests.nodes import node_config

KEY = NodeKey.generate()
INFO = NodeInfo(id=KEY.node_id, listen_addr="tcp://127.0.0.1:1", network="test", moniker="m")
ANNA = NodeID("a" * 40)


class Answer:
    def __init__(self) -> None:
        self.values: list[Any] = []

    def set(self, value: Any = None) -> None:
        self.values.append(value)

    def set_exception(self, error: BaseException) -> None:
        self.values.append(error)


class Runtime(FakeClock):
    """The root's, without a system. Attributes: answer, of the request that is served; errands, that were sent."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = Answer()
        self.errands: list[Any] = []

    def defer(self) -> Any:
        return self.answer

    def life_of(self, _ref: Any) -> int | None:
        return 1

    def send_errands(self, work: Callable[[str], Any]) -> dict[str, Future[Any]]:
        self.errands.append(work)
        done: Future[Any] = Future()
        done.set(None)
        return {"switch": done}


class Stage:
    """A steward of two children."""

    def __init__(self, home: Path, **overrides: Any) -> None:
        self.config = node_config(home, **overrides)
        context = NodeContext(NodeNames("", ("PEX",), 1), self.config, KEY.public_key, INFO, (), {})
        setup = HostSetup(self.config.log_settings, "anna")
        self.children = [
            Child(ChildSpec(name, Start.of(part).using(name=name, extra=context, log_setup=setup)))
            for name, part in (("switch", SWITCH), ("reactor-PEX", PEX_REACTOR))
        ]
        self.runtime = Runtime()
        self.renewed: list[tuple[str, Any]] = []
        self.steward = Steward(
            context, self.runtime, self.children, lambda name, over: self.renewed.append((name, over))
        )

    def serve(self, request: Any) -> Any:
        return self.steward.serve(request)

    def options(self, name: str) -> Any:
        return next(child for child in self.children if child.spec.id == name).spec.start.options


def test_children_that_are_started_again_get_the_new_configuration(tmp_path: Path) -> None:
    """Those that have to be are started anew; the answer comes when they are up."""
    stage = Stage(tmp_path)
    stage.serve(Reconfigure(stage.config.replace(moniker="b", p2p={"max_num_outbound_peers": 7})))
    for name in ("switch", "reactor-PEX"):
        config: Config = stage.options(name)["extra"].config
        assert (config.p2p.max_num_outbound_peers, config.moniker) == (7, "tested")
    ((name, over),) = stage.renewed
    assert (name, stage.runtime.answer.values) == ("reactor-PEX", [])
    over.set(None)
    (done,) = stage.runtime.answer.values
    assert [change.name for change in done.applied] == ["p2p.max_num_outbound_peers"]
    assert [change.name for change in done.pending] == ["moniker"]
    description = stage.serve(DescribeNode())
    assert [change.name for change in description.pending] == ["moniker"]
    assert any("moniker" in warning for warning in description.warnings)


def test_a_part_that_does_not_answer_in_time_is_named(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.serve(Reconfigure(stage.config.replace(p2p={"seeds": f"{ANNA}@10.0.0.1:1"})))
    stage.runtime.pass_by(ANSWER_S)
    (done,) = stage.runtime.answer.values
    assert done.silent == ("reactor-PEX",)
    stage.renewed[0][1].set_exception(RuntimeError("too late"))
    assert len(stage.runtime.answer.values) == 1


def test_a_configuration_that_changes_nothing_is_answered_at_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.serve(Reconfigure(stage.config))
    assert stage.runtime.answer.values == [Reconfigured(warnings=stage.config.warnings)]
    assert stage.renewed == stage.runtime.errands == []


def test_a_log_level_goes_to_every_process_and_to_those_that_come(tmp_path: Path) -> None:
    """By an errand; the node's own level is that of the embedding process."""
    stage = Stage(tmp_path)
    stage.serve(AlterSettings({"log_level": "switch:debug,*:error"}))
    (errand,) = stage.runtime.errands
    assert errand.level == "switch:debug,*:error"
    assert errand.hosts == {"switch", "reactor-PEX"}
    assert stage.options("switch")["log_setup"].settings.level == "switch:debug,*:error"
    assert stage.serve(DescribeNode()).config.log_level == "switch:debug,*:error"


@pytest.mark.parametrize(
    ("values", "error"), [({"log_level": "loud"}, ConfigError), ({"moniker": "b"}, ValueError)]
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    tmp_path: Path, values: dict[str, str], error: type[Exception]
) -> None:
    stage = Stage(tmp_path)
    stage.serve(AlterSettings(values))
    assert isinstance(stage.runtime.answer.values[0], error)
    assert stage.options("switch")["extra"].config == stage.config


def test_a_switch_that_is_not_there_removes_nobody(tmp_path: Path) -> None:
    """Whoever asks gets the error, and the configuration stays."""
    stage = Stage(tmp_path, p2p={"persistent_peers": f"{ANNA}@10.0.0.1:1"})
    stage.serve(DropPersistent((ANNA,)))
    assert all(isinstance(value, Exception) for value in stage.runtime.answer.values)
    assert stage.options("switch")["extra"].config.p2p.persistent_peers


def test_waiting_ends_once_with_those_that_are_missing() -> None:
    clock, ends = FakeClock(), list[tuple[str, ...]]()
    waiting = Waiting(clock.call_later, ends.append)
    first, _second = waiting.await_answer("first"), waiting.await_answer("second")
    first(None)
    waiting.complete()
    assert ends == []
    clock.pass_by(ANSWER_S)
    assert ends == [("second",)]
    clock.pass_by(ANSWER_S)
    assert len(ends) == 1
    nobody = Waiting(clock.call_later, ends.append)
    nobody.complete()
    assert ends[1:] == [()]
    assert isinstance(clock.call_later(0, lambda: None), Timer)
