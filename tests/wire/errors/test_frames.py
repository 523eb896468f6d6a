"""The secret connection: streams that end, frames that do not open."""

from __future__ import annotations

import pytest

from peerage.wire.errors import (
    ConnectionClosedError,
    ConnectionStateError,
    EphemeralSecretError,
    FrameError,
    FrameLengthError,
    FrameTagError,
    LocalError,
    OpenExhaustedError,
    RemoteError,
    SealExhaustedError,
    WireError,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectionStateError("seal", "FAILED"), "seal is not possible while the connection is FAILED"),
        (EphemeralSecretError(31), "an ephemeral secret of 31 bytes, it must have 32"),
        (SealExhaustedError(), "all nonces of this connection are used, a new connection is needed"),
        (
            ConnectionClosedError("KEYS", 5),
            "the remote closed the connection while it was KEYS, 5 bytes into a message",
        ),
        (FrameTagError(7), "frame 7 does not authenticate"),
        (FrameLengthError(7, 1025), "frame 7 says it holds 1025 bytes, at most 1024 fit"),
        (OpenExhaustedError(), "the remote has used all nonces of this connection"),
    ],
)
def test_the_text_says_what_was_found_and_what_is_allowed(error: WireError, text: str) -> None:
    """With the number of the frame."""
    assert str(error) == text


def test_a_nonce_that_runs_out_is_the_fault_of_the_side_that_counts_it() -> None:
    """We seal with ours, the remote with its own."""
    assert issubclass(SealExhaustedError, LocalError)
    assert issubclass(OpenExhaustedError, FrameError)
    assert issubclass(FrameError, RemoteError)
