"""A descriptor pool of our own for the generated modules.

An application may carry its own copy of the `tendermint.p2p` messages. In protobuf's default pool two copies
of a name that differ in anything clash at import; in a pool apart they never meet.
"""

from __future__ import annotations

from google.protobuf.descriptor_pool import DescriptorPool

POOL = DescriptorPool()
