"""The descriptor pool of the generated modules."""

from __future__ import annotations

import pytest
from google.protobuf import descriptor_pool

from peerage.wire.proto import conn_pb2
from peerage.wire.proto.pool import POOL


def test_an_applications_own_copy_does_not_clash() -> None:
    """The generated modules use a descriptor pool of their own."""
    assert POOL.FindMessageTypeByName("tendermint.p2p.Packet") is conn_pb2.Packet.DESCRIPTOR
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName("tendermint.p2p.Packet")
