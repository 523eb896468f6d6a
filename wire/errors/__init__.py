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
        │                               PublicKeyLength, SignatureLength, Signature, UnexpectedNodeID, ProxyHeader
        ├── PacketError                 PacketKind, UnknownChannel, MessageCapacity, EmptyPacketFlood
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

from peerage.wire.errors.addresses import (
    AddressError,
    AddressHostError,
    AddressIDError,
    AddressInvalidError,
    AddressIPError,
    AddressLookupError,
    AddressMissingIDError,
    AddressPortError,
)
from peerage.wire.errors.base import LocalError, RemoteError, WireError
from peerage.wire.errors.frames import (
    ConnectionClosedError,
    ConnectionStateError,
    EphemeralSecretError,
    FrameError,
    FrameLengthError,
    FrameTagError,
    OpenExhaustedError,
    SealExhaustedError,
)
from peerage.wire.errors.handshake import (
    EphemeralKeyLengthError,
    ForeignProtocolError,
    HandshakeError,
    LowOrderKeyError,
    ProxyHeaderError,
    PublicKeyLengthError,
    ReflectedKeyError,
    SignatureError,
    SignatureLengthError,
    UnexpectedNodeIDError,
    UnsupportedKeyError,
)
from peerage.wire.errors.keys import (
    NodeKeyError,
    NodeKeyFormatError,
    NodeKeyLengthError,
    NodeKeyMismatchError,
    NodeKeyTypeError,
)
from peerage.wire.errors.messages import (
    FieldTagError,
    FieldTruncatedError,
    FieldTypeError,
    MalformedMessageError,
    MessageTooLongError,
    VarintOverflowError,
    VarintTooLargeError,
    VarintTruncatedError,
)
from peerage.wire.errors.node_info import (
    BlockVersionMismatchError,
    IncompatibleNodeError,
    InvalidNodeInfoError,
    NetworkMismatchError,
    NoCommonChannelError,
    NodeInfoAddressError,
    NodeInfoChannelsError,
    NodeInfoTextError,
    NodeInfoTxIndexError,
)
from peerage.wire.errors.packets import (
    ChannelDescriptorError,
    ConnectionSettingError,
    DuplicateChannelError,
    EmptyPacketFloodError,
    MessageCapacityError,
    PacketError,
    PacketKindError,
    PongTimeoutError,
    UnknownChannelError,
)
from peerage.wire.errors.pex import PexAddressError, PexError, PexKindError

__all__ = [
    "AddressError",
    "AddressHostError",
    "AddressIDError",
    "AddressIPError",
    "AddressInvalidError",
    "AddressLookupError",
    "AddressMissingIDError",
    "AddressPortError",
    "BlockVersionMismatchError",
    "ChannelDescriptorError",
    "ConnectionClosedError",
    "ConnectionSettingError",
    "ConnectionStateError",
    "DuplicateChannelError",
    "EmptyPacketFloodError",
    "EphemeralKeyLengthError",
    "EphemeralSecretError",
    "FieldTagError",
    "FieldTruncatedError",
    "FieldTypeError",
    "ForeignProtocolError",
    "FrameError",
    "FrameLengthError",
    "FrameTagError",
    "HandshakeError",
    "IncompatibleNodeError",
    "InvalidNodeInfoError",
    "LocalError",
    "LowOrderKeyError",
    "MalformedMessageError",
    "MessageCapacityError",
    "MessageTooLongError",
    "NetworkMismatchError",
    "NoCommonChannelError",
    "NodeInfoAddressError",
    "NodeInfoChannelsError",
    "NodeInfoTextError",
    "NodeInfoTxIndexError",
    "NodeKeyError",
    "NodeKeyFormatError",
    "NodeKeyLengthError",
    "NodeKeyMismatchError",
    "NodeKeyTypeError",
    "OpenExhaustedError",
    "PacketError",
    "PacketKindError",
    "PexAddressError",
    "PexError",
    "PexKindError",
    "PongTimeoutError",
    "ProxyHeaderError",
    "PublicKeyLengthError",
    "ReflectedKeyError",
    "RemoteError",
    "SealExhaustedError",
    "SignatureError",
    "SignatureLengthError",
    "UnexpectedNodeIDError",
    "UnknownChannelError",
    "UnsupportedKeyError",
    "VarintOverflowError",
    "VarintTooLargeError",
    "VarintTruncatedError",
    "WireError",
]
