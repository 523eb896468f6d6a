"""Messages of CometBFT's own channels, as .proto files and as the modules generated from them.

`python -m peerage.messages.proto.regenerate` generates the modules again. As those of `peerage.wire.proto`, they have
CometBFT's package names and live in our own descriptor pool, so that they never clash with an application's copies.
"""
