"""What is said between nodes: keys, addresses, handshakes, frames, packets. Bytes in and events out; no sockets, no clocks.

Each class is imported from its module; what is meant for other programs stands in docs/api/wire.md.
"""
