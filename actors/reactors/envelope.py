"""What a reactor's `receive` is given: one message from a peer, decoded if its channel has a class for its messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from peerage.actors.discovery.book.offences import Offence
from peerage.actors.metrics.families import message_type_label
from peerage.actors.reactors.peer_handle import Peer
from peerage.wire.channel import ChannelDescriptor

__all__ = ["Decoding", "Envelope"]


class Envelope(NamedTuple):
    """One message from a peer. A plain tuple, since there may be a quarter of a million per second.

    Args:
        source: the peer that sent it.
        message: bytes, or an object of the channel descriptor's `message` class.
    """

    source: Peer
    channel_id: int
    message: Any


class Decoding:
    """Decodes what comes on the channels that have a class for their messages.

    Attributes: is_on, whether there is such a channel.

    Args: count, is called with the label of a message's class and its size; charge, has an offence counted against a peer.
    """

    def __init__(
        self,
        channels: Iterable[ChannelDescriptor],
        count: Callable[[str, int], object],
        charge: Callable[[Peer, Offence], object],
    ) -> None:
        self._decoders: dict[int, Any] = {each.id: each.message for each in channels if each.message}
        self.is_on = bool(self._decoders)
        self._count, self._charge = count, charge

    def decoded(self, envelope: Envelope) -> Envelope:
        """The envelope with its message decoded, or as it is. Raises: what decoding raises; the peer is charged with it."""
        decoder = self._decoders.get(envelope.channel_id)
        if decoder is None:
            return envelope
        self._count(message_type_label(decoder), len(envelope.message))
        try:
            return envelope._replace(message=decoder.FromString(envelope.message))
        except Exception:
            self._charge(envelope.source, Offence.UNDECODABLE_MESSAGE)
            raise
