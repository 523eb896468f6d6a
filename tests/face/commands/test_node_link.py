"""A standing connection to a node, with a server of the test in the node's place."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.node_link import NoAnswerError, NodeGoneError, NodeLink, UnfitError
from peerage.config.home import Home
from peerage.config.node_socket import listen_for_commands

LISTENING = Callable[[], socket.socket]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.data_dir.mkdir()
    return home


@contextmanager
def served(listener: socket.socket, *answers: Any, each: int = 100) -> Iterator[list[str]]:
    """Answers requests in turn. Gives their methods. Args: each, requests on one connection before it is closed."""
    methods: list[str] = []
    left = list(answers)

    def serve() -> None:
        with suppress(OSError):
            while left:
                client, _address = listener.accept()
                with client, client.makefile("rb") as file:
                    for _ in range(each):
                        if not left or not _answer(file, client, methods, left):
                            break

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield methods
    finally:
        listener.close()


def _answer(file: Any, client: socket.socket, methods: list[str], left: list[Any]) -> bool:
    """Answer one request. Returns: False, the client has hung up."""
    length = 0
    while (line := file.readline()) not in {b"\r\n", b""}:
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    if not length:
        return False
    methods.append(json.loads(file.read(length))["method"])
    answer = left.pop(0)
    body = answer if isinstance(answer, bytes) else json.dumps({"result": answer}).encode()
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    return True


def test_it_asks_again_and_again_on_one_connection(home: Home) -> None:
    """And on another one when that was closed meanwhile."""
    with served(listen_for_commands(home.node_socket), 1, 2, 3, each=2) as methods:
        link = NodeLink.to(home, None)
        assert [link.call("one"), link.call("two"), link.call("three")] == [1, 2, 3]
        link.close()
    assert methods == ["one", "two", "three"]


def test_it_reaches_a_node_by_its_rpc() -> None:
    """At any address that RPC may have."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    with served(listener, "here", "there"):
        for address in (f"http://127.0.0.1:{port}", f"127.0.0.1:{port}"):
            link = NodeLink.to(Home(Path("/nowhere")), address)
            assert link.call("status") in {"here", "there"}
            link.close()


@pytest.mark.parametrize("address", ["", "https://node", "http://", "node:port", "http://node:99999"])
def test_what_is_no_address_is_a_mistake(address: str) -> None:
    """Told with what is allowed."""
    with pytest.raises(MistakeError, match="allowed: an address like"):
        NodeLink.to(Home(Path("/nowhere")), address)


def test_where_no_node_runs_that_is_said(home: Home) -> None:
    """By its home or its address; a dead node may have left its socket."""
    with pytest.raises(NodeGoneError, match=r"no node runs in .*No such file"):
        NodeLink.to(home, None).call("status")
    listen_for_commands(home.node_socket).close()
    with pytest.raises(NodeGoneError, match="refused"):
        NodeLink.to(home, None).call("status")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(NodeGoneError, match=r"nobody serves RPC at 127\.0\.0\.1"):
            NodeLink.to(home, f"127.0.0.1:{sock.getsockname()[1]}").call("status")


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (
            b'{"error":{"data":"sort: there is no \\u001b[31m"}}',
            FailureError,
            r"sort: there is no .*\\x1b\[31m",
        ),
        (b'{"error":{"code":-32602,"data":"moniker: found 7"}}', UnfitError, "moniker: found 7"),
        (b'{"error":{"message":"Method not found"}}', FailureError, "Method not found"),
        (b"[1]", FailureError, "no RPC of a node"),
        (b"no JSON", NoAnswerError, "did not answer"),
    ],
    ids=["refused", "unfit", "unknown", "something else", "no JSON"],
)
def test_what_goes_wrong_is_one_sentence(
    home: Home, answer: bytes, error: type[Exception], text: str
) -> None:
    """Without a control character of whoever answers."""
    link = NodeLink.to(home, None)
    with served(listen_for_commands(home.node_socket), answer, answer), pytest.raises(error, match=text):
        link.call("peers")
    link.close()
