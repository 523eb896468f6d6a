"""CometBFT's protobuf messages, as .proto files and as the modules generated from them.

`python -m peerage.wire.proto.regenerate` makes the modules anew. Packages are named as CometBFT's
(`tendermint.p2p`, `tendermint.crypto`); they live in a descriptor pool of their own, so that they never clash
with an application's copies.
"""
