"""What a message holds: CometBFT puts each into a `Message` whose only field is a choice named `sum`."""

from __future__ import annotations

from google.protobuf.message import Message

__all__ = ["EmptySumError", "unwrap"]


class EmptySumError(ValueError):
    """A `Message` holds nothing that we know: it is empty, or comes from a later version.

    CometBFT ends the connection of whoever sends one.
    """


def unwrap(message: Message) -> Message:
    """What a `Message` of the mempool, blocksync, consensus or state sync holds.

    An `Evidence` has a `sum`, too. Whatever has none is given back as it is: an `EvidenceList`, for one.

    Raises: EmptySumError.
    """
    if "sum" not in message.DESCRIPTOR.oneofs_by_name:
        return message
    field = message.WhichOneof("sum")
    if field is None:
        raise EmptySumError(f"{message.DESCRIPTOR.full_name}: nothing in it that we know")
    inner: Message = getattr(message, field)
    return inner
