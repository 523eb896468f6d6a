"""NodeInfos with values that are not allowed, and nodes that have nothing to say to us."""

from __future__ import annotations

from peerage.wire.errors.addresses import ADDRESS, DETAIL
from peerage.wire.errors.base import RemoteError
from peerage.wire.remote_text import QUOTED, quoted, shown


class InvalidNodeInfoError(RemoteError):
    """A NodeInfo has a value that is not allowed. Source: reference 3, Invalid when."""


class NodeInfoAddressError(InvalidNodeInfoError):
    """ID and listen address do not form a net address; the cause says why."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.address = address
        self.reason = reason

    def __str__(self) -> str:
        address = quoted(self.address, ADDRESS)
        reason = self.reason.removeprefix(f"{address}: ")  # most reasons begin with it
        return f"node info: {address} is no address: {shown(reason, 2 * DETAIL)}"


class NodeInfoTextError(InvalidNodeInfoError):
    """A version, moniker or RPC address is not ASCII text, or is blank where it may not be."""

    def __init__(self, field: str, value: str) -> None:
        super().__init__(field, value)
        self.field = field
        self.value = value

    def __str__(self) -> str:
        return f"node info: {shown(self.field, QUOTED)} is {quoted(self.value)}, must be ASCII text and not blank"


class NodeInfoChannelsError(InvalidNodeInfoError):
    """There are more than 16 channels, or one is given twice."""

    def __init__(self, channels: bytes) -> None:
        super().__init__(channels)
        self.channels = channels

    def __str__(self) -> str:
        count, distinct = len(self.channels), len(set(self.channels))
        if count > distinct and count <= 16:
            return f"node info: a channel is given twice in {shown(self.channels.hex())}"
        return f"node info: {count} channels, at most 16 are allowed"


class NodeInfoTxIndexError(InvalidNodeInfoError):
    """tx_index is neither on nor off nor empty."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value

    def __str__(self) -> str:
        return f"node info: tx_index is {quoted(self.value)}, must be 'on', 'off' or empty"


class IncompatibleNodeError(RemoteError):
    """A valid NodeInfo, but that node and we have nothing to say to each other. Source: reference 3, Incompatible when."""


class BlockVersionMismatchError(IncompatibleNodeError):
    """The block protocol differs."""

    def __init__(self, theirs: int, ours: int) -> None:
        super().__init__(theirs, ours)
        self.theirs = theirs
        self.ours = ours

    def __str__(self) -> str:
        return f"the peer's block version is {self.theirs}, ours {self.ours}"


class NetworkMismatchError(IncompatibleNodeError):
    """The network (chain ID) differs."""

    def __init__(self, theirs: str, ours: str) -> None:
        super().__init__(theirs, ours)
        self.theirs = theirs
        self.ours = ours

    def __str__(self) -> str:
        return f"the peer is on network {quoted(self.theirs)}, we are on {quoted(self.ours)}"


class NoCommonChannelError(IncompatibleNodeError):
    """We have channels, and the peer announces none of them."""

    def __init__(self, theirs: bytes, ours: bytes) -> None:
        super().__init__(theirs, ours)
        self.theirs = theirs
        self.ours = ours

    def __str__(self) -> str:
        theirs, ours = shown(self.theirs.hex(), QUOTED), shown(self.ours.hex(), QUOTED)
        return f"no common channel: the peer has {theirs or 'none'}, we have {ours}"
