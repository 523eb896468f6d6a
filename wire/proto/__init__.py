"""CometBFT's protobuf messages, as .proto files and as the modules generated from them.

`python -m peerage.wire.proto.regenerate` generates the modules again. The packages have CometBFT's names
(`tendermint.p2p`, `tendermint.crypto`), but live in a descriptor pool of their own, so that they never clash with an
application's copies.
"""
