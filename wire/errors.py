"""The errors of `peerage.wire`, one class for each rule that can be broken.

::

    WireError
    ├── LocalError                      we called it wrongly: a bug or the operator's mistake
    │   ├── VarintTooLargeError
    │   ├── NodeKeyError                Format, Type, Length, Mismatch
    │   ├── ConnectionStateError
    │   ├── EphemeralSecretError
    │   ├── SealExhaustedError
    │   └── ChannelDescriptorError, DuplicateChannelError, ConnectionSettingError
    ├── AddressError                    no usable net address: whose fault that is, the caller knows
    │   ├── AddressMissingIDError
    │   ├── AddressLookupError          temporary
    │   └── AddressInvalidError         ID, Host, Port, IP
    └── RemoteError                     the peer (or whoever claims to be it) broke a rule: its connection ends
        ├── MalformedMessageError       VarintTruncated, VarintOverflow, FieldTruncated, FieldTag, FieldType
        ├── MessageTooLongError
        ├── ConnectionClosedError
        ├── FrameError                  FrameTag, FrameLength, OpenExhausted
        ├── HandshakeError              ForeignProtocol, EphemeralKeyLength, LowOrderKey, ReflectedKey, UnsupportedKey,
        │                               PublicKeyLength, SignatureLength, Signature, UnexpectedNodeID
        ├── PacketError                 PacketKind, UnknownChannel, MessageCapacity
        ├── PongTimeoutError
        ├── InvalidNodeInfoError        NodeInfoAddress, NodeInfoText, NodeInfoChannels, NodeInfoTxIndex
        ├── IncompatibleNodeError       BlockVersionMismatch, NetworkMismatch, NoCommonChannel
        └── PexError                    PexKind, PexAddress

The switch acts on the difference: a `RemoteError` is the peer's fault and stops that peer, a `LocalError` is ours.
Every error keeps its details as attributes and makes its text in `__str__`. Errors are reported from one process to
another, so all of them survive pickling: the positional arguments of `__init__` are those of `super().__init__`. The
details are complete, while the text shows at most 200 characters of a remote's data (`remote_text`).
"""

from __future__ import annotations

import re

from peerage.wire.remote_text import QUOTED, quoted, shown

ADDRESS = 120  # how many characters of an address are shown
DETAIL = 60  # and how many of the part of it that is wrong
_HEX = frozenset("0123456789abcdefABCDEF")
_ID_CHARACTERS = 40
_GNO_ID = re.compile(r"g1[02-9ac-hj-np-z]{38}")


class WireError(Exception):
    """A rule of the wire was broken."""


class LocalError(WireError):
    """We broke a rule: a call out of order, a value that may not be sent, a file that cannot be used."""


class RemoteError(WireError):
    """The remote broke a rule. What it sent must not be used, and its connection is over."""


# --- varints and protobuf ---


class VarintTooLargeError(LocalError):
    """A number to be encoded does not fit 64 unsigned bits."""

    def __init__(self, value: int) -> None:
        super().__init__(value)
        self.value = value

    def __str__(self) -> str:
        return f"{self.value} is not in 0..2^64-1"


class MalformedMessageError(RemoteError):
    """The bytes are not the protobuf message that they should be. Parent of the errors that say why."""


class VarintTruncatedError(MalformedMessageError):
    """The bytes end inside a varint. Where more may arrive, wait for them."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position

    def __str__(self) -> str:
        return f"the bytes end inside the varint that begins at {self.position}"


class VarintOverflowError(MalformedMessageError):
    """A varint has more than 10 bytes or 64 bits."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position

    def __str__(self) -> str:
        return f"the varint that begins at {self.position} is larger than 64 bits"


class FieldTruncatedError(MalformedMessageError):
    """A field claims to be longer than the message it is in, or a group has no end."""

    def __init__(self, number: int, position: int) -> None:
        super().__init__(number, position)
        self.number = number
        self.position = position

    def __str__(self) -> str:
        return f"the message ends inside field {self.number} at {self.position}"


class FieldTagError(MalformedMessageError):
    """A field number or wire type is impossible, or a group ends that never began."""

    def __init__(self, tag: int, position: int) -> None:
        super().__init__(tag, position)
        self.tag = tag
        self.position = position

    def __str__(self) -> str:
        return f"illegal tag {self.tag:#x} at {self.position}"


