"""Frames of 1028 bytes per second of CPU time: the AEAD bindings, and our batches of 1, 64 and 256 frames in either form.

Run on request: `python -m tests.bench.bench_frame_sealing`. Each figure is the best of 9 runs.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from nacl.bindings import (
    crypto_aead_chacha20poly1305_ietf_decrypt,
    crypto_aead_chacha20poly1305_ietf_encrypt,
)

from peerage.wire import accelerator, loops
from peerage.wire.frames import FRAME_DATA, FRAME_PLAIN, FRAME_SEALED, Opener, Sealer

RUNS, FRAMES = 9, 10_000
KEY, NONCE, PLAIN = os.urandom(32), bytes(12), os.urandom(FRAME_PLAIN)


def per_second(work: Callable[[], object], frames: int) -> int:
    """The best rate of the runs, in frames per second of CPU time."""
    best = float("inf")
    for _ in range(RUNS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return round(frames / best)


def repeat(call: Callable[[], object], times: int) -> Callable[[], None]:
    """The call, so many times."""

    def work() -> None:
        for _ in range(times):
            call()

    return work


def report(name: str, call: Callable[[], object], frames: int = 1) -> None:
    """Measure and print one line."""
    print(f"{name:50}{per_second(repeat(call, FRAMES // frames), FRAMES // frames * frames):>10,}")


def bindings() -> None:
    """One frame per call, without anything of ours around it."""
    aead = ChaCha20Poly1305(KEY)
    sealed = aead.encrypt(NONCE, PLAIN, None)
    report("cryptography encrypt", lambda: aead.encrypt(NONCE, PLAIN, None))
    report("cryptography decrypt", lambda: aead.decrypt(NONCE, sealed, None))
    if hasattr(aead, "encrypt_into"):
        out, back = bytearray(FRAME_SEALED), bytearray(FRAME_PLAIN)
        report("cryptography encrypt_into", lambda: aead.encrypt_into(NONCE, PLAIN, None, out))
        report("cryptography decrypt_into", lambda: aead.decrypt_into(NONCE, sealed, None, back))
    report("PyNaCl encrypt", lambda: crypto_aead_chacha20poly1305_ietf_encrypt(PLAIN, None, NONCE, KEY))
    report("PyNaCl decrypt", lambda: crypto_aead_chacha20poly1305_ietf_decrypt(sealed, None, NONCE, KEY))


def open_anew(sealed: bytes) -> bytes:
    """Open from frame 0, with an opener of its own."""
    return Opener(KEY).open(sealed)


def batches(form: str) -> None:
    """What a connection gets, headers, nonces and joining included."""
    for frames in (1, 64, 256):
        sealer, data = Sealer(KEY), os.urandom(FRAME_DATA * frames)
        sealed = Sealer(KEY).seal(data)
        report(f"{form}: Sealer.seal, {frames} frames", partial(sealer.seal, data), frames)
        report(f"{form}: Opener.open, {frames} frames (new key)", partial(open_anew, sealed), frames)


if __name__ == "__main__":
    print(
        platform.python_version(),
        "cryptography",
        version("cryptography"),
        "PyNaCl",
        version("PyNaCl"),
        flush=True,
    )
    print(accelerator.description)
    bindings()
    if accelerator.compiled:
        batches("compiled")
    accelerator.use(loops)
    batches("Python")
