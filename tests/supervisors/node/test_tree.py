"""The children of a node, as specs: nothing is started."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from peerage.actors.context import NodeContext
from peerage.actors.names import NodeNames
from peerage.actors.reactors.reactor import Reactor
from peerage.actors.runtime import THREAD
from peerage.config import Config
from peerage.config.home_lock import HomeLock
from peerage.supervisors.node.life import NodeLife
from peerage.supervisors.node.parts import ADDRBOOK
from peerage.supervisors.node.reactor_table import ReactorSpec, ReactorTable
from peerage.supervisors.node.tree import (
    BOOK_SHUTDOWN_S,
    CHILD_SHUTDOWN_S,
    REACTOR_SHUTDOWN_S,
    NodeTree,
)
from peerage.supervisors.spec import ChildSpec
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeKey
from peerage.wire.node_info import NodeInfo
from tests.nodes import node_config

KEY = NodeKey.generate()
INFO = NodeInfo(id=KEY.node_id, listen_addr="tcp://127.0.0.1:1", network="test", moniker="m")
SERVERS: dict[str, dict[str, Any]] = {
    "rpc": {"laddr": "tcp://127.0.0.1:0"},
    "instrumentation": {"prometheus": True, "prometheus_listen_addr": "127.0.0.1:0"},
}


class Alpha(Reactor):
    channels = (ChannelDescriptor(id=0x70),)


NAMES = NodeNames("one/", (), 1)


@pytest.fixture
def lives() -> Iterator[list[NodeLife]]:
    lives: list[NodeLife] = []
    yield lives
    for life in lives:
        life.release()


def children(
    config: Config,
    lives: list[NodeLife],
    *,
    hosts: int = 1,
    takes_commands: bool = False,
    own: Mapping[str, ReactorSpec] = MappingProxyType({"A": (Alpha, 1)}),
) -> dict[str, ChildSpec]:
    """By their parts' names, without the node's."""
    reactors = ReactorTable(own, pex=config.p2p.pex)
    names = NodeNames("one/", reactors.names, hosts)
    life = NodeLife("ab" * 20, HomeLock(config.home, "a node"), takes_commands)
    lives.append(life)
    life.listen(config)
    tree = NodeTree(config, names, reactors, (), (), takes_commands=takes_commands)
    context = NodeContext(NAMES, config, KEY.public_key, INFO, Alpha.channels, reactors.routes)
    specs = tree.children(life, context, KEY, None)
    assert tree.size == len(specs)
    return {spec.id.removeprefix("one/"): spec for spec in specs}


def test_the_order_of_a_node(tmp_path: Path, lives: list[NodeLife]) -> None:
    """It starts in this order and stops in the reverse one."""
    config = node_config(tmp_path, **SERVERS, p2p={"pex": True})
    order = ["addrbook", "switch", "metrics", "reactor-PEX", "reactor-A", "peers-0", "peers-1", "rpc"]
    assert list(children(config, lives, hosts=2)) == order


def test_a_node_that_shares_its_book_has_a_keeper_for_that(tmp_path: Path, lives: list[NodeLife]) -> None:
    """In a thread, which may wait, and has no memory of its own to be measured."""
    config = node_config(tmp_path, peerage={"cluster": "10.0.0.1:6379", "memory_limit": 10**9})
    keeper = children(config, lives)["cluster"]
    assert (keeper.start.options["place"], keeper.health) == (THREAD, None)


def test_servers_that_are_off_are_not_there(tmp_path: Path, lives: list[NodeLife]) -> None:
    """Nor is peer exchange."""
    found = list(children(node_config(tmp_path), lives))
    assert found == ["addrbook", "switch", "reactor-A", "peers-0"]


def test_commands_are_taken_without_rpc(tmp_path: Path, lives: list[NodeLife]) -> None:
    """By the process that RPC would have, at the socket in the home alone."""
    rpc = children(node_config(tmp_path), lives, takes_commands=True)["rpc"]
    assert set(rpc.start.options["fds"]) == {"control-0"}


def test_each_child_has_its_node_s_name_and_context(tmp_path: Path, lives: list[NodeLife]) -> None:
    """Two nodes of one process do not take each other's names."""
    for spec in children(node_config(tmp_path), lives).values():
        assert spec.name == spec.id
        assert spec.name.startswith("one/")
        extra = spec.start.options["extra"]
        assert (extra.names, extra.node_id) == (NAMES, KEY.node_id)


