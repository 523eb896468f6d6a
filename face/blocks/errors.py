"""What can be wrong with blocks and with what they are checked against.

BlocksError
├── BadBlockError         a peer gave a block that the network cannot have committed
├── ValidatorSetError     what should be a set of validators is none, or another one
│   ├── NoValidatorsError     a genesis without validators
│   └── UnsupportedKeyError   a validator's key is none that we can check
└── UnknownSetError       the next block was signed by validators that nobody has told us
"""

from __future__ import annotations

__all__ = [
    "BadBlockError",
    "BlocksError",
    "NoValidatorsError",
    "UnknownSetError",
    "UnsupportedKeyError",
    "ValidatorSetError",
]


class BlocksError(Exception):
    """The base of this room's errors."""


class BadBlockError(BlocksError):
    """A block that the network cannot have committed.

    Attributes: height, at which it was given; reason, what is wrong with it.
    """

    def __init__(self, height: int, reason: str) -> None:
        super().__init__(height, reason)
        self.height, self.reason = height, reason

    def __str__(self) -> str:
        return f"block {self.height}: {self.reason}"


class ValidatorSetError(BlocksError):
    """What should be a set of validators is none."""


class NoValidatorsError(ValidatorSetError):
    """A genesis file whose validators are chosen by the application."""

    def __str__(self) -> str:
        return "the genesis names no validators (the application chooses them)"


class UnsupportedKeyError(ValidatorSetError):
    """A validator has a key that is not ed25519. Attributes: kind, as its source calls it."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    def __str__(self) -> str:
        return f"a validator's key is {self.kind!r}: only ed25519 signatures can be checked"


class UnknownSetError(BlocksError):
    """Block `height` is signed by a set of validators of which we know only the hash.

    Attributes: height; hash, which the header before has, 32 bytes.
    """

    def __init__(self, height: int, set_hash: bytes) -> None:
        super().__init__(height, set_hash)
        self.height, self.hash = height, set_hash

    def __str__(self) -> str:
        return f"the validators of block {self.height} are not known: their set's hash is {self.hash.hex().upper()}"
