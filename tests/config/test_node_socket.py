"""The node's own socket: for its owner alone, however deep the home is."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from peerage.config.node_socket import LONGEST_PATH, SOCKET_MODE, connect_to_node, listen_for_commands

PATIENCE_S = 10.0


@pytest.mark.parametrize("depth", [0, 3])
def test_whoever_may_use_it_reaches_the_node(tmp_path: Path, depth: int) -> None:
    """A path may be longer than the system allows for sockets."""
    directory = tmp_path.joinpath(*["d" * 60] * depth)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "node.sock"
    assert (len(str(path)) > LONGEST_PATH) == bool(depth)
    with listen_for_commands(path) as listener:
        assert stat.S_IMODE(path.stat().st_mode) == SOCKET_MODE
        with connect_to_node(path, PATIENCE_S) as client:
            server, _address = listener.accept()
            with server:
                client.sendall(b"hello")
                assert server.recv(10) == b"hello"


def test_what_a_dead_node_left_is_replaced(tmp_path: Path) -> None:
    """Nobody else can listen there: the home is locked."""
    path = tmp_path / "node.sock"
    listen_for_commands(path).close()
    with pytest.raises(ConnectionRefusedError):
        connect_to_node(path, PATIENCE_S)
    with listen_for_commands(path), connect_to_node(path, PATIENCE_S):
        pass


def test_nobody_is_there(tmp_path: Path) -> None:
    """Of either the socket or its directory."""
    for path in (tmp_path / "node.sock", tmp_path / ("d" * 120) / "node.sock"):
        with pytest.raises(FileNotFoundError):
            connect_to_node(path, PATIENCE_S)


def test_a_directory_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        listen_for_commands(tmp_path / "none" / "node.sock")
