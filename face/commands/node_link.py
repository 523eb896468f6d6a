"""A connection to a running node, for one question or for many: its own socket, or RPC at an address."""

from __future__ import annotations

import http.client
import json
import socket
from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import urlsplit

from peerage.commands.exit_status import MISTAKE, FailureError, MistakeError
from peerage.config.home import Home
from peerage.config.node_socket import connect_to_node
from peerage.wire.remote_text import shown

INVALID_PARAMS = -32602  # of JSON-RPC
TIMEOUT_S = 10.0
MOST_ANSWER = 16 * 1024 * 1024  # bytes
DEFAULT_PORT = 26657


class UnfitError(FailureError):
    """The node was given what it cannot use, or found it in its configuration: exit code 2."""

    exit_code = MISTAKE


class NodeGoneError(FailureError):
    """Nobody listens there: no node runs, or it has stopped. Attribute: cause, the place, and what the system says of it."""

    def __init__(self, message: str, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause


class NoAnswerError(FailureError):
    """The node, or its RPC, did not answer; it may do so later."""


class NodeLink(ABC):
    """One node. It is connected when it is first asked, and again after a failure.

    Args: name, of the node, for people; timeout, seconds for each step.
    """

    def __init__(self, name: str, timeout: float = TIMEOUT_S) -> None:
        self._name, self._timeout = name, timeout
        self._connection: http.client.HTTPConnection | None = None

    @staticmethod
    def to(home: Home, rpc: str | None) -> NodeLink:
        """The node at an RPC address, or, without one, that of a home. Raises: MistakeError, it is no address."""
        if rpc is None:
            return SocketLink(home)
        return _RpcLink(rpc)

    def call(self, method: str, **params: Any) -> Any:
        """Call a method.

        Returns: its result.
        Raises: NodeGoneError, NoAnswerError; FailureError with the node's words, UnfitError for what it cannot use.
        """
        kept = self._connection is not None
        try:
            answer = self._post(method, params)
        except NoAnswerError:
            if not kept:
                raise
            answer = self._post(method, params)  # an idle connection may have been closed at the other end
        if "error" in answer:
            error = answer["error"]
            kind = UnfitError if error.get("code") == INVALID_PARAMS else FailureError
            raise kind(shown(str(error.get("data") or error.get("message"))))
        return answer["result"]

    def close(self) -> None:
        """Connect anew when it is asked next."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        """A connection of its own. Raises: NodeGoneError, NoAnswerError."""
        try:
            return self._connect()
        except TimeoutError as error:
            raise NoAnswerError(f"{self._name} does not answer") from error
        except OSError as error:
            raise self._gone(error) from error

    def _post(self, method: str, params: dict[str, Any]) -> Any:
        if self._connection is None:
            self._connection = self.connect()
        try:
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = json.loads(self._connection.getresponse().read(MOST_ANSWER))
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise NoAnswerError(f"{self._name} did not answer: {error or type(error).__name__}") from error
        if not isinstance(answer, dict) or not ({"error", "result"} & answer.keys()):
            raise FailureError(f"{self._name} is no RPC of a node")
        return answer

    @abstractmethod
    def _connect(self) -> http.client.HTTPConnection:
        """A connection that nobody else has. Raises: OSError."""

    @abstractmethod
    def _gone(self, error: OSError) -> NodeGoneError:
        """What it means that nobody listens there."""


class SocketLink(NodeLink):
    """The node that runs in a home, at its own socket."""

    def __init__(self, home: Home, timeout: float = TIMEOUT_S) -> None:
        super().__init__(f"the node in {home}", timeout)
        self._home = home

    def _connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("localhost", timeout=self._timeout)
        connection.sock = connect_to_node(self._home.node_socket, self._timeout)
        return connection

    def _gone(self, error: OSError) -> NodeGoneError:
        cause = f"{self._home.node_socket}: {error.strerror or error}"
        return NodeGoneError(f"no node runs in {self._home} ({cause}), or it takes no commands", cause)


class _RpcLink(NodeLink):
    def __init__(self, rpc: str) -> None:
        parts = urlsplit(rpc if "://" in rpc else f"tcp://{rpc}")
        try:
            port = parts.port or DEFAULT_PORT
        except ValueError:
            port = 0
        if parts.scheme not in {"http", "tcp"} or not parts.hostname or not port:
            raise MistakeError(f"--rpc: found {rpc!r}, allowed: an address like http://127.0.0.1:26657")
        super().__init__(f"RPC at {parts.hostname}:{port}")
        self._host, self._port = parts.hostname, port

    def _connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        connection.connect()
        assert connection.sock is not None
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _gone(self, error: OSError) -> NodeGoneError:
        return NodeGoneError(f"nobody serves {self._name}: {error.strerror or error}")
