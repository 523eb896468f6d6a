"""Delimited messages in a byte stream: a varint length, then that many bytes."""

from __future__ import annotations

from peerage.wire.errors import MessageTooLongError, VarintTruncatedError
from peerage.wire.varint import MAX_UVARINT_BYTES, decode_uvarint, encode_uvarint


def delimit(message: bytes) -> bytes:
    """The message, preceded by its length."""
    return encode_uvarint(len(message)) + message


class DelimitedReader:
    """Collects one delimited message, wherever the stream is cut.

    It never holds more than the longest allowed message and its length.
    """

    def __init__(self, what: str, limit: int) -> None:
        """Args: what, the message's name in errors; limit, the most bytes that it may have, inclusive."""
        self._what = what
        self._limit = limit
        self._held = bytearray()
        self._body: int | None = None  # where the message begins in _held, once its length is known
        self._end = 0

    @property
    def held(self) -> int:
        """How many bytes of an incomplete message have arrived, its length included."""
        return len(self._held)

    def feed(self, data: bytes | bytearray | memoryview) -> tuple[bytes, bytes] | None:
        """Take more of the stream.

        Returns: None while the message is incomplete; then the message and the bytes after it. The reader is then
            ready for another message.
        Raises: MessageTooLongError as soon as the length is known, before any of the message is kept;
            VarintOverflowError.
        """
        if not self._held and len(data) > 1:
            # Nearly every message comes whole. What follows does the same in four times the time.
            first, second = data[0], data[1]
            begin, length = (1, first) if first < 0x80 else (2, first & 0x7F | second << 7)
            end = begin + length
            if (first < 0x80 or second < 0x80) and length <= self._limit and end <= len(data):
                return bytes(data[begin:end]), bytes(data[end:])
        view = memoryview(data)
        if self._body is None:
            view = self._read_length(view)
            if self._body is None:
                return None
        missing = self._end - len(self._held)
        self._held += view[:missing]
        if len(view) < missing:
            return None
        message = bytes(memoryview(self._held)[self._body :])
        self._held.clear()
        self._body = None
        return message, bytes(view[missing:])

    def _read_length(self, view: memoryview) -> memoryview:
        """Read the length in front. Returns: what is left of the view, nothing while the length is incomplete."""
        held = len(self._held)
        self._held += view[: MAX_UVARINT_BYTES - held]
        try:
            length, self._body = decode_uvarint(self._held)
        except VarintTruncatedError:
            return view[len(view) :]
        if length > self._limit:
            raise MessageTooLongError(self._what, length, self._limit)
        self._end = self._body + length
        # Only this many bytes of the view belong to the varint; the others that we copied go back.
        used = self._body - held
        del self._held[self._body :]
        return view[used:]