class FieldTypeError(MalformedMessageError):
    """A known field has a wire type other than its own. (Generated protobuf code would skip it.)"""

    def __init__(self, message: str, number: int, wire_type: int) -> None:
        super().__init__(message, number, wire_type)
        self.message = message
        self.number = number
        self.wire_type = wire_type

    def __str__(self) -> str:
        return f"field {self.number} of {shown(self.message)} has wire type {self.wire_type}"


class MessageTooLongError(RemoteError):
    """A message announces more bytes than are allowed. The length alone tells, so none of it was kept."""

    def __init__(self, what: str, length: int, limit: int) -> None:
        super().__init__(what, length, limit)
        self.what = what
        self.length = length
        self.limit = limit

    def __str__(self) -> str:
        return f"{shown(self.what)} of {self.length} bytes, at most {self.limit} are allowed"


# --- keys ---


class NodeKeyError(LocalError):
    """A node key cannot be used. The text never shows what is in the file, which may be a secret."""


class NodeKeyFormatError(NodeKeyError):
    """The text is not the JSON object that a key file holds."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"not a node key: {shown(self.reason)}"


class NodeKeyTypeError(NodeKeyError):
    """The key is not an ed25519 key."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    def __str__(self) -> str:
        return f"the node key is of type {quoted(self.kind)}, it must be 'tendermint/PrivKeyEd25519'"


class NodeKeyLengthError(NodeKeyError):
    """The key does not have 64 bytes in the file (seed and public key), or its seed does not have 32."""

    def __init__(self, length: int, expected: int) -> None:
        super().__init__(length, expected)
        self.length = length
        self.expected = expected

    def __str__(self) -> str:
        return f"the node key has {self.length} bytes, it must have {self.expected}"


class NodeKeyMismatchError(NodeKeyError):
    """The public half in the file does not belong to the private half. CometBFT would use the false one."""

    def __str__(self) -> str:
        return "the two halves of the node key do not belong together"


# --- net addresses ---


class AddressError(WireError):
    """A text or value is not a usable net address. Whose fault that is depends on where it came from.

    `temporary` is true for a name that may resolve later: such an address is worth another try. `problem` says what is
    wrong without repeating the address, for callers that have shown it already.
    """

    temporary = False
    text = ""

    @property
    def problem(self) -> str:
        """What is wrong, in words."""
        return "this is no usable net address"

    def __str__(self) -> str:
        return f"{quoted(self.text, ADDRESS)}: {self.problem}"


class AddressMissingIDError(AddressError):
    """There is not exactly one @ after the scheme."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    @property
    def problem(self) -> str:
        count = self.text.count("@")
        before, scheme, _ = self.text.partition("://")
        if scheme and "@" in before:
            return "the ID stands in front of the scheme, expected tcp://ID@host:port"
        if count > 1:
            return f"there are {count} @, expected ID@host:port; commas stand between addresses"
        return "there is no node ID, expected ID@host:port"


class AddressLookupError(AddressError):
    """The host is not an IP address and does not resolve, or it looks like an IP address and is none."""

    temporary = True

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(host, reason)
        self.host = host
        self.reason = reason

    @property
    def problem(self) -> str:
        return f"host {quoted(self.host, ADDRESS)} was not found: {shown(self.reason, QUOTED)}"

    def __str__(self) -> str:
        return self.problem


class AddressInvalidError(AddressError):
    """The address is wrong and will stay so. Parent of the errors that say why."""


class AddressIDError(AddressInvalidError):
    """The ID is not 40 hexadecimal characters."""

    def __init__(self, text: str, node_id: str) -> None:
        super().__init__(text, node_id)
        self.text = text
        self.node_id = node_id

    @property
    def problem(self) -> str:
        if not self.node_id:
            return "there is nothing before the @, expected ID@host:port"
        if _GNO_ID.fullmatch(self.node_id):
            return f"ID {quoted(self.node_id, DETAIL)} is one of gno.land, whose nodes speak another protocol"
        if set(self.node_id) <= _HEX and len(self.node_id) != _ID_CHARACTERS:
            found = f"it has {len(self.node_id)}"
        else:
            odd = next((character for character in self.node_id if character not in _HEX), "")
            found = f"there is {odd!r} in it"
        return f"ID {quoted(self.node_id, DETAIL)} is not 40 hexadecimal characters: {found}"


class AddressHostError(AddressInvalidError):
    """The host is empty, or its brackets and colons do not match."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    @property
    def problem(self) -> str:
        return shown(self.reason, QUOTED)


