"""What can go wrong with a node, before its start, in it and at its end.

ListenError             an address of the configuration cannot be listened on
SeedsUnresolvedError    no seed resolves and the address book is empty
OwnNameUnresolvedError  a ConfigError: the name in external_address has no address
NodeStartError          an actor of the node did not start
  NodeLimitError        a limit of the operating system leaves no room for the node
NodeFailedError         the node ended by itself
NodeRunError            it cannot be run as all of a program from here
NodeNotRunningError     it was asked something that only a running node can answer
UnknownReactorError     a KeyError: it has no reactor of that name
UnknownChannelError     a ValueError: no messages of that channel come to the program
ReactorUpgradeError     a reactor cannot be upgraded, and its old code goes on
DialError               a dial did not make a peer
"""

from __future__ import annotations

from collections.abc import Mapping

from peerage.actors.refusal import Refusal
from peerage.config.errors import ConfigError


class ListenError(Exception):
    """An address of the configuration cannot be listened on: mostly the operator's mistake, the port is in use."""

    def __init__(self, key: str, address: str, cause: str) -> None:
        super().__init__(key, address, cause)
        self.key, self.address, self.cause = key, address, cause

    def __str__(self) -> str:
        return (
            f"{self.key}: cannot listen on {self.address!r}: {self.cause}; a free local address is expected"
        )


class DialError(Exception):
    """A dial did not make a peer; `refusal` says why."""

    def __init__(self, address: str, refusal: Refusal) -> None:
        super().__init__(address, refusal)
        self.address, self.refusal = address, refusal

    def __str__(self) -> str:
        return f"{self.address}: {self.refusal}"


class NodeStartError(Exception):
    """An actor of the node did not start; everything that had started has been stopped again."""


class NodeLimitError(NodeStartError):
    """A limit of the operating system leaves no room for the node, nothing of which runs. The text names the limit, and what
    is needed where that is known.
    """


class SeedsUnresolvedError(Exception):
    """None of the configured seeds resolves, and the address book is empty: the node could never find anybody.

    Source: reference 8.
    """

    def __init__(self, causes: Mapping[str, str]) -> None:
        super().__init__(causes)
        self.causes = causes

    def __str__(self) -> str:
        listed = "; ".join(f"{seed!r}: {cause}" for seed, cause in self.causes.items())
        return f"p2p.seeds: no seed resolves and the address book is empty: {listed}; a name or IP that resolves is expected"


class OwnNameUnresolvedError(ConfigError):
    """The name that others are told to find us by has no address. It may have one in a minute: a name server that is not up
    yet when the machine starts says the same.
    """


class NodeFailedError(Exception):
    """The node's supervisor gave up, or its root was ended from outside; the text says why."""


class NodeRunError(RuntimeError):
    """A node cannot be run as all of a program from here; the text says what to do instead."""


class NodeNotRunningError(Exception):
    """A node was asked that does not run here; the text says whether it has not been started, was stopped, has failed, or
    runs in the process that this one is a forked child of.
    """

    def __init__(self, node_id: str, why: str) -> None:
        super().__init__(node_id, why)
        self.node_id, self.why = node_id, why

    def __str__(self) -> str:
        return f"node {self.node_id} does not run: {self.why}"


class UnknownReactorError(KeyError):
    """A node has no reactor of this name. Attributes: name; known, the names that there are."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def __str__(self) -> str:
        listed = ", ".join(map(repr, self.known)) or "none"
        return f"no reactor is named {self.name!r}; there are: {listed}"


class UnknownChannelError(ValueError):
    """No messages of a channel come to the program.

    Attributes: channel_id, None if none was named; known, those whose messages come.
    """

    def __init__(self, channel_id: int | None, known: tuple[int, ...]) -> None:
        super().__init__(channel_id, known)
        self.channel_id, self.known = channel_id, known

    def __str__(self) -> str:
        number = f"{self.channel_id:#04x}" if isinstance(self.channel_id, int) else repr(self.channel_id)
        which = "any channel" if self.channel_id is None else f"channel {number}"
        listed = ", ".join(map("{:#04x}".format, self.known)) or "none"
        return (
            f"no messages of {which} come to the program; those that come: {listed}; give the node channels=[…] for it, or "
            "derive a reactor from peerage.Relay"
        )


class ReactorUpgradeError(Exception):
    """A reactor was not started anew with new code. Attributes: name; cause, which also says what runs instead."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(name, cause)
        self.name, self.cause = name, cause

    def __str__(self) -> str:
        return f"reactor {self.name!r} was not upgraded: {self.cause}"
