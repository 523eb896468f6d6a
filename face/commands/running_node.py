"""Has a running node do what a command asks: JSON-RPC over the socket in its home."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

from peerage.commands.exit_status import FailureError
from peerage.config.home import Home
from peerage.config.home_lock import holder_of
from peerage.config.node_socket import connect_to_node

TIMEOUT_S = 15.0  # the node waits for an answer of its parts for 5 s
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
        holder = holder_of(home)
        if holder is None:
            raise FailureError(f"no node runs in {home}; `peerage start --home {home}` starts one") from error
        raise FailureError(f"{holder}; it takes no commands ({error}; is rpc.laddr empty?)") from error


def call_node(home: Home, method: str, *, within: float = TIMEOUT_S, **params: Any) -> Any:
    """Call a method of the node that runs in this home. Args: within, seconds for each step. Returns: its result.

    Raises: NoSocketError; FailureError with the node's words, or when it does not answer.
    """
    try:
        sock = connect_to_node(home.node_socket, within)
    except OSError as error:
        raise NoSocketError(f"{home.node_socket}: {error.strerror or error}") from error
    connection = _UnixConnection(sock)
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