class AddressPortError(AddressInvalidError):
    """The port is missing or not in 0..65535 in plain digits."""

    def __init__(self, text: str, port: str) -> None:
        super().__init__(text, port)
        self.text = text
        self.port = port

    @property
    def problem(self) -> str:
        if not self.port:
            return "the port is missing"
        return f"port {quoted(self.port, DETAIL)} is not a number from 0 to 65535"


class AddressIPError(AddressInvalidError):
    """Nobody can have this IP address: it is unspecified, 255.255.255.255, or reserved for documentation."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    @property
    def problem(self) -> str:
        return "nobody can have this IP address"


# --- secret connection ---


class ConnectionStateError(LocalError):
    """The connection cannot do this now: it is not open yet, or it has failed."""

    def __init__(self, operation: str, stage: str) -> None:
        super().__init__(operation, stage)
        self.operation = operation
        self.stage = stage

    def __str__(self) -> str:
        return f"{shown(self.operation, QUOTED)} is not possible while the connection is {shown(self.stage, QUOTED)}"


class EphemeralSecretError(LocalError):
    """The random source or the caller supplied a secret that does not have 32 bytes."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def __str__(self) -> str:
        return f"an ephemeral secret of {self.length} bytes, it must have 32"


class SealExhaustedError(LocalError):
    """Our frame counter has reached its end: another frame would use a nonce twice."""

    def __str__(self) -> str:
        return "all nonces of this connection are used, a new connection is needed"


class ConnectionClosedError(RemoteError):
    """The stream ended where it must not: inside the handshake or inside a frame."""

    def __init__(self, stage: str, held: int) -> None:
        super().__init__(stage, held)
        self.stage = stage
        self.held = held

    def __str__(self) -> str:
        return f"the remote closed the connection while it was {shown(self.stage)}, {self.held} bytes into a message"


class FrameError(RemoteError):
    """A sealed frame cannot be trusted."""


class FrameTagError(FrameError):
    """The frame was forged, replayed, reordered or sealed with another key."""

    def __init__(self, counter: int) -> None:
        super().__init__(counter)
        self.counter = counter

    def __str__(self) -> str:
        return f"frame {self.counter} does not authenticate"


class FrameLengthError(FrameError):
    """A frame claims to hold more than 1024 bytes."""

    def __init__(self, counter: int, length: int) -> None:
        super().__init__(counter, length)
        self.counter = counter
        self.length = length

    def __str__(self) -> str:
        return f"frame {self.counter} says it holds {self.length} bytes, at most 1024 fit"


class OpenExhaustedError(FrameError):
    """The remote has used every nonce there is and sends more frames."""

    def __str__(self) -> str:
        return "the remote has used all nonces of this connection"


class HandshakeError(RemoteError):
    """The remote did not prove who it is. Parent of the errors that say how it failed."""


class ForeignProtocolError(HandshakeError):
    """The remote speaks another protocol, as its first bytes show."""

    def __init__(self, protocol: str) -> None:
        super().__init__(protocol)
        self.protocol = protocol

    def __str__(self) -> str:
        return f"the remote speaks {shown(self.protocol)}"


class EphemeralKeyLengthError(HandshakeError):
    """The ephemeral key does not have 32 bytes. CometBFT would pad or cut it."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def __str__(self) -> str:
        return f"an ephemeral key of {self.length} bytes, it must have 32"


class LowOrderKeyError(HandshakeError):
    """The ephemeral key is a point of low order: the shared secret would be known to everyone."""

    def __str__(self) -> str:
        return "the ephemeral key is a point of low order"


class ReflectedKeyError(HandshakeError):
    """The ephemeral key is our own, sent back."""

    def __str__(self) -> str:
        return "our own ephemeral key came back"


class UnsupportedKeyError(HandshakeError):
    """The remote's node key is missing or not an ed25519 key."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    def __str__(self) -> str:
        return f"the remote's node key is not an ed25519 key but: {shown(self.kind)}"


