"""The physical parts alone: what a library gives when nothing of ours is around it."""

from __future__ import annotations

import statistics
import time

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from peerage.wire.frames import FRAME_DATA, FRAME_PLAIN
from tests.bench.bare_pair import BarePair

TRIPS, MESSAGES = 1000, 50_000  # of bare pyzmq, between two looks at the clock
FRAMES = 64  # of the bare AEAD, the same


def bare_aead(secs: float) -> dict[str, float]:
    """cryptography's ChaCha20-Poly1305 on one core: a call for each frame of 1028 bytes, nothing else."""
    aead, nonce, plain = ChaCha20Poly1305(bytes(32)), bytes(12), bytes(FRAME_PLAIN)
    encrypt, decrypt = aead.encrypt, aead.decrypt
    sealed, opened, count = 0.0, 0.0, 0
    until = time.perf_counter() + secs
    while (began := time.perf_counter()) < until:
        for _ in range(FRAMES):
            frame = encrypt(nonce, plain, None)
        between = time.perf_counter()
        for _ in range(FRAMES):
            decrypt(nonce, frame, None)
        sealed += between - began
        opened += time.perf_counter() - between
        count += FRAMES
    size = count * FRAME_DATA / 1e6
    return {"sealed MB/s": size / sealed, "opened MB/s": size / opened}


def bare_zmq(secs: float) -> dict[str, float]:
    """pyzmq between two processes, 100-byte messages: blocking, no pickling."""
    payload, trips, rates = bytes(100), list[float](), list[float]()
    with BarePair() as pair:
        until = time.perf_counter() + secs
        while time.perf_counter() < until:
            trips += pair.round_trips(payload, TRIPS)
        until = time.perf_counter() + secs
        while time.perf_counter() < until:
            rates.append(pair.one_way(payload, MESSAGES))
    return {"ask µs": statistics.median(trips) * 1e6, "tell/s": statistics.median(rates)}
