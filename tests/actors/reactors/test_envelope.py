"""What `receive` is given: messages decoded by the class of their channel."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError

from peerage import ChannelDescriptor, Envelope, Peer
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.reactors.envelope import Decoding
from peerage.wire.proto.pex_pb2 import PexAddrs
from tests.actors.reactors.stage import CHANNEL, TYPED, peer

CHANNELS = [ChannelDescriptor(id=CHANNEL), ChannelDescriptor(id=TYPED, message=PexAddrs)]


class Counts:
    """What a decoding has counted and charged."""

    def __init__(self) -> None:
        self.counted: list[Any] = []
        self.charged: list[Any] = []
        self.decoding = Decoding(CHANNELS, self._count, self._charge)

    def _count(self, label: str, size: int) -> None:
        self.counted.append((label, size))

    def _charge(self, peer: Peer, offence: Offence) -> None:
        self.charged.append((peer, offence))


def test_a_message_is_decoded_by_the_class_of_its_channel() -> None:
    """And counted under its name."""
    counts = Counts()
    data = PexAddrs().SerializeToString()
    envelope = counts.decoding.decoded(Envelope(peer(), TYPED, data))
    assert envelope == Envelope(peer(), TYPED, PexAddrs())
    assert counts.counted == [("p2p_PexAddrs", 0)]


def test_without_a_class_it_is_bytes() -> None:
    """The very same object."""
    envelope = Envelope(peer(), CHANNEL, b"x")
    assert Counts().decoding.decoded(envelope) is envelope
    assert Counts().decoding.is_on
    assert not Decoding(CHANNELS[:1], int, int).is_on  # type: ignore[arg-type]  # never called


def test_what_does_not_decode_is_charged_to_the_peer() -> None:
    """And raised, which stops it."""
    counts = Counts()
    with pytest.raises(DecodeError):
        counts.decoding.decoded(Envelope(peer(), TYPED, b"\xff"))
    assert counts.charged == [(peer(), Offence.UNDECODABLE_MESSAGE)]