class PublicKeyLengthError(HandshakeError):
    """The remote's ed25519 key does not have 32 bytes."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def __str__(self) -> str:
        return f"a node key of {self.length} bytes, it must have 32"


class SignatureLengthError(HandshakeError):
    """The signature does not have 64 bytes."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def __str__(self) -> str:
        return f"a signature of {self.length} bytes, it must have 64"


class SignatureError(HandshakeError):
    """The signature over the challenge was not made by the key that the remote claims."""

    def __init__(self, node_id: str) -> None:
        super().__init__(node_id)
        self.node_id = node_id

    def __str__(self) -> str:
        return f"the remote calls itself {shown(self.node_id)} and cannot prove it"


class UnexpectedNodeIDError(HandshakeError):
    """The remote proved who it is, but it is not the node that we dialled."""

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(expected, actual)
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        return f"dialled {shown(self.expected, QUOTED)}, but {shown(self.actual, QUOTED)} answered"


# --- channels and packets ---


class ChannelDescriptorError(LocalError):
    """A channel descriptor has an impossible value. Source: reference 4."""

    def __init__(self, field: str, value: int) -> None:
        super().__init__(field, value)
        self.field = field
        self.value = value

    def __str__(self) -> str:
        allowed = "0..255" if self.field == "id" else "above 0"
        return f"channel descriptor: {shown(self.field)} is {self.value}, must be {allowed}"


class DuplicateChannelError(LocalError):
    """Two descriptors of one connection have the same channel ID."""

    def __init__(self, channel_id: int) -> None:
        super().__init__(channel_id)
        self.channel_id = channel_id

    def __str__(self) -> str:
        return f"channel {self.channel_id:#04x} is described twice"


class ConnectionSettingError(LocalError):
    """A multiplexed connection was given an impossible setting."""

    def __init__(self, setting: str, value: float) -> None:
        super().__init__(setting, value)
        self.setting = setting
        self.value = value

    def __str__(self) -> str:
        return f"{shown(self.setting)} cannot be {self.value}"


class PacketError(RemoteError):
    """A packet is one that no peer may send. Source: reference 4."""


class PacketKindError(PacketError):
    """A packet is neither a ping nor a pong nor part of a message."""

    def __str__(self) -> str:
        return "a packet of no known kind"


class UnknownChannelError(PacketError):
    """A packet is for a channel that we did not announce, or for a number that cannot be a channel."""

    def __init__(self, channel_id: int) -> None:
        super().__init__(channel_id)
        self.channel_id = channel_id

    def __str__(self) -> str:
        return f"a packet for the unknown channel {self.channel_id:#x}"


class MessageCapacityError(PacketError):
    """The packets of one message add up to more than the channel allows."""

    def __init__(self, channel_id: int, length: int, capacity: int) -> None:
        super().__init__(channel_id, length, capacity)
        self.channel_id = channel_id
        self.length = length
        self.capacity = capacity

    def __str__(self) -> str:
        channel = f"channel {self.channel_id:#04x}"
        return f"a message of {self.length} bytes or more on {channel}, which takes {self.capacity}"


class PongTimeoutError(RemoteError):
    """No pong arrived in time after a ping."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"no pong within {self.seconds:g} s of a ping"


# --- node info ---


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


# --- peer exchange ---


class PexError(RemoteError):
    """A message of channel 0x00 cannot be used. Source: reference 8."""


class PexKindError(PexError):
    """A message is neither a request nor addresses. This stops the peer but does not ban it."""

    def __str__(self) -> str:
        return "a peer exchange message of no known kind"


class PexAddressError(PexError):
    """An address has no literal IP or a port beyond 65535. None of the message is used, and the peer is banned."""

    def __init__(self, ip: str, port: int) -> None:
        super().__init__(ip, port)
        self.ip = ip
        self.port = port

    def __str__(self) -> str:
        return f"peer exchange: {quoted(self.ip)} port {self.port} is no address"
