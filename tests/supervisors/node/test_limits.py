"""A limit on processes that comes and goes costs a supervisor, and a node, what was killed meanwhile, until it goes."""

from __future__ import annotations

import os
import resource
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from peerage import DialError, Node
from peerage.actors.runtime import THREAD, ProcessActor, System, watch
from peerage.actors.runtime.limits import Purpose, kept_for, open_descriptors
from peerage.actors.runtime.processes.host_maker import HostMaker
from peerage.supervisors import Backoff, ChildSpec, Flags, Start, Supervisor, SupervisorRef
from tests.actors.runtime.no_more_processes import no_more_processes
from tests.nodes import EchoReactor, NodeLog, node_config, node_processes, wait_until

TRIES = 4  # more than OTP's default intensity allows


class Part(ProcessActor):
    def on_receive(self, message: Any) -> Any:
        return os.getpid() if message == "pid" else message


@pytest.fixture
def system(node_system: System) -> System:
    return node_system


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every fork that has failed: with which words."""
    causes: list[str] = []
    on_not_forked = HostMaker._on_not_forked

    def noted(maker: HostMaker, serial: int, cause: str, *, is_limit: bool) -> None:
        causes.append(cause)
        on_not_forked(maker, serial, cause, is_limit=is_limit)

    monkeypatch.setattr(HostMaker, "_on_not_forked", noted)
    return causes


def test_a_child_that_a_limit_holds_up_is_back_when_it_is_lifted(system: System, refused: list[str]) -> None:
    """With OTP's default intensity, one restart in five seconds; its sibling does not notice, and it cost one restart."""
    specs = [ChildSpec(name, Start.of(Part)) for name in ("held", "sibling")]
    supervisor = SupervisorRef(Supervisor.options(place=THREAD).start(specs), 20.0)
    held, sibling = (child.ref for child in supervisor.which_children())
    assert held is not None
    assert sibling is not None
    pid = sibling.pid()
    with no_more_processes(system):
        held.kill()
        wait_until(lambda: len(refused) >= TRIES)
        assert sibling.ask("pid", timeout=5.0) == pid
        assert supervisor.count_children().active == 1
    wait_until(lambda: supervisor.count_children().active == 2)
    again = supervisor.which_children()[0]
    assert (again.restarts, again.ref.ask("x", timeout=5.0)) == (1, "x")  # type: ignore[union-attr]  # it is active
    supervisor.ref.stop()


def test_a_child_that_never_gets_room_ends_its_supervisor_in_the_end(system: System) -> None:
    """Once it has waited as long as it may: by the limit's name."""
    flags = Flags(backoff=Backoff(base=0, patience=0.3))
    supervisor = SupervisorRef(
        Supervisor.options(place=THREAD).start([ChildSpec("held", Start.of(Part))], flags), 20.0
    )
    ended = watch(supervisor.ref)
    with no_more_processes(system):
        supervisor.which_children()[0].ref.kill()  # type: ignore[union-attr]  # it runs
        reason = ended.wait(20.0)
    for words in ("SupervisorGaveUpError", "'held' needed restart 2", "RLIMIT_NPROC"):
        assert words in reason.text


def test_a_node_outlives_a_limit_that_lasts_while_parts_of_it_are_killed(
    system: System, refused: list[str], tmp_path: Path
) -> None:
    """Switch and a peer host; all other parts are the same processes afterwards, and both are back."""
    with Node(node_config(tmp_path), {"ECHO": EchoReactor}, name="limited/") as node:
        before = node_processes(node)
        killed = [name for name in before if name.endswith(("/switch", "/peers-0"))]
        with no_more_processes(system):
            for name in killed:
                os.kill(before[name], signal.SIGKILL)
            wait_until(lambda: len(refused) >= TRIES * len(killed))
            assert node.is_running
        wait_until(lambda: set(node_processes(node)) == set(before))
        after = node_processes(node)
        assert {name for name in before if after[name] != before[name]} == set(killed)
        wait_until(lambda: node.peers() == [])


def test_idle_connections_leave_a_node_room_to_restart_its_switch(
    system: System, tmp_path: Path, node_log: NodeLog
) -> None:
    """Strangers fill the peer hosts up to their reserve and stay: no host ends, the switch is back, and so is the listener
    once they have gone.
    """
    config = node_config(
        tmp_path, p2p={"max_num_inbound_peers": 10_000, "handshake_timeout": 60.0}, peerage={"peer_hosts": 2}
    )
    with Node(config, {"ECHO": EchoReactor}, name="idle/") as node, ExitStack() as held:
        hosts = node_processes(node, "peers-")
        for pid in hosts.values():
            used = open_descriptors(pid)
            room = next(n for n in range(10, 1000) if n >= 10 + kept_for(Purpose.STRANGERS, used + n))
            before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + room, before[1]))
            held.callback(resource.prlimit, pid, resource.RLIMIT_NOFILE, before)
        host, _, port = node.address.rpartition("@")[2].rpartition(":")
        strangers = ExitStack()
        with strangers:
            for _ in range(200):
                strangers.enter_context(socket.create_connection((host, int(port)), timeout=10.0))
            wait_until(lambda: len(node_log.records("accepting paused")) == len(hosts))
            assert "RLIMIT_NOFILE" in node_log.records("accepting paused")[0]["cause"]
            for _ in range(2):
                old = node_processes(node)["idle/switch"]
                os.kill(old, signal.SIGKILL)
                wait_until(lambda: node_processes(node).get("idle/switch", old) != old)  # noqa: B023 - asked for in the turn
                assert wait_until(lambda: node.peers() == [])
            with pytest.raises(DialError, match=r"unreachable: this process has .*RLIMIT_NOFILE"):
                node.dial(f"{'00' * 20}@127.0.0.1:{port}")
            assert node_processes(node, "peers-") == hosts
        node_log.wait_for("accepting again")
        with socket.create_connection((host, int(port)), timeout=10.0) as caller:
            assert caller.recv(1)  # it is shaken hands with
        assert node_processes(node, "peers-") == hosts
