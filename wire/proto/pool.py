"""The descriptor pool of the generated protobuf modules, separate from the default one.

An application may bring its own copy of the `tendermint.p2p` messages. In protobuf's default pool two different copies
of a name clash at import; in separate pools they never meet.
"""

from __future__ import annotations

from google.protobuf import timestamp_pb2
from google.protobuf.descriptor_pool import DescriptorPool

POOL = DescriptorPool()
POOL.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)  # blocks and votes have timestamps
