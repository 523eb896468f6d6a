"""Bytes that are no message: varints, protobuf fields, lengths."""

from __future__ import annotations

from peerage.wire.errors.base import LocalError, RemoteError
from peerage.wire.remote_text import shown


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