def test_the_peer_hosts_alone_are_told_the_private_key(tmp_path: Path, lives: list[NodeLife]) -> None:
    """They shake hands. No other process has it in memory."""
    config = node_config(tmp_path, **SERVERS, p2p={"pex": True})
    specs = children(config, lives, hosts=2)
    told = {part for part, spec in specs.items() if KEY.seed in pickle.dumps(spec.start.options["extra"])}
    assert told == {"peers-0", "peers-1"}
    assert {specs[part].start.options["extra"].node_key for part in told} == {KEY}


def test_descriptors_go_to_those_who_serve_them(tmp_path: Path, lives: list[NodeLife]) -> None:
    """A part that is restarted finds its port again."""
    specs = children(node_config(tmp_path, **SERVERS), lives)
    fds = {name: set(spec.start.options.get("fds", ())) for name, spec in specs.items()}
    assert {name: each for name, each in fds.items() if each} == {
        "metrics": {"metrics-0"},
        "peers-0": {"bandwidth", "listen-0", "load", "memory", "register"},
        "rpc": {"rpc-0", "control-0"},
    }


def test_a_seed_s_hosts_and_peer_exchange_share_who_has_asked(tmp_path: Path, lives: list[NodeLife]) -> None:
    """One memory."""
    config = node_config(tmp_path, p2p={"pex": True, "seed_mode": True})
    specs = children(config, lives, hosts=2, own={})
    asked = {name: spec.start.options.get("fds", {}).get("asked") for name, spec in specs.items()}
    given = {name: fd for name, fd in asked.items() if fd is not None}
    assert set(given) == {"reactor-PEX", "peers-0", "peers-1"}
    assert len(set(given.values())) == 1
    assert set(given.values()) <= set(lives[-1].fds)


def test_those_who_owe_something_have_time_for_it(tmp_path: Path, lives: list[NodeLife]) -> None:
    """The others end quickly."""
    specs = children(node_config(tmp_path), lives)
    assert {name: spec.shutdown for name, spec in specs.items()} == {
        "addrbook": BOOK_SHUTDOWN_S,
        "switch": CHILD_SHUTDOWN_S,
        "reactor-A": REACTOR_SHUTDOWN_S,
        "peers-0": CHILD_SHUTDOWN_S,
    }
    reactors = ReactorTable({"A": Alpha}, pex=False)
    tree = NodeTree(node_config(tmp_path), NodeNames("one/", reactors.names, 1), reactors, (), ())
    assert tree.owing == {"one/addrbook", "one/reactor-A"}


def test_a_reactor_is_looked_at_as_its_operator_wants(tmp_path: Path, lives: list[NodeLife]) -> None:
    """It may block; our own actors may not."""
    peerage = {
        "probe_timeout": 3.0,
        "memory_limit": 1000,
        "reactor_probe_timeout": 0,
        "reactor_memory_limit": 0,
    }
    specs = children(node_config(tmp_path, peerage=peerage), lives)
    switch, reactor = specs["switch"].health, specs["reactor-A"].health
    assert switch is not None
    assert reactor is not None
    assert (switch.deadline, switch.max_rss) == (3.0, 1000)
    assert (reactor.deadline, reactor.max_rss) == (None, None)


def test_peer_exchange_is_looked_at_as_the_other_parts_of_ours(tmp_path: Path, lives: list[NodeLife]) -> None:
    """It waits for nobody: if it does not answer, it hangs. What others bring may block."""
    peerage = {"probe_timeout": 3.0, "memory_limit": 1000, "reactor_probe_timeout": 0}
    specs = children(node_config(tmp_path, peerage=peerage, p2p={"pex": True}), lives)
    assert specs["reactor-PEX"].health == specs["switch"].health
    assert specs["reactor-A"].health != specs["switch"].health


def test_what_is_started(tmp_path: Path, lives: list[NodeLife]) -> None:
    """Reactors with the arguments of their constructors."""
    specs = children(node_config(tmp_path), lives)
    assert specs["addrbook"].start.actor_class is ADDRBOOK
    assert (specs["reactor-A"].start.actor_class, specs["reactor-A"].start.args) == (Alpha, (1,))
