"""What the operator of a running node asks of its parts, and what he is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Struct

from peerage.config import Config
from peerage.wire.keys import NodeID

__all__ = [
    "AlterSettings",
    "ApplyConfig",
    "Change",
    "ChildSnapshot",
    "ClosePeers",
    "ClosedPeer",
    "DescribeNode",
    "DropPersistent",
    "GetPeerLists",
    "NodeDescription",
    "PeerListsSnapshot",
    "Reconfigure",
    "Reconfigured",
    "UpgradeProgress",
    "UpgradeReactor",
]


class Reconfigure(Struct, frozen=True):
    """operator → supervisor, an ask: be as this configuration says, as far as that goes while the node runs.

    Answer: Reconfigured.
    """

    config: Config


class AlterSettings(Struct, frozen=True):
    """operator → supervisor, an ask: these values count until the next reload or the node's end.

    Args: values, texts as of a flag, by name of setting.
    Answer: Reconfigured, or ConfigError raised.
    """

    values: Mapping[str, str]


class UpgradeReactor(Struct, frozen=True):
    """operator → supervisor, an ask: start this reactor anew with the code that is there now.

    Args: number, of an upgrade that has begun, whose end is waited for; 0 begins one. within, seconds for the answer; 0 for
        as long as it takes.
    Answer: UpgradeProgress, or ReactorUpgradeError or UnknownReactorError raised.
    """

    name: str
    number: int = 0
    within: float = 0.0


class UpgradeProgress(Struct, frozen=True):
    """How far an upgrade is. Args: number, to ask for it again; done, it has succeeded."""

    number: int
    done: bool


class ApplyConfig(Struct, frozen=True):
    """supervisor → switch and transports, an ask: this is the configuration from now on. Answer: None."""

    config: Config


class DropPersistent(Struct, frozen=True):
    """operator → supervisor, and on to the switch, an ask: these are no persistent peers any more.

    Answer: tuple of the IDs that were some.
    """

    ids: tuple[NodeID, ...]


class ClosePeers(Struct, frozen=True):
    """operator → switch, an ask: end the connections of an ID, an IP address, or an IP address and port.

    Answer: tuple of ClosedPeer, those that are being ended; ValueError raised, it is none of these.
    """

    whom: str


class ClosedPeer(Struct, frozen=True):
    """A peer whose connection is being ended.

    Args: is_persistent, whether it will be dialled again; is_private, whether it is told to nobody.
    """

    id: NodeID
    address: str
    is_persistent: bool
    is_private: bool = False


class GetPeerLists(Struct, frozen=True):
    """operator → switch, an ask. Answer: PeerListsSnapshot."""


class DescribeNode(Struct, frozen=True):
    """operator → supervisor, an ask. Answer: NodeDescription, at once."""


@dataclass(frozen=True, slots=True)
class PeerListsSnapshot:
    """The lists as they count now.

    Args: persistent, addresses; added, the IDs of those among them that a command or a program has added.
    """

    persistent: tuple[str, ...]
    unconditional: tuple[str, ...]
    private: tuple[str, ...]
    added: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A setting whose value is another one now. Args: before, after, as TOML; how, what is to be known of it."""

    name: str
    before: str
    after: str
    how: str = ""


@dataclass(frozen=True, slots=True)
class Reconfigured:
    """What became of a new configuration.

    Args:
        applied: what counts from now on.
        pending: what the file says and the node does not follow before it is started again.
        silent: parts that have not answered in time; they get the new values when they are started again.
        warnings: one sentence each.
    """

    applied: tuple[Change, ...] = ()
    pending: tuple[Change, ...] = ()
    silent: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChildSnapshot:
    """A part of the node. Args: status, its supervisor's word; restarts, since the start; pid, None while it has none."""

    name: str
    status: str
    restarts: int
    last_cause: str
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class NodeDescription:
    """What the root of the supervision tree knows.

    Args: uptime, seconds; config, as it counts now; pending, as of the last reload.
    """

    pid: int
    uptime: float
    config: Config
    children: tuple[ChildSnapshot, ...]
    warnings: tuple[str, ...] = ()
    pending: tuple[Change, ...] = ()
