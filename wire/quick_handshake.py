"""A handshake as everybody writes it, in a few calls of compiled code; for anything else there is the long way.

The long way is `secret_connection.py` and `node_info.py`: any form, any cut, an error for each rule that is broken. It is
the reference, and what runs without the extension. An honest remote says three things, each whole in a read of its own or
together with the next one: its key, its proof, its NodeInfo. So the compiled form knows these, and nothing else: what it
does not take as a whole it leaves as it was, and the long way goes on from there, with the same bytes. All errors are its
errors.

By the same libraries: libsodium and OpenSSL. The secrets of a connection stay out of Python's objects, and are wiped.

Source: docs/decisions/0081-the-honest-handshake-is-compiled.md.
"""

from __future__ import annotations

from array import array
from enum import IntEnum
from importlib import import_module
from typing import Any, Final, Protocol

from peerage.wire import accelerator
from peerage.wire.frames import Opener, Sealer
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.secret_connection import SecretConnection, Stage
from peerage.wire.session_keys import transcript

__all__ = ["QuickHandshake", "Step", "begin", "go_the_long_way"]


class QuickHandshake(Protocol):
    """The compiled form.

    Attributes: taken, how many bytes of the last `receive` were used; sealer and remote_id, from the remote's proof on;
        message and leftover, its NodeInfo and what stands behind it in the same frame.
    """

    taken: int
    sealer: accelerator.FrameCipher
    remote_id: NodeID
    message: bytes
    leftover: bytes

    def receive(self, data: bytes | bytearray | memoryview, /) -> int:
        """Take what arrived. Returns: a Step."""

    def data_to_send(self) -> bytes:
        """Take the bytes to write now; each is returned once."""

    def hand_over(self) -> tuple[Any, ...]:
        """See `go_the_long_way`."""


class Step(IntEnum):
    """What has come of bytes that a quick handshake was given."""

    WAITS = 0
    """Something may have to be sent; more is to come."""
    HAS_PROVED = 1
    """The remote has proved its ID, just now, and has not said more."""
    IS_DONE = 2
    """Its NodeInfo is there."""
    HAS_PROVED_AND_IS_DONE = 3
    IS_ODD = 4
    """The long way has to be gone, from the first byte that was not taken."""


_STAGES: Final = (Stage.KEYS, Stage.AUTHENTICATING, Stage.OPEN, Stage.OPEN)


def _load() -> Any:
    """Returns: the compiled form, None if it lacks something."""
    form, places = transcript().form
    library: str | None = getattr(import_module("nacl._sodium"), "__file__", None)
    return (
        accelerator.compiled
        if accelerator.load_agreement(library, form, array("H", places).tobytes())
        else None
    )


_compiled: Any = _load()


def begin(key: NodeKey, expected_id: NodeID | None, ephemeral: bytes | None = None) -> QuickHandshake | None:
    """One end of a handshake, whose ephemeral key is ready to be sent; None where the long way is the only one.

    Args: key, who we are; expected_id, the node that we dialled, None when it dialled us; ephemeral, our secret for this
        connection alone, by default drawn by libsodium.
    """
    if _compiled is None or accelerator.FrameCipher is not _compiled.FrameCipher:
        return None
    quick: QuickHandshake = _compiled.Handshake(ephemeral, key.pair, expected_id, _compiled.FrameCipher)
    return quick


def go_the_long_way(
    quick: QuickHandshake,
    key: NodeKey,
    expected_id: NodeID | None,
    sealer: Sealer | None = None,
    sealed: bytes = b"",
) -> SecretConnection:
    """The same end, at the same point. The quick form is not to be used any more.

    Args: key and expected_id, as of `begin`; sealer, if something was sealed since the remote's proof; sealed, what was and
        is not sent yet.
    """
    unsent = quick.data_to_send() + sealed
    reached, secret, public, beginning, challenge, seals, opens, remote_key, remote_id = quick.hand_over()
    ciphers = None
    if seals is not None and opens is not None:
        # Each side has sealed its proof; and where all is there, the NodeInfo was opened behind it.
        ciphers = sealer or Sealer(seals, frames=1), Opener(opens, frames=max(0, reached - 1))
    remote = None if remote_id is None else (remote_key, NodeID(remote_id))
    return SecretConnection.resumed(
        key, expected_id, _STAGES[reached], (secret, public), unsent, beginning, challenge, ciphers, remote
    )
