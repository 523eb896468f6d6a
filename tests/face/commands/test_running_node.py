"""Commands over the node's own socket, with a server of the test in the node's place."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from peerage.commands.exit_status import FailureError
from peerage.commands.node_link import NodeGoneError
from peerage.commands.running_node import call_node, node_of
from peerage.config.home import Home
from peerage.config.home_lock import HomeLock
from peerage.config.node_socket import listen_for_commands


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.data_dir.mkdir()
    return home


@contextmanager
def node(home: Home, answer: bytes) -> Iterator[list[bytes]]:
    """Answers one request with these bytes. Gives what it was sent."""
    heard: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        client, _address = listener.accept()
        with client:
            while b"}}" not in b"".join(heard):
                heard.append(client.recv(65536))
            client.sendall(answer)

    with listen_for_commands(home.node_socket) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield heard
        finally:
            thread.join()


def http(body: Any) -> bytes:
    data = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data)


def test_a_method_is_called_by_name_and_its_result_returned(home: Home) -> None:
    with node(home, http({"jsonrpc": "2.0", "id": 1, "result": {"until": "then"}})) as heard:
        assert call_node(home, "ban", subject="9.9.9.9", duration="1h") == {"until": "then"}
    head, _, body = b"".join(heard).partition(b"\r\n\r\n")
    assert head.startswith(b"POST / HTTP/1.1\r\n")
    request = json.loads(body)
    assert (request["method"], request["params"]) == ("ban", {"subject": "9.9.9.9", "duration": "1h"})


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            http({"error": {"code": -32603, "message": "Internal error", "data": "9.9.9.9 is not banned"}}),
            "9.9.9.9",
        ),
        (http({"error": {"code": -32601, "message": "Method not found"}}), "Method not found"),
        (b"", "did not answer"),
        (b"nonsense\r\n\r\n", "did not answer"),
        (http("x")[:-2], "did not answer"),
        (http([1]), "no RPC of a node"),
    ],
    ids=["refused", "unknown", "hangs up", "no HTTP", "cut off", "something else"],
)
def test_what_goes_wrong_is_one_sentence(home: Home, answer: bytes, text: str) -> None:
    with node(home, answer), pytest.raises(FailureError, match=text):
        call_node(home, "unban", subject="9.9.9.9")


def test_without_a_socket_that_is_said(home: Home) -> None:
    """Or with one that a dead node has left."""
    with pytest.raises(NodeGoneError, match=r"node\.sock: No such file"):
        call_node(home, "unban")
    listen_for_commands(home.node_socket).close()
    with pytest.raises(NodeGoneError, match="refused"):
        call_node(home, "unban")


def test_whoever_needs_a_running_node_is_told_that_there_is_none(home: Home) -> None:
    """Or that it takes no commands."""
    with pytest.raises(FailureError, match="no node runs in"):
        node_of(home, "overview")
    with HomeLock(home, "a node"), pytest.raises(FailureError, match="it takes no commands"):
        node_of(home, "overview")
    with node(home, http({"result": 7})):
        assert node_of(home, "overview") == 7
