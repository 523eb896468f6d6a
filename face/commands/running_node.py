"""Has a running node do what a command asks, over the socket in its home: JSON-RPC, and streams of lines."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peerage.commands.exit_status import FailureError, MistakeError
from peerage.config.home import Home
from peerage.config.home_lock import holder_of
from peerage.config.node_socket import connect_to_node

TIMEOUT_S = 15.0  # the node waits for an answer of its parts for 5 s
SILENCE_S = 45.0  # a stream has a sign of life every 15 s
MOST_LINE = 64 * 1024  # bytes
MOST_ANSWER = 16 * 1024 * 1024  # bytes


class NoSocketError(Exception):
    """Nobody listens at the node's socket."""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a connected socket."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__("localhost")
        self.sock = sock


def node_of(home: Home, method: str, **params: Any) -> Any:
    """Call a method of the node that runs in this home: for commands that only a running node can carry out.

    Returns: its result.
    Raises: FailureError: no node runs there, it takes no commands, or it cannot do what it is asked.
    """
    try:
        return call_node(home, method, **params)
    except NoSocketError as error:
        raise not_there(home, error) from error


def not_there(home: Home, error: NoSocketError) -> FailureError:
    """What is said when the node cannot be reached for a command that only a running node can carry out."""
    holder = holder_of(home)
    if holder is None:
        return FailureError(f"no node runs in {home}; `peerage start --home {home}` starts one")
    return FailureError(f"{holder}; it takes no commands ({error}; is rpc.laddr empty?)")


def call_node(home: Home, method: str, *, within: float = TIMEOUT_S, **params: Any) -> Any:
    """Call a method of the node that runs in this home. Args: within, seconds for each step. Returns: its result.

    Raises: NoSocketError; FailureError with the node's words, or when it does not answer.
    """
    connection = _connect(home, within)
    try:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read(MOST_ANSWER))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FailureError(f"the node did not answer: {error}") from error
    finally:
        connection.close()
    if "error" in answer:
        raise FailureError(str(answer["error"].get("data") or answer["error"].get("message")))
    return answer["result"]


@contextmanager
def stream_from_node(home: Home, target: str) -> Iterator[Iterator[bytes]]:
    """The lines that a node sends for as long as it likes. They end with the connection, however that ended.

    Raises: NoSocketError; MistakeError, FailureError with the node's words, or when it does not answer.
    """
    connection = _connect(home, SILENCE_S)
    try:
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                words = answer.read(MOST_LINE).decode(errors="replace").strip()
                kind = MistakeError if answer.status == http.client.BAD_REQUEST else FailureError
                raise kind(f"the node refused: {words}")
        except (OSError, http.client.HTTPException) as error:
            raise FailureError(f"the node did not answer: {error}") from error
        with answer:
            yield _lines(answer)
    finally:
        connection.close()


def _lines(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while line := answer.readline(MOST_LINE):
            yield line
    except TimeoutError as error:
        raise FailureError(f"the node has been silent for {SILENCE_S:g} s") from error
    except (OSError, http.client.HTTPException):
        return


def _connect(home: Home, timeout: float) -> _UnixConnection:
    try:
        return _UnixConnection(connect_to_node(home.node_socket, timeout))
    except OSError as error:
        raise NoSocketError(f"{home.node_socket}: {error.strerror or error}") from error
