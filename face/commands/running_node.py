"""Has a running node do what a command asks, over the socket in its home: JSON-RPC, and streams of lines."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.node_link import NodeGoneError, SocketLink
from peerage.config.home import Home
from peerage.config.home_lock import holder_of

TIMEOUT_S = 15.0  # the node waits for an answer of its parts for 5 s
SILENCE_S = 45.0  # a stream has a sign of life every 15 s
MOST_LINE = 64 * 1024  # bytes


def node_of(home: Home, method: str, **params: Any) -> Any:
    """Call a method of the node that runs in this home: for commands that only a running node can carry out.

    Returns: its result.
    Raises: FailureError: no node runs there, it takes no commands, or it cannot do what it is asked.
    """
    try:
        return call_node(home, method, **params)
    except NodeGoneError as error:
        raise not_there(home, error) from error


def not_there(home: Home, error: NodeGoneError) -> FailureError:
    """What is said when the node cannot be reached for a command that only a running node can carry out."""
    holder = holder_of(home)
    if holder is None:
        return FailureError(f"no node runs in {home}; `peerage start --home {home}` starts one")
    return FailureError(
        f"{holder}; it takes no commands ({error.cause}): a program's node takes some if it is told to"
    )


def call_node(home: Home, method: str, *, within: float = TIMEOUT_S, **params: Any) -> Any:
    """Call a method of the node that runs in this home. Args: within, seconds for each step. Returns: its result.

    Raises: NodeGoneError; FailureError with the node's words, or when it does not answer.
    """
    link = SocketLink(home, within)
    try:
        return link.call(method, **params)
    finally:
        link.close()


@contextmanager
def stream_from_node(home: Home, target: str, silence: float = SILENCE_S) -> Iterator[Iterator[bytes]]:
    """The lines that a node sends for as long as it likes. They end with the connection, however that ended.

    Args: silence, the longest, in seconds.
    Raises: NodeGoneError; MistakeError, FailureError with the node's words, or when it does not answer.
    """
    connection = SocketLink(home, silence).connect()
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
            yield _lines(answer, silence)
    finally:
        connection.close()


def _lines(answer: http.client.HTTPResponse, silence: float) -> Iterator[bytes]:
    try:
        while line := answer.readline(MOST_LINE):
            yield line
    except TimeoutError as error:
        raise FailureError(f"the node has been silent for {silence:g} s") from error
    except (OSError, http.client.HTTPException):
        return
